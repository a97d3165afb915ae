"""The far end of a simulation: what really reached whom, kept where no crash of the sender can touch it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.channels.base import Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.clock import Clock
from scheduler.errors import ChannelDown, NotSent, Refused, Unknown
from scheduler.simulation.chance import Chance
from scheduler.simulation.faults import CALM, FarEnd, Fate


class Point(StrEnum):
    """The moments of a send at which a simulation may stop the sender."""

    BEFORE_MARK = "before mark"
    AFTER_MARK = "after mark"
    AFTER_SEND = "after send"
    BEFORE_ANSWER = "before answer"


@dataclass(frozen=True, slots=True)
class Reached:
    """A message that really took effect at the far end, once; `number` counts them from 1."""

    number: int
    at: datetime
    channel: str
    message: Message

    @property
    def who(self) -> str:
        """Whom it reached, as the ledger calls recipients."""
        recipient = self.message.recipient
        return f"c{recipient.id}" if recipient is not None else f"@{self.message.account or self.channel}"

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """Return the key that must never be seen twice: campaign, edition, touch, recipient, occurrence."""
        one = self.message
        return (one.campaign, one.edition, one.touch, self.who, one.occurrence)


@dataclass(slots=True)
class World:
    """Everything that took effect, in the order it did, and what was tried again under the same key."""

    reached: list[Reached] = field(default_factory=list)
    repeats: int = 0
    keys: set[tuple[str, str]] = field(default_factory=set)
    arriving: Counter[tuple[str, str]] = field(default_factory=Counter)  # begun, and neither accepted nor given up

    def accept(self, channel: str, message: Message, at: datetime, *, knows_keys: bool) -> Reached | None:
        """Let a message take effect; None when the far end knows its key already and does nothing."""
        if knows_keys and (channel, message.key) in self.keys:
            self.repeats += 1
            return None
        self.keys.add((channel, message.key))
        one = Reached(len(self.reached) + 1, at, channel, message)
        self.reached.append(one)
        return one

    @contextmanager
    def arrives(self, channel: str, message: Message) -> Iterator[None]:
        """Note that a message is on its way, for as long as its sender is at it."""
        self.arriving[channel, message.key] += 1
        try:
            yield
        finally:
            self.arriving[channel, message.key] -= 1


class WorldChannel:
    """The channel `name` of a simulated world.

    `knows_keys` says whether the far end takes a key once only (webhooks) or whatever it is given (mail). `at` is
    called at every `Point`: what it raises ends the sender there, and a sender that it makes wait has stalled.
    """

    def __init__(
        self,
        name: str,
        world: World,
        clock: Clock,
        *,
        knows_keys: bool = False,
        far_end: FarEnd = CALM,
        chance: Chance | None = None,
        at: Callable[[Point, Message, Fate], asyncio.Future[None] | None] | None = None,
    ) -> None:
        self.name = name
        self.far_end = far_end
        self._world = world
        self._clock = clock
        self._knows_keys = knows_keys
        self._chance = chance or Chance(0, name)
        self._at = at

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Await `mark` and let the message take effect, or do to it what the far end's fate says."""
        fate = self.far_end.fate(self._chance)
        await self._pass(Point.BEFORE_MARK, message, fate)
        _before(fate)
        with self._world.arrives(self.name, message):
            return await self._deliver(message, mark, fate)

    async def _deliver(self, message: Message, mark: Mark, fate: Fate) -> Receipt:
        await mark()
        await self._pass(Point.AFTER_MARK, message, fate)
        if fate is Fate.LATER:
            raise NotSent("450 try again later")
        if fate is Fate.REFUSED:
            raise Refused("550 no such mailbox")
        if fate is not Fate.LOST_MESSAGE:
            self._world.accept(self.name, message, self._clock.now(), knows_keys=self._knows_keys)
        await self._pass(Point.AFTER_SEND, message, fate)
        await self._pass(Point.BEFORE_ANSWER, message, fate)
        if fate in (Fate.LOST_ANSWER, Fate.LOST_MESSAGE):
            raise Unknown("the connection was lost before the answer")
        if fate is Fate.GARBLED:
            raise ValueError("cannot read the answer")
        return Receipt(provider_id=message.key, detail="accepted")

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def _pass(self, point: Point, message: Message, fate: Fate) -> None:
        if (seconds := self._chance.pick(self.far_end.delays)) and point is not Point.AFTER_SEND:
            await asyncio.sleep(seconds)
        # Asked again after a stall: who was killed meanwhile does nothing more.
        while self._at is not None and (stalled := self._at(point, message, fate)) is not None:
            await stalled


class LookingChannel(WorldChannel):
    """A channel whose far end shows what has arrived; it says so where a message may still be on its way."""

    settles_after = timedelta(minutes=1)

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look in the world's own list."""
        key = (self.name, attempted.message.key)
        if key in self._world.keys:
            return Evidence(Found.SENT, "in the list of what arrived", attempted.message.key)
        if self._world.arriving[key]:
            return Evidence(Found.OPEN, "still on its way", look_at=self._clock.now() + timedelta(minutes=10))
        return Evidence(Found.NOT_SENT, "not in the list of what arrived")


def _before(fate: Fate) -> None:
    """Raise what goes wrong before anything irreversible."""
    if fate is Fate.UNREACHABLE:
        raise NotSent("connection refused")
    if fate is Fate.DOWN:
        raise ChannelDown("log-in refused")
    if fate is Fate.NOT_WANTED:
        raise Refused("550 no such mailbox")
    if fate is Fate.BROKEN:
        raise ValueError("nobody foresaw this")
