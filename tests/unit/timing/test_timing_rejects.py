"""What must be refused in each language: an error that says why, never a guess."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import perf_counter

import pytest

import campaigns
from campaigns.errors import CampaignError, PhraseError
from campaigns.timing import phrases
from campaigns.timing.lexicon import READ, lexicon

NOW = datetime.fromisoformat("2026-11-20T15:42:00+01:00")
REJECTS = Path(__file__).parent / "rejects"


def lines() -> list[object]:
    """Read `phrase | part of the message`, one file a language."""
    return [
        pytest.param(file.stem, *line.split(" | "), id=f"{file.stem} {line.partition(' | ')[0]}")
        for file in sorted(REJECTS.glob("*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


@pytest.mark.parametrize(("language", "phrase", "message"), lines())
def test_phrase_is_refused_with_its_reason(language: str, phrase: str, message: str) -> None:
    with pytest.raises(CampaignError) as caught:
        campaigns.when(phrase, lang=language, now=NOW, tz="Europe/Paris", country="FR", previous=NOW)

    assert message in caught.value.message
    assert caught.value.remedy
    if isinstance(caught.value, PhraseError):
        assert caught.value.phrase == phrase
        assert 0 <= caught.value.at <= len(phrase)


def test_every_language_has_rejects() -> None:
    assert {file.stem for file in REJECTS.glob("*.txt")} == set(READ)


TORTURE = [
    "days " * 2000,
    "de trois à cinq jours " * 500,
    "1" * 10_240,
    "-" * 10_240,
    "через " * 1700,
    "\U0001f48d" * 200,
    "every monday and " * 11,
    "a" * 200,
    "1-" * 100,
    "vor " * 50,
    ("luni " * 24).strip(),
    ("mai " * 24).strip(),
    "é" * 199,
    "ӑ" * 100,
]


@pytest.mark.parametrize("language", sorted(READ))
@pytest.mark.parametrize("text", TORTURE, ids=range(len(TORTURE)))
def test_garbage_of_any_length_is_refused_at_once(text: str, language: str) -> None:
    phrases.parse("3 days later", language=language)  # the word tables are read

    with pytest.raises(PhraseError):
        phrases.parse(text, language=language)
    assert best_of(5, text, language) < 0.1


@pytest.mark.parametrize("language", sorted(READ))
def test_every_reject_and_every_example_is_answered_at_once(language: str) -> None:
    words = lexicon(language)
    assert words is not None
    rejects = (REJECTS / f"{language}.txt").read_text(encoding="utf-8").splitlines()

    slowest = max(best_of(3, phrase.partition(" | ")[0], language) for phrase in (*rejects, *words.examples))

    assert slowest < 0.1


def best_of(attempts: int, text: str, language: str) -> float:
    """Return the wall seconds of the fastest attempt, so that only what is slow by itself is slow, not a busy machine."""
    best = float("inf")
    for _ in range(attempts):
        phrases._parse.cache_clear()  # refusals are not remembered, readings are
        started = perf_counter()
        with suppress(PhraseError):
            phrases.parse(text, language=language)
        best = min(best, perf_counter() - started)
        if best < 0.1:
            break
    return best
