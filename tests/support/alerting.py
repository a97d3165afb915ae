"""Alerts by hand: an alerter over a shop on a virtual clock, and channels that refuse whom they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from scheduler.channels.base import Channel, Mark, Message, Receipt
from scheduler.channels.horizon import TokenEnd
from scheduler.errors import DeliveryError
from scheduler.operations.alerting import Alerter
from scheduler.settings import destinations
from scheduler.store.writer import InlineWriter
from support.shop import Schedule

OWNER = "mailto:owner@shop.example"


class Told:
    """A channel that alerts go by: keeps what it took; raises what stands in `troubles`, one after the other."""

    def __init__(self, name: str = "email", *troubles: Exception) -> None:
        self.name = name
        self.took: list[Message] = []
        self.tried: list[Message] = []
        self.troubles = list(troubles)

    async def send(self, message: Message, mark: Mark) -> Receipt:
        self.tried.append(message)
        await mark()
        if self.troubles:
            raise self.troubles.pop(0)
        self.took.append(message)
        return Receipt("told")

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    @property
    def texts(self) -> list[str]:
        """What the operator reads."""
        return [message.content.text for message in self.took]


class Refusing:
    """A channel of campaigns that fails as `why` says, by the recipient's address; None: it takes the message."""

    name = "email"

    def __init__(self, why: Mapping[str, DeliveryError]) -> None:
        self.why = dict(why)

    async def send(self, message: Message, mark: Mark) -> Receipt:
        assert message.recipient is not None
        error = self.why.get(message.recipient.email or "")
        await mark()
        if error is not None:
            raise error
        return Receipt("ok")

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def alerter(
    schedule: Schedule,
    *channels: Channel,
    to: str = OWNER,
    ends: Sequence[TokenEnd] | Callable[[], Sequence[TokenEnd]] = (),
    settling: Sequence[str] = (),
) -> Alerter:
    """Return an alerter over the schedule's store and clock, as a daemon would have it after a start."""
    return Alerter(
        schedule.store,
        InlineWriter(),
        {channel.name: channel for channel in channels},
        schedule.clock,
        destinations.read(to),
        settling=settling,
        ends=ends if callable(ends) else lambda: ends,
        place="/srv/shop on shop-1",
    )


def looks(alerter: Alerter, schedule: Schedule, *minutes: float) -> list[int]:
    """Look after each of these pauses; return how many alerts went each time."""
    gone = []
    for pause in minutes:
        schedule.clock.advance(timedelta(minutes=pause))
        gone.append(asyncio.run(alerter.look()))
    return gone
