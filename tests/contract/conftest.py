"""Tests whose module says `NEEDS = "name"` run where that program of `support.outside` is installed, and only there."""

from __future__ import annotations

import pytest
from support.outside import OUTSIDE

_LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has no far end here; `pytest_terminal_summary` names it."""
    left = config.stash.setdefault(_LEFT_OUT, {})
    out = []
    for item in items:
        need = getattr(getattr(item, "module", None), "NEEDS", None)
        if need is not None and not OUTSIDE[need].path.exists():
            left[need] = left.get(need, 0) + 1
            out.append(item)
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out, and how to have it."""
    for need, number in terminalreporter.config.stash.get(_LEFT_OUT, {}).items():
        terminalreporter.write_line(f"left out: {number} tests that need {need} ({OUTSIDE[need].how})", yellow=True)
