"""Where work on the store runs: inline in rehearsals, on one thread of its own in the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")


class Writer(Protocol):
    """Runs pieces of synchronous store work one after the other, never two at once."""

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` and return what it returns; what it raises is raised here."""
        ...

    def close(self) -> None:
        """Finish what was handed over; nothing may be handed over afterwards."""
        ...


class InlineWriter:
    """Runs work at once in the caller's thread: the order of a rehearsal is the order of its calls."""

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` now."""
        return work()

    def close(self) -> None:
        """Nothing is ever waiting."""


class ThreadWriter:
    """Runs work on one thread, in the order it was handed over, so that the event loop never waits for the disk."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` on the writer thread and wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Finish what was handed over and end the thread."""
        self._pool.shutdown(wait=True)
