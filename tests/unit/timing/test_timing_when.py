"""`campaigns.when`: the library's own words for all of this."""

from datetime import UTC, datetime, timedelta

import pytest

import campaigns
from campaigns.errors import TimingError, UnresolvedError
from campaigns.timing import zones

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_window_is_aware_in_the_zone_asked_for() -> None:
    window = campaigns.when("early january", now=NOW, tz="Europe/Paris")

    assert window.earliest.isoformat() == "2027-01-01T00:00:00+01:00"
    assert window.latest is not None
    assert window.latest.isoformat() == "2027-01-10T23:59:59+01:00"
    assert window.target.isoformat() == "2027-01-01T10:00:00+01:00"
    assert window.occurrences == ()


def test_language_and_country_are_heeded() -> None:
    window = campaigns.when("avant Pâques", lang="fr", now=NOW, tz="Europe/Bucharest", country="RO")

    assert window.target.isoformat() == "2027-05-01T10:00:00+03:00"


def test_previous_instant_keeps_its_time_of_day_and_a_previous_day_goes_at_the_clock() -> None:
    paris = zones.zone("Europe/Paris")
    instant = datetime(2027, 3, 26, 15, 30, tzinfo=paris)
    day = datetime(2027, 3, 26, tzinfo=paris)

    after_instant = campaigns.when("3 days later", now=NOW, tz="Europe/Paris", previous=instant)
    after_day = campaigns.when("3 days later", now=NOW, tz="Europe/Paris", previous=day)

    assert after_instant.target.isoformat() == "2027-03-29T15:30:00+02:00"
    assert after_day.target.isoformat() == "2027-03-29T10:00:00+02:00"


def test_start_is_where_years_are_counted_from() -> None:
    window = campaigns.when("early january", now=NOW, start=datetime(2028, 6, 1, tzinfo=UTC))

    assert window.target == datetime(2029, 1, 1, 10, tzinfo=UTC)


def test_declared_event_may_be_spoken_of() -> None:
    window = campaigns.when("2 hours after grooming", now=NOW, events={"grooming": NOW})

    assert window.target == datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


def test_lone_event_is_whatever_the_phrase_names() -> None:
    window = campaigns.when("2 hours after purchase", now=NOW, events={"event": NOW})

    assert window.target == datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


def test_recurrence_gives_its_first_occurrences() -> None:
    window = campaigns.when("every monday, 2 times", now=NOW)

    assert window.occurrences == (datetime(2026, 11, 23, 10, tzinfo=UTC), datetime(2026, 11, 30, 10, tzinfo=UTC))


def test_open_window_has_no_end() -> None:
    assert campaigns.when("after Black Friday", now=NOW).latest is None


def test_what_cannot_be_read_is_a_campaign_error() -> None:
    with pytest.raises(campaigns.CampaignError):
        campaigns.when("a week befor Easter", now=NOW)


def test_what_is_not_known_is_unresolved() -> None:
    with pytest.raises(UnresolvedError):
        campaigns.when("3 days later", now=NOW)


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(TimingError, match="did you mean 'Europe/Paris'"):
        campaigns.when("asap", now=NOW, tz="Europe/Pari")


def test_naive_moments_are_refused() -> None:
    naive = NOW.replace(tzinfo=None)

    with pytest.raises(campaigns.CampaignError, match="without a time zone"):
        campaigns.when("asap", now=naive)
    with pytest.raises(campaigns.CampaignError, match=r"purchase is .* without a time zone"):
        campaigns.when("asap", now=NOW, events={"purchase": naive})


def test_later_counts_from_the_lone_event_else_from_the_start() -> None:
    event, start = NOW + timedelta(days=1), NOW + timedelta(days=5)

    after_event = campaigns.when("2 days later", now=NOW, events={"event": event})
    after_start = campaigns.when("2 days later", now=NOW, start=start)

    assert after_event.target == event + timedelta(days=2)
    assert after_start.target == start + timedelta(days=2)


@pytest.mark.parametrize(("phrase", "lang"), [(None, "en"), (7, "en"), ("tomorrow", "xx"), ("tomorrow", "")])
def test_what_is_no_phrase_of_a_known_language_is_refused(phrase: object, lang: str) -> None:
    with pytest.raises(campaigns.CampaignError):
        campaigns.when(phrase, now=NOW, lang=lang)  # type: ignore[arg-type]
