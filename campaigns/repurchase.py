"""When a person's next order is expected and from when on it is late, from the gaps between orders; closed form.

A shop's habit is read off the gaps of many people: the middle of the shortest span of days that holds more than half of
them (the location with the least median error: Rousseeuw 1984, "Least median of squares regression"), and their upper
quartile. A person's own gaps are shrunk towards it on the logarithmic scale by Bühlmann's credibility: the habit counts
like as many own gaps as the variance within people over the variance between people says (Bühlmann and Straub 1970).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import exp, fsum, log

LEAST_GAPS = 20
"""Fewer gaps than this are no habit of a product or a shop."""

_ONE_ORDER = timedelta(days=1)
_LIGHTEST, _HEAVIEST = 0.5, 50.0
_USUAL = 2.5  # where nobody has two gaps that could be compared


@dataclass(frozen=True, slots=True)
class Habit:
    """What the gaps of many people say, in days; `weight` is how many own gaps it counts for, from 0.5 to 50."""

    gaps: int
    people: int
    expected_days: float
    late_days: float
    weight: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """When the next order comes, in days after the last one; `late_days` is never below `expected_days`.

    `own_days` is the person's typical gap (the geometric mean), None without own gaps; `habit` is what they were shrunk
    towards, None where there was none.
    """

    expected_days: float
    late_days: float
    own_gaps: int
    own_days: float | None
    habit: Habit | None


def gaps(moments: Sequence[datetime]) -> tuple[float, ...]:
    """Return the days between orders, given at aware moments, the oldest first; each at least 1.

    Orders less than a day after the one before them that counts are the same order.
    """
    found: list[float] = []
    last: datetime | None = None
    for moment in moments:
        if last is None:
            last = moment
        elif moment - last >= _ONE_ORDER:
            found.append((moment - last) / _ONE_ORDER)
            last = moment
    return tuple(found)


def habit(people: Iterable[Sequence[float]], *, least: int = LEAST_GAPS) -> Habit | None:
    """Return the habit of many people, each given by their gaps in days (all above 0); None below `least` gaps."""
    owned = [tuple(own) for own in people if own]
    together = sorted(gap for own in owned for gap in own)
    if not together or len(together) < least:
        return None
    expected = _densest_half(together)
    late = max(_quantile(together, 0.75), expected)
    return Habit(len(together), len(owned), expected, late, _weight(owned))


def expect(own: Sequence[float], habit: Habit | None) -> Expectation | None:
    """Return when somebody with these own gaps (days, all above 0) orders next; None when there is nothing to go by.

    The expected gap lies between the own gaps and the habit's, grows with each of them, and moves towards the own
    typical gap with every own gap more. Without a habit the own gaps stand alone, without own gaps the habit does.
    """
    count = len(own)
    if not count:
        return None if habit is None else Expectation(habit.expected_days, habit.late_days, 0, None, habit)
    typical = fsum(map(log, own)) / count
    upper = log(_quantile(sorted(own), 0.75))
    if habit is not None:
        typical_of_all = (habit.weight * log(habit.expected_days) + count * typical) / (habit.weight + count)
        upper = (habit.weight * log(habit.late_days) + count * upper) / (habit.weight + count)
    else:
        typical_of_all = typical
    return Expectation(exp(typical_of_all), exp(max(upper, typical_of_all)), count, exp(typical), habit)


def _densest_half(ordered: Sequence[float]) -> float:
    """Return the middle of the shortest span that holds more than half of the values; of equal spans the middle one."""
    half = len(ordered) // 2
    spans = [ordered[start + half] - ordered[start] for start in range(len(ordered) - half)]
    shortest = min(spans)
    # The first run of neighbours that are equally short: on even values its middle, not its edge.
    start = spans.index(shortest)
    run = next(len(list(same)) for _, same in groupby(spans[start:]))
    start += (run - 1) // 2
    return (ordered[start] + ordered[start + half]) / 2


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies, interpolated (Hyndman and Fan 1996, type 7)."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _weight(people: Sequence[Sequence[float]]) -> float:
    """Return the variance of log gaps within people over that between them (the unbalanced one-way layout)."""
    logs = [[log(gap) for gap in own] for own in people]
    total = sum(map(len, logs))
    spare = total - len(logs)
    if spare <= 0 or len(logs) < 2:
        return _USUAL
    means = [fsum(own) / len(own) for own in logs]
    middle = fsum(fsum(own) for own in logs) / total
    inside = fsum((one - mean) ** 2 for own, mean in zip(logs, means, strict=True) for one in own) / spare
    spread = fsum(len(own) * (mean - middle) ** 2 for own, mean in zip(logs, means, strict=True))
    size = total - fsum(len(own) ** 2 for own in logs) / total
    between = (spread - (len(logs) - 1) * inside) / size
    if between * _HEAVIEST <= inside:  # nobody differs from anybody more than from oneself
        return _HEAVIEST if inside > 0 else _USUAL
    return max(inside / between, _LIGHTEST)
