"""A platform's far end behind a network that fails as it is told, and the daemon's part towards it: send, settle, again.

What every platform promises is shown on it: of posts in `test_platform_conformance`, of what hangs on them in
`test_platform_replies`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Self, TypeVar

from platform_peers import Peer, peer
from support.fault_proxy import Fault, FaultProxy, fault_proxy

from scheduler.channels.base import Attempted, Channel, Evidence, Found, Message, Receipt, Settles
from scheduler.errors import ChannelDown, NotSent, Refused
from scheduler.store.ledger import REPEATABLE

T = TypeVar("T")

SECONDS = 0.4  # how long a channel waits for an answer that will not come
AT_ONCE = 20  # how many of the runs under bad weather go on at the same time

GARBAGE = b"<html><body>Bad gateway, or not</body></html>"

# What may befall the request that publishes, so that nobody here can know whether it did.
LOST = {
    "cut before": Fault(do="cut"),
    "cut after": Fault(do="drop"),
    "cut in the answer": Fault(do="break"),
    "no answer, not done": Fault(do="stall"),
    "no answer, done": Fault(do="hang"),
    "500 not done": Fault(do="answer", status=500),
    "502 done": Fault(do="replace", status=502, body=GARBAGE),
    "503 not done": Fault(do="answer", status=503, body=GARBAGE),
    "504 done": Fault(do="replace", status=504),
    "garbage, done": Fault(do="replace", status=200, body=GARBAGE),
}


class Marks:
    """The attempt mark: keeps what it was given, with what had been published and asked by then."""

    def __init__(self, seen: Callable[[], object] = lambda: None, raises: Exception | None = None) -> None:
        self.handles: list[str] = []
        self.seen: list[object] = []
        self._seen = seen
        self._raises = raises

    async def __call__(self, handle: str = "") -> None:
        self.handles.append(handle)
        self.seen.append(self._seen())
        if self._raises is not None:
            raise self._raises


@dataclass
class Rig:
    """A far end behind a network that can fail."""

    peer: Peer
    proxy: FaultProxy
    said: list[str] = field(default_factory=list)  # every word of ours: for the ledger, the log, the screen

    @classmethod
    @asynccontextmanager
    async def to(cls, name: str, folder: Path) -> AsyncIterator[Self]:
        """Serve a new far end of this platform; what it keeps on disk lies in `folder`."""
        folder.mkdir(exist_ok=True)
        far = peer(name, folder)
        async with far.serve() as port, fault_proxy(port) as proxy:
            yield cls(far, proxy)

    def channel(self, seconds: float = 5) -> Channel:
        return self.peer.channel(self.proxy.port, seconds=seconds)

    async def tried(self, channel: Channel, message: Message, marks: Marks) -> Receipt | Exception:
        """Send a message; what was raised is returned."""
        try:
            receipt = await channel.send(message, marks)
        except Exception as error:
            self.said += [str(error), repr(error), *marks.handles]
            return error
        self.said += [repr(receipt), *marks.handles]
        return receipt

    async def tried_anew(self, message: Message, marks: Marks | None = None) -> Receipt | Exception:
        """Send a message by a channel of its own; what was raised is returned."""
        channel = self.channel()
        outcome = await self.tried(channel, message, marks or Marks())
        await channel.close()
        return outcome

    async def found_out(
        self, message: Message, fault: Fault, seen: Callable[[], Sized]
    ) -> tuple[Receipt | Exception, int, str]:
        """Let this befall the first attempt at a message, then do what the worker and the settling do.

        Returns how the attempt ended, how many a reader saw by then (`seen`), and the verdict as `carried` gives it.
        """
        self.proxy.script(fault)
        for wait in (SECONDS, 2, 10) if fault.do in ("hang", "stall") else (30,):
            channel, marks, began = self.channel(wait), Marks(), self.peer.clock.now()
            outcome = await self.tried(channel, message, marks)
            if self.proxy.met:  # else the machine was too busy for a request before it
                break
            await channel.close()
        there, verdict = len(seen()), "sent"
        if not isinstance(outcome, Receipt):
            verdict = await self.after(channel, message, outcome, marks, 1, began)
            verdict = verdict or await self.carried(message, channel=channel)
        await channel.close()
        return outcome, there, verdict

    async def settled(self, channel: Channel, attempted: Attempted) -> Evidence:
        """Ask what became of an attempt, as often and as late as it takes; OPEN is for a person to decide."""
        assert isinstance(channel, Settles)
        self.peer.clock.advance(channel.settles_after)
        for _ in range(12):
            try:
                found = await channel.settle(attempted)
            except (NotSent, ChannelDown) as error:
                self.said.append(str(error))
                self.peer.clock.advance(timedelta(minutes=1))
                continue
            self.said += [repr(found)]
            if found.found is not Found.OPEN or found.look_at is None:
                return found
            self.peer.clock.advance_to(found.look_at)
        return Evidence(Found.OPEN, "asked in vain")

    async def carried(self, message: Message, *, seconds: float = SECONDS, channel: Channel | None = None) -> str:
        """Do with one message what the worker and the settling do, until it is `sent`, or `listed` for a person."""
        channel = channel or self.channel(seconds)
        for number in range(1, 13):
            marks, began = Marks(), self.peer.clock.now()
            outcome = await self.tried(channel, message, marks)
            if isinstance(outcome, Receipt):
                await channel.close()
                return "sent"
            verdict = await self.after(channel, message, outcome, marks, number, began)
            if verdict:
                await channel.close()
                return verdict
        await channel.close()
        return "given up"

    async def after(
        self, channel: Channel, message: Message, outcome: object, marks: Marks, number: int, began: object
    ) -> str:
        """Return how a message ended whose attempt did not end well, "" when it may be tried again."""
        if isinstance(outcome, (NotSent, ChannelDown)):
            at = getattr(outcome, "retry_at", None) or self.peer.clock.now() + timedelta(minutes=1)
            self.peer.clock.advance_to(at)
            return ""
        assert not isinstance(outcome, Refused), str(outcome)
        if not marks.handles or channel.name in REPEATABLE:
            self.peer.clock.advance(timedelta(minutes=1))
            return ""
        if not isinstance(channel, Settles):
            return "listed"
        found = await self.settled(channel, Attempted(message, True, marks.handles[0], number, began))  # type: ignore[arg-type]
        return {Found.SENT: "sent", Found.NOT_SENT: "", Found.OPEN: "listed"}[found.found]


def aimed(fault: Fault, match: str) -> Fault:
    """Return a new fault like this one, aimed at the requests that `match` fits."""
    return Fault(match, fault.do, fault.status, fault.body, fault.headers)


def nth(step: int, do: str) -> list[Fault]:
    """Return faults of which the one meets the request number `step`, from 0."""
    passed = [0]

    class Nth(Fault):
        def fits(self, request: object) -> bool:
            if self.times > 0:
                passed[0] += 1
            return self.times > 0 and passed[0] == step + 1

    return [Nth(do=do)]  # type: ignore[arg-type]


def weather(random: Random, commit: str) -> list[Fault]:
    """Return what befalls one post: faults at any request and at the one that counts, most of them short."""
    faults = []
    for match in [commit, *random.choices(["*", commit], k=random.randint(1, 4))]:
        if random.random() < 0.15:
            continue
        do = random.choices(
            ["cut", "drop", "break", "replace", "answer", "delay", "hang", "stall"], [4, 6, 3, 4, 4, 2, 1, 1]
        )
        status = random.choice([429, 500, 502, 503, 504]) if do[0] == "answer" else random.choice([500, 502, 504, 200])
        body = random.choice([b"", GARBAGE, b'{"ok": tru'])
        headers = {"Retry-After": "30"} if status == 429 else {}
        faults.append(Fault(match, do[0], status, body, headers, seconds=0.01))  # type: ignore[arg-type]
    return faults


async def each_seed(run: Callable[[int], Awaitable[T]], seeds: int) -> list[T]:
    """Do a run for each seed from 0, `AT_ONCE` at the same time; return what they found, by seed."""
    found: list[T] = []
    for first in range(0, seeds, AT_ONCE):
        found += await asyncio.gather(*(run(seed) for seed in range(first, min(first + AT_ONCE, seeds))))
    return found
