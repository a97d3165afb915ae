"""Group commit: what gathers while the thread is busy is worked on together, in order, each with its own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from scheduler.store.writer import MOST_TOGETHER, InlineWriter, ThreadWriter


@pytest.fixture
def writer() -> Iterator[ThreadWriter]:
    made = ThreadWriter()
    yield made
    made.close()


def test_items_that_gather_while_a_group_is_written_are_one_group(writer: ThreadWriter) -> None:
    groups: list[list[int]] = []
    free = threading.Event()

    def group(items: Sequence[int]) -> list[int]:
        groups.append(list(items))
        if len(groups) == 1:
            assert free.wait(10)
        return [item * 10 for item in items]

    async def work() -> list[int]:
        first = writer.together(group, 1)
        while not groups:
            await asyncio.sleep(0)
        others = [writer.together(group, number) for number in (2, 3, 4)]
        free.set()
        return [await first, *[await other for other in others]]

    assert asyncio.run(work()) == [10, 20, 30, 40]
    assert groups == [[1], [2, 3, 4]]


def test_an_item_gets_its_own_exception_and_the_others_their_results(writer: ThreadWriter) -> None:
    def group(items: Sequence[int]) -> list[int | BaseException]:
        return [ValueError("two") if item == 2 else item for item in items]

    async def work() -> list[object]:
        return await asyncio.gather(*(writer.together(group, item) for item in (1, 2, 3)), return_exceptions=True)

    one, two, three = asyncio.run(work())

    assert (one, three) == (1, 3)
    assert isinstance(two, ValueError)


def test_what_a_group_raises_reaches_every_item_of_it_and_the_next_group_is_written(writer: ThreadWriter) -> None:
    calls = []

    def group(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        if len(calls) == 1:
            raise OSError("disk")
        return list(items)

    async def work() -> list[object]:
        first = await asyncio.gather(*(writer.together(group, item) for item in (1, 2)), return_exceptions=True)
        return [*first, await writer.together(group, 3)]

    one, two, three = asyncio.run(work())

    assert isinstance(one, OSError)
    assert isinstance(two, OSError)
    assert three == 3


def test_inline_each_item_is_worked_on_at_once_and_alone() -> None:
    seen: list[tuple[int, ...]] = []

    def group(items: Sequence[int]) -> list[int]:
        seen.append(tuple(items))
        return list(items)

    async def work() -> None:
        writer = InlineWriter()
        later = writer.together(group, 1)
        assert seen == [(1,)]
        assert await later == 1
        assert await writer.together(group, 2) == 2

    asyncio.run(work())

    assert seen == [(1,), (2,)]


def test_a_group_as_large_as_may_be_is_begun_before_the_loop_has_another_turn(writer: ThreadWriter) -> None:
    begun = threading.Event()

    def group(items: Sequence[int]) -> list[int]:
        begun.set()
        return list(items)

    async def work() -> tuple[bool, list[int]]:
        futures = [writer.together(group, number) for number in range(MOST_TOGETHER)]
        return begun.wait(10), [await one for one in futures]

    assert asyncio.run(work()) == (True, list(range(MOST_TOGETHER)))


def test_many_groups_are_written_in_the_order_of_the_calls_and_one_that_fails_fails_alone(writer: ThreadWriter) -> None:
    groups: list[list[int]] = []

    def group(items: Sequence[int]) -> list[int]:
        groups.append(list(items))
        if MOST_TOGETHER in items:
            raise OSError("disk")
        return [item * 10 for item in items]

    many = 4 * MOST_TOGETHER + 7

    async def work() -> list[object]:
        async def one(number: int) -> int:
            return await writer.together(group, number)

        return list(await asyncio.gather(*(one(number) for number in range(many)), return_exceptions=True))

    told = asyncio.run(work())

    assert [item for written in groups for item in written] == list(range(many))
    assert max(map(len, groups)) == MOST_TOGETHER
    [failed] = [written for written in groups if MOST_TOGETHER in written]
    assert [number for number in range(many) if isinstance(told[number], OSError)] == failed
    assert [told[number] for number in range(many) if number not in failed] == [
        number * 10 for number in range(many) if number not in failed
    ]
