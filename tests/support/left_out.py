"""What a run of the tests leaves out, and why: counted where tests are collected, told at the end of the run.

`uv run python -m tests.full` runs all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

LONG = "that take long (by_name, full)"
COMMAND = "uv run python -m tests.full"
_COUNTS: pytest.StashKey[Counter[str]] = pytest.StashKey()


def leave_out(
    config: pytest.Config, items: list[pytest.Item], is_left_out: Callable[[pytest.Item], object], why: str
) -> None:
    """Take tests out of a run by design and not by skipping; `why` is told at its end with their number."""
    out = [item for item in items if is_left_out(item)]
    if not out:
        return
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]
    counts(config)[why] += len(out)


def counts(config: pytest.Config) -> Counter[str]:
    """Return how many tests were left out of this run so far, by the reason."""
    return config.stash.setdefault(_COUNTS, Counter())


def lines(config: pytest.Config) -> list[str]:
    """Return what the end of a run says of it; nothing where nothing was left out."""
    found = [f"left out: {number} tests {why}" for why, number in sorted(counts(config).items())]
    return [*found, f"          {COMMAND} builds what is missing and runs them"] if found else []
