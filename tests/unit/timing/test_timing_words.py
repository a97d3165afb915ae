"""The word tables: complete in every language, and the same months and weekdays as CLDR has."""

import pytest
from babel import Locale
from support import cldr_names

from campaigns.errors import PhraseError
from campaigns.timing import lexicon, occasions, phrases, wording
from campaigns.timing.lexicon import READ
from campaigns.timing.lexicon.table import Kind, Lexicon
from campaigns.timing.model import Occasion, Offset, Relation, Timing, Unit

LANGUAGES = sorted(READ)


def words(language: str) -> Lexicon:
    found = lexicon.lexicon(language)
    assert found is not None
    return found


def test_names_of_months_and_weekdays_are_those_that_cldr_gives_now() -> None:
    assert cldr_names.MODULE.read_text(encoding="utf-8") == cldr_names.module()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", ["wide", "abbreviated"])
@pytest.mark.parametrize("context", ["format", "stand-alone"])
def test_months_and_weekdays_of_cldr_are_known(language: str, width: str, context: str) -> None:
    meanings = lexicon.table(language).meanings
    locale = Locale(language)

    for number, name in locale.months[context][width].items():
        assert meanings[lexicon.surface(name)][Kind.MONTH] == number
    for number, name in locale.days[context][width].items():
        assert meanings[lexicon.surface(name)][Kind.WEEKDAY] == number


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_occasion_has_a_title_and_every_name_means_it(language: str) -> None:
    names = words(language).occasions

    assert set(names) == set(occasions.NAMES)
    for occasion, spellings in names.items():
        for name in spellings.split("|"):
            assert occasions.find(name, language) == occasion
            assert phrases.parse(name.strip(), language=language) == Timing(Occasion(occasion))


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_are_read_in_words_up_to_a_hundred(language: str) -> None:
    table = words(language)
    days = table.units[Unit.DAY, 1].split("|")[1].strip()

    assert set(range(100)) <= set(table.numbers)
    for number in range(2, 101):
        for spelling in table.numbers[number].split("|"):
            assert phrases.parse_span(f"{spelling.strip()} {days}", language=language).amount == number


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_parts_of_speech(language: str) -> None:
    # a kind that one language needs and another has no word for
    own = {
        Kind.WITHIN_NEXT,
        Kind.AWAY,
        Kind.AGO,
        Kind.AROUND,
        Kind.ONWARD,
        Kind.DAY_MARK,
        Kind.BEFORE_DAY,
        Kind.WITHIN_OF,
        Kind.COUNTED_FROM,
        Kind.ONE_IN_TWO,
        Kind.OTHER,
        Kind.YEAR_MARK,
        Kind.AM,
        Kind.PM,
        Kind.ARTICLE,
        Kind.OF,
    }

    assert set(words("en").words) - set(words(language).words) - own == set()
    assert set(words("en").events) - set(words(language).events) - {"bounce", "anniversary"} == set()


def test_day_of_every_month_is_no_number_of_months() -> None:
    assert phrases.parse("tous les 15 du mois", language="fr") == phrases.parse("the 15th of every month")
    assert phrases.parse("tous les 15 mois", language="fr") == phrases.parse("every 15 months")


def test_umlauts_may_be_written_without_dots() -> None:
    assert phrases.parse("3 Tage spaeter", language="de") == phrases.parse("3 Tage später", language="de")
    assert phrases.parse("Anfang Maerz", language="de") == phrases.parse("Anfang März", language="de")
    assert phrases.parse("NÄCHSTEN MONTAG", language="de") == phrases.parse("naechsten montag", language="de")


def test_german_past_and_before_are_told_apart() -> None:
    before = phrases.parse("10 Tage vor Weihnachten", language="de")

    assert before == Timing(Occasion("christmas"), Relation.OFFSET, Offset(Unit.DAY, 10, 10, -1))
    with pytest.raises(PhraseError, match="it lies in the past"):
        phrases.parse("vor 10 Tagen", language="de")


def test_spanish_second_and_tuesday_or_march_are_told_apart_by_their_place() -> None:
    assert phrases.parse("el segundo martes de mayo", language="es") == phrases.parse("second tuesday of may")
    assert phrases.parse("3 mar", language="es") == phrases.parse("3 march")
    assert phrases.parse("mar 9 mar", language="es") == phrases.parse("tuesday 9 march")
    with pytest.raises(PhraseError, match="'mar' is martes or marzo"):
        phrases.parse("el mar", language="es")


def test_spanish_weekend_is_not_the_end_of_a_week() -> None:
    assert phrases.parse("a fin de mes", language="es") == phrases.parse("end of the month")
    with pytest.raises(PhraseError, match="says no moment"):
        phrases.parse("el fin de semana", language="es")


def test_romanian_now_and_ago_are_told_apart_by_their_place() -> None:
    assert phrases.parse("acum", language="ro") == phrases.parse("now")
    with pytest.raises(PhraseError, match="it lies in the past"):
        phrases.parse("acum 3 zile", language="ro")


def test_romanian_months_repeat_and_are_no_mondays() -> None:
    assert phrases.parse("la fiecare 3 luni", language="ro") == phrases.parse("every 3 months")
    assert phrases.parse("în fiecare luni", language="ro") == phrases.parse("every monday")


def test_russian_nouns_follow_their_number() -> None:
    for phrase, days in (("через 1 день", 1), ("через 2 дня", 2), ("через 5 дней", 5), ("через 21 день", 21)):
        assert phrases.parse(phrase, language="ru").offset == Offset(Unit.DAY, days, days)
    assert phrases.parse("через 21 день после Пасхи", language="ru").offset == Offset(Unit.DAY, 21, 21)
    assert phrases.parse("через неделю", language="ru").offset == Offset(Unit.WEEK, 1, 1)


def test_french_september_and_seven_are_told_apart_by_their_place() -> None:
    assert phrases.parse("14 sept", language="fr") == phrases.parse("14 september")
    assert phrases.parse("dans sept jours", language="fr") == phrases.parse("in 7 days")


def test_lengths_that_people_use_loosely_are_noted() -> None:
    fifteen = phrases.parse("dans quinze jours", language="fr")
    eight = phrases.parse("in acht Tagen", language="de")

    assert phrases.notes(fifteen) == ("'quinze jours' is read as 15 days; for a fortnight write 'deux semaines'",)
    assert phrases.notes(eight) == ("'acht Tage' is read as 8 days; for a week write 'eine Woche'",)
    assert phrases.notes(phrases.parse("dans 15 jours", language="fr")) == ()


@pytest.mark.parametrize(
    ("phrase", "language", "said"),
    [
        ("de trois à cinq jours plus tard", "ru", "3-5 дней спустя"),
        ("10 jours avant la Saint-Valentin", "de", "10 Tage vor Valentinstag"),
        ("début janvier", "ro", "la începutul lunii ianuarie"),
        ("dans les prochaines 48 heures", "es", "en un plazo de 48 horas"),
        ("le dernier vendredi de novembre", "en", "the last friday of november"),
        ("chaque lundi jusqu'à Pâques", "fr", "chaque lundi jusqu'à Pâques"),
        ("mercredi prochain", "ru", "в следующую среду"),
        ("tous les 30 jours, 3 fois", "ro", "la fiecare 30 de zile, de 3 ori"),
    ],
)
def test_timing_is_said_in_another_language(phrase: str, language: str, said: str) -> None:
    assert wording.describe(phrases.parse(phrase, language="fr"), language) == said


def test_what_no_phrase_says_is_not_described() -> None:
    from campaigns.timing.model import Stage

    assert wording.describe(Timing(Stage("awareness"), Relation.OFFSET, Offset(Unit.DAY, 3, 3))) is None
    assert wording.describe(phrases.parse("3 days later"), "it") == "3 days later"
