"""The engine of one machine: workers are tasks on the daemon's event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from scheduler.store.ledger import Claim

Deliver = Callable[[Claim], Awaitable[None]]
GiveBack = Callable[[Sequence[Claim]], Awaitable[None]]


class LocalEngine:
    """Delivers claims on the running event loop, at most `connections` at a time and in the order given."""

    def __init__(self, deliver: Deliver, give_back: GiveBack, *, connections: int = 1) -> None:
        self._deliver = deliver
        self._give_back = give_back
        self._connections = connections
        self._stopping = False

    async def submit(self, claims: Sequence[Claim]) -> None:
        """Work through the claims; after `stop` those not begun are given back."""
        waiting = deque(claims)

        async def work() -> None:
            while waiting and not self._stopping:
                await self._deliver(waiting.popleft())

        # Every lane runs to its end even if one raises: a message in flight is never abandoned half-way.
        lanes = (work() for _ in range(min(self._connections, len(waiting))))
        results = await asyncio.gather(*lanes, return_exceptions=True)
        if waiting:
            await self._give_back(tuple(waiting))
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def stop(self) -> None:
        """Start nothing new."""
        self._stopping = True
