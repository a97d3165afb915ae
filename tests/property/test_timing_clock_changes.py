"""Laws of zones and clock changes: every zone over ten years, and agreement with an independent library."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
import whenever
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import CampaignError
from campaigns.timing import phrases, resolver, zones
from campaigns.timing.many import AfterEvents
from campaigns.timing.model import (
    Event,
    Fixed,
    Hours,
    Moments,
    Offset,
    OnBlocked,
    Pick,
    Relation,
    Rules,
    Span,
    Timing,
    Unit,
)

NAMES = tuple(name for name in zones.names() if name != "Factory")
ZONES = st.sampled_from(NAMES)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 12 * 365 * 86400).map(lambda seconds: FIRST + timedelta(seconds=seconds))
CLOCKS = st.builds(time, st.integers(0, 23), st.integers(0, 59))

whenever.reset_tzpath([])  # the pinned package of the product, not the machine's copy


def told(moment: datetime, zone: str) -> whenever.ZonedDateTime:
    return whenever.Instant(moment.astimezone(UTC)).to_tz(zone)


@pytest.mark.parametrize("zone", NAMES)
def test_every_day_of_ten_years_has_its_instants_in_order(zone: str) -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(3653)]

    starts = [zones.start_of_day(day, zone) for day in days]

    assert all(timedelta(hours=22) <= later - earlier <= timedelta(hours=26) for earlier, later in pairwise(starts))
    changes = {
        day for day, (one, other) in zip(days, pairwise(starts), strict=False) if other - one != timedelta(days=1)
    }
    for day in sorted(changes | {days[0], days[-1]}):
        for around in (day - timedelta(days=1), day, day + timedelta(days=1)):
            end = zones.end_of_day(around, zone)
            assert end + timedelta(seconds=1) == zones.start_of_day(around + timedelta(days=1), zone)
            for minute in range(0, 1440, 30):
                moment = zones.instant(around, time(minute // 60, minute % 60), zone)
                assert zones.start_of_day(around, zone) <= moment <= end + timedelta(hours=3)


@given(ZONES, st.dates(date(2024, 1, 1), date(2036, 12, 31)), CLOCKS)
@settings(max_examples=400, deadline=None)
def test_local_times_agree_with_whenever(zone: str, day: date, clock: time) -> None:
    local = whenever.PlainDateTime(day.year, day.month, day.day, clock.hour, clock.minute)

    expected = local.assume_tz(zone, disambiguation="compatible")

    assert told(zones.instant(day, clock, zone), zone) == expected


@given(MOMENTS, ZONES, st.integers(0, 400), st.sampled_from([Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.YEAR]))
@settings(max_examples=400, deadline=None)
def test_calendar_spans_agree_with_whenever(now: datetime, zone: str, amount: int, unit: Unit) -> None:
    amount = min(amount, 12) if unit is Unit.YEAR else amount
    local = zones.local(now, zone)
    plain = whenever.PlainDateTime(*local.timetuple()[:6])  # the rule is the first pass, also where it starts

    later = resolver.add_span(now, Span(amount, unit), zone)

    moved = plain.date().add(**{unit.value: amount}).at(plain.time())
    assert told(later, zone) == moved.assume_tz(zone, disambiguation="compatible")


@given(MOMENTS, ZONES, st.integers(0, 20_000), st.sampled_from([Unit.HOUR, Unit.MINUTE]))
@settings(max_examples=200, deadline=None)
def test_exact_spans_agree_with_whenever(now: datetime, zone: str, amount: int, unit: Unit) -> None:
    later = resolver.add_span(now, Span(amount, unit), zone)

    assert told(later, zone) == told(now, zone).add(**{unit.value: amount})


@given(MOMENTS, ZONES, st.integers(0, 60), CLOCKS)
@settings(max_examples=200, deadline=None)
def test_days_after_an_event_agree_with_whenever(event: datetime, zone: str, days: int, clock: time) -> None:
    timing = Timing(Event("purchase"), Relation.OFFSET, Offset(Unit.DAY, days, days), at=clock)
    moments = Moments(now=FIRST - timedelta(days=1), zone=zone, events={"purchase": event})

    window = resolver.resolve(timing, moments)

    day = told(event, zone).date().add(days=days)
    expected = day.at(whenever.Time(clock.hour, clock.minute)).assume_tz(zone, disambiguation="compatible")
    assert told(window.target, zone) == expected


HOURS = st.none() | st.builds(Hours, CLOCKS, CLOCKS).filter(lambda hours: hours.start != hours.end)
FOLLOWING = st.builds(
    Rules,
    clock=CLOCKS,
    pick=st.sampled_from([Pick.TARGET, Pick.EARLIEST, Pick.LATEST, Pick.SPREAD]),
    send_hours=HOURS,
    quiet_hours=HOURS,
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    on_blocked=st.sampled_from([None, OnBlocked.FOLLOWING]),
    spread_key=st.text(max_size=4),
)


@given(
    MOMENTS,
    st.integers(0, 5000),
    ZONES,
    FOLLOWING,
    st.integers(0, 30),
    st.sampled_from([Unit.MINUTE, Unit.HOUR, Unit.DAY, Unit.WEEK, Unit.MONTH]),
)
@settings(max_examples=400, deadline=None)
def test_what_follows_an_event_is_never_early(
    event: datetime, passed: int, zone: str, rules: Rules, amount: int, unit: Unit
) -> None:
    now = event + timedelta(minutes=passed)
    timing = Timing(Event("purchase"), Relation.OFFSET, Offset(unit, amount, amount))

    try:
        window = resolver.resolve(timing, Moments(now=now, zone=zone, events={"purchase": event}), rules)
    except CampaignError:
        return

    assert window.target >= event
    earliest = resolver.add_span(event, Span(amount, unit), zone)
    if unit.exact:
        assert window.target >= earliest
    assert window.target.date() >= earliest.date()


@given(MOMENTS, ZONES, FOLLOWING, st.sampled_from(["after {}", "by {}", "before {}"]), st.integers(1, 12))
@settings(max_examples=300, deadline=None)
def test_what_lies_before_or_after_a_day_stays_on_its_side(
    now: datetime, zone: str, rules: Rules, pattern: str, month: int
) -> None:
    timing = phrases.parse(pattern.format(f"2037-{month:02}-15"))
    assert timing.anchor == Fixed(month, 15, 2037)

    try:
        window = resolver.resolve(timing, Moments(now=now, zone=zone), rules)
    except CampaignError:
        return

    day = window.target.date()
    assert window.target >= now
    if pattern.startswith("after"):
        assert day > date(2037, month, 15)
    else:
        assert day < date(2037, month, 15) or (pattern.startswith("by") and day == date(2037, month, 15))


@given(
    st.lists(st.tuples(MOMENTS, ZONES), min_size=1, max_size=20),
    FOLLOWING,
    CLOCKS,
    st.integers(1, 30),
    st.sampled_from([Unit.DAY, Unit.WEEK, Unit.MONTH]),
)
@settings(max_examples=200, deadline=None)
def test_many_events_are_due_when_each_of_them_is(
    events: list[tuple[datetime, str]], rules: Rules, clock: time, amount: int, unit: Unit
) -> None:
    timing = Timing(Event("purchase"), Relation.OFFSET, Offset(unit, amount, amount), at=clock)
    many = AfterEvents(timing, rules)

    for event_at, zone in events:
        moments = Moments(now=event_at, zone=zone, previous=event_at, events={"purchase": event_at})
        try:
            expected = resolver.resolve(timing, moments, rules).target
        except CampaignError:
            with pytest.raises(CampaignError):
                many.due(event_at, zone)
        else:
            assert many.due(event_at, zone) == expected


@pytest.mark.parametrize(
    ("zone", "event", "due"),
    [
        ("Europe/Paris", "2027-03-25T10:00:00Z", "2027-03-28T01:30:00Z"),  # 02:30 is skipped
        ("Africa/Cairo", "2027-04-27T10:00:00Z", "2027-04-29T23:30:00Z"),
    ],
)
def test_many_events_heed_skipped_times(zone: str, event: str, due: str) -> None:
    timing = phrases.parse("3 days after purchase at 2:30")

    found = AfterEvents(timing).due(datetime.fromisoformat(event), zone)

    assert found == datetime.fromisoformat(due)
