"""Tests whose module says `NEEDS = "name"` run where that program of `support.outside` is installed, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.left_out import leave_out
from support.outside import OUTSIDE


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has no far end here; the end of the run names it."""

    def needs(name: str) -> Callable[[pytest.Item], bool]:
        return lambda item: getattr(getattr(item, "module", None), "NEEDS", "") == name

    for name, program in OUTSIDE.items():
        if not program.is_built:
            leave_out(config, items, needs(name), f"that need {name}")
