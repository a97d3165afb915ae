"""Repetitions: local days that keep their time of day, limits, and the constraints on each."""

from datetime import UTC, date, datetime, time
from itertools import islice

import pytest

from campaigns.errors import TimingError
from campaigns.timing import phrases, recurrence, resolver, zones
from campaigns.timing.model import Hours, Moments, OnBlocked, Repeat, Rules, Window

PARIS = zones.zone("Europe/Paris")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def resolve(phrase: str, now: str, rules: Rules = Rules(), **known: object) -> Window:  # noqa: B008
    moments = Moments(now=at(now), zone="Europe/Paris", country="FR", **known)  # type: ignore[arg-type]
    return resolver.resolve(phrases.parse(phrase), moments, rules)


def days(window: Window) -> list[str]:
    return [f"{moment:%Y-%m-%d}" for moment in window.occurrences]


def test_today_counts_until_its_time_has_passed() -> None:
    assert days(resolve("every friday, 2 times", "2026-11-20T09:00")) == ["2026-11-20", "2026-11-27"]
    assert days(resolve("every friday, 2 times", "2026-11-20T11:00")) == ["2026-11-27", "2026-12-04"]


def test_repetition_ends_on_the_day_named_included() -> None:
    window = resolve("every friday until 4 december", "2026-11-20T09:00")

    assert days(window) == ["2026-11-20", "2026-11-27", "2026-12-04"]
    assert window.latest == at("2026-12-04T10:00")
    assert window.says == "Fri 20 Nov 2026 10:00, 3 times until Fri 4 Dec 2026"


def test_repetition_without_an_end_is_open_and_shows_the_first_ones() -> None:
    window = resolve("every monday", "2026-11-20T09:00")

    assert len(window.occurrences) == 12
    assert window.latest is None


def test_campaigns_end_ends_a_repetition() -> None:
    window = resolve("every monday", "2026-11-20T09:00", end=at("2026-12-01"))

    assert days(window) == ["2026-11-23", "2026-11-30"]


def test_every_other_week_counts_from_the_first() -> None:
    window = resolve("every other tuesday, 3 times", "2026-11-20T09:00")

    assert days(window) == ["2026-11-24", "2026-12-08", "2026-12-22"]


def test_month_ends_are_kept_where_they_exist() -> None:
    found = list(islice(recurrence.local_days(Repeat("FREQ=MONTHLY"), date(2027, 1, 31)), 5))

    assert found == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]


def test_leap_day_is_kept_where_it_exists() -> None:
    found = list(islice(recurrence.local_days(Repeat("FREQ=YEARLY"), date(2028, 2, 29)), 5))

    assert found == [
        date(2028, 2, 29),
        date(2029, 2, 28),
        date(2030, 2, 28),
        date(2031, 2, 28),
        date(2032, 2, 29),
    ]


def test_skipped_time_shifts_and_returns_the_next_day() -> None:
    found = islice(recurrence.moments(Repeat("FREQ=DAILY"), at("2027-03-27T02:30"), "Europe/Paris"), 3)

    assert [zones.local(moment, "Europe/Paris").isoformat() for moment in found] == [
        "2027-03-27T02:30:00+01:00",
        "2027-03-28T03:30:00+02:00",
        "2027-03-29T02:30:00+02:00",
    ]


def test_repeated_time_comes_once() -> None:
    found = list(islice(recurrence.moments(Repeat("FREQ=DAILY"), at("2027-10-30T02:30"), "Europe/Paris"), 3))

    assert found == [
        datetime(2027, 10, 30, 0, 30, tzinfo=UTC),
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2027, 11, 1, 1, 30, tzinfo=UTC),
    ]


def test_hours_repeat_on_the_instant() -> None:
    found = list(
        islice(recurrence.moments(Repeat("FREQ=HOURLY;INTERVAL=12"), at("2027-03-27T20:00"), "Europe/Paris"), 2)
    )

    assert [zones.local(moment, "Europe/Paris").isoformat() for moment in found] == [
        "2027-03-27T20:00:00+01:00",
        "2027-03-28T09:00:00+02:00",
    ]


def test_blocked_repetition_moves_to_the_next_allowed_slot() -> None:
    window = resolve("every day, 3 times", "2026-11-21T08:00", Rules(weekdays=frozenset(range(5))))

    assert days(window) == ["2026-11-23", "2026-11-24", "2026-11-25"]


def test_blocked_repetition_is_left_out_when_the_author_says_so() -> None:
    rules = Rules(weekdays=frozenset(range(5)), on_blocked=OnBlocked.SKIP)

    assert days(resolve("every friday and saturday, 3 times", "2026-11-21T08:00", rules)) == [
        "2026-11-27",
        "2026-12-04",
        "2026-12-11",
    ]


def test_repetition_goes_at_its_own_time() -> None:
    window = resolve("every monday at 18:00, 1 times", "2026-11-20", Rules(quiet_hours=Hours(time(21), time(8))))

    assert window.target == at("2026-11-23T18:00")


def test_repetition_whose_end_lies_before_it_is_refused() -> None:
    with pytest.raises(TimingError, match="it never occurs before its end"):
        resolve("every monday until 2026-11-01", "2026-11-20")


@pytest.mark.parametrize(
    ("text", "rule", "times"),
    [
        ("every 30 days, 3 times", "FREQ=DAILY;INTERVAL=30", 3),
        ("tous les 30 jours, 3 fois", "FREQ=DAILY;INTERVAL=30", 3),
        ("every week", "FREQ=WEEKLY", None),
        ("every quarter", "FREQ=MONTHLY;INTERVAL=3", None),
        ("fortnightly", "FREQ=WEEKLY;INTERVAL=2", None),
        ("every monday, tuesday and friday", "FREQ=WEEKLY;BYDAY=MO,TU,FR", None),
        ("every weekday", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", None),
        ("the second tuesday of every month", "FREQ=MONTHLY;BYDAY=+2TU", None),
        ("every last friday of the month", "FREQ=MONTHLY;BYDAY=-1FR", None),
        ("the last day of every month", "FREQ=MONTHLY;BYMONTHDAY=-1", None),
        ("the 15th of every month", "FREQ=MONTHLY;BYMONTHDAY=15", None),
        ("the first business day of every month", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", None),
    ],
)
def test_repetition_is_read(text: str, rule: str, times: int | None) -> None:
    timing = phrases.parse_repeat(text, language="fr")

    assert timing.repeat == Repeat(rule, times=times)
    assert timing.phrase == text
