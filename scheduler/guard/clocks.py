"""What a reading of the clocks means beside the one before it; pure, no clock and no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# A wall clock that runs ahead of the monotonic one by no more than this was set right, not set wrong: NTP steps by
# seconds, a person by minutes.
STEP = timedelta(minutes=10)
# A machine that slept through a night and the next day wakes within 26 hours; more than a day and the two hours by
# which zones and daylight saving may differ is a wrong clock until a person says otherwise.
LONGEST_SLEEP = timedelta(hours=26)
# After this long without a look somebody should see what would go late before it goes.
LONGEST_DOWNTIME = timedelta(hours=24)
# A restart is no downtime: what is due goes on at once.
SHORTEST_DOWNTIME = timedelta(hours=1)
# So many late messages go without asking.
MOST_LATE = 100
# Between this machine's clock and the database server's.
SKEW_TOLD = timedelta(seconds=5)
SKEW_HELD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at both clocks: the wall's moment (aware UTC), and monotonic seconds."""

    wall: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class Step:
    """What went by since the look before: `absent` by the wall clock, and `jump` of it without time having passed.

    `back` is by how much the wall clock was turned back: nothing fires again, and what is due goes on. None of them is
    negative.
    """

    absent: timedelta
    jump: timedelta
    back: timedelta = timedelta()


def step(highest: datetime, before: Reading, now: Reading) -> Step:
    """Compare a look with the one before it.

    `highest` is the latest wall moment ever seen: a clock that was behind and is set right again has not jumped.
    """
    passed = timedelta(seconds=now.monotonic - before.monotonic)
    absent = now.wall - max(highest, before.wall)
    back = passed - (now.wall - before.wall)
    return Step(max(absent, timedelta()), max(absent - passed, timedelta()), max(back, timedelta()))


def is_asleep(step: Step) -> bool:
    """Whether the machine slept, or its clock was set forward, by a span that a late policy can answer."""
    return STEP < step.jump <= LONGEST_SLEEP


def is_turned_back(step: Step) -> bool:
    """Whether the clock was set back so far that what began to wait before waits too long."""
    return step.back > STEP


def is_wrong(step: Step) -> bool:
    """Whether the clock jumped so far that it must be taken for wrong."""
    return step.jump > LONGEST_SLEEP


def must_ask(absent: timedelta, late: int) -> bool:
    """Whether a person has to see what would go late after nobody looked for so long."""
    return late > 0 and (absent > LONGEST_DOWNTIME or (absent > SHORTEST_DOWNTIME and late > MOST_LATE))
