"""`uv run python -m tests.simulation 20000`: lives through so many seeds on every processor and tells what it found.

`--from N` begins at another seed. Exit 1 when a seed broke an invariant; each is told in one line that reproduces it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulation.simulate import simulate

CHUNK = 100


def chunk(begin: int, count: int) -> tuple[int, Counter[str], list[str]]:
    """Live through some seeds; return how many messages reached somebody, the states of all, and what went wrong."""
    reached, states, lines = 0, Counter[str](), []
    for seed in range(begin, begin + count):
        report = simulate(seed)
        reached += report.reached
        states += report.states
        if report.violations:
            lines.append(report.line)
    return reached, states, lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", type=int)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    begun, reached, broken, states = time.perf_counter(), 0, 0, Counter[str]()
    begins = range(asked.first, asked.first + asked.seeds, CHUNK)
    sizes = [min(CHUNK, asked.first + asked.seeds - begin) for begin in begins]
    with ProcessPoolExecutor(asked.processes) as pool:
        for count, ended, lines in pool.map(chunk, begins, sizes):
            reached += count
            states += ended
            broken += len(lines)
            for line in lines:
                print(line, flush=True)
    seconds = time.perf_counter() - begun
    told = ", ".join(f"{state} {number}" for state, number in sorted(states.items()))
    print(
        f"{asked.seeds} seeds in {seconds:.0f} s ({asked.seeds / seconds:.1f}/s): {broken} broke an invariant;"
        f" {reached} messages reached somebody; {told}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
