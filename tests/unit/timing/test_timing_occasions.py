"""Named days: the country decides the date, the language only the name."""

from datetime import date

import pytest

from campaigns.errors import TimingError
from campaigns.timing import lexicon, occasions

DATES = [
    ("valentines-day", 2027, None, date(2027, 2, 14)),
    ("easter", 2026, "FR", date(2026, 4, 5)),
    ("easter", 2026, "RO", date(2026, 4, 12)),
    ("easter", 2027, "FR", date(2027, 3, 28)),
    ("easter", 2027, "RU", date(2027, 5, 2)),
    ("easter", 2028, "FR", date(2028, 4, 16)),
    ("easter", 2028, "GR", date(2028, 4, 16)),
    ("easter", 2027, None, date(2027, 3, 28)),
    ("good-friday", 2027, "GB", date(2027, 3, 26)),
    ("mothers-day", 2027, "FR", date(2027, 5, 30)),
    ("mothers-day", 2023, "FR", date(2023, 6, 4)),  # the last Sunday of May was Pentecost
    ("mothers-day", 2027, "GB", date(2027, 3, 7)),
    ("mothers-day", 2027, "US", date(2027, 5, 9)),
    ("mothers-day", 2027, "DE", date(2027, 5, 9)),
    ("mothers-day", 2027, "RO", date(2027, 5, 2)),
    ("mothers-day", 2027, "ES", date(2027, 5, 2)),
    ("mothers-day", 2027, "RU", date(2027, 11, 28)),
    ("fathers-day", 2027, "FR", date(2027, 6, 20)),
    ("fathers-day", 2027, "DE", date(2027, 5, 6)),
    ("fathers-day", 2027, "ES", date(2027, 3, 19)),
    ("fathers-day", 2027, "RO", date(2027, 5, 9)),
    ("black-friday", 2026, "FR", date(2026, 11, 27)),
    ("black-friday", 2024, None, date(2024, 11, 29)),
    ("cyber-monday", 2026, None, date(2026, 11, 30)),
    ("thanksgiving", 2026, "US", date(2026, 11, 26)),
    ("thanksgiving", 2026, "CA", date(2026, 10, 12)),
    ("christmas", 2026, "FR", date(2026, 12, 25)),
    ("christmas", 2027, "RU", date(2027, 1, 7)),
    ("christmas", 2026, "UA", date(2026, 12, 25)),
    ("grandmothers-day", 2027, "FR", date(2027, 3, 7)),
    ("labour-day", 2027, "FR", date(2027, 5, 1)),
    ("labour-day", 2027, "US", date(2027, 9, 6)),
    ("pentecost", 2027, "FR", date(2027, 5, 16)),
    ("mardi-gras", 2027, "FR", date(2027, 2, 9)),
    # the dependants of Easter, western and orthodox
    ("carnival-monday", 2027, "DE", date(2027, 2, 8)),
    ("ash-wednesday", 2027, "FR", date(2027, 2, 10)),
    ("palm-sunday", 2027, "FR", date(2027, 3, 21)),
    ("palm-sunday", 2027, "RO", date(2027, 4, 25)),
    ("good-friday", 2027, "RO", date(2027, 4, 30)),
    ("holy-saturday", 2027, "RU", date(2027, 5, 1)),
    ("easter-monday", 2027, "RO", date(2027, 5, 3)),
    ("ascension-day", 2027, "DE", date(2027, 5, 6)),
    ("whit-monday", 2027, "FR", date(2027, 5, 17)),
    ("pentecost", 2027, "RO", date(2027, 6, 20)),
    ("corpus-christi", 2027, "DE", date(2027, 5, 27)),
    ("corpus-christi", 2027, "ES", date(2027, 5, 30)),
    ("orthodox-easter", 2027, "FR", date(2027, 5, 2)),
    ("catholic-easter", 2027, "RO", date(2027, 3, 28)),
    # spring in Romania and Moldova
    ("dragobete", 2027, "RO", date(2027, 2, 24)),
    ("martisor", 2027, "MD", date(2027, 3, 1)),
    ("womens-day", 2027, "RU", date(2027, 3, 8)),
    # autumn and winter
    ("halloween", 2027, "US", date(2027, 10, 31)),
    ("singles-day", 2027, "FR", date(2027, 11, 11)),
    ("black-friday", 2027, "ES", date(2027, 11, 26)),
    ("cyber-monday", 2027, "ES", date(2027, 11, 29)),
    ("first-advent", 2026, "DE", date(2026, 11, 29)),
    ("first-advent", 2028, "DE", date(2028, 12, 3)),
    ("st-nicholas-day", 2027, "BE", date(2027, 12, 6)),
    ("st-nicholas-day", 2027, "RU", date(2027, 12, 19)),
    ("christmas-eve", 2027, "ES", date(2027, 12, 24)),
    ("epiphany", 2027, "ES", date(2027, 1, 6)),
    ("epiphany", 2027, "RU", date(2027, 1, 19)),
    # parents by local rule
    ("mothers-day", 2027, "BE", date(2027, 5, 9)),
    ("mothers-day", 2027, "CH", date(2027, 5, 9)),
    ("mothers-day", 2027, "IT", date(2027, 5, 9)),
    ("fathers-day", 2027, "US", date(2027, 6, 20)),
    ("fathers-day", 2027, "BE", date(2027, 6, 13)),
    ("fathers-day", 2027, "CH", date(2027, 6, 6)),
    ("fathers-day", 2027, "IT", date(2027, 3, 19)),
    ("fathers-day", 2027, "RU", date(2027, 10, 17)),
    # national days
    ("national-day", 2027, "FR", date(2027, 7, 14)),
    ("national-day", 2027, "RO", date(2027, 12, 1)),
    ("national-day", 2027, "MD", date(2027, 8, 27)),
    ("national-day", 2027, "RU", date(2027, 6, 12)),
    ("national-day", 2027, "US", date(2027, 7, 4)),
    ("national-day", 2027, "CA", date(2027, 7, 1)),
    ("national-day", 2027, "DE", date(2027, 10, 3)),
    ("national-day", 2027, "ES", date(2027, 10, 12)),
    ("national-day", 2027, "BE", date(2027, 7, 21)),
    ("national-day", 2027, "CH", date(2027, 8, 1)),
    ("national-day", 2027, "IT", date(2027, 6, 2)),
    ("victoria-day", 2027, "CA", date(2027, 5, 24)),
    ("summer-bank-holiday", 2027, "GB", date(2027, 8, 30)),
    # sales seasons that law fixes
    ("winter-sales", 2026, "FR", date(2026, 1, 7)),  # the second Wednesday is the 14th, after the 12th
    ("winter-sales", 2022, "FR", date(2022, 1, 12)),
    ("winter-sales-end", 2026, "FR", date(2026, 2, 3)),
    ("summer-sales", 2026, "FR", date(2026, 6, 24)),
    ("summer-sales", 2027, "FR", date(2027, 6, 23)),  # the last Wednesday is the 30th, after the 28th
    ("winter-sales", 2026, "BE", date(2026, 1, 3)),
    ("winter-sales", 2027, "BE", date(2027, 1, 2)),  # the 3rd is a Sunday
    ("summer-sales", 2029, "BE", date(2029, 6, 30)),  # 1 July is a Sunday
    ("winter-sales", 2027, "RO", date(2027, 1, 15)),
    ("summer-sales", 2027, "RO", date(2027, 8, 1)),
    # back to school
    ("back-to-school", 2027, "RU", date(2027, 9, 1)),
    ("back-to-school", 2027, "MD", date(2027, 9, 1)),
    ("back-to-school", 2026, "FR", date(2026, 9, 1)),
]


@pytest.mark.parametrize(("name", "year", "country", "expected"), DATES)
def test_day_is_on_the_date_of_the_country(name: str, year: int, country: str | None, expected: date) -> None:
    assert occasions.on(name, year, country) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("saint-valentin", "fr", "valentines-day"),
        ("La SAINT VALENTIN", "fr", None),
        ("Saint‑Valentin", "fr", "valentines-day"),
        ("Valentine's Day", "fr", "valentines-day"),
        ("Valentine’s Day", "en", "valentines-day"),
        ("valentines-day", "de", "valentines-day"),
        ("valentines_day", "en", "valentines-day"),
        ("Pâques", "fr", "easter"),
        ("paques", "fr", "easter"),
        ("Noël", "fr", "christmas"),
        ("Noël", "en", None),
        ("Fête des mères", "fr", "mothers-day"),
        ("the-day", "fr", "the-day"),
        ("my birthday", "en", None),
        ("", "en", None),
    ],
)
def test_name_is_found_in_the_language_then_in_english(text: str, language: str, expected: str | None) -> None:
    assert occasions.find(text, language) == expected


def test_title_is_in_the_language_then_in_english() -> None:
    assert occasions.title("valentines-day", "fr") == "Saint-Valentin"
    assert occasions.title("valentines-day", "en") == "Valentine's Day"
    assert occasions.title("mothers-day", "es") == "Día de la Madre"
    assert occasions.title("mothers-day", "de") == "Muttertag"
    assert occasions.title("memorial-day", "it") == "Memorial Day"
    assert occasions.title("shop-birthday", "fr") == "shop-birthday"


def test_day_that_differs_everywhere_asks_for_the_country() -> None:
    with pytest.raises(TimingError) as caught:
        occasions.on("mothers-day", 2027, None)

    assert str(caught.value) == ("Mother's Day has another date in each country - add `country:`, e.g. `country: FR`")


@pytest.mark.parametrize(
    ("name", "country"),
    [
        ("black-friday", "RO"),
        ("labour-day", "AU"),
        ("christmas", "MD"),
        ("back-to-school", "DE"),
        ("winter-sales", "IT"),
    ],
)
def test_day_that_a_country_does_not_settle_is_refused(name: str, country: str) -> None:
    with pytest.raises(TimingError, match=f"has no one date in {country}"):
        occasions.on(name, 2027, country)


def test_day_unknown_in_a_country_is_refused() -> None:
    with pytest.raises(TimingError, match="no date of Thanksgiving is known for the country FR"):
        occasions.on("thanksgiving", 2027, "FR")


def test_day_that_is_set_anew_every_year_is_refused_until_it_is_known() -> None:
    with pytest.raises(TimingError, match="the date of Back to School 2027 in FR is not known yet"):
        occasions.on("back-to-school", 2027, "FR")


def test_unknown_day_is_refused_with_a_near_name() -> None:
    with pytest.raises(TimingError, match="did you mean 'valentines-day'"):
        occasions.on("valentine-day", 2027, "FR")


def test_every_day_has_a_date_somewhere_and_an_english_title() -> None:
    english = lexicon.lexicon("en")
    assert english is not None
    assert set(english.occasions) == set(occasions.NAMES)

    for name in occasions.NAMES:
        countries = [None if country == occasions.ANYWHERE else country for country in occasions.DAYS[name]]
        assert any(isinstance(occasions.on(name, 2027, country), date) for country in countries)


@pytest.mark.parametrize("language", sorted(lexicon.READ))
def test_every_name_in_a_language_is_of_a_known_day(language: str) -> None:
    words = lexicon.lexicon(language)
    assert words is not None

    assert set(words.occasions) <= set(occasions.NAMES)
    for name, spellings in words.occasions.items():
        for spelling in spellings.split("|"):
            assert occasions.find(spelling, language) == name
