"""Blocked days and hours: where a target goes, and when nothing is left."""

from datetime import date, datetime, time

import pytest

from campaigns.errors import TimingError
from campaigns.timing import constraints, phrases, resolver, zones
from campaigns.timing.constraints import BlockedError
from campaigns.timing.model import Hours, Moments, OnBlocked, Pick, Rules, Window

PARIS = zones.zone("Europe/Paris")
WEEKDAYS = frozenset(range(5))
QUIET = Hours(time(21), time(8))
NOW = datetime(2026, 11, 20, 15, 42, tzinfo=PARIS)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def resolve(phrase: str, rules: Rules, *, language: str = "en", **known: object) -> Window:
    moments = Moments(**{"now": NOW, "zone": "Europe/Paris", "country": "FR", **known})  # type: ignore[arg-type]
    return resolver.resolve(phrases.parse(phrase, language=language), moments, rules)


def test_last_day_of_the_month_that_is_a_sunday_falls_back_to_friday() -> None:
    window = resolve("fin janvier", Rules(weekdays=WEEKDAYS), language="fr")

    assert window.target == at("2027-01-29T10:00")
    assert window.on == date(2027, 1, 31)
    assert window.moved == "Sun 31 Jan is no sending day (Mon-Fri)"
    assert window.says == "Thu 21 - Sun 31 Jan 2027, target Fri 29 Jan 10:00 (Sun 31 Jan is no sending day (Mon-Fri))"


def test_first_day_that_is_a_holiday_goes_to_the_next_allowed_day() -> None:
    window = resolve("early january", Rules(weekdays=WEEKDAYS, avoid_holidays=True))

    assert window.target == at("2027-01-04T10:00")
    assert window.moved == "Fri 1 Jan is a holiday (New Year's Day)"


def test_holiday_is_allowed_unless_it_is_avoided() -> None:
    assert resolve("early january", Rules(weekdays=WEEKDAYS)).target == at("2027-01-01T10:00")


def test_closed_day_is_passed_over() -> None:
    rules = Rules(closed_days=frozenset({date(2027, 1, 1), date(2027, 1, 2)}))

    window = resolve("early january", rules)

    assert window.target == at("2027-01-03T10:00")
    assert window.moved == "Fri 1 Jan is a closed day"


def test_clock_outside_the_send_hours_goes_to_the_next_slot() -> None:
    window = resolve("early january", Rules(send_hours=Hours(time(14), time(19))))

    assert window.target == at("2027-01-01T14:00")
    assert window.moved == "10:00 is outside the send hours 14:00-19:00"


def test_clock_after_the_send_hours_goes_to_the_next_day() -> None:
    window = resolve("early january", Rules(send_hours=Hours(time(8), time(9))))

    assert window.target == at("2027-01-02T08:00")


def test_clock_after_the_send_hours_of_a_single_day_goes_before_them() -> None:
    window = resolve("15 january", Rules(send_hours=Hours(time(8), time(9))))

    assert window.target == at("2027-01-15T08:59:59")


def test_time_of_the_phrase_stands_over_the_clock_of_the_rules() -> None:
    assert resolve("15 january at 9:30", Rules(clock=time(17))).target == at("2027-01-15T09:30")


def test_clock_of_the_rules_is_used_where_the_phrase_names_none() -> None:
    assert resolve("15 january", Rules(clock=time(17))).target == at("2027-01-15T17:00")


def test_time_in_the_quiet_hours_goes_to_their_end() -> None:
    window = resolve("15 january at 7:00", Rules(quiet_hours=QUIET))

    assert window.target == at("2027-01-15T08:00")
    assert window.moved == "07:00 is in the quiet hours 21:00-08:00"


def test_as_soon_as_possible_keeps_its_instant() -> None:
    assert resolve("asap", Rules(quiet_hours=QUIET)).target == NOW


def test_as_soon_as_possible_in_quiet_hours_goes_at_their_end() -> None:
    window = resolve("asap", Rules(quiet_hours=QUIET), now=at("2026-11-20T22:15"))

    assert window.target == at("2026-11-21T08:00")


def test_as_soon_as_possible_on_a_weekend_waits_for_monday() -> None:
    window = resolve("asap", Rules(quiet_hours=QUIET, weekdays=WEEKDAYS), now=at("2026-11-21T12:00"))

    assert window.target == at("2026-11-23T08:00")


def test_hours_after_an_event_move_only_by_the_rules() -> None:
    rules = Rules(quiet_hours=QUIET)

    day = resolve("2 hours after purchase", rules, events={"purchase": at("2026-11-20T15:00")})
    night = resolve("2 hours after purchase", rules, events={"purchase": at("2026-11-20T20:00")})

    assert day.target == at("2026-11-20T17:00")
    assert night.target == at("2026-11-21T08:00")
    assert night.latest == night.target


def test_range_of_hours_is_cut_by_the_quiet_hours() -> None:
    window = resolve(
        "2 to 14 hours after purchase", Rules(quiet_hours=QUIET), events={"purchase": at("2026-11-20T20:00")}
    )

    assert (window.earliest, window.target, window.latest) == (
        at("2026-11-20T22:00"),
        at("2026-11-21T08:00"),
        at("2026-11-21T10:00"),
    )


def test_single_day_before_a_day_rolls_back_never_past_it() -> None:
    window = resolve("the day before Valentine's Day", Rules(weekdays=WEEKDAYS))

    assert window.target == at("2027-02-12T10:00")
    assert (window.earliest, window.latest) == (at("2027-02-12T00:00"), at("2027-02-12T23:59:59"))


def test_single_day_after_a_day_rolls_forward() -> None:
    window = resolve("1 day later", Rules(weekdays=WEEKDAYS), previous=at("2027-01-08T10:00"))

    assert window.target == at("2027-01-11T10:00")


def test_named_day_that_is_blocked_is_an_error_with_a_remedy() -> None:
    with pytest.raises(BlockedError) as caught:
        resolve("Valentine's Day", Rules(weekdays=WEEKDAYS))

    assert caught.value.message == "no allowed slot is left: Sun 14 Feb is no sending day (Mon-Fri)"
    assert "`on_blocked: preceding` or `following`" in caught.value.remedy
    assert isinstance(caught.value, TimingError)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (OnBlocked.FOLLOWING, "2027-02-15T10:00"),
        (OnBlocked.PRECEDING, "2027-02-12T10:00"),
        (OnBlocked.NEAREST, "2027-02-15T10:00"),
    ],
)
def test_named_day_that_is_blocked_moves_when_the_author_says_where(rule: OnBlocked, expected: str) -> None:
    window = resolve("Valentine's Day", Rules(weekdays=WEEKDAYS, on_blocked=rule))

    assert window.target == at(expected)


def test_blocked_day_is_left_out_when_the_author_says_so() -> None:
    with pytest.raises(BlockedError) as caught:
        resolve("Valentine's Day", Rules(weekdays=WEEKDAYS, on_blocked=OnBlocked.SKIP))

    assert caught.value.skipped
    assert caught.value.message == "left out: Sun 14 Feb is no sending day (Mon-Fri)"


def test_window_is_never_left_even_when_the_author_says_following() -> None:
    rules = Rules(weekdays=frozenset({5}), on_blocked=OnBlocked.FOLLOWING, closed_days=frozenset({date(2027, 1, 9)}))

    with pytest.raises(BlockedError):
        resolve("from 4 january to 9 january", rules)


def test_range_of_days_with_no_day_left_is_an_error() -> None:
    with pytest.raises(BlockedError):
        resolve("1 to 2 days later", Rules(weekdays=WEEKDAYS), previous=at("2027-01-08T10:00"))


def test_range_of_days_after_a_persons_event_always_finds_a_slot() -> None:
    window = resolve(
        "1 to 2 days after purchase", Rules(weekdays=WEEKDAYS), events={"purchase": at("2027-01-08T10:00")}
    )

    assert window.target == at("2027-01-11T10:00")
    assert window.latest == window.target


def test_deadline_takes_its_last_allowed_day() -> None:
    assert resolve("by 14 February", Rules(weekdays=WEEKDAYS)).target == at("2027-02-12T10:00")
    assert resolve("before 14 February", Rules(weekdays=WEEKDAYS)).target == at("2027-02-12T10:00")


def test_after_a_day_takes_the_first_allowed_day() -> None:
    assert resolve("after Black Friday", Rules(weekdays=WEEKDAYS)).target == at("2026-11-30T10:00")


def test_birthday_on_a_blocked_day_is_greeted_on_the_next() -> None:
    window = resolve("on the customer's birthday", Rules(weekdays=WEEKDAYS), events={"birthday": at("1990-06-19")})

    assert window.target == at("2027-06-21T10:00")


def test_pick_earliest_takes_the_first_day_at_the_clock() -> None:
    assert resolve("late january", Rules(pick=Pick.EARLIEST)).target == at("2027-01-21T10:00")


def test_pick_latest_takes_the_last_allowed_day_at_the_clock() -> None:
    window = resolve("from 20 to 31 january", Rules(pick=Pick.LATEST, weekdays=WEEKDAYS))

    assert window.target == at("2027-01-29T10:00")


def test_pick_best_is_refused() -> None:
    with pytest.raises(TimingError, match="needs clicks to learn from"):
        resolve("late january", Rules(pick=Pick.BEST))


def test_spread_is_stable_and_inside_the_allowed_hours() -> None:
    rules = Rules(pick=Pick.SPREAD, quiet_hours=QUIET, weekdays=WEEKDAYS, spread_key="valentines|2027|offer|lea")

    first = resolve("late january", rules)
    second = resolve("late january", rules)

    assert first == second
    assert first.target == at("2027-01-27T11:41:26")


def test_spread_differs_from_person_to_person_and_fills_the_window_evenly() -> None:
    targets = [
        resolve("late january", Rules(pick=Pick.SPREAD, quiet_hours=QUIET, weekdays=WEEKDAYS, spread_key=str(number)))
        for number in range(700)
    ]

    days = [window.target.date() for window in targets]
    assert {day.day for day in days} == {21, 22, 25, 26, 27, 28, 29}
    assert all(60 <= days.count(date(2027, 1, day)) <= 140 for day in (21, 22, 25, 26, 27, 28, 29))
    assert all(8 <= window.target.hour < 21 for window in targets)


def test_spread_does_not_crowd_the_morning_after_the_quiet_night() -> None:
    hours = [
        resolve("within 3 days", Rules(pick=Pick.SPREAD, quiet_hours=QUIET, spread_key=str(number))).target.hour
        for number in range(650)
    ]

    assert hours.count(8) < 90


def test_window_of_the_day_is_clipped_and_the_time_of_the_phrase_waits_for_the_next_day() -> None:
    rules = Rules()

    assert resolve("early january at 9:30", rules, now=at("2027-01-05T15:00")).target == at("2027-01-06T09:30")
    assert resolve("early january at 9:30", rules, now=at("2027-01-10T15:00")).target == at("2027-01-10T15:00")


def test_nothing_goes_when_no_weekday_is_allowed() -> None:
    with pytest.raises(BlockedError):
        resolve("early january", Rules(weekdays=frozenset()))
    with pytest.raises(BlockedError):
        resolve("asap", Rules(weekdays=frozenset()))


def test_send_hours_that_lie_in_the_quiet_hours_leave_nothing() -> None:
    with pytest.raises(BlockedError):
        resolve("early january", Rules(send_hours=Hours(time(22), time(23)), quiet_hours=QUIET))


def test_send_hours_over_midnight_are_two_parts_of_a_day() -> None:
    rules = Rules(send_hours=Hours(time(22), time(2)))

    assert constraints.is_allowed(at("2027-01-04T23:30"), "Europe/Paris", rules)
    assert constraints.is_allowed(at("2027-01-04T01:59"), "Europe/Paris", rules)
    assert not constraints.is_allowed(at("2027-01-04T02:00"), "Europe/Paris", rules)
    assert constraints.next_allowed(at("2027-01-04T02:00"), "Europe/Paris", rules) == at("2027-01-04T22:00")


def test_quiet_hours_are_wall_time_after_the_clock_change() -> None:
    rules = Rules(quiet_hours=QUIET)

    allowed = constraints.next_allowed(at("2027-03-27T23:00"), "Europe/Paris", rules)

    assert allowed is not None
    assert zones.local(allowed, "Europe/Paris").isoformat() == "2027-03-28T08:00:00+02:00"


def test_next_allowed_moment_may_be_bounded() -> None:
    rules = Rules(weekdays=frozenset({0}))

    assert constraints.next_allowed(at("2027-01-05T10:00"), "Europe/Paris", rules, until=at("2027-01-10T23:59")) is None
    assert constraints.next_allowed(at("2027-01-05T10:00"), "Europe/Paris", rules) == at("2027-01-11T00:00")


def test_previous_allowed_moment_is_the_last_second_of_a_slot() -> None:
    rules = Rules(send_hours=Hours(time(9), time(18)), weekdays=WEEKDAYS)

    found = constraints.previous_allowed(at("2027-01-10T12:00"), "Europe/Paris", rules)

    assert found == at("2027-01-08T17:59:59")


def test_country_without_known_holidays_is_refused_only_when_they_are_avoided() -> None:
    timing = phrases.parse("early january")
    moments = Moments(now=NOW, zone="Europe/Paris", country="XX")

    assert resolver.resolve(timing, moments, Rules()).target == at("2027-01-01T10:00")
    with pytest.raises(TimingError, match="no public holidays are known for the country 'XX'"):
        resolver.resolve(timing, moments, Rules(avoid_holidays=True))


@pytest.mark.parametrize(
    ("phrase", "weekday", "target", "opens"),
    [
        ("after 14 february", 1, "2027-02-16T10:00", "2027-02-15T00:00"),  # opens on a Monday, Tuesdays only
        ("from 1 march on", 2, "2027-03-03T10:00", "2027-03-01T00:00"),  # opens on a Monday, Wednesdays only
        ("from 1 march on at 9:30", 2, "2027-03-03T09:30", "2027-03-01T09:30"),
        ("after Easter", 6, "2027-04-04T10:00", "2027-03-29T00:00"),
    ],
)
def test_nothing_precedes_the_first_day_of_an_open_window(phrase: str, weekday: int, target: str, opens: str) -> None:
    rules = Rules(weekdays=frozenset({weekday}), on_blocked=OnBlocked.PRECEDING)

    window = resolve(phrase, rules)

    assert (window.target, window.earliest, window.latest) == (at(target), at(opens), None)


@pytest.mark.parametrize("phrase", ["after purchase", "from purchase on", "as soon as possible"])
def test_open_window_of_an_instant_in_the_quiet_hours_goes_later_though_earlier_is_asked_for(phrase: str) -> None:
    rules = Rules(quiet_hours=QUIET, on_blocked=OnBlocked.PRECEDING)
    late = at("2026-11-20T22:30")

    window = resolve(phrase, rules, now=late, events={"purchase": late})

    assert window.target == at("2026-11-21T08:00")
    assert window.latest is None
