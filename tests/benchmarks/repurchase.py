"""How well the next order is foretold: the purchase log of CDNOW, each gap predicted from the gaps before it.

The log is shipped by the package `lifetimes`: 23,570 customers who first bought in early 1997, all they bought until
June 1998. Orders of one day are one order. Customers are dealt into ten folds by their number; the habit for the
customers of a fold is learned from the other nine alone, and nothing else is fitted: how much the habit weighs follows
from the same nine folds. A first gap is foretold by the habit alone. Gaps that the end of the log cut off are not seen,
by ours or by what it is compared to.

Run it with `uv run python tests/benchmarks/repurchase.py`; it prints the median error in days beside that of the
person's own median gap and of the global median, and ends with 1 when it is above the limit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import distribution
from statistics import fmean, median
from time import process_time

from campaigns.repurchase import Habit, expect, gaps, habit

LOG = "lifetimes/datasets/CDNOW_master.txt"
FOLDS = 10
LIMIT = 21.0  # days


@dataclass
class Errors:
    """By how many days each way of foretelling was off; `first` are those of ours for customers' first gaps."""

    ours: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    middle: list[float] = field(default_factory=list)  # ours, were the habit its median
    own: list[float] = field(default_factory=list)
    everybody: list[float] = field(default_factory=list)
    late: list[bool] = field(default_factory=list)


def customers() -> Iterator[tuple[int, tuple[float, ...]]]:
    """Yield each customer's number and gaps in days, of those who came back."""
    path = distribution("lifetimes").locate_file(LOG)
    days: dict[int, set[datetime]] = {}
    with open(str(path), encoding="ascii") as lines:
        next(lines)
        for line in lines:
            customer, day, *_ = line.split()
            days.setdefault(int(customer), set()).add(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC))
    for number, theirs in days.items():
        if len(theirs) > 1:
            yield number, gaps(sorted(theirs))


def foretell(errors: Errors, own: Sequence[float], known: Habit, usual: float) -> None:
    """Foretell each gap of one customer from those before it."""
    by_median = Habit(known.gaps, known.people, usual, max(usual, known.late_days), known.weight)
    for number, gap in enumerate(own):
        before = own[:number]
        ours, other = expect(before, known), expect(before, by_median)
        assert ours is not None
        assert other is not None
        errors.ours.append(abs(gap - ours.expected_days))
        errors.middle.append(abs(gap - other.expected_days))
        errors.own.append(abs(gap - (median(before) if before else usual)))
        errors.everybody.append(abs(gap - usual))
        errors.late.append(gap > ours.late_days)
        if not number:
            errors.first.append(errors.ours[-1])


def main() -> int:
    """Print the table; return 1 when the median error is above the limit."""
    everybody = list(customers())
    started, errors, learned = process_time(), Errors(), []
    for fold in range(FOLDS):
        others = [own for customer, own in everybody if customer % FOLDS != fold]
        known, usual = habit(others), median(gap for own in others for gap in own)
        assert known is not None
        learned.append((known, usual))
        for customer, own in everybody:
            if customer % FOLDS == fold:
                foretell(errors, own, known, usual)
    seconds = process_time() - started
    known, usual = learned[-1]
    print(f"{len(errors.ours):,} gaps of {len(everybody):,} customers, {FOLDS} folds, {seconds:.1f} s of CPU")
    print(f"the habit of the last fold: {known.expected_days:g} days, late from {known.late_days:g}, median {usual:g},")
    print(f"counted as {known.weight:.2f} own gaps")
    print(f"{'median':>40} {'mean':>8}   days of error")
    for name, values in (
        ("expected order", errors.ours),
        ("  of them first gaps", errors.first),
        ("expected order, shrunk to the median", errors.middle),
        ("own median gap", errors.own),
        ("global median gap", errors.everybody),
    ):
        print(f"{name:<31} {median(values):8.1f} {fmean(values):8.1f}")
    ours = median(errors.ours)
    print(
        f"ratio to own median {ours / median(errors.own):.2f}, to global median {ours / median(errors.everybody):.2f}"
    )
    print(f"orders after the late day: {fmean(errors.late):.1%}")
    print(f"limit {LIMIT:g} days: {'kept' if ours <= LIMIT else 'BROKEN'}")
    return int(ours > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
