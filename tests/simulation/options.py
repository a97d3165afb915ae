"""What a seed draws before its first step, and what is reported of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from simulation.invariants import Violation
from simulation.shapes import SHAPES, STARTS

from scheduler.simulation import Chance

LATER_SHAPES = ("steps", "launch")  # seeds keep what they were drawn before these
FIRST_SHAPES = tuple(shape for shape in SHAPES if shape.name not in LATER_SHAPES)
FAULTS = (
    "crash",
    "certain",
    "uncertain",
    "slow",
    "busy",
    "full",
    "back",
    "forward",
    "suspend",
    "stall",
    "deaf",
    "two",
    "leap",
    "restore",
)
DEEDS = ("edit", "pause", "cancel", "unsubscribe", "import", "resolve", "again")
CROWDS = (("lea",), ("lea", "karim"), ("lea", "nina", "tom"))
HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that was drawn before the first step."""

    seed: int
    shape: str
    start: int
    crowd: tuple[str, ...]
    faults: tuple[str, ...]
    deeds: tuple[str, ...]

    def __str__(self) -> str:
        parts = (self.shape, f"start {self.start}", "+".join(self.crowd), "faults " + ("+".join(self.faults) or "none"))
        return ", ".join((*parts, "deeds " + ("+".join(self.deeds) or "none")))


@dataclass(slots=True)
class Report:
    """What a seed showed."""

    options: Options
    digest: str
    violations: list[Violation]
    states: Counter[str]
    reached: int
    deaths: int
    uncertain: int
    commits: int
    log: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The one line that reproduces it."""
        seed = self.options.seed
        command = f"CAMPAIGN_SEED={seed} uv run pytest tests/simulation/test_seeds.py -k one_seed"
        return f"{command}  # {self.options}: {self.violations[0] if self.violations else 'all well'}"


def options(seed: int) -> Options:
    """Draw a seed's options: swarm testing, each fault and each deed is in about a third of the seeds."""
    chance = Chance(seed, "options")
    share = chance.pick((0.15, 0.3, 0.5))
    shape = chance.pick(FIRST_SHAPES).name if not Chance(seed, "sequence").happens(0.12) else "steps"
    return Options(
        seed,
        "launch" if Chance(seed, "campaign").happens(0.08) else shape,
        chance.below(len(STARTS)),
        chance.pick(CROWDS),
        chance.some(FAULTS, share),
        chance.some(DEEDS, 0.35),
    )
