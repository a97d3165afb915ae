"""Where work on the store runs: inline in rehearsals, on one thread of its own in the daemon."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")

# Does the work of many items at once, in one transaction, and returns a result or an exception for each, in order.
Group = Callable[[Sequence[Item]], Sequence[Result | BaseException]]

MOST_TOGETHER = 256


class Writer(Protocol):
    """Runs pieces of synchronous store work one after the other, never two at once."""

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` and return what it returns; what it raises is raised here."""
        ...

    def together(self, group: Group[Item, Result], item: Item) -> Awaitable[Result]:
        """Hand an item over to be worked on with the others of its group that are waiting: one commit for many.

        The order is the order of the calls, not of the awaits. Awaiting returns the item's own result, or raises its
        own exception.
        """
        ...

    def close(self) -> None:
        """Finish what was handed over; nothing may be handed over afterwards."""
        ...


class _Done(Generic[Result]):
    """A result that is there already; awaiting it never gives way to another task."""

    def __init__(self, result: Result | BaseException) -> None:
        self._result = result

    def __await__(self) -> Generator[Any, None, Result]:
        yield from ()
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result


class InlineWriter:
    """Runs work at once in the caller's thread: the order of a rehearsal is the order of its calls."""

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` now."""
        return work()

    def together(self, group: Group[Item, Result], item: Item) -> Awaitable[Result]:
        """Work on the item now, alone."""
        return _Done(group((item,))[0])

    def close(self) -> None:
        """Nothing is ever waiting."""


# What is worked on together, each item with who awaits it.
_Batch = list[tuple[Any, asyncio.Future[Any]]]


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What the thread has in hand before anybody awaits it, and what will become of it, in order."""

    batch: _Batch
    results: asyncio.Future[Sequence[Any]]


class ThreadWriter:
    """Runs work on one thread, in the order it was handed over, so that the event loop never waits for the disk.

    While one group is being committed the next one gathers: the busier the daemon, the more messages share a commit. A
    group that is as large as may be is handed to the thread at once, so that the thread goes on while the loop still
    takes in what became of the one before.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        self._waiting: dict[Group[Any, Any], deque[tuple[Any, asyncio.Future[Any]]]] = {}
        self._ahead: dict[Group[Any, Any], _Ahead] = {}  # handed to the thread, and not awaited yet
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` on the writer thread and wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def together(self, group: Group[Item, Result], item: Item) -> Awaitable[Result]:
        """Hand the item over; its group is written as soon as the thread is free."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.get(group)
        if waiting is not None:
            waiting.append((item, future))
            if len(waiting) == MOST_TOGETHER:
                self._hand_ahead(group)
            return future
        self._waiting[group] = deque([(item, future)])
        task = asyncio.get_running_loop().create_task(self._write(group))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return future

    def _hand_ahead(self, group: Group[Any, Any]) -> None:
        """Hand a group to the thread that is as large as may be, unless one is ahead already."""
        if group not in self._ahead and len(self._waiting[group]) >= MOST_TOGETHER:
            batch = self._oldest(group)
            results = asyncio.get_running_loop().run_in_executor(self._pool, group, [item for item, _ in batch])
            self._ahead[group] = _Ahead(batch, results)

    def _oldest(self, group: Group[Any, Any]) -> _Batch:
        waiting = self._waiting[group]
        return [waiting.popleft() for _ in range(min(len(waiting), MOST_TOGETHER))]

    async def _write(self, group: Group[Any, Any]) -> None:
        waiting = self._waiting[group]
        try:
            while waiting or group in self._ahead:
                if group not in self._ahead:
                    await asyncio.sleep(0)  # what becomes ready in this turn of the loop goes along
                ahead = self._ahead.pop(group, None)
                batch = self._oldest(group) if ahead is None else ahead.batch
                items = [item for item, _ in batch]
                try:
                    results: Sequence[Any] = await (self.run(partial(group, items)) if ahead is None else ahead.results)
                except BaseException as error:  # handed on to whoever awaits an item of the group
                    results = [error] * len(batch)
                    if not isinstance(error, Exception):
                        _settle(batch, results)
                        raise
                self._hand_ahead(group)
                _settle(batch, results)
        finally:
            del self._waiting[group]

    def close(self) -> None:
        """Finish what was handed over and end the thread."""
        self._pool.shutdown(wait=True)


def _settle(batch: Sequence[tuple[Any, asyncio.Future[Any]]], results: Sequence[Any]) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future.cancelled():
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
            future.exception()  # a group fails as one: who awaits it first tells of it, and asyncio need not
        else:
            future.set_result(result)
