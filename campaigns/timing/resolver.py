"""Timings and reference moments to windows: the one pure function from "when" to instants."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from campaigns.errors import TimingError
from campaigns.timing import days, placing, readings, recurrence, windows, zones
from campaigns.timing.constraints import BlockedError
from campaigns.timing.model import Here, Moments, OnBlocked, Repeat, Rules, Span, Timing, Window
from campaigns.timing.placing import Placed
from campaigns.timing.windows import Raw

_SHOWN = 12  # occurrences of a repetition without an end
_MOST = 3660


def resolve(timing: Timing, moments: Moments, rules: Rules = Rules()) -> Window:  # noqa: B008 - Rules is frozen
    """Return the window of the timing with its moment, as aware datetimes in the zone `moments.zone`.

    `latest` is included, and None when the window is open. Whether it has passed is the caller's to judge: compare
    `latest` with now. Raises: UnresolvedError for a moment nobody knows yet, BlockedError when the rules leave no slot,
    TimingError for what the calendar does not have.
    """
    try:
        if timing.repeat is not None:
            return _recurring(timing, timing.repeat, moments, rules)
        placed = placing.place(windows.choose(timing, moments, rules), timing.at, moments, rules)
        return _window(placed, moments.zone)
    except OverflowError:
        raise TimingError("the moment is too far away", remedy="count in fewer or smaller units") from None


def add_span(moment: datetime, span: Span, zone: str, *, sign: int = 1, country: str | None = None) -> datetime:
    """Return the aware `moment` moved by the span, in the zone: hours on the instant, days and longer on the date.

    A local time that does not exist there moves forward. Raises: TimingError when it is too far away.
    """
    try:
        if span.unit.exact:
            unit = timedelta(**{span.unit.value: 1})
            return zones.local(moment.astimezone(UTC) + sign * span.amount * unit, zone)
        local = zones.local(moment, zone)
        day = days.add(local.date(), sign * span.amount, span.unit, country)
        return zones.local(zones.instant(day, local.time(), zone), zone)
    except OverflowError:
        raise TimingError(f"{span} from {moment:%Y-%m-%d} is too far away") from None


def _window(placed: Placed, zone: str, occurrences: tuple[datetime, ...] = ()) -> Window:
    earliest, target = zones.local(placed.earliest, zone), zones.local(placed.target, zone)
    latest = None if placed.latest is None else zones.local(placed.latest, zone)
    return Window(
        earliest=earliest,
        latest=latest,
        target=target,
        occurrences=occurrences,
        says=readings.reading(earliest, latest, target, placed.moved),
        on=placed.on,
        moved=placed.moved,
    )


def _recurring(timing: Timing, repeat: Repeat, moments: Moments, rules: Rules) -> Window:
    """Resolve a repetition: its first occurrences, from the reference day (or the timing's own first day) on."""
    zone = moments.zone
    base = replace(timing, repeat=None)
    now = moments.now.astimezone(UTC)
    clock = timing.at or rules.clock
    exact = recurrence.is_exact(repeat)
    if isinstance(timing.anchor, Here):
        here = max(moments.previous or moments.start or now, now).astimezone(UTC)
        first = here if exact else _first(here, clock, zone)
    else:
        first = windows.choose(base, moments, rules).earliest
    end = _end(repeat, moments, rules)
    limit = _SHOWN if end is None and repeat.times is None else repeat.times or _MOST
    found: list[Placed] = []
    following = rules if rules.on_blocked is not None else replace(rules, on_blocked=OnBlocked.FOLLOWING)
    walk = recurrence.moments(repeat, first, zone, None if exact else clock)
    for moment in islice(walk, _MOST * 2):
        if (end is not None and moment > end) or len(found) >= limit:
            break
        if moment < now:
            continue
        try:
            placed = placing.place(_occurrence(moment, zone, exact=exact), clock, moments, following)
        except BlockedError as error:
            if error.skipped:
                continue
            raise
        if not found or placed.target > found[-1].target:
            found.append(placed)
    if not found:
        raise TimingError("it never occurs before its end", remedy="give it a later end, or none")
    occurrences = tuple(zones.local(placed.target, zone) for placed in found)
    head = found[0]
    open_ended = end is None and repeat.times is None
    whole = replace(head, latest=None if open_ended else found[-1].target)
    window = _window(whole, zone, occurrences)
    count = "" if open_ended else f", {len(found)} times until {readings.day(occurrences[-1])}"
    if len(found) == 1 and not open_ended:
        count = ", once"
    return replace(window, says=f"{_window(head, zone).says}{count}")


def _occurrence(moment: datetime, zone: str, *, exact: bool) -> Raw:
    """Return the window of one occurrence: its local day, or the instant of a rule that counts hours."""
    if exact:
        return Raw(moment, moment, moment, OnBlocked.FOLLOWING, leaves=True)
    day = zones.local(moment, zone).date()
    return Raw(zones.start_of_day(day, zone), zones.end_of_day(day, zone), day, OnBlocked.FOLLOWING, leaves=True)


def _first(here: datetime, clock: time, zone: str) -> datetime:
    """Return the clock on the reference day, or on the next day when it has passed there."""
    day = zones.local(here, zone).date()
    first = zones.instant(day, clock, zone)
    return first if first >= here else zones.instant(day + days.ONE_DAY, clock, zone)


def _end(repeat: Repeat, moments: Moments, rules: Rules) -> datetime | None:
    ends = [] if moments.end is None else [moments.end.astimezone(UTC)]
    if repeat.until is not None:
        latest = windows.choose(repeat.until, moments, rules).latest
        if latest is not None:
            ends.append(latest)
    return min(ends) if ends else None
