"""The simulation is worth what it finds: bugs of the kinds other systems had are planted, and each one is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from simulation.planted import BUGS, MOST_SEEDS, hunt


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug: Callable[..., object]) -> None:
    seeds, report = hunt(bug)

    assert report is not None, f"not found in {MOST_SEEDS} seeds"
    assert report.violations
    assert seeds <= MOST_SEEDS
