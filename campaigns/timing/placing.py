"""The choice of a moment in a window: pick, clock, constraints; a blocked target moves by the rules or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from campaigns.errors import TimingError
from campaigns.timing import constraints, zones
from campaigns.timing.constraints import BlockedError
from campaigns.timing.model import Moments, OnBlocked, Pick, Rules
from campaigns.timing.windows import Raw

_REACH = timedelta(days=400)  # how far a moment may be carried away from its own


@dataclass(frozen=True, slots=True)
class Placed:
    """A window with its moment: `on` and `moved` say where that was before the constraints, and why it is not there."""

    earliest: datetime
    latest: datetime | None
    target: datetime
    on: date
    moved: str


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a moment is looked for: allowed slots from `low` to `high` (UTC, included, None = as far as it goes)."""

    zone: str
    country: str | None
    rules: Rules
    low: datetime | None
    high: datetime | None

    def day(self, moment: datetime) -> date:
        return zones.local(moment, self.zone).date()

    def next(self, moment: datetime) -> datetime | None:
        start = moment if self.low is None else max(moment, self.low)
        return constraints.next_allowed(start, self.zone, self.rules, self.country, until=self.high)

    def previous(self, moment: datetime) -> datetime | None:
        start = moment if self.high is None else min(moment, self.high)
        return constraints.previous_allowed(start, self.zone, self.rules, self.country, since=self.low)

    def reason(self, moment: datetime) -> str:
        return constraints.reason(moment, self.zone, self.rules, self.country)

    def on_day(self, day: date, clock: time, *, before: bool, after: bool) -> datetime | None:
        """Return the slot of the day at the clock or next after it; else, when asked, the first, or the last before."""
        if constraints.day_reason(day, self.rules, self.country):
            return None
        wanted = zones.instant(day, clock, self.zone)
        start, end = zones.start_of_day(day, self.zone), zones.end_of_day(day, self.zone)
        inner = _Field(self.zone, self.country, self.rules, _max(self.low, start), _min(end, self.high))
        if inner.low is not None and inner.high is not None and inner.low > inner.high:
            return None
        found = inner.next(wanted)
        if found is None and before:
            found = inner.previous(wanted)
        if found is None and after:
            found = inner.next(start)
        return found


def place(raw: Raw, at: time | None, moments: Moments, rules: Rules) -> Placed:
    """Choose the moment in the window by `rules.pick`, at `at` or the clock of the rules, in an allowed slot.

    A window that is open at `moments.now` is clipped to it. Raises: BlockedError when no allowed slot is left.
    """
    at = at or raw.clock
    now = moments.now.astimezone(UTC)
    low, high = raw.earliest, raw.latest
    if low < now and (high is None or high >= now):
        low = now
    if high is not None and low > high:
        raise TimingError("its end lies before its beginning", remedy="exchange the two")
    field = _Field(moments.zone, moments.country, rules, low, high)
    if rules.pick is Pick.BEST:
        raise TimingError("`pick: best` needs clicks to learn from", remedy="write earliest, latest, spread or target")
    if rules.pick is Pick.SPREAD and high is not None and high > low:
        spans = tuple(constraints.slots(low, high, moments.zone, rules, moments.country))
        spot = constraints.spread(rules.spread_key, spans)
        if spot is not None:
            return Placed(low, high, spot, field.day(spot), "")
    nominal = _nominal(raw, field, at)
    if isinstance(raw.target, datetime):
        target = _near_instant(max(nominal, low), raw, field, now)
    else:
        target = _near_day(nominal, at, raw, field, now)
    if target is None:
        raise _blocked(nominal, field, raw)
    on = field.day(nominal)
    moved = ""
    if target != nominal:
        clock = f"{zones.local(nominal, moments.zone):%H:%M}"
        moved = field.reason(nominal) or f"{constraints.name_day(on)} {clock} has passed"
    first, last = _settled(raw, field, target, at)
    return Placed(first, last, target, on, moved)


def _nominal(raw: Raw, field: _Field, at: time | None) -> datetime:
    """Return the moment meant before any constraint, by what the rules pick."""
    pick = field.rules.pick
    assert field.low is not None
    if isinstance(raw.target, datetime):
        if pick is Pick.LATEST and field.high is not None:
            return field.high
        return field.low if pick is Pick.EARLIEST else raw.target
    day = raw.target
    if pick is Pick.EARLIEST:
        day = field.day(raw.earliest)
    elif pick is Pick.LATEST and field.high is not None:
        day = field.day(field.high)
    return zones.instant(day, at or field.rules.clock, field.zone)


def _near_instant(wanted: datetime, raw: Raw, field: _Field, now: datetime) -> datetime | None:
    rule = field.rules.on_blocked or raw.on_blocked
    if not field.reason(wanted):
        return wanted
    if rule is OnBlocked.SKIP:
        return None
    for searched in _fields(raw, field, wanted, now):
        later, earlier = searched.next(wanted), searched.previous(wanted)
        if rule is OnBlocked.PRECEDING:
            found = earlier or later
        elif rule is OnBlocked.NEAREST and later is not None and earlier is not None:
            found = earlier if wanted - earlier < later - wanted else later
        else:
            found = later or (earlier if searched.low is not None else None)
        if found is not None:
            return found
    return None


def _near_day(wanted: datetime, at: time | None, raw: Raw, field: _Field, now: datetime) -> datetime | None:
    assert field.low is not None
    if field.low <= wanted and (field.high is None or wanted <= field.high) and not field.reason(wanted):
        return wanted
    day = field.day(wanted)
    clock = at or field.rules.clock
    if wanted < field.low:  # it has passed, or the window opens later that day
        if at is None:
            found = field.next(field.low)
            if found is not None:
                return found
        day = field.day(field.low)
        if zones.instant(day, clock, field.zone) < field.low and at is not None:
            day += timedelta(days=1)
    rule = field.rules.on_blocked or raw.on_blocked
    if rule is OnBlocked.SKIP:
        return field.on_day(day, clock, before=False, after=False)
    for searched in _fields(raw, field, wanted, now):
        for other in _days(day, rule, searched, strict=field.rules.on_blocked is not None):
            found = searched.on_day(other, clock, before=other < day, after=other > day)
            if found is None and other == day and (rule is OnBlocked.PRECEDING or searched.low == searched.high):
                found = searched.on_day(other, clock, before=True, after=False)
            if found is not None:
                return found
        found = searched.on_day(day, clock, before=True, after=True)
        if found is not None:
            return found
    return None


def _fields(raw: Raw, field: _Field, wanted: datetime, now: datetime) -> Iterator[_Field]:
    """Yield the window itself and then, for what may leave it, the days around: not before now, not past the limit."""
    yield field
    explicit = field.rules.on_blocked is not None and raw.latest is not None
    lone = raw.latest is not None and raw.latest - raw.earliest < timedelta(days=1, hours=3)
    if raw.leaves or (explicit and lone):
        low = now if wanted >= now else wanted - _REACH
        if raw.latest is None:
            low = max(low, raw.earliest)  # what comes after something never comes before it
        high = wanted + _REACH
        yield _Field(field.zone, field.country, field.rules, low, _min(high, raw.limit))


def _days(day: date, rule: OnBlocked | None, field: _Field, *, strict: bool) -> Iterator[date]:
    """Yield the days to try in order: the day itself, then later ones, then earlier ones, or as the rule says."""
    first = day if field.low is None else min(day, field.day(field.low))
    last = day + _REACH if field.high is None else max(day, field.day(field.high))
    later = (day + timedelta(days=number) for number in range(1, min(last - day, _REACH).days + 1))
    earlier = (day - timedelta(days=number) for number in range(1, min(day - first, _REACH).days + 1))
    yield day
    if rule is OnBlocked.NEAREST:
        yield from sorted((*later, *earlier), key=lambda other: (abs((other - day).days), other < day))
    elif rule is OnBlocked.PRECEDING:
        yield from earlier
        if not strict or field.high is None:  # nothing precedes the first day of an open window
            yield from later
    else:
        yield from later
        if not strict:
            yield from earlier


def _settled(raw: Raw, field: _Field, target: datetime, at: time | None) -> tuple[datetime, datetime | None]:
    """Make the window fit its moment: a lone moment is its own window, a day that moved is another day."""
    low, high = field.low, field.high
    assert low is not None
    one_day = high is not None and not isinstance(raw.target, datetime) and field.day(raw.earliest) == field.day(high)
    if high is not None and (raw.earliest == raw.latest or (at is not None and one_day)):
        return target, target
    if low <= target and (high is None or target <= high):
        return low, high
    if one_day:
        day = field.day(target)
        return zones.start_of_day(day, field.zone), zones.end_of_day(day, field.zone)
    return min(low, target), None if high is None else max(high, target)


def _blocked(nominal: datetime, field: _Field, raw: Raw) -> BlockedError:
    why = field.reason(nominal) or "the rest of its window is blocked"
    if field.rules.on_blocked is OnBlocked.SKIP:
        return BlockedError(f"left out: {why}", skipped=True)
    remedy = "allow more weekdays or hours, or another day"
    if field.rules.on_blocked is None and raw.latest is not None:
        remedy = "write `on_blocked: preceding` or `following`, or allow more weekdays or hours"
    return BlockedError(f"no allowed slot is left: {why}", remedy=remedy)


def _max(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def _min(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else min(one, other)
