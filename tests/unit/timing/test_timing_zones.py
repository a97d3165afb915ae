from datetime import UTC, date, datetime, time

import pytest

from campaigns.errors import TimingError
from campaigns.timing import resolver, zones
from campaigns.timing.model import Span, Unit

# zone, local date and time asked for, the answer in local time, the same in UTC
TRICKY = [
    ("Europe/Paris", "2027-03-28T02:30", "2027-03-28T03:30+02:00", "2027-03-28T01:30Z"),
    ("Europe/Paris", "2027-10-31T02:30", "2027-10-31T02:30+02:00", "2027-10-31T00:30Z"),
    ("Europe/Bucharest", "2027-03-28T03:00", "2027-03-28T04:00+03:00", "2027-03-28T01:00Z"),
    ("Europe/Bucharest", "2027-10-31T03:59:59", "2027-10-31T03:59:59+03:00", "2027-10-31T00:59:59Z"),
    ("Europe/Chisinau", "2027-03-28T03:30", "2027-03-28T04:30+03:00", "2027-03-28T01:30Z"),
    ("America/New_York", "2027-03-14T02:30", "2027-03-14T03:30-04:00", "2027-03-14T07:30Z"),
    ("America/New_York", "2027-11-07T01:30", "2027-11-07T01:30-04:00", "2027-11-07T05:30Z"),
    ("Europe/London", "2027-03-28T01:30", "2027-03-28T02:30+01:00", "2027-03-28T01:30Z"),
    ("Europe/Moscow", "2027-03-28T02:30", "2027-03-28T02:30+03:00", "2027-03-27T23:30Z"),
    ("Africa/Cairo", "2027-04-30T00:00", "2027-04-30T01:00+03:00", "2027-04-29T22:00Z"),
    ("Africa/Cairo", "2027-10-28T23:30", "2027-10-28T23:30+03:00", "2027-10-28T20:30Z"),
    ("Australia/Lord_Howe", "2027-10-03T02:15", "2027-10-03T02:45+11:00", "2027-10-02T15:45Z"),
    ("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-04T01:45+11:00", "2027-04-03T14:45Z"),
    ("Asia/Beirut", "2027-03-28T00:00", "2027-03-28T01:00+03:00", "2027-03-27T22:00Z"),
    ("America/Santiago", "2027-09-05T00:15", "2027-09-05T01:15-03:00", "2027-09-05T04:15Z"),
    ("America/Vancouver", "2027-01-15T09:00", "2027-01-15T09:00-07:00", "2027-01-15T16:00Z"),
    ("Africa/Casablanca", "2026-09-20T01:30", "2026-09-20T01:30+01:00", "2026-09-20T00:30Z"),
    ("Pacific/Apia", "2011-12-30T12:00", "2011-12-31T12:00+14:00", "2011-12-30T22:00Z"),
]


@pytest.mark.parametrize(("zone", "asked", "local", "utc"), TRICKY)
def test_local_time_becomes_the_instant_of_the_rule(zone: str, asked: str, local: str, utc: str) -> None:
    wanted = datetime.fromisoformat(asked)

    instant = zones.instant(wanted.date(), wanted.time(), zone)

    assert instant == datetime.fromisoformat(utc.replace("Z", "+00:00"))
    assert instant.tzinfo is UTC
    assert zones.local(instant, zone).isoformat() == datetime.fromisoformat(local).isoformat()


def test_hours_are_exact_over_the_spring_change() -> None:
    start = datetime(2027, 3, 27, 10, 0, tzinfo=zones.zone("Europe/Paris"))

    later = resolver.add_span(start, Span(48, Unit.HOUR), "Europe/Paris")

    assert later.isoformat() == "2027-03-29T11:00:00+02:00"


def test_days_keep_the_wall_clock_over_the_spring_change() -> None:
    start = datetime(2027, 3, 27, 10, 0, tzinfo=zones.zone("Europe/Paris"))

    later = resolver.add_span(start, Span(2, Unit.DAY), "Europe/Paris")

    assert later.isoformat() == "2027-03-29T10:00:00+02:00"


def test_span_may_be_taken_away() -> None:
    start = datetime(2027, 3, 31, 10, 0, tzinfo=zones.zone("Europe/Paris"))

    earlier = resolver.add_span(start, Span(1, Unit.MONTH), "Europe/Paris", sign=-1)

    assert earlier.isoformat() == "2027-02-28T10:00:00+01:00"


def test_day_that_ends_with_a_repeated_hour_ends_with_its_second_pass() -> None:
    end = zones.end_of_day(date(2027, 10, 28), "Africa/Cairo")

    assert end == datetime(2027, 10, 28, 21, 59, 59, tzinfo=UTC)


def test_day_that_loses_its_midnight_starts_at_the_first_valid_instant() -> None:
    start = zones.start_of_day(date(2027, 4, 30), "Africa/Cairo")

    assert zones.local(start, "Africa/Cairo").isoformat() == "2027-04-30T01:00:00+03:00"


def test_day_that_never_was_has_no_second_of_its_own() -> None:
    assert zones.end_of_day(date(2011, 12, 30), "Pacific/Apia") < zones.start_of_day(date(2011, 12, 30), "Pacific/Apia")


def test_zone_data_comes_from_the_pinned_package() -> None:
    # the copy of a system that has not been updated since 2025 still says -08:00
    assert zones.instant(date(2027, 1, 15), time(9), "America/Vancouver") == datetime(2027, 1, 15, 16, tzinfo=UTC)
    assert zones.tzdata_version() >= "2026b"


def test_zone_is_the_same_object_each_time() -> None:
    assert zones.zone("Europe/Paris") is zones.zone("Europe/Paris")


@pytest.mark.parametrize(
    ("name", "near"),
    [("Europe/Pari", "Europe/Paris"), ("europe/paris", "Europe/Paris"), ("Asia/Tokio", "Asia/Tokyo")],
)
def test_unknown_zone_is_refused_with_a_near_name(name: str, near: str) -> None:
    with pytest.raises(TimingError) as caught:
        zones.zone(name)

    assert str(caught.value) == f"unknown time zone {name!r} - did you mean {near!r}?"


@pytest.mark.parametrize("name", ["", "Paris", "/etc/passwd", "../../etc/passwd", "Europe", "zone.tab"])
def test_no_file_but_a_zone_is_opened(name: str) -> None:
    with pytest.raises(TimingError):
        zones.zone(name)


def test_every_zone_of_the_list_can_be_loaded() -> None:
    assert len(zones.names()) > 400
    for name in zones.names():
        assert zones.zone(name).key == name
