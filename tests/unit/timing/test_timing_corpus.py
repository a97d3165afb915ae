from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campaigns.timing import phrases, resolver, structure
from campaigns.timing.lexicon import READ, lexicon
from campaigns.timing.model import Moments

PARIS = ZoneInfo("Europe/Paris")
CORPUS = Path(__file__).parent / "corpus"

# `calendar.*`: a Friday afternoon in November, some events of a person, an offer and a campaign with an end.
CALENDAR = Moments(
    now=datetime(2026, 11, 20, 15, 42, tzinfo=PARIS),
    zone="Europe/Paris",
    country="FR",
    events={
        "purchase": datetime(2026, 11, 2, 14, 30, tzinfo=PARIS),
        "delivered": datetime(2026, 11, 12, 11, 0, tzinfo=PARIS),
        "cart_abandoned": datetime(2026, 11, 19, 23, 10, tzinfo=PARIS),
        "birthday": datetime(1990, 6, 17, tzinfo=PARIS),
    },
    expected={"purchase": datetime(2027, 3, 1, 12, 0, tzinfo=PARIS)},
    offer_end=datetime(2027, 1, 31, 23, 59, 59, tzinfo=PARIS),
    end=datetime(2027, 2, 14, 23, 59, 59, tzinfo=PARIS),
)
# `later.*`: the previous stage goes on Monday 4 January 2027 at 10:00.
LATER = Moments(
    now=datetime(2026, 11, 20, 15, 42, tzinfo=PARIS),
    zone="Europe/Paris",
    country="FR",
    previous=datetime(2027, 1, 4, 10, 0, tzinfo=PARIS),
)

# Each language in a country of its own where that decides a date; French, Romanian and Russian stand in France here.
COUNTRIES = {"es": "ES", "de": "DE"}


def lines() -> list[object]:
    """Read `phrase | earliest | latest | target`, or `phrase | 3 times | first | second | third`."""
    return [
        pytest.param(file.name, line, id=f"{file.stem} {line.partition(' | ')[0]}")
        for file in sorted(CORPUS.glob("*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


def shown(moment: datetime | None) -> str:
    if moment is None:
        return "open"
    return f"{moment:%a %Y-%m-%d %H:%M}" + (f":{moment:%S}" if moment.second else "")


@pytest.mark.parametrize(("file", "line"), lines())
def test_phrase_means_the_window_of_the_corpus(file: str, line: str) -> None:
    kind, language, _ = file.split(".")
    phrase, *expected = line.split(" | ")

    moments = LATER if kind == "later" else CALENDAR
    timing = phrases.parse(phrase, language=language)
    window = resolver.resolve(timing, replace(moments, country=COUNTRIES.get(language, "FR")))

    if window.occurrences:
        found = [f"{len(window.occurrences)} times", *map(shown, window.occurrences[:3])]
    else:
        found = [shown(window.earliest), shown(window.latest), shown(window.target)]
    assert found == expected
    assert structure.read(structure.write(timing)) == timing


@pytest.mark.parametrize("language", sorted(READ))
def test_every_phrase_pointed_at_in_errors_can_be_read(language: str) -> None:
    words = lexicon(language)
    assert words is not None

    for example in words.examples:
        assert phrases.parse(example, language=language).phrase == example
