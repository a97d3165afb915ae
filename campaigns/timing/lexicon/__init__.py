"""The word tables: which languages are read, and their words compiled for the tokenizer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module

from campaigns.timing.lexicon.table import Kind, Lexicon

# Every language a campaign may be written in; those of READ have a table of words.
LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "fr": "French",
    "ro": "Romanian",
    "ru": "Russian",
    "es": "Spanish",
    "de": "German",
}
READ: Mapping[str, str] = {
    "en": "ENGLISH",
    "fr": "FRENCH",
    "ro": "ROMANIAN",
    "ru": "RUSSIAN",
    "es": "SPANISH",
    "de": "GERMAN",
}

Value = object
Meanings = Mapping[Kind, Value]
Surface = tuple[str, ...]

_DASHES = dict.fromkeys("‐‑‒–—―−", "-")
_APOSTROPHES = dict.fromkeys("’‘ʼ＇`´", "'")
_SPACES = dict.fromkeys("\u00a0\u202f\u2009\u2007\u3000", " ")
_ALIKE = {**_DASHES, **_APOSTROPHES, **_SPACES, "ё": "е", "ş": "ș", "ţ": "ț", "œ": "oe", "æ": "ae"}
_WORD = re.compile(r"[^\W\d_]+|\d+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "ae", "Ö": "oe", "Ü": "ue"})
_KEPT_MARKS = frozenset("йЙ")  # in Russian the mark makes another letter


@dataclass(frozen=True, slots=True)
class WordTable:
    """A lexicon compiled: surfaces (tuples of folded words) to meanings, and the longest surface by first word.

    `refused` are those that are never read, whatever their words mean apart ("fin de semana" is no end of a week).
    """

    lexicon: Lexicon
    meanings: Mapping[Surface, Meanings]
    longest: Mapping[str, int]
    refused: frozenset[Surface]


@cache
def lexicon(language: str) -> Lexicon | None:
    """Return the word table of the language, or None when its phrases are not read."""
    name = READ.get(language)
    if name is None:
        return None
    found = getattr(import_module(f"campaigns.timing.lexicon.{language}"), name)
    assert isinstance(found, Lexicon)
    return found


def fold(text: str) -> tuple[str, list[int]]:
    """Return `text` in one case, with plain dashes, apostrophes and spaces and no accents, and each character's origin.

    The i-th character of the result comes from the character `origin[i]` of `text`. Russian keeps its short i.
    """
    folded: list[str] = []
    origin: list[int] = []
    for index, character in enumerate(text):
        for plain in _plain(character):
            folded.append(plain)
            origin.append(index)
    return "".join(folded), origin


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    lowered = character.casefold()
    lowered = _ALIKE.get(lowered, lowered)
    if lowered in _KEPT_MARKS:
        return lowered
    return "".join(part for part in unicodedata.normalize("NFD", lowered) if not unicodedata.combining(part))


def surface(text: str) -> Surface:
    """Split a name or an entry of a table into folded words; hyphens, apostrophes and underscores separate them."""
    folded, _ = fold(unicodedata.normalize("NFC", text))
    return tuple(_WORD.findall(folded))


@lru_cache(maxsize=128)
def table(language: str, events: frozenset[str] = frozenset(), occasions: frozenset[str] = frozenset()) -> WordTable:
    """Return the compiled words of a language that is read, with the file's own events and days among them."""
    words = lexicon(language)
    assert words is not None, language
    meanings: dict[Surface, dict[Kind, Value]] = {}
    for kind, value, text in _entries(words, events, occasions):
        spellings = (text, text.translate(_UMLAUTS)) if words.umlauts else (text,)
        for key in dict.fromkeys(surface(spelling) for spelling in spellings):
            if key:
                meanings.setdefault(key, {})[kind] = value
    longest: dict[str, int] = {}
    refused = frozenset(surface(text) for text in words.refused)
    for key in (*meanings, *refused):
        longest[key[0]] = max(longest.get(key[0], 1), len(key))
    return WordTable(words, meanings, longest, refused)


def _entries(words: Lexicon, events: Collection[str], occasions: Collection[str]) -> Iterator[tuple[Kind, Value, str]]:
    valued: list[tuple[Kind, Value, str]] = [
        *((Kind.MONTH, number, names) for number, names in enumerate(words.months, 1)),
        *((Kind.WEEKDAY, number, names) for number, names in enumerate(words.weekdays)),
        *((Kind.NUMBER, value, names) for value, names in words.numbers.items()),
        *((Kind.ORDINAL, value, names) for value, names in words.ordinals.items()),
        *((Kind.UNIT, unit, names) for unit, names in words.units.items()),
        *((Kind.PART, part, names) for part, names in words.parts.items()),
        *((Kind.PERIOD, period, names) for period, names in words.periods.items()),
        *((kind, True, names) for kind, names in words.words.items()),
        *((Kind.EVERY_UNIT, unit, names) for unit, names in words.every_unit.items()),
        *((Kind.EVERY_WEEKDAY, number, names) for number, names in enumerate(words.every_weekday)),
        *((Kind.MANY_TIMES, times, names) for times, names in words.many_times.items()),
        *((Kind.CLOCK, hour, names) for hour, names in words.clocks.items()),
        *((Kind.EVENT, name, names) for name, names in words.events.items()),
        *((Kind.OCCASION, name, names) for name, names in words.occasions.items()),
        *((Kind.MONTH_WEEK, number, names) for number, names in enumerate(words.month_weeks, 1)),
    ]
    for kind, value, names in valued:
        for name in names.split("|"):
            yield kind, value, name
    for name in words.occasions:
        yield Kind.OCCASION, name, name
    for name in words.events:
        yield Kind.EVENT, name, name
    for name in sorted(events):
        yield Kind.EVENT, name, name
    for name in sorted(occasions):
        yield Kind.OCCASION, name, name
