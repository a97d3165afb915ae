"""What is no moment is refused at the word, with a remedy; nothing is guessed."""

import pytest

from campaigns.errors import PhraseError
from campaigns.timing import phrases

REFUSED = [
    # phrase, language, offset of the place, message, remedy
    ("a week befor", "en", 7, "unknown word 'befor' at character 8", "did you mean 'before'?"),
    ("fin janvieer", "fr", 4, "unknown word 'janvieer' at character 5", "did you mean 'janvier'?"),
    ("3 days ago", "en", 7, "'ago' at character 8 says no moment", "a campaign has no past"),
    ("il y a 3 jours", "fr", 0, "'il y a' at character 1 says no moment", "a campaign has no past"),
    ("bientôt", "fr", 0, "says no moment", "say how soon"),
    ("soon", "en", 0, "says no moment", "say how soon"),
    ("un jour", "fr", 3, "it says no whole moment", "expected e.g."),
    ("in summer", "en", 3, "says no moment", "seasons begin on different days"),
    ("en été", "fr", 3, "says no moment", "seasons begin on different days"),
    ("this weekend", "en", 5, "says no moment", "name the day"),
    ("5 to 3 days later", "en", 0, "5 to 3 runs backwards", "write 3 to 5"),
    ("de cinq à trois jours plus tard", "fr", 3, "5 to 3 runs backwards", "write 3 to 5"),
    ("5-3 days later", "en", 0, "5 to 3 runs backwards", "write 3 to 5"),
    ("in 5 to 3 days", "en", 3, "5 to 3 runs backwards", "write 3 to 5"),
    ("twice a week", "en", 0, "2 times in each of these does not say when", "every tuesday and thursday"),
    ("deux fois par semaine", "fr", 0, "does not say when", "name the days"),
    ("de două ori pe săptămână", "ro", 3, "does not say when", "name the days"),
    ("два раза в неделю", "ru", 0, "does not say when", "name the days"),
    ("dos veces por semana", "es", 0, "does not say when", "name the days"),
    ("zweimal pro Woche", "de", 0, "does not say when", "name the days"),
    ("every weekend", "en", 6, "'weekend' at character 7 says no moment", "name the day"),
    ("fifth week of january", "en", 0, "no month has 5 of these", "expected 1 to 4, or last"),
    ("on the 32nd", "en", 7, "no month has 32 of these", "expected 1 to 31, or last"),
    ("15.01.2027", "en", 0, "figures alone", "write '14 february'"),
    ("30.02.2027", "de", 0, "is no date of the calendar", "expected day, month and year"),
    ("31 february", "en", 0, "february has no day 31", "expected a day between 1 and 29"),
    ("30 février", "fr", 0, "février has no day 30", "expected a day between 1 and 29"),
    ("29 February 2027", "en", 0, "february 2027 has no day 29", "expected a day between 1 and 28"),
    ("friday 15 january 2026", "en", 7, "15 january 2026 is no friday", "it is a thursday"),
    ("2 days before", "en", 7, "'before' what?", "name a day, an event or a stage"),
    ("3 days after", "en", 7, "'after' what?", "name a day, an event or a stage"),
    ("every 2nd tuesday", "en", 10, "either every other week or one in each month", "write 'every other tuesday'"),
    ("the 31st of every month", "en", 6, "some months have no day 31", "the last day of every month"),
    ("every 0 days", "en", 6, "it repeats without a pause", "every 30 days"),
    ("in 5000 days", "en", 3, "5000 is too far away", "expected at most 3660"),
    ("in 99999999999999999999 days", "en", 3, "is too far away", "expected at most 3660"),
    ("within 3 to 5 days", "en", 14, "a limit is one length, not a range", "within 5 days"),
    ("as soon as possible at 9:30", "en", 23, "the moment is exact", "leave out the time"),
    ("48 hours later at 9:30", "en", 18, "the moment is exact", "leave out the time"),
    ("14/02/2027", "en", 2, "unexpected '/' at character 3", "write '14 february'"),
    ("2027-02-30", "en", 0, "2027-02-30 is no date of the calendar", "expected a date such as"),
    ("2027-02-14 09:30 Europe/Pari", "en", 0, "unknown time zone 'europe/pari'", "did you mean 'Europe/Paris'?"),
    ("tomorrow at 25:00", "en", 12, "25:00 is no time of day", "between 00:00 and 23:59"),
    ("tomorrow at 25h", "en", 14, "25:00 is no time of day", "between 0:00 and 23:59"),
    ("tomorrow at 13 pm", "en", 12, "13 is no hour of a half day", "expected e.g. 9 am"),
    ("sixth monday of february", "en", 0, "unknown word 'sixth'", "expected e.g."),
    ("first half of next week", "en", 19, "a week has no halves here", "start, middle or end"),
    ("10 to 5 january", "en", 0, "10 to 5 runs backwards", "write 5 to 10"),
    ("between purchase and 14 february", "en", 24, "an event and a day bound no window", "between purchase and"),
    ("early january late january", "en", 14, "did not expect 'late'", "expected e.g."),
    ("before after", "en", 7, "did not expect 'after'", "expected e.g."),
    ("Q5", "en", 1, "it says no whole moment", "expected e.g."),
    ("14 february 3000", "en", 12, "the year 3000 is out of reach", "between 1900 and 2199"),
    ("fifteen", "en", 0, "it says no whole moment", "expected e.g."),
    ("", "en", 0, "the phrase is empty", "as soon as possible"),
    ("   ", "en", 0, "the phrase is empty", "as soon as possible"),
    ("asap\n", "en", 4, "control character U+000A at character 5", "remove it"),
    ("early\u200bjanuary", "en", 5, "control character U+200B at character 6", "remove it"),
    ("x" * 201, "en", 200, "201 characters long, expected at most 200", "write it shorter"),
    ("a " * 25, "en", 48, "25 words, expected at most 24", "write it shorter"),
    ("💍 on Valentine's Day", "en", 0, "unexpected '💍' at character 1", "write plain words"),
]


@pytest.mark.parametrize(("phrase", "language", "at", "message", "remedy"), REFUSED)
def test_phrase_is_refused_at_its_place(phrase: str, language: str, at: int, message: str, remedy: str) -> None:
    with pytest.raises(PhraseError) as caught:
        phrases.parse(phrase, language=language)

    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.at == at
    assert caught.value.phrase == phrase


def test_language_without_words_falls_back_to_english() -> None:
    assert phrases.parse("3 days later", language="it") == phrases.parse("3 days later")


def test_language_without_words_is_named_and_the_structured_form_is_shown() -> None:
    with pytest.raises(PhraseError) as caught:
        phrases.parse("inizio gennaio", language="it")

    assert "(phrases in it are not read yet)" in caught.value.message
    assert caught.value.remedy == "write it in English, or structurally, e.g. {days: [3, 5], after: previous}"


def test_english_is_understood_in_a_french_file() -> None:
    assert phrases.parse("3 days later", language="fr") == phrases.parse("3 days later", language="en")


def test_two_languages_are_never_mixed() -> None:
    with pytest.raises(PhraseError):
        phrases.parse("3 jours later", language="fr")


def test_french_is_not_read_in_an_english_file() -> None:
    with pytest.raises(PhraseError):
        phrases.parse("fin janvier", language="en")


def test_unknown_event_is_refused_and_a_declared_one_is_read() -> None:
    with pytest.raises(PhraseError):
        phrases.parse("2 days after grooming")

    timing = phrases.parse("2 days after grooming", events={"grooming"})

    assert timing.anchor == phrases.parse("2 days after grooming", language="fr", events={"grooming"}).anchor


def test_span_is_refused_as_a_range() -> None:
    with pytest.raises(PhraseError, match="it is a range"):
        phrases.parse_span("3 to 5 days")


@pytest.mark.parametrize("text", ["30", "days", "30 days later", "soon", ""])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(PhraseError):
        phrases.parse_span(text)


@pytest.mark.parametrize("text", ["3 times", "30 days", "every", "early january", "every 30 days 3"])
def test_what_does_not_repeat_is_refused(text: str) -> None:
    with pytest.raises(PhraseError):
        phrases.parse_repeat(text)
