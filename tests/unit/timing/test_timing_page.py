"""The manual's page about timing is made from the tables, so that it says what the code does; every phrase on it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from campaigns.errors import TimingError
from campaigns.timing import (
    days,
    grounds,
    lexicon,
    named_days,
    occasions,
    phrases,
    resolver,
    windows,
    wording,
    zones,
)
from campaigns.timing.lexicon import LANGUAGES, READ
from campaigns.timing.meanings import PRODUCTIONS, production
from campaigns.timing.model import Moments, Timing

PAGE = Path(__file__).parents[3] / "docs" / "timing.md"
MARK = "<!-- generated from the tables -->"
COUNTRIES = ("FR", "RO", "MD", "RU", "US", "GB", "CA", "DE", "ES", "BE", "CH", "IT")
YEAR = 2027
PARIS = zones.zone("Europe/Paris")
SEEN_FROM = Moments(
    now=datetime(2026, 11, 20, 15, 42, tzinfo=PARIS),
    zone="Europe/Paris",
    country="FR",
    start=datetime(2026, 12, 1, tzinfo=PARIS),
    previous=datetime(2027, 1, 4, 10, 0, tzinfo=PARIS),
    events={
        "purchase": datetime(2027, 1, 4, 10, 0, tzinfo=PARIS),
        "delivered": datetime(2027, 1, 8, 10, 0, tzinfo=PARIS),
        "birthday": datetime(1990, 6, 17, tzinfo=PARIS),
    },
)


def test_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    head = text.partition(MARK)[0]
    made = f"{head}{MARK}\n\n" + "\n".join(page()) + "\n"
    if os.environ.get("CAMPAIGN_UPDATE_GOLDEN"):
        PAGE.write_text(made, encoding="utf-8")
        text = made

    assert text == made


@pytest.mark.parametrize("example", PRODUCTIONS, ids=lambda one: one.name)
def test_example_of_a_production_is_of_it_and_has_a_phrase_in_every_language(example: object) -> None:
    assert example in PRODUCTIONS
    timing = example.example  # type: ignore[attr-defined]

    assert production(timing) is example
    assert all(wording.describe(timing, language) is not None for language in READ)


@pytest.mark.parametrize("language", sorted(READ))
def test_every_phrase_pointed_at_has_a_meaning(language: str) -> None:
    words = lexicon.lexicon(language)
    assert words is not None

    for example in words.examples:
        assert production(phrases.parse(example, language=language)) in PRODUCTIONS


@pytest.mark.parametrize(
    ("computes", "source"),
    [
        (days.month, "UCP 600 art. 3"),  # thirds and halves
        (days.month, "Geneva ULB art. 36"),  # 1st, 15th, last
        (days.month, "BGB § 192"),
        (days.week, "ISO 8601"),
        (days.quarter, "Our thirds"),
        (days.year, "Our thirds"),
        (days.nth_week, "UCP 600 art. 3"),
        (days.beside, "UCP 600 art. 3"),
        (days.nth_weekday, "RFC 5545"),
        (days.add, "Geneva ULB art. 36"),
        (windows._offset, "(EEC) 1182/71 art. 3"),
        (windows._offset, "RFC 5545 section 3.3.6"),
        (windows._within, "(EEC) 1182/71 art. 3"),
        (windows._until, "UCP 600 art. 3"),
        (windows._after, "UCP 600 art. 3"),
        (windows._from, "UCP 600 art. 3"),
        (windows._about, "UCP 600 art. 3"),
        (windows._between, "UCP 600 art. 3"),
        (phrases.notes, "Code de commerce L511-24"),  # huit and quinze jours
        (grounds._weekday, "Braze"),
    ],
)
def test_what_computes_a_meaning_names_its_source(computes: object, source: str) -> None:
    assert source in " ".join((computes.__doc__ or "").split())


def page() -> Iterator[str]:
    """Yield the lines of the generated part."""
    yield "## What each kind of phrase means"
    yield ""
    yield "Seen from Friday 20 November 2026, 15:42 in Paris; the previous stage and the purchase on Monday 4 January 2027."
    yield ""
    yield "| Kind | For example | Is | Because | Source |"
    yield "|---|---|---|---|---|"
    for one in PRODUCTIONS:
        says = resolver.resolve(one.example, SEEN_FROM).says
        yield f"| {one.name} | {said(one.example, 'en')} | {says} | {one.meaning} | {one.source} |"
    yield ""
    yield "## The same in every language"
    yield ""
    names = [LANGUAGES[language] for language in READ]
    yield f"| Kind | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for one in PRODUCTIONS:
        yield f"| {one.name} | {' | '.join(said(one.example, language) for language in READ)} |"
    yield ""
    for language in READ:
        yield from of_language(language)
    yield from of_occasions()


def said(timing: Timing, language: str) -> str:
    phrase = wording.describe(timing, language)
    assert phrase is not None
    return phrase


def of_language(language: str) -> Iterator[str]:
    words = lexicon.lexicon(language)
    assert words is not None
    yield f"### {words.name}"
    yield ""
    yield "Phrases that are read, among others:"
    yield ""
    yield " · ".join(f"`{example}`" for example in words.examples)
    yield ""
    yield "Never read, because nobody can say when it is: " + ", ".join(f"`{word}`" for word in words.refused) + "."
    yield ""
    if words.loose:
        yield "Read with a note: " + "; ".join(sorted(set(words.loose.values()))) + "."
        yield ""


def of_occasions() -> Iterator[str]:
    yield "## Named days"
    yield ""
    yield f"Their dates in {YEAR}, by country; `·` where a country has no date of its own, and its name is then refused."
    yield ""
    yield f"| Name | {' | '.join(COUNTRIES)} |"
    yield "|---" * (len(COUNTRIES) + 1) + "|"
    for name in occasions.NAMES:
        yield f"| `{name}` | {' | '.join(day(name, country) for country in COUNTRIES)} |"
    yield ""
    yield "Where the rule comes from:"
    yield ""
    for name, source in named_days.SOURCES.items():
        yield f"- `{name}`: {source}"
    yield ""
    yield "Never guessed:"
    yield ""
    for (name, country), reason in named_days.UNSETTLED.items():
        yield f"- `{name}` in {country}: {reason}"
    yield ""
    yield f"| Name | {' | '.join(LANGUAGES[language] for language in READ)} |"
    yield "|---" * (len(READ) + 1) + "|"
    for name in occasions.NAMES:
        yield f"| `{name}` | {' | '.join(occasions.title(name, language) for language in READ)} |"


def day(name: str, country: str) -> str:
    try:
        found = occasions.on(name, YEAR, country)
    except TimingError:
        return "·"
    return f"{found.day} {found:%b}"
