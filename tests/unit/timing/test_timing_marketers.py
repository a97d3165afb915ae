"""Phrases as marketers write them, with windows worked out by hand from the rules; no line was taken from an answer.

A line is `phrase | first | last | target`, `phrase | instant`, `phrase | 3 times | one | two | three`, or
`phrase | refused`. A day alone opens at 00:00, closes at 23:59:59, and as a target stands for 10:00, the hour of a touch
that names none; `open` is a window without an end. Under `[launch]` nothing has gone out yet; under
`[after the stage]` the previous stage goes on Friday 8 January 2027 at 10:00. A repetition ends with the campaign, on
14 February; a window that is open already begins now, and so does its touch when the target day has passed.
"""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campaigns.errors import PhraseError
from campaigns.timing import phrases, resolver, structure
from campaigns.timing.model import Moments, Window

CORPUS = Path(__file__).parent / "corpus" / "marketers"

# Where the shop stands: its country decides the dates, its zone the hours.
SHOPS = {
    "en": ("GB", "Europe/London"),
    "fr": ("FR", "Europe/Paris"),
    "ro": ("RO", "Europe/Bucharest"),
    "ru": ("RU", "Europe/Moscow"),
    "es": ("ES", "Europe/Madrid"),
    "de": ("DE", "Europe/Berlin"),
}


def moments(language: str, scene: str) -> Moments:
    """A Wednesday morning in December: a cart has just been left, the campaign ends with Valentine's Day."""
    country, name = SHOPS[language]
    zone = ZoneInfo(name)
    launch = Moments(
        now=datetime(2026, 12, 2, 9, 20, tzinfo=zone),
        zone=name,
        country=country,
        events={
            "cart_abandoned": datetime(2026, 12, 2, 9, 20, tzinfo=zone),
            "purchase": datetime(2026, 11, 30, 14, 30, tzinfo=zone),
            "delivered": datetime(2026, 12, 1, 11, 0, tzinfo=zone),
            "signup": datetime(2026, 12, 1, 18, 45, tzinfo=zone),
            "birthday": datetime(1988, 4, 23, tzinfo=zone),
        },
        offer_end=datetime(2027, 1, 31, 23, 59, 59, tzinfo=zone),
        end=datetime(2027, 2, 14, 23, 59, 59, tzinfo=zone),
    )
    if scene == "launch":
        return launch
    return replace(launch, previous=datetime(2027, 1, 8, 10, 0, tzinfo=zone))


def lines() -> list[object]:
    """Every line of the corpus with the language of its file and the scene of its heading."""
    found = []
    for file in sorted(CORPUS.glob("*.txt")):
        scene = ""
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                scene = line.strip("[]")
            elif line and not line.startswith("#"):
                found.append(pytest.param(file.stem, scene, line, id=f"{file.stem} {line.partition(' | ')[0]}"))
    return found


def shown(moment: datetime | None, hour: str) -> str:
    """The moment as the corpus writes it: the day alone at its usual hour."""
    if moment is None:
        return "open"
    day, clock = f"{moment:%a %Y-%m-%d}", f"{moment:%H:%M:%S}"
    return day if clock == hour else f"{day} {clock.removesuffix(':00')}"


def as_written(window: Window) -> list[str]:
    """The window in the columns of the corpus."""
    if window.occurrences:
        return [f"{len(window.occurrences)} times", *(shown(each, "10:00:00") for each in window.occurrences[:3])]
    if window.earliest == window.latest:
        return [f"{window.target:%a %Y-%m-%d %H:%M}"]
    return [
        shown(window.earliest, "00:00:00"),
        shown(window.latest, "23:59:59"),
        shown(window.target, "10:00:00"),
    ]


@pytest.mark.parametrize(("language", "scene", "line"), lines())
def test_phrase_of_a_marketer_means_what_the_rules_say(language: str, scene: str, line: str) -> None:
    phrase, *expected = line.split(" | ")

    if expected == ["refused"]:
        with pytest.raises(PhraseError):
            phrases.parse(phrase, language=language)
        return
    timing = phrases.parse(phrase, language=language)
    window = resolver.resolve(timing, moments(language, scene))

    assert as_written(window) == expected
    assert structure.read(structure.write(timing)) == timing
