"""The engine of one machine makes messages ready before they are due, and begins none of them early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from simulation.loop import LoopClock, VirtualLoop
from support.claims import a_claim
from support.shop import moment

from scheduler.engines.local import LocalEngine
from scheduler.store.ledger import Claim

NOW = moment("2027-02-01T09:59:58+01:00")
DUE = NOW + timedelta(seconds=2)


@dataclass(frozen=True)
class Parcel:
    claim: Claim


@dataclass
class Carrier:
    """Carries parcels at once and remembers when; what is `unready` cannot be made ready before its moment."""

    clock: LoopClock
    unready: set[int] = field(default_factory=set)
    foreseen: list[tuple[datetime, int]] = field(default_factory=list)
    begun: list[tuple[datetime, int]] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)

    async def prepare(self, claims: Sequence[Claim]) -> list[Parcel]:
        assert all(one.not_before is None for one in claims)
        return [Parcel(one) for one in claims]

    async def foresee(self, claims: Sequence[Claim]) -> list[Parcel]:
        self.foreseen += [(self.clock.now(), one.id) for one in claims]
        return [Parcel(one) for one in claims if one.id not in self.unready]

    async def send(self, parcel: Parcel) -> int:
        self.begun.append((self.clock.now(), parcel.claim.id))
        return parcel.claim.id

    async def confirm(self, outcome: int) -> None:
        """It is in the ledger."""

    async def give_back(self, claims: Sequence[Claim]) -> None:
        self.given_back += [one.id for one in claims]


def early(number: int, due: datetime = DUE) -> Claim:
    return replace(a_claim(number), not_before=due)


def lived(
    work: Callable[[LocalEngine, Carrier, LoopClock], Coroutine[Any, Any, None]], *, unready: Sequence[int] = ()
) -> Carrier:
    """Let an engine live in virtual time."""
    loop = VirtualLoop()
    clock = LoopClock(loop, NOW)
    carrier = Carrier(clock, set(unready))
    try:
        loop.run_until_complete(work(LocalEngine(carrier, clock, connections=2), carrier, clock))
    finally:
        loop.close()
    return carrier


def test_what_is_due_in_two_seconds_is_made_ready_at_once_and_begun_at_its_moment() -> None:
    async def work(engine: LocalEngine, _carrier: Carrier, _clock: LoopClock) -> None:
        await engine.submit([early(1), a_claim(2)])
        await asyncio.sleep(5)
        await engine.drain()

    carrier = lived(work)

    assert carrier.foreseen == [(NOW, 1)]
    assert carrier.begun == [(NOW, 2), (DUE, 1)]
    assert carrier.given_back == []


def test_what_could_not_be_made_ready_is_prepared_when_it_is_due() -> None:
    async def work(engine: LocalEngine, _carrier: Carrier, _clock: LoopClock) -> None:
        await engine.submit([early(1), early(2)])
        await asyncio.sleep(5)
        await engine.drain()

    carrier = lived(work, unready=[1])

    assert sorted(carrier.begun) == [(DUE, 1), (DUE, 2)]


def test_a_clock_that_is_set_back_meanwhile_keeps_them_waiting_for_their_moment() -> None:
    async def work(engine: LocalEngine, _carrier: Carrier, clock: LoopClock) -> None:
        await engine.submit([early(1)])
        await asyncio.sleep(1)
        clock.step(timedelta(seconds=-30))
        await asyncio.sleep(60)
        await engine.drain()

    carrier = lived(work)

    assert carrier.begun == [(DUE, 1)]


def test_a_drain_gives_back_what_is_not_due_yet() -> None:
    async def work(engine: LocalEngine, _carrier: Carrier, _clock: LoopClock) -> None:
        await engine.submit([early(1)])
        await engine.drain()
        await asyncio.sleep(5)

    carrier = lived(work)

    assert (carrier.begun, carrier.given_back) == ([], [1])


def test_after_a_stop_nothing_that_was_ready_is_begun() -> None:
    async def work(engine: LocalEngine, _carrier: Carrier, _clock: LoopClock) -> None:
        await engine.submit([early(1), early(2)])
        engine.stop()
        await engine.drain()
        await asyncio.sleep(5)

    carrier = lived(work)

    assert (carrier.begun, carrier.given_back) == ([], [1, 2])


def test_only_so_many_are_kept_ready() -> None:
    async def work(engine: LocalEngine, _carrier: Carrier, _clock: LoopClock) -> None:
        rooms = []
        for start in range(0, 2_000, 100):
            rooms.append(engine.room().early)
            await engine.submit([early(number) for number in range(start, start + 100)])
        rooms.append(engine.room().early)
        assert (rooms[0], rooms[-2], rooms[-1]) == (200, 100, 0)
        await engine.drain()

    lived(work)
