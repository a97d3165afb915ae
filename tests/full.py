"""`uv run python -m tests.full`: all that the gate leaves out, after building the far ends that are not there yet.

That is every accident (`pytest tests/faults --full`, about an hour) and the tests against programs of others: Bluesky's
reference server and a mock server of published APIs, which npm fetches once (the machine's, else a wheel's). `--peers`
runs these alone. Exit 1 when something fails or is missing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from support import pds
from support.outside import OUTSIDE

TESTS = Path(__file__).parent
_MARKS = ("NEEDS =", "mark.pds")  # of modules that need a far end which not every machine has


def build() -> list[str]:
    """Build what is not there; return the names of what still is not."""
    if not pds.is_built():
        pds.build()
    for program in OUTSIDE.values():
        if not program.is_built:
            program.build()
    missing = [] if pds.is_built() else ["the reference server of Bluesky"]
    return missing + [name for name, program in OUTSIDE.items() if not program.is_built]


def modules() -> list[str]:
    """Return the modules of tests that need a far end of others, as paths below the project."""
    found = (
        path for path in sorted(TESTS.rglob("test_*.py")) if any(mark in path.read_text("utf-8") for mark in _MARKS)
    )
    return [str(path.relative_to(TESTS.parent)) for path in found]


def runs(processes: int) -> list[list[str]]:
    """Return what is run, one after the other: arguments of pytest."""
    spread = ["-n", str(processes)]
    return [[*modules(), *spread], ["tests/faults", "--full", *spread]]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.full", description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--peers", action="store_true", help="only what needs programs of others, in minutes")
    asked = parser.parse_args(argv)
    if missing := build():
        print(f"cannot build {' and '.join(missing)}: see above", file=sys.stderr)
        return 1
    planned = runs(asked.processes)[: 1 if asked.peers else None]
    codes = [
        subprocess.run([sys.executable, "-m", "pytest", *run], cwd=TESTS.parent, check=False).returncode
        for run in planned
    ]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    raise SystemExit(main())
