"""Dates, numbers, money and text as the campaign's language and the reader's zone want them."""

from __future__ import annotations

import pytest
from rendering_world import body_of, mail, render

from campaigns.errors import RenderError


def written(expression: str, *, language: str = "fr", country: str | None = "FR", zone: str = "Europe/Paris") -> str:
    touch = mail(text="{{ " + expression + " }}", offer="AMOUR30")
    return body_of(
        render(touch, language=language, country=country, zone=zone, event={"at": "2027-02-07T22:30:00+00:00"})
    )


@pytest.mark.parametrize(
    ("language", "country", "expected"),
    [
        ("fr", "FR", "7 février"),
        ("en", "US", "February 7"),
        ("en", "GB", "7 February"),
        ("ro", "RO", "7 februarie"),
        ("ru", "RU", "7 февраля"),
        ("es", "ES", "7 de febrero"),
        ("de", "DE", "7. Februar"),
        ("fr", None, "7 février"),
    ],
)
def test_date_is_written_in_the_campaigns_language(language: str, country: str | None, expected: str) -> None:
    assert written("'2027-02-07' | date", language=language, country=country) == expected


@pytest.mark.parametrize(
    ("language", "country", "day", "price", "share"),
    [
        ("en", "JP", "7 February", "JP¥1,200", "30%"),
        ("en", "CN", "7 February", "CN¥1,200.00", "30%"),
        ("fr", "MD", "7 février", "1\u202f200,00\u00a0MDL", "30\u00a0%"),
        ("fr", "GB", "7 février", "1\u202f200,00\u00a0£GB", "30\u00a0%"),
        ("de", "FR", "7. Februar", "1.200,00\u00a0€", "30\u00a0%"),
        ("ru", "DE", "7 февраля", "1\u00a0200,00\u00a0€", "30\u00a0%"),
        ("es", "GB", "7 de febrero", "1.200,00\u00a0GBP", "30\u00a0%"),
        ("ro", "US", "7 februarie", "1.200,00\u00a0USD", "30\u00a0%"),
    ],
)
def test_language_that_is_at_home_elsewhere_is_written_with_the_countrys_currency(
    language: str, country: str, day: str, price: str, share: str
) -> None:
    said = written("'2027-02-07' | date }}; {{ 1200 | money }}; {{ 0.3 | percent", language=language, country=country)

    assert said == f"{day}; {price}; {share}"


def test_country_without_a_currency_wants_it_named() -> None:
    with pytest.raises(RenderError, match="the country AQ has no currency of its own"):
        written("5 | money", language="en", country="AQ")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'2027-02-07' | date('long')", "7 février 2027"),
        ("'2027-02-07' | date('full')", "dimanche 7 février 2027"),
        ("'2027-02-07' | date('short')", "07/02/2027"),
        ("'2027-02-07' | date('d MMM')", "7 févr."),
        ("'2027-02-07' | date('EEEE d MMMM')", "dimanche 7 février"),
        ("'2027-02-01' | date", "1er février"),
        ("'2027-02-01' | date('long')", "1er février 2027"),
        ("'2027-02-11' | date", "11 février"),
        ("'2027-02-07' | weekday", "dimanche"),
        ("'2027-02-07T09:30' | time", "09:30"),
        ("'09:30' | time", "09:30"),
        ("'2027-02-07T09:30' | time(\"H'h'mm\")", "9h30"),
        ("'2027-02-07T09:30' | datetime", "7 février à 09:30"),
        ("offer.until | date", "7 février"),
        ("offer.until | time", "23:59"),
        ("campaign.occasion | date('long')", "14 février 2027"),
    ],
)
def test_moments_are_written_as_asked(expression: str, expected: str) -> None:
    assert written(expression) == expected


def test_moment_is_shown_on_the_readers_clock() -> None:
    assert written("event.at | datetime", zone="Europe/Paris") == "7 février à 23:30"
    assert written("event.at | datetime", zone="Europe/Moscow") == "8 février à 01:30"
    assert written("offer.until | datetime", zone="America/New_York") == "7 février à 17:59"


@pytest.mark.parametrize(
    ("expression", "language", "country", "expected"),
    [
        ("29.9 | money", "fr", "FR", "29,90\u00a0€"),
        ("29.9 | money", "en", "US", "$29.90"),
        ("350 | money", "ro", "MD", "350,00\u00a0L"),
        ("'1234.5' | money('EUR')", "de", "DE", "1.234,50\u00a0€"),
        ("29.9 | money('EUR')", "en", None, "€29.90"),
        ("1234567.5 | number", "fr", "FR", "1\u202f234\u202f567,5"),
        ("3.14159 | number(2)", "fr", "FR", "3,14"),
        ("3 | number(0)", "fr", "FR", "3"),
        ("0.3 | percent", "fr", "FR", "30\u00a0%"),
        ("0.125 | percent", "fr", "FR", "12,5\u00a0%"),
        ("0.125 | percent(0)", "en", "US", "12%"),
    ],
)
def test_numbers_are_written_in_the_campaigns_language(
    expression: str, language: str, country: str | None, expected: str
) -> None:
    assert written(expression, language=language, country=country) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'léa martin' | title", "Léa Martin"),
        ("'jean-luc' | title", "Jean-Luc"),
        ("'ÉTÉ' | lower", "été"),
        ("'été' | capitalize", "Été"),
        ("'été' | upper", "ÉTÉ"),
        ("'une longue phrase ici' | truncate(12)", "une longue…"),
        ("['or', 'argent'] | join(', ')", "or, argent"),
        ("[{'p': 2}, {'p': 3}] | sum('p')", "5"),
        ("[19.9, 0.1] | sum", "20.0"),
        ("'a b&c' | urlencode", "a%20b%26c"),
        ("'' | default('client', true)", "client"),
        ("contact.size | default('inconnue')", "inconnue"),
        ("[3, 1, 2] | sort | join", "123"),
        ("[3, 1, 2] | max", "3"),
        ("2.567 | round(1)", "2.6"),
        ("'aaa' | replace('a', 'b')", "bbb"),
        ("' x ' | trim", "x"),
        ("[1, 2, 3] | length", "3"),
        ("range(3) | map('string') | join('-')", "0-1-2"),
        ("contact.first_name.upper()", "LÉA"),
        ("'a' ~ 1 ~ 'b'", "a1b"),
        ("2 + 3 * 2 ** 2", "14"),
    ],
)
def test_text_and_lists(expression: str, expected: str) -> None:
    assert written(expression) == expected


def test_key_of_an_event_comes_before_a_method_of_its_type() -> None:
    touch = mail(text="{% for item in event.items %}{{ item.name }}, {% endfor %}")

    assert body_of(render(touch, event={"items": [{"name": "Bague"}, {"name": "Écrin"}]})) == "Bague, Écrin,"


@pytest.mark.parametrize(
    ("expression", "message", "remedy"),
    [
        ("'12/02' | date", "cannot read '12/02' as a date", "expected e.g. 2027-02-14 or 2027-02-14T09:30+01:00"),
        ("'' | date", "cannot read '' as a date", "expected e.g. 2027-02-14 or 2027-02-14T09:30+01:00"),
        ("'2027-02-07' | time", "expected a time of day, got the date 2027-02-07", "use `| date`"),
        ("'09:30' | date", "expected a date, got the time 09:30", "use `| time`"),
        ("'2027-02-07' | datetime", "expected a moment with a time of day, got '2027-02-07'", "use `| date`"),
        (
            "'2027-02-07' | date('HH')",
            "cannot read the form 'HH'",
            "expected short, medium, long, full or a pattern such as 'd MMM'",
        ),
        ("'abc' | money", "cannot read 'abc' as a number", "expected e.g. 29.90"),
        ("3 | money('EURO')", "unknown currency 'EURO'", "expected a code such as EUR, MDL or USD"),
        ("contact", "a group of facts cannot be shown as it is", "name one of its facts, as in `contact.first_name`"),
        ("['a']", "a list cannot be shown as it is", "loop over it, or use `| join(', ')`"),
        ("none", "nothing to show: the value is empty", "say what stands there: `| default('...', true)`"),
        ("'x' | uper", "unknown filter 'uper'", "did you mean 'upper'?"),
        ("contact.first_name.title_case()", "str has no 'title_case'", ""),
        (
            "contact.first_name.replace('a', 'b')",
            "`.replace` of text is not available in templates",
            "use the filter: `value | replace`",
        ),
    ],
)
def test_what_cannot_be_written_is_an_error_with_its_remedy(expression: str, message: str, remedy: str) -> None:
    with pytest.raises(RenderError) as caught:
        written(expression)

    assert (caught.value.message, caught.value.remedy) == (message, remedy)


def test_money_without_a_country_asks_for_the_currency() -> None:
    with pytest.raises(RenderError, match="no country, so no currency"):
        written("3 | money", country=None)
