"""Which year a date without a year falls in."""

from datetime import UTC, date, datetime

import pytest

from campaigns.errors import TimingError
from campaigns.timing import phrases, resolver, zones
from campaigns.timing.model import Moments, Rules, Timing, Window

PARIS = zones.zone("Europe/Paris")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def resolve(phrase: str, now: str, **known: object) -> Window:
    language = known.pop("language", "en")
    assert isinstance(language, str)
    rules = known.pop("rules", Rules())
    assert isinstance(rules, Rules)
    moments = Moments(now=at(now), zone="Europe/Paris", country="FR", **known)  # type: ignore[arg-type]
    return resolver.resolve(phrases.parse(phrase, language=language), moments, rules)


def test_first_occurrence_that_has_not_closed_is_taken() -> None:
    assert resolve("early january", "2026-11-20").target.date() == date(2027, 1, 1)
    assert resolve("early january", "2029-07-01").target.date() == date(2030, 1, 1)


def test_window_that_is_open_stays_and_begins_now() -> None:
    window = resolve("early january", "2027-01-05T15:00")

    assert window.earliest == at("2027-01-05T15:00")
    assert window.latest == at("2027-01-10T23:59:59")
    assert window.target == at("2027-01-05T15:00")
    assert window.moved == "Fri 1 Jan 10:00 has passed"


def test_last_second_of_a_window_is_still_open() -> None:
    assert resolve("early january", "2027-01-10T23:59:59").target == at("2027-01-10T23:59:59")


def test_window_that_has_closed_moves_to_next_year() -> None:
    assert resolve("early january", "2027-01-11").target.date() == date(2028, 1, 1)


def test_offset_from_an_occasion_moves_with_its_own_window() -> None:
    assert resolve("10 days before Valentine's Day", "2027-02-10").target.date() == date(2028, 2, 4)


def test_written_year_is_kept_when_past() -> None:
    window = resolve("14 February 2020", "2026-11-20")

    assert window.latest == at("2020-02-14T23:59:59")


def test_year_is_counted_from_the_start_of_the_campaign() -> None:
    # begun in December and planned again on 20 January: its early January is over, not a year away
    window = resolve("early january", "2027-01-20", start=at("2026-12-01"))

    assert window.earliest == at("2027-01-01")
    assert window.latest == at("2027-01-10T23:59:59")


def test_start_in_the_future_is_waited_for() -> None:
    assert resolve("early january", "2026-11-20", start=at("2027-06-01")).target.date() == date(2028, 1, 1)


def test_date_never_falls_before_the_floor() -> None:
    assert resolve("early january", "2026-11-20", floor=date(2027, 2, 1)).target.date() == date(2028, 1, 1)


def test_stage_that_overlaps_the_floor_stays() -> None:
    assert resolve("early january", "2026-11-20", floor=date(2027, 1, 10)).target.date() == date(2027, 1, 1)


def test_range_over_new_year_stays_while_it_is_open() -> None:
    window = resolve("from 20 December to 5 January", "2027-01-02T12:00")

    assert (window.earliest, window.latest) == (at("2027-01-02T12:00"), at("2027-01-05T23:59:59"))


def test_year_of_the_end_binds_the_beginning() -> None:
    window = resolve("from 20 December to 5 January 2029", "2026-11-20")

    assert (window.earliest, window.latest) == (at("2028-12-20"), at("2029-01-05T23:59:59"))


def test_year_of_the_beginning_binds_the_end() -> None:
    window = resolve("from 20 December 2028 to 5 January", "2026-11-20")

    assert (window.earliest, window.latest) == (at("2028-12-20"), at("2029-01-05T23:59:59"))


def test_written_years_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(TimingError, match="its end lies before its beginning"):
        resolve("from 2027-03-01 to 2027-02-01", "2026-11-20")


def test_leap_day_without_a_leap_year_names_the_next() -> None:
    with pytest.raises(TimingError) as caught:
        resolve("29 February", "2026-11-20")

    assert caught.value.message == "2027 has no 29 February; the next one is in 2028"


def test_leap_day_in_a_leap_year_is_a_day_like_others() -> None:
    assert resolve("29 February", "2027-11-20").target.date() == date(2028, 2, 29)


def test_fifth_weekday_that_a_month_lacks_is_never_another_month() -> None:
    with pytest.raises(TimingError) as caught:
        resolve("fifth monday of february", "2026-11-20")

    assert caught.value.message.startswith("2027 has no Monday number 5 of February; the next one is in 2044")


@pytest.mark.parametrize("phrase", ["fifth monday of february 2027"])
def test_fifth_weekday_of_a_written_month_is_refused(phrase: str) -> None:
    with pytest.raises(TimingError, match="February 2027 has no Monday number 5"):
        resolve(phrase, "2026-11-20")


def test_weekday_that_the_date_is_not_is_refused() -> None:
    with pytest.raises(TimingError) as caught:
        resolve("monday 15 january", "2026-11-20")

    assert caught.value.message == "15 January 2027 is a Friday, not a Monday"


def test_weekday_that_the_date_is_is_accepted() -> None:
    assert resolve("friday 15 january", "2026-11-20").target.date() == date(2027, 1, 15)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("feb28", date(2027, 2, 28)), ("mar1", date(2027, 3, 1)), ("skip", date(2028, 2, 29))],
)
def test_birthday_on_the_leap_day_follows_the_policy(policy: str, expected: date) -> None:
    born = {"birthday": at("2000-02-29")}

    window = resolve("on the customer's birthday", "2026-11-20", events=born, rules=Rules(feb29=policy))

    assert window.target.date() == expected


def test_birthday_today_is_today() -> None:
    window = resolve("on the customer's birthday", "2027-06-17T08:00", events={"birthday": at("1990-06-17")})

    assert window.target == at("2027-06-17T10:00")


def test_day_of_the_file_itself_comes_again_each_year() -> None:
    own: dict[str, Timing] = {"shop-birthday": phrases.parse("12 june")}
    timing = phrases.parse("3 days before shop birthday", occasions=own)

    window = resolver.resolve(timing, Moments(now=datetime(2026, 11, 20, tzinfo=UTC), occasions=own))

    assert window.target == datetime(2027, 6, 9, 10, tzinfo=UTC)


def test_day_of_the_file_may_count_from_another_day() -> None:
    own = {"fair": phrases.parse("10 days after Easter")}

    window = resolver.resolve(
        phrases.parse("fair", occasions=own), Moments(now=datetime(2026, 11, 20, tzinfo=UTC), occasions=own)
    )

    assert window.target == datetime(2027, 4, 7, 10, tzinfo=UTC)


def test_the_day_is_the_campaigns_occasion_when_that_is_known() -> None:
    occasions = {"the-day": phrases.parse("Valentine's Day")}

    window = resolve("J-10", "2026-11-20", language="fr", occasions=occasions, end=at("2027-03-01"))

    assert window.target.date() == date(2027, 2, 4)
