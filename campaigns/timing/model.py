"""The timing model: what a phrase or a structured `when:` says, as frozen values; no clock, no calendar here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum


class Unit(StrEnum):
    """Units of an offset: minutes and hours are exact, the others are counted on the local calendar."""

    MINUTE = "minutes"
    HOUR = "hours"
    DAY = "days"
    BUSINESS_DAY = "business_days"  # Monday to Friday without the country's public holidays
    OPEN_DAY = "open_days"  # Monday to Saturday without them: French "jours ouvrables", German "Werktage"
    WEEK = "weeks"
    MONTH = "months"
    YEAR = "years"

    @property
    def exact(self) -> bool:
        """Whether this unit is added to the instant (True) or to the local date (False)."""
        return self in (Unit.MINUTE, Unit.HOUR)


class Part(StrEnum):
    """Which part of a period: windows by thirds and halves (UCP 600 art. 3), targets by Geneva ULB art. 36."""

    START = "start"
    MIDDLE = "middle"
    END = "end"
    FIRST_HALF = "first_half"
    SECOND_HALF = "second_half"
    WHOLE = "whole"


class PeriodUnit(StrEnum):
    """What a period is a part of."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Relation(StrEnum):
    """How the window lies to its anchor. OFFSET: anchor + offset; WITHIN: from the anchor to anchor + offset.

    AFTER leaves the anchor out, FROM begins with it; both are open.
    """

    ON = "on"
    OFFSET = "offset"
    WITHIN = "within"
    BEFORE = "before"
    BY = "by"
    AFTER = "after"
    FROM = "from"
    ABOUT = "about"
    BETWEEN = "between"


class Pick(StrEnum):
    """Which moment of the window is taken."""

    TARGET = "target"
    EARLIEST = "earliest"
    LATEST = "latest"
    SPREAD = "spread"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Now:
    """As soon as possible: the planning reference moment, no offset, no jitter."""


@dataclass(frozen=True, slots=True)
class Here:
    """Where the phrase stands: `Moments.previous` when somebody supplied it, else the reference moment.

    "In 3 days", "within 48 hours", "tomorrow", "next business day" count from here; "3 days later" counts from
    `Previous`, which is unresolved while unknown.
    """


@dataclass(frozen=True, slots=True)
class CampaignStart:
    """The campaign's `starts:`, or the moment of its first apply."""


@dataclass(frozen=True, slots=True)
class CampaignEnd:
    """The campaign's `ends:`."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A date, with or without a year; with `clock` and `zone` an instant of its own."""

    month: int
    day: int
    year: int | None = None
    clock: time | None = None
    zone: str | None = None
    weekday: int | None = None  # 0 = Monday, when the author named it; must agree with the date


@dataclass(frozen=True, slots=True)
class Period:
    """A part of a week, month, quarter or year.

    `number` is 1-12 or 1-4; without it, the period `shift` periods after the reference day's.
    """

    part: Part
    of: PeriodUnit
    number: int | None = None
    year: int | None = None
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Occasion:
    """A named day (canonical id, e.g. `valentines-day`); the country decides its date.

    `the-day` is the day the campaign is about ("J-10", "the occasion"): `Moments.occasions["the-day"]`, else its end.
    """

    name: str
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Weekday:
    """The next such weekday strictly after the reference day (0 = Monday).

    With `shift_weeks` n > 0 the one in the calendar week (Monday to Sunday) n weeks after the reference day's.
    """

    weekday: int
    shift_weeks: int = 0


@dataclass(frozen=True, slots=True)
class Nth:
    """The n-th (1-5, -1 = last; a `day` 1-31) weekday (0-6), day, business day or week of a month.

    A week is a run of seven days from the 1st on, the last one the last seven. Without `month`, of the month `shift`
    months after the reference day's; with neither, the next one.
    """

    n: int
    what: str  # "0".."6" weekday, "day", "business_day" or "week"
    month: int | None = None
    year: int | None = None
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """The weekday ("0".."6") or weekend nearest before (`sign` -1) or after (+1) another anchor, wholly outside it."""

    what: str  # "0".."6" weekday, or "weekend"
    sign: int
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class Previous:
    """What "later" counts from: the previous stage, a touch's stage, an offer's `from:`, or the event.

    The planner supplies it (DECISIONS 24); real once sent, else planned. Unknown is unresolved, never now.
    """


@dataclass(frozen=True, slots=True)
class Stage:
    """The moment of a touch's own stage, or of the stage named."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class Touch:
    """The moment of the touch named: real once sent, else planned (offers count from it)."""

    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """A person's event; `expected` asks for the moment it is expected at (`the expected order`, `event.expected`).

    `late` asks for the moment from which on it is late (`the overdue order`).
    """

    name: str | None = None  # None: the event that started the run
    expected: bool = False
    yearly: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class OfferEnd:
    """The end of the offer the touch quotes."""


Anchor = (
    Now
    | Here
    | CampaignStart
    | CampaignEnd
    | Fixed
    | Period
    | Occasion
    | Weekday
    | Nth
    | Beside
    | Previous
    | Stage
    | Touch
    | Event
    | OfferEnd
)


@dataclass(frozen=True, slots=True)
class Offset:
    """`low` to `high` units (low <= high, both 0..3660) in the direction of `sign` (+1 later, -1 before)."""

    unit: Unit
    low: int
    high: int
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Repeat:
    """A recurrence on naive local days: `rule` is an RFC 5545 RRULE without DTSTART, UNTIL and COUNT."""

    rule: str
    until: Timing | None = None
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """What `when:` says; `phrase` is the author's text, empty when written structurally, and no part of equality."""

    anchor: Anchor
    relation: Relation = Relation.ON
    offset: Offset | None = None
    second: Anchor | None = None  # the other end of BETWEEN
    at: time | None = None
    repeat: Repeat | None = None
    phrase: str = field(default="", compare=False)
    language: str = field(default="en", compare=False)

    def anchors(self) -> Iterator[Anchor]:
        """Yield what the window lies to: the one or two anchors, and after a day beside another that other."""
        for first in (self.anchor, self.second):
            anchor = first
            while anchor is not None:
                yield anchor
                anchor = anchor.anchor if isinstance(anchor, Beside) else None


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in one unit, e.g. `30 days`; days and longer are counted on the local calendar."""

    amount: int
    unit: Unit

    def __str__(self) -> str:
        name = self.unit.value.replace("_", " ")
        return f"{self.amount} {name[:-1] if self.amount == 1 else name}"


@dataclass(frozen=True, slots=True)
class Hours:
    """A daily span of local wall time, `start` included, `end` excluded; crosses midnight when end <= start."""

    start: time
    end: time

    def contains(self, clock: time) -> bool:
        """Whether the wall time `clock` lies inside."""
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


class OnBlocked(StrEnum):
    """Where a target on a blocked day goes (names of FpML's business day conventions)."""

    FOLLOWING = "following"
    PRECEDING = "preceding"
    NEAREST = "nearest"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a moment must satisfy beside its window, and how to choose one; the defaults allow everything.

    `clock` is the local time of a touch that names none; exact offsets and "as soon as possible" keep their instant.
    `weekdays` holds 0 (Monday) to 6; empty `send_hours` means all day.
    """

    clock: time = time(10, 0)
    pick: Pick = Pick.TARGET
    send_hours: Hours | None = None
    quiet_hours: Hours | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    avoid_holidays: bool = False
    closed_days: frozenset[date] = frozenset()
    on_blocked: OnBlocked | None = None  # None: preceding before an anchor, following after it, inside for periods
    feb29: str = "feb28"  # feb28, mar1 or skip
    spread_key: str = ""  # what `pick: spread` hashes


@dataclass(frozen=True, slots=True)
class Moments:
    """The reference moments a timing is resolved from; aware datetimes, None where nobody knows.

    `now` is the reference moment of the plan (the first apply of the edition, else the present), `previous` what
    "later" counts from, `events` maps event names to moments (a lone event may be named `event`), `expected` to the
    moments they are expected at, `late` to those from which on they are late. `floor` is the day before which a date
    without a year may not fall.
    `previous_is_date` says whether whole days count from the date of `previous` (a stage: the touch goes at the clock)
    or from its instant (an event: it keeps the wall-clock time); None means a date unless it is one of `events`.
    """

    now: datetime
    zone: str = "UTC"
    country: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    previous: datetime | None = None
    stage: datetime | None = None
    stages: Mapping[str, datetime] = field(default_factory=dict)
    touches: Mapping[str, datetime] = field(default_factory=dict)
    events: Mapping[str, datetime] = field(default_factory=dict)
    expected: Mapping[str, datetime] = field(default_factory=dict)
    late: Mapping[str, datetime] = field(default_factory=dict)
    offer_end: datetime | None = None
    occasions: Mapping[str, Timing] = field(default_factory=dict)  # the file's own days
    floor: date | None = None
    previous_is_date: bool | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A resolved timing: aware moments; `latest` is inclusive and None when open; `says` is the reading in words."""

    earliest: datetime
    latest: datetime | None
    target: datetime
    occurrences: tuple[datetime, ...] = ()
    says: str = ""
    on: date | None = None  # the nominal local day of the target, before constraints moved it
    moved: str = ""  # why the target is not the nominal one ("1 Jan is a holiday"), else empty
