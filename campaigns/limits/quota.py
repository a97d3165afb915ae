"""How many posts fall into 24 hours, and when they could go where that is more than the network takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

DAY = timedelta(hours=24)


def most_in_a_day(moments: Sequence[datetime]) -> int:
    """Return the most moments that lie in any 24 hours; a day later to the second is the next window."""
    ordered = sorted(moments)
    found = first = 0
    for index, moment in enumerate(ordered):
        while moment - ordered[first] >= DAY:
            first += 1
        found = max(found, index - first + 1)
    return found


def spread(moments: Sequence[datetime], quota: int) -> tuple[datetime, ...]:
    """Return the moments in their order, each moved later by as little as keeps `quota` of them in any 24 hours.

    What is moved goes at the time of day of an earlier one, so that hours which suit the first suit it too.
    """
    moved: list[datetime] = []
    for index, moment in enumerate(sorted(moments)):
        moved.append(max(moment, moved[index - quota] + DAY) if index >= quota > 0 else moment)
    return tuple(moved)
