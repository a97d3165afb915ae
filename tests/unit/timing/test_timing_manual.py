"""The phrases of the file's manual and of the journeys it was made for, read in the language of their file."""

import pytest

from campaigns.timing import occasions, phrases
from campaigns.timing.model import (
    Event,
    Fixed,
    Here,
    Now,
    Occasion,
    Offset,
    Part,
    Period,
    PeriodUnit,
    Previous,
    Relation,
    Repeat,
    Span,
    Timing,
    Unit,
)

JANUARY_START = Timing(Period(Part.START, PeriodUnit.MONTH, 1))
JANUARY_MIDDLE = Timing(Period(Part.MIDDLE, PeriodUnit.MONTH, 1))
JANUARY_END = Timing(Period(Part.END, PeriodUnit.MONTH, 1))
VALENTINE = Occasion("valentines-day")


def later(low: int, high: int, unit: Unit = Unit.DAY) -> Timing:
    return Timing(Previous(), Relation.OFFSET, Offset(unit, low, high))


def within(amount: int, unit: Unit) -> Timing:
    return Timing(Here(), Relation.WITHIN, Offset(unit, amount, amount))


PHRASES = [
    ("début janvier", "fr", JANUARY_START),
    ("à la mi-janvier", "fr", JANUARY_MIDDLE),
    ("fin janvier", "fr", JANUARY_END),
    ("dès que possible", "fr", Timing(Now())),
    ("de trois à cinq jours plus tard", "fr", later(3, 5)),
    ("après trois à cinq jours supplémentaires", "fr", later(3, 5)),
    ("dans les prochaines 48 heures", "fr", within(48, Unit.HOUR)),
    ("48 heures plus tard", "fr", later(48, 48, Unit.HOUR)),
    ("1er décembre", "fr", Timing(Fixed(12, 1))),
    ("2 janvier", "fr", Timing(Fixed(1, 2))),
    ("30 juin", "fr", Timing(Fixed(6, 30))),
    ("saint-valentin", "fr", Timing(VALENTINE)),
    ("10 jours avant la saint-valentin", "fr", Timing(VALENTINE, Relation.OFFSET, Offset(Unit.DAY, 10, 10, -1))),
    ("1 day later", "fr", later(1, 1)),
    ("5 minutes later", "fr", later(5, 5, Unit.MINUTE)),
    ("14 days later", "fr", later(14, 14)),
    ("between purchase and delivered", "fr", Timing(Event("purchase"), Relation.BETWEEN, second=Event("delivered"))),
    ("next business day", "fr", Timing(Here(), Relation.OFFSET, Offset(Unit.BUSINESS_DAY, 1, 1))),
    ("le prochain jour ouvré", "fr", Timing(Here(), Relation.OFFSET, Offset(Unit.BUSINESS_DAY, 1, 1))),
    (
        "5 days before the expected order",
        "fr",
        Timing(Event("purchase", expected=True), Relation.OFFSET, Offset(Unit.DAY, 5, 5, -1)),
    ),
    (
        "11 months after the last purchase",
        "en",
        Timing(Event("purchase"), Relation.OFFSET, Offset(Unit.MONTH, 11, 11)),
    ),
    (
        "onze mois après le dernier achat",
        "fr",
        Timing(Event("purchase"), Relation.OFFSET, Offset(Unit.MONTH, 11, 11)),
    ),
    ("2 days after cart abandoned", "en", Timing(Event("cart_abandoned"), Relation.OFFSET, Offset(Unit.DAY, 2, 2))),
    ("2 days after cart_abandoned", "en", Timing(Event("cart_abandoned"), Relation.OFFSET, Offset(Unit.DAY, 2, 2))),
    ("cât mai curând posibil", "ro", Timing(Now())),
    ("3-5 zile mai târziu", "ro", later(3, 5)),
    ("în următoarele 48 de ore", "ro", within(48, Unit.HOUR)),
    (
        "cu 10 zile înainte de Ziua Îndrăgostiților",
        "ro",
        Timing(VALENTINE, Relation.OFFSET, Offset(Unit.DAY, 10, 10, -1)),
    ),
    ("как можно скорее", "ru", Timing(Now())),
    ("через 3–5 дней", "ru", Timing(Here(), Relation.OFFSET, Offset(Unit.DAY, 3, 5))),
    ("в ближайшие 48 часов", "ru", within(48, Unit.HOUR)),
    ("за 10 дней до Дня святого Валентина", "ru", Timing(VALENTINE, Relation.OFFSET, Offset(Unit.DAY, 10, 10, -1))),
]


@pytest.mark.parametrize(("phrase", "language", "expected"), PHRASES, ids=[phrase for phrase, _, _ in PHRASES])
def test_phrase_of_the_manual_says_what_it_means(phrase: str, language: str, expected: Timing) -> None:
    timing = phrases.parse(phrase, language=language)

    assert timing == expected
    assert timing.phrase == phrase
    assert timing.language == language


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("30 days", "fr", Span(30, Unit.DAY)),
        ("10 jours", "fr", Span(10, Unit.DAY)),
        ("2 zile", "ro", Span(2, Unit.DAY)),
        ("30 de zile", "ro", Span(30, Unit.DAY)),
        ("3 дня", "ru", Span(3, Unit.DAY)),
        ("неделя", "ru", Span(1, Unit.WEEK)),
        ("2 business days", "en", Span(2, Unit.BUSINESS_DAY)),
        ("a fortnight", "en", Span(2, Unit.WEEK)),
        ("quinze jours", "fr", Span(15, Unit.DAY)),
        ("48 h", "de", Span(48, Unit.HOUR)),
        ("a year", "en", Span(1, Unit.YEAR)),
    ],
)
def test_length_of_time_is_read_in_the_language_then_in_english(text: str, language: str, expected: Span) -> None:
    assert phrases.parse_span(text, language=language) == expected


def test_repetition_of_the_manual_is_read() -> None:
    expected = Repeat("FREQ=DAILY;INTERVAL=30", times=3)

    assert phrases.parse_repeat("every 30 days, 3 times", language="fr").repeat == expected
    assert phrases.parse_repeat("tous les 30 jours, 3 fois", language="fr").repeat == expected
    assert phrases.parse_repeat("la fiecare 30 de zile, de 3 ori", language="ro").repeat == expected
    assert phrases.parse_repeat("каждые 30 дней, 3 раза", language="ru").repeat == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("saint-valentin", "fr"),
        ("Valentine's Day", "en"),
        ("Ziua Îndrăgostiților", "ro"),
        ("Ziua Îndrăgostiţilor", "ro"),
        ("День святого Валентина", "ru"),
        ("Дня святого Валентина", "ru"),
    ],
)
def test_valentines_day_is_found_in_every_language(text: str, language: str) -> None:
    assert occasions.find(text, language) == "valentines-day"


def test_romanian_monday_and_months_are_told_apart_by_their_place() -> None:
    two_months = phrases.parse("peste două luni", language="ro")
    monday = phrases.parse("luni la ora 9", language="ro")

    assert two_months.offset == Offset(Unit.MONTH, 2, 2)
    assert monday == phrases.parse("monday at 9:00")


def test_romanian_may_and_more_are_told_apart_by_their_place() -> None:
    assert phrases.parse("mai", language="ro") == phrases.parse("may")
    assert phrases.parse("cât mai curând posibil", language="ro") == Timing(Now())


def test_russian_during_a_month_and_within_hours_are_told_apart() -> None:
    assert phrases.parse("в течение января", language="ru") == phrases.parse("during january")
    assert phrases.parse("в течение 48 часов", language="ru") == within(48, Unit.HOUR)


def test_russian_short_i_is_a_letter_of_its_own() -> None:
    assert phrases.parse("в начале мая", language="ru") == phrases.parse("early may")
    assert phrases.parse("май", language="ru") == phrases.parse("may")


def test_accents_case_dashes_and_apostrophes_do_not_matter() -> None:
    plain = phrases.parse("3-5 jours plus tard", language="fr")

    assert phrases.parse("3–5 JOURS plus tard", language="fr") == plain
    assert phrases.parse("fevrier", language="fr") == phrases.parse("Février", language="fr")
    assert phrases.parse("2 jours après l’achat", language="fr") == phrases.parse(
        "2 jours apres l'achat", language="fr"
    )
    assert phrases.parse("d'ici 3\u00a0jours", language="fr") == phrases.parse("dans 3 jours", language="fr")
