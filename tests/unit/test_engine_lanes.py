"""The engine of one machine: lanes for each channel, urgent first, nothing abandoned and nothing begun after a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from support.claims import a_claim

from scheduler.clock import SystemClock
from scheduler.engines.local import LocalEngine
from scheduler.errors import SchedulerError
from scheduler.store.ledger import Claim


@dataclass(frozen=True)
class Parcel:
    claim: Claim


@dataclass
class Carrier:
    """Carries parcels as it is told: a channel may be shut, an outcome may not get into the ledger."""

    shut: dict[str, asyncio.Event] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)
    at_once: dict[str, int] = field(default_factory=dict)
    most_at_once: dict[str, int] = field(default_factory=dict)
    broken: set[int] = field(default_factory=set)
    unsent: set[int] = field(default_factory=set)
    unprepared: set[int] = field(default_factory=set)
    is_full: bool = False
    slow_to_confirm: asyncio.Event | None = None

    async def prepare(self, claims: Sequence[Claim]) -> list[Parcel]:
        if self.unprepared & {one.id for one in claims}:
            self.unprepared.clear()
            raise SchedulerError("the database is gone")
        return [Parcel(one) for one in claims]

    async def send(self, parcel: Parcel) -> int:
        channel = parcel.claim.channel
        self.begun.append(parcel.claim.id)
        if parcel.claim.id in self.unsent:
            raise SchedulerError("the database is gone")
        self.at_once[channel] = self.at_once.get(channel, 0) + 1
        self.most_at_once[channel] = max(self.most_at_once.get(channel, 0), self.at_once[channel])
        if channel in self.shut:
            await self.shut[channel].wait()
        await asyncio.sleep(0)
        self.at_once[channel] -= 1
        return parcel.claim.id

    async def confirm(self, outcome: int) -> None:
        if self.slow_to_confirm is not None:
            await self.slow_to_confirm.wait()
        if outcome in self.broken:
            raise SchedulerError("the database is gone")
        self.confirmed.append(outcome)

    async def give_back(self, claims: Sequence[Claim]) -> None:
        if self.is_full:
            raise SchedulerError("the disk is full")
        self.given_back += [one.id for one in claims]


def test_every_claim_is_sent_and_confirmed_once_over_at_most_so_many_lanes() -> None:
    carrier = Carrier()

    async def work() -> None:
        engine = LocalEngine(carrier, SystemClock(), connections=3)
        await engine.submit([a_claim(number) for number in range(20)])
        await engine.drain()

    asyncio.run(work())

    assert sorted(carrier.confirmed) == list(range(20))
    assert carrier.most_at_once == {"email": 3}


def test_a_channel_that_hangs_holds_up_no_other() -> None:
    async def work() -> tuple[list[int], list[int]]:
        carrier = Carrier(shut={"email": asyncio.Event()})
        engine = LocalEngine(carrier, SystemClock(), connections=2)
        await engine.submit([a_claim(1), a_claim(2), a_claim(3), a_claim(4, channel="sms"), a_claim(5, channel="sms")])
        async with asyncio.timeout(5):
            while len(carrier.confirmed) < 2:
                await asyncio.sleep(0)
        meanwhile = sorted(carrier.confirmed)
        carrier.shut["email"].set()
        await engine.drain()
        return meanwhile, sorted(carrier.confirmed)

    assert asyncio.run(work()) == ([4, 5], [1, 2, 3, 4, 5])


def test_what_is_no_marketing_overtakes_what_waits() -> None:
    async def work() -> list[int]:
        carrier = Carrier(shut={"email": asyncio.Event()})
        engine = LocalEngine(carrier, SystemClock(), connections=1)
        await engine.submit([a_claim(1), a_claim(2), a_claim(3)])
        await asyncio.sleep(0)
        await engine.submit([a_claim(9, marketing=False)])
        carrier.shut["email"].set()
        await engine.drain()
        return carrier.begun

    assert asyncio.run(work()) == [1, 9, 2, 3]


def test_marketing_to_one_person_goes_in_its_order_whatever_the_channel() -> None:
    carrier = Carrier(shut={"email": asyncio.Event()})

    async def work() -> list[int]:
        engine = LocalEngine(carrier, SystemClock())
        first, then, last = (a_claim(n, channel=way, contact=7) for n, way in ((1, "email"), (2, "sms"), (3, "email")))
        await engine.submit([first, then, last, a_claim(4), a_claim(5, contact=7, marketing=False)])
        for _ in range(10):
            await asyncio.sleep(0)
        begun = list(carrier.begun)
        carrier.shut["email"].set()
        await engine.drain()
        return begun

    assert asyncio.run(work()) == [5, 1, 4]
    assert carrier.begun == [5, 1, 4, 2, 3]


def test_what_comes_while_a_lane_waits_for_its_last_outcome_is_sent_by_it() -> None:
    carrier = Carrier(slow_to_confirm=asyncio.Event())

    async def work() -> None:
        engine = LocalEngine(carrier, SystemClock(), connections=1)
        await engine.submit([a_claim(1)])
        for _ in range(5):
            await asyncio.sleep(0)
        await engine.submit([a_claim(2)])
        carrier.slow_to_confirm.set()
        for _ in range(20):
            await asyncio.sleep(0)

    asyncio.run(work())
    assert carrier.confirmed == [1, 2]


def test_a_stop_gives_back_what_waited_for_its_turn() -> None:
    carrier = Carrier(shut={"email": asyncio.Event()})

    async def work() -> None:
        engine = LocalEngine(carrier, SystemClock())
        await engine.submit([a_claim(1, contact=7), a_claim(2, contact=7)])
        await asyncio.sleep(0)
        engine.stop()
        carrier.shut["email"].set()
        await engine.drain()

    asyncio.run(work())
    assert carrier.confirmed == [1]
    assert carrier.given_back == [2]


def test_a_long_queue_is_full_until_it_is_half_empty_and_says_so() -> None:
    async def work() -> tuple[set[str], int, set[str]]:
        told: list[int] = []
        carrier = Carrier(shut={"email": asyncio.Event()})
        engine = LocalEngine(carrier, SystemClock(), connections=1, on_room=lambda: told.append(1))
        await engine.submit([a_claim(number) for number in range(300)])
        await asyncio.sleep(0)
        full = set(engine.room().full)
        carrier.shut["email"].set()
        await engine.drain()
        return full, len(told), set(engine.room().full)

    assert asyncio.run(work()) == ({"email"}, 1, set())


def test_who_waits_for_room_is_told_as_soon_as_a_full_channel_has_some_again() -> None:
    async def work() -> tuple[bool, int, bool]:
        carrier = Carrier(shut={"email": asyncio.Event()})
        engine = LocalEngine(carrier, SystemClock(), connections=1)
        await engine.submit([a_claim(number) for number in range(300)])
        waiting = asyncio.create_task(engine.room_again())
        await asyncio.sleep(0)
        carrier.shut["email"].set()
        was_full = await waiting
        begun = len(carrier.begun)
        still_full = await engine.room_again()
        await engine.drain()
        return was_full, begun, still_full

    was_full, begun, still_full = asyncio.run(work())

    assert (was_full, still_full) == (True, False)
    assert 201 <= begun < 300  # what is left of the lot is being sent while the next one is made ready


@pytest.mark.parametrize("ends", ["stopped", "broken"])
def test_nobody_waits_for_room_in_an_engine_that_sends_nothing_more(ends: str) -> None:
    async def work() -> bool:
        carrier = Carrier(shut={"email": asyncio.Event()}, broken={0})
        engine = LocalEngine(carrier, SystemClock(), connections=1)
        await engine.submit([a_claim(number) for number in range(300)])
        waiting = asyncio.create_task(engine.room_again())
        await asyncio.sleep(0)
        if ends == "stopped":
            engine.stop()
        carrier.shut["email"].set()
        return await waiting

    assert asyncio.run(work()) is True


def test_after_a_stop_what_is_being_sent_is_finished_and_the_rest_given_back() -> None:
    async def work() -> Carrier:
        carrier = Carrier(shut={"email": asyncio.Event()})
        engine = LocalEngine(carrier, SystemClock(), connections=2)
        await engine.submit([a_claim(number) for number in range(5)])
        await asyncio.sleep(0)
        engine.stop()
        await engine.submit([a_claim(7)])
        carrier.shut["email"].set()
        await engine.drain()
        assert engine.room().claims == 0
        return carrier

    carrier = asyncio.run(work())

    assert sorted(carrier.confirmed) == [0, 1]
    assert sorted(carrier.given_back) == [2, 3, 4, 7]


def test_an_outcome_that_cannot_be_stored_is_told_and_what_waits_is_given_back_at_the_next_tick() -> None:
    async def work() -> Carrier:
        carrier = Carrier(broken={1})
        engine = LocalEngine(carrier, SystemClock(), connections=1)
        await engine.submit([a_claim(number) for number in range(1, 6)])
        while len(carrier.begun) < 2:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        with pytest.raises(SchedulerError, match="gone"):
            await engine.submit([])
        assert carrier.given_back == []
        await engine.submit([])
        return carrier

    carrier = asyncio.run(work())

    assert carrier.begun == [1, 2]
    assert carrier.given_back == [3, 4, 5]


def test_what_went_while_the_outcome_before_it_could_not_be_stored_gets_its_outcome() -> None:
    carrier = Carrier(broken={1})

    async def work() -> None:
        engine = LocalEngine(carrier, SystemClock(), connections=1)
        await engine.submit([a_claim(1), a_claim(2)])
        with pytest.raises(SchedulerError, match="gone"):
            await engine.drain()

    asyncio.run(work())

    assert (carrier.begun, carrier.confirmed) == ([1, 2], [2])


def test_what_went_before_one_that_could_not_be_asked_for_gets_its_outcome() -> None:
    carrier = Carrier(unsent={2})

    async def work() -> None:
        engine = LocalEngine(carrier, SystemClock(), connections=1)
        await engine.submit([a_claim(1), a_claim(2)])
        with pytest.raises(SchedulerError, match="gone"):
            await engine.drain()

    asyncio.run(work())

    assert (carrier.begun, carrier.confirmed) == ([1, 2], [1])


def test_what_is_being_sent_is_waited_for_though_what_waits_cannot_be_given_back() -> None:
    async def work() -> tuple[list[int], Carrier]:
        carrier = Carrier(shut={"email": asyncio.Event()}, is_full=True)
        engine = LocalEngine(carrier, SystemClock(), connections=1)
        await engine.submit([a_claim(1), a_claim(2)])
        await asyncio.sleep(0)
        engine.stop()
        ending = asyncio.create_task(engine.drain())
        await asyncio.sleep(0.01)
        meanwhile = list(carrier.confirmed) if not ending.done() else [-1]
        carrier.shut["email"].set()
        with pytest.raises(SchedulerError, match="full"):
            await ending
        return meanwhile, carrier

    meanwhile, carrier = asyncio.run(work())

    assert (meanwhile, carrier.confirmed) == ([], [1])


def test_claims_that_could_not_be_looked_at_are_given_back_at_the_next_tick() -> None:
    async def work() -> Carrier:
        carrier = Carrier(unprepared={2})
        engine = LocalEngine(carrier, SystemClock(), connections=1)
        with pytest.raises(SchedulerError, match="gone"):
            await engine.submit([a_claim(1), a_claim(2)])
        await engine.submit([a_claim(3)])
        await engine.drain()
        return carrier

    carrier = asyncio.run(work())

    assert (carrier.given_back, carrier.confirmed) == ([1, 2], [3])
