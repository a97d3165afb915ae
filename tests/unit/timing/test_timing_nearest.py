"""Days found from others: the number of a day, a week of a month, the weekday or weekend beside a day, "from ... on"."""

from datetime import date, datetime

import pytest

from campaigns.errors import TimingError
from campaigns.timing import phrases, resolver, zones
from campaigns.timing.model import Moments, Window

PARIS = zones.zone("Europe/Paris")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def resolve(phrase: str, now: str, **known: object) -> Window:
    moments = Moments(now=at(now), zone="Europe/Paris", country="FR", **known)  # type: ignore[arg-type]
    return resolver.resolve(phrases.parse(phrase), moments)


@pytest.mark.parametrize(
    ("phrase", "now", "day"),
    [
        ("on the 15th", "2027-01-14", date(2027, 1, 15)),
        ("on the 15th", "2027-01-15T09:00", date(2027, 1, 15)),  # today counts, as in "15 january"
        ("on the 15th", "2027-01-16", date(2027, 2, 15)),
        ("on the 31st", "2027-02-01", date(2027, 3, 31)),  # February has none
        ("on the 30th", "2027-01-31", date(2027, 3, 30)),
        ("on the 29th", "2028-02-01", date(2028, 2, 29)),
        ("on the 1st", "2026-12-02", date(2027, 1, 1)),
    ],
)
def test_number_of_a_day_is_the_next_one(phrase: str, now: str, day: date) -> None:
    assert resolve(phrase, now).target.date() == day


def test_number_of_a_day_never_lies_before_the_previous_stage() -> None:
    window = resolve("on the 15th", "2026-12-01", previous=at("2027-01-20T10:00"))

    assert window.target == at("2027-02-15T10:00")


def test_days_of_two_numbers_bound_a_window() -> None:
    window = resolve("from the 28th to the 3rd", "2027-01-10")

    assert (window.earliest, window.latest) == (at("2027-01-28T00:00"), at("2027-02-03T23:59:59"))


@pytest.mark.parametrize(
    ("phrase", "first", "last"),
    [
        ("first week of february 2028", date(2028, 2, 1), date(2028, 2, 7)),
        ("fourth week of february 2028", date(2028, 2, 22), date(2028, 2, 28)),
        ("last week of february 2028", date(2028, 2, 23), date(2028, 2, 29)),
        ("last week of the month", date(2027, 1, 25), date(2027, 1, 31)),
        ("second week of next month", date(2027, 2, 8), date(2027, 2, 14)),
    ],
)
def test_week_of_a_month_is_seven_days_from_the_first_on(phrase: str, first: date, last: date) -> None:
    window = resolve(phrase, "2027-01-10")

    assert window.latest is not None
    assert (window.earliest.date(), window.latest.date(), window.target.date()) == (first, last, first)


@pytest.mark.parametrize(
    ("phrase", "first", "last"),
    [
        ("the weekend before 25 december 2026", date(2026, 12, 19), date(2026, 12, 20)),  # a Friday
        ("the weekend before 14 february 2027", date(2027, 2, 6), date(2027, 2, 7)),  # a Sunday: both days before it
        ("the weekend before 13 february 2027", date(2027, 2, 6), date(2027, 2, 7)),  # a Saturday
        ("the weekend after 13 february 2027", date(2027, 2, 20), date(2027, 2, 21)),
        ("the weekend after 15 february 2027", date(2027, 2, 20), date(2027, 2, 21)),  # a Monday
        ("the friday before Easter 2027", date(2027, 3, 26), date(2027, 3, 26)),
        ("the sunday before Easter 2027", date(2027, 3, 21), date(2027, 3, 21)),  # Easter itself is one
        ("the monday after Easter 2027", date(2027, 3, 29), date(2027, 3, 29)),
        ("the weekend before Easter", date(2027, 3, 20), date(2027, 3, 21)),
    ],
)
def test_day_beside_another_lies_wholly_outside_it(phrase: str, first: date, last: date) -> None:
    window = resolve(phrase, "2026-11-20")

    assert window.latest is not None
    assert (window.earliest.date(), window.latest.date(), window.target.date()) == (first, last, first)


def test_day_beside_another_moves_to_next_year_once_it_is_over() -> None:
    assert resolve("the weekend before Christmas", "2026-12-21").target.date() == date(2027, 12, 18)


def test_days_may_be_counted_from_a_weekend() -> None:
    window = resolve("3 days before the weekend before Christmas", "2026-11-20")

    assert window.target.date() == date(2026, 12, 16)


@pytest.mark.parametrize(
    ("phrase", "now", "opens"),
    [
        ("from 1 march on", "2027-02-20", "2027-03-01T00:00"),
        ("from 1 march on", "2027-03-01T09:00", "2027-03-01T09:00"),  # its first day is today
        ("from 1 march on", "2027-03-02", "2028-03-01T00:00"),
        ("after 14 february", "2027-02-15T09:00", "2027-02-15T09:00"),
        ("after 14 february", "2027-02-16", "2028-02-15T00:00"),
        ("from 1 march 2027 on", "2027-03-05T09:00", "2027-03-05T09:00"),
        ("from mid january on", "2026-11-20", "2027-01-11T00:00"),
        ("from next monday on", "2026-11-20", "2026-11-23T00:00"),
    ],
)
def test_window_without_an_end_opens_with_its_day(phrase: str, now: str, opens: str) -> None:
    window = resolve(phrase, now)

    assert (window.earliest, window.latest) == (at(opens), None)


def test_around_a_span_of_days_is_that_span() -> None:
    window = resolve("around mid january", "2026-11-20")

    assert (window.earliest, window.latest) == (at("2027-01-11T00:00"), at("2027-01-20T23:59:59"))


def test_month_without_the_day_asked_for_is_named() -> None:
    with pytest.raises(TimingError, match="February 2027 has no such day"):
        resolve("the 30th of next month", "2027-01-10")
