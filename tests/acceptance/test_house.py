"""The house keeps its own rules: style, types, layers, and a wheel that works outside the checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("lint-imports", "--no-cache"),
    ],
    ids=["style", "format", "types", "layers"],
)
@pytest.mark.timeout(600)
def test_the_tools_have_nothing_to_say(command: tuple[str, ...]) -> None:
    program = Path(sys.executable).parent / command[0]

    done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_file_holds_what_the_project_asks_for() -> None:
    uv = Path(sys.executable).parent / "uv"
    program = str(uv) if uv.exists() else "uv"

    done = subprocess.run(
        [program, "lock", "--check", "--offline"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
