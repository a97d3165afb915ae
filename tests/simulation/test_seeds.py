"""Deterministic simulation: seeds lived through on a virtual clock with faults, every invariant asked at every commit.

`CAMPAIGN_SEED=4711 uv run pytest tests/simulation/test_seeds.py -k one_seed` lives through one seed and prints its
story; `uv run python -m tests.simulation 20000` lives through many.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulation.simulate import FAULTS, simulate

SEEDS = 1_000  # the first of them; `uv run python -m tests.simulation 20000` lives through many more
SHARDS = 10
CORPUS = Path(__file__).parent / "corpus.txt"
PLAIN = 10  # seeds whose hash another interpreter has to repeat


def corpus() -> list[int]:
    lines = (line.split("#")[0].split() for line in CORPUS.read_text(encoding="utf-8").splitlines())
    return [int(line[0]) for line in lines if line]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_seed_breaks_an_invariant(shard: int) -> None:
    """And a hundred seeds meet every fault, and reach people in spite of it."""
    deaths, reached, sent, faults = 0, 0, 0, set[str]()
    for seed in range(shard, SEEDS, SHARDS):
        report = simulate(seed)

        assert not report.violations, report.line
        deaths, reached, sent = deaths + report.deaths, reached + report.reached, sent + report.states["sent"]
        faults |= set(report.options.faults)

    assert faults == set(FAULTS)
    assert deaths >= 30
    assert min(reached, sent) >= 100


def test_what_once_failed_stays_mended() -> None:
    for seed in corpus():
        report = simulate(seed)

        assert not report.violations, report.line


def test_one_seed() -> None:
    report = simulate(int(os.environ.get("CAMPAIGN_SEED", "0")))

    print("\n".join(report.log))
    assert not report.violations, report.line


def test_the_same_seed_gives_the_same_log_in_another_interpreter() -> None:
    digests = [simulate(seed).digest for seed in range(PLAIN)]
    script = f"from simulation.simulate import simulate; print(*(simulate(seed).digest for seed in range({PLAIN})))"
    root = Path(__file__).parents[1]

    told = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(root), str(root.parent))), "PYTHONHASHSEED": "7"},
    )

    assert told.stdout.split() == digests
