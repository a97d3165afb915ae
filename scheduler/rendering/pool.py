"""Renders in killable processes: what one message does to its renderer costs the others a moment and nothing else.

A process whose message takes too long is ended by the kernel, and that message is at fault. Of any other death
(no memory, a crash, killed from outside, no sign of life) nobody knows the reason: the message it was at gets one more
try, alone in a new process, and only a second death there is its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from campaigns.errors import CampaignError
from campaigns.rendering import Content
from scheduler.errors import SchedulerError
from scheduler.rendering.base import Job, Revision
from scheduler.rendering.slot import Limits, Slot
from scheduler.rendering.work import Batch, Queue


class PoolRenderer:
    """Renders in `processes` processes, but at most as many as the machine has processors.

    Each may use `memory` bytes of address space and, for one message, `seconds` of processor time; it is given up
    when it does not get on for `patience` seconds. It is handed `together` messages at a time, and keeps `kept`
    revisions. Started with the first message, or by `prepare`. To be used from one event loop at a time.
    """

    def __init__(
        self,
        processes: int = 1,
        *,
        memory: int = 512 << 20,
        seconds: float = 1.0,
        patience: float = 30.0,
        together: int = 25,
        kept: int = 32,
    ) -> None:
        self._queue = Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self._together = together
        limits = Limits(memory, seconds, patience, together, kept)
        count = max(1, min(processes, os.cpu_count() or 1))
        self._slots = [Slot(self._queue, limits, self._share, self._refuse) for _ in range(count)]

    @property
    def pids(self) -> tuple[int, ...]:
        """The numbers of the processes that run at present."""
        return tuple(slot.pid for slot in self._slots if slot.pid is not None)

    async def prepare(self, campaign: Revision) -> None:
        """Start the processes and have them compile the templates of a revision; does not wait for it."""
        self._attach()
        for slot in self._slots:
            slot.prepare(campaign)

    async def render(self, jobs: Sequence[Job]) -> list[Content | CampaignError]:
        """Return what each job says or why it cannot be said, in their order.

        Raises: SchedulerError when no process can be started, or the pool was closed.
        """
        loop = self._attach()
        if not jobs:
            return []
        batch = Batch(len(jobs), loop.create_future())
        self._queue.put(jobs, batch)
        for slot in self._slots:
            slot.feed()
        return await batch.done

    async def close(self) -> None:
        """End the processes; whoever still waits is told."""
        self._is_closed = True
        self._refuse(SchedulerError("the renderer was closed"))

    def _attach(self) -> asyncio.AbstractEventLoop:
        if self._is_closed:
            raise SchedulerError("the renderer was closed")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            for slot in self._slots:
                slot.attach(loop)
        return loop

    def _share(self, ahead: bool) -> int:
        """Return how many tasks one process should take; none ahead of its turn when others could have them."""
        waiting, count = len(self._queue), len(self._slots)
        return 0 if ahead and count > 1 and waiting <= count * self._together else -(-waiting // count)

    def _refuse(self, error: SchedulerError) -> None:
        """Stop, and tell everybody who waits."""
        tasks = [task for slot in self._slots for task in slot.stop()]
        for task in [*tasks, *self._queue.clear()]:
            task.batch.fail(error)
