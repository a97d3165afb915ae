"""What is open to a mail server and unused: taken again while it is fresh, left when nobody took it for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Idle(Generic[_T]):
    """Connections that nobody uses, the newest first; `leave` is called once with each that is unused for `seconds`.

    Firewalls and routers forget a quiet connection without a word, many after four or five minutes, and who writes on
    it then waits for an answer until the longest time-out. Belongs to the running event loop.
    """

    def __init__(self, seconds: float, leave: Callable[[_T], None]) -> None:
        self._seconds = seconds
        self._leave = leave
        self._since: dict[_T, float] = {}  # the oldest first
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, one: _T) -> bool:
        return one in self._since

    def add(self, one: _T) -> None:
        """Note that nobody uses it from now on."""
        self._since[one] = asyncio.get_running_loop().time()
        self._watch()

    def newest(self) -> _T | None:
        """Return what was used last, None where nothing is fresh; it stays until it is discarded."""
        self._leave_old()
        return next(reversed(self._since), None)

    def discard(self, one: _T) -> None:
        """Forget it: it is used, or dead."""
        self._since.pop(one, None)

    def clear(self) -> list[_T]:
        """Forget everything and return it; nothing is left any more by itself."""
        found, self._since = list(self._since), {}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return found

    def _leave_old(self) -> None:
        before = asyncio.get_running_loop().time() - self._seconds
        while self._since and self._since[one := next(iter(self._since))] <= before:
            del self._since[one]
            self._leave(one)

    def _watch(self) -> None:
        """See to it that somebody looks when the oldest has been unused for too long."""
        if self._timer is None and self._since:
            at = next(iter(self._since.values())) + self._seconds
            self._timer = asyncio.get_running_loop().call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        self._leave_old()
        self._watch()
