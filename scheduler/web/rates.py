"""How often somebody may knock: token buckets in memory, by name; no clock and no network here."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """A bucket for each name: `burst` tokens at most, `per_second` new ones.

    Remembers the last `most` names: who is forgotten begins with a full bucket, and memory stays bounded.
    """

    def __init__(self, *, per_second: float, burst: int, most: int = 10_000) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> float:
        """Take a token at `now` (seconds of a clock that never steps); return 0, or the seconds to wait for one."""
        left, at = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_second
        self._left[name] = (left if wait else left - 1, now)
        while len(self._left) > self._most:
            self._left.popitem(last=False)
        return wait
