"""What counts from events and stages: instants and dates, hours and days, and what is not known yet."""

from datetime import datetime, timedelta

import pytest

from campaigns.errors import TimingError, UnresolvedError
from campaigns.timing import phrases, resolver, zones
from campaigns.timing.model import (
    Event,
    Here,
    Moments,
    OfferEnd,
    Offset,
    Previous,
    Relation,
    Stage,
    Timing,
    Touch,
    Unit,
    Window,
)

PARIS = zones.zone("Europe/Paris")
NOW = datetime(2026, 11, 20, 15, 42, tzinfo=PARIS)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def resolve(phrase: str | Timing, **known: object) -> Window:
    timing = phrases.parse(phrase) if isinstance(phrase, str) else phrase
    moments = Moments(**{"now": NOW, "zone": "Europe/Paris", "country": "FR", **known})  # type: ignore[arg-type]
    return resolver.resolve(timing, moments)


def test_days_after_a_stage_go_at_the_clock() -> None:
    window = resolve("3 days later", previous=at("2026-12-01T15:42"))

    assert window.target == at("2026-12-04T10:00")
    assert (window.earliest, window.latest) == (at("2026-12-04T00:00"), at("2026-12-04T23:59:59"))


def test_days_after_an_event_keep_its_time_of_day() -> None:
    window = resolve("3 days later", previous=at("2026-12-01T15:42"), events={"purchase": at("2026-12-01T15:42")})

    assert window.target == at("2026-12-04T15:42")
    assert window.earliest == window.latest == window.target


def test_days_keep_the_time_of_day_over_the_clock_change() -> None:
    window = resolve("3 days later", previous=at("2027-03-26T10:00"), previous_is_date=False)

    assert window.target.isoformat() == "2027-03-29T10:00:00+02:00"


def test_hours_are_exact_over_the_clock_change() -> None:
    window = resolve("48 hours later", previous=at("2027-03-27T10:00"))

    assert window.target.isoformat() == "2027-03-29T11:00:00+02:00"


def test_named_time_of_day_stands_over_the_events_own() -> None:
    window = resolve("3 days after purchase at 9:30", events={"purchase": at("2026-12-01T15:42")})

    assert window.target == at("2026-12-04T09:30")


def test_range_of_days_is_whole_days_and_targets_the_first() -> None:
    window = resolve("3 to 5 days after purchase", events={"purchase": at("2026-12-01T23:50")})

    assert (window.earliest, window.target, window.latest) == (
        at("2026-12-04T00:00"),
        at("2026-12-04T10:00"),
        at("2026-12-06T23:59:59"),
    )


def test_month_ends_are_counted_from_the_anchor() -> None:
    assert resolve("a month later", previous=at("2027-01-31T10:00")).target == at("2027-02-28T10:00")
    assert resolve("2 months later", previous=at("2027-01-31T10:00")).target == at("2027-03-31T10:00")
    assert resolve("a year later", previous=at("2028-02-29T10:00")).target == at("2029-02-28T10:00")
    assert resolve("4 years later", previous=at("2028-02-29T10:00")).target == at("2032-02-29T10:00")


def test_business_days_skip_weekends_and_holidays() -> None:
    # Thursday 24 December: Friday is Christmas
    assert resolve("1 business day later", previous=at("2026-12-24T18:00")).target == at("2026-12-28T10:00")


def test_open_days_of_french_shops_include_saturday() -> None:
    timing = phrases.parse("le prochain jour ouvrable", language="fr")

    assert resolve(timing, previous=at("2026-12-24T18:00")).target == at("2026-12-26T10:00")


def test_next_business_day_goes_at_the_clock_even_after_an_event() -> None:
    window = resolve(
        "next business day", previous=at("2026-12-04T22:30"), events={"bad_experience": at("2026-12-04T22:30")}
    )

    assert window.target == at("2026-12-07T10:00")


def test_business_days_without_a_country_know_no_holidays() -> None:
    window = resolve("1 business day later", previous=at("2026-12-24T18:00"), country=None)

    assert window.target == at("2026-12-25T10:00")


@pytest.mark.parametrize(
    "phrase",
    [
        "3 days later",
        "2 days after purchase",
        "after purchase",
        "the offer ends",
        "10 days before the campaign end",
        "J-10",
    ],
)
def test_moment_that_nobody_knows_is_unresolved_never_now(phrase: str) -> None:
    with pytest.raises(UnresolvedError):
        resolve(phrases.parse(phrase, language="fr"))


def test_in_some_days_counts_from_now_when_there_is_nothing_before() -> None:
    assert resolve("in 3 days").target == at("2026-11-23T10:00")
    assert resolve("in 3 days", previous=at("2026-12-01T10:00")).target == at("2026-12-04T10:00")


def test_here_alone_is_the_event_itself() -> None:
    moment = at("2026-12-01T15:42")

    assert resolve(Timing(Here()), previous=moment, events={"purchase": moment}).target == moment


def test_lone_event_may_be_named_event() -> None:
    assert resolve("2 hours after purchase", events={"event": at("2026-12-01T10:00")}).target == at("2026-12-01T12:00")


def test_event_that_started_the_run_has_no_name() -> None:
    timing = Timing(Event(), Relation.OFFSET, Offset(Unit.HOUR, 2, 2))

    assert resolve(timing, events={"delivered": at("2026-12-01T10:00")}).target == at("2026-12-01T12:00")


def test_named_stage_and_touch_are_counted_from() -> None:
    stage = Timing(Stage("awareness"), Relation.OFFSET, Offset(Unit.DAY, 2, 2))
    touch = Timing(Touch("flash"), Relation.OFFSET, Offset(Unit.HOUR, 48, 48))

    assert resolve(stage, stages={"awareness": at("2027-01-04T18:00")}).target == at("2027-01-06T10:00")
    assert resolve(touch, touches={"flash": at("2027-01-04T18:00")}).target == at("2027-01-06T18:00")


def test_stage_by_itself_is_its_moment() -> None:
    assert resolve(Timing(Stage("a")), stages={"a": at("2027-01-04T18:00")}).target == at("2027-01-04T18:00")


def test_previous_by_itself_is_its_moment() -> None:
    assert resolve(Timing(Previous()), previous=at("2027-01-04T18:00")).target == at("2027-01-04T18:00")


def test_offer_that_ends_in_the_morning_is_announced_before() -> None:
    window = resolve(Timing(OfferEnd()), offer_end=at("2027-01-31T08:00"))

    assert window.target == window.latest == at("2027-01-31T08:00")


def test_between_two_events_is_due_halfway_when_the_second_is_expected() -> None:
    window = resolve(
        "between purchase and delivered",
        events={"purchase": NOW},
        expected={"delivered": NOW + timedelta(days=4)},
    )

    assert window.earliest == NOW
    assert window.target == NOW + timedelta(days=2)
    assert window.latest == NOW + timedelta(days=4)


def test_between_two_events_is_due_after_a_day_when_nothing_is_expected() -> None:
    window = resolve("between purchase and delivered", events={"purchase": NOW})

    assert window.target == NOW + timedelta(hours=24)
    assert window.latest is None


def test_within_hours_closes_after_exactly_so_many() -> None:
    window = resolve("within the next 48 hours", previous=at("2027-03-27T10:00"))

    assert window.earliest == window.target == at("2027-03-27T10:00")
    assert window.latest is not None
    assert window.latest.isoformat() == "2027-03-29T11:00:00+02:00"


def test_count_that_leaves_the_calendar_is_refused() -> None:
    timing = Timing(Here(), Relation.OFFSET, Offset(Unit.YEAR, 3660, 3660, 1))

    with pytest.raises(TimingError):
        resolve(timing, previous=datetime(8000, 1, 1, tzinfo=PARIS))


def test_windows_are_in_the_zone_asked_for() -> None:
    window = resolve("early january", zone="Asia/Tokyo")

    assert window.target.isoformat() == "2027-01-01T10:00:00+09:00"
    assert str(window.target.tzinfo) == "Asia/Tokyo"
