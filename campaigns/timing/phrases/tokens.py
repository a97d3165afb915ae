"""Text to tokens: limits, folding, and the longest match against the closed word table of one language."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time

from campaigns.errors import PhraseError
from campaigns.timing import zones
from campaigns.timing.lexicon import Meanings, Value, WordTable, fold, surface
from campaigns.timing.lexicon.table import Kind
from campaigns.timing.model import Fixed

MAX_LENGTH = 200
MAX_TOKENS = 24
_YEARS = range(1900, 2200)

_LEXEME = re.compile(
    r"(?P<iso>\d{4}-\d{2}-\d{2})"
    r"(?:[t ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
    r"(?: ?(?P<zone>z\b|utc\b|[+-]\d{2}:?\d{2}\b|[a-z_]+/[a-z_/+0-9-]+))?)?"
    r"|(?P<dotted>\d{1,2}\.\d{1,2}\.\d{4}(?!\d))"
    r"|(?P<clock>\d{1,2}:\d{2}(?![\d:])|\d{1,2}\.\d{2}(?= ?(?:uhr|h|am|pm|a\.m|p\.m)\b))"
    r"|(?P<number>\d+)"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<mark>[-+,])"
    r"|(?P<skip>[ '._]+)"
)
_FIGURES = "a date of figures alone is read differently in each country: write '14 february', or 2027-02-14"
_MARKS: dict[str, Kind] = {"-": Kind.DASH, "+": Kind.PLUS, ",": Kind.COMMA}


@dataclass(frozen=True, slots=True)
class Token:
    """One word (or several that belong together) with every part it can play; `start` is its place in the phrase."""

    text: str
    start: int
    end: int
    meanings: Meanings


@dataclass(frozen=True, slots=True)
class _Lexeme:
    text: str
    start: int
    end: int
    meanings: Meanings | None = None
    joined: bool = False  # to the one before by a hyphen


class UnknownWordError(Exception):
    """A word that one language does not know; `explain` looks for a near one, once no other language reads it."""

    def __init__(self, phrase: str, lexemes: list[_Lexeme], words: WordTable) -> None:
        super().__init__(phrase)
        self.at = lexemes[0].start
        self._phrase, self._lexemes, self._words = phrase, lexemes, words

    def explain(self) -> PhraseError:
        """Return the error to show: a refused word has its own remedy, else a near name is given."""
        first, phrase, words = self._lexemes[0], self._phrase, self._words
        rest = [lexeme.text for lexeme in self._lexemes]
        for refused, remedy in words.lexicon.refused.items():
            key = list(surface(refused))
            if rest[: len(key)] == key:
                what = f"{' '.join(key)!r} at character {self.at + 1} says no moment"
                return PhraseError(f"cannot read {phrase!r}: {what}", phrase=phrase, at=self.at, remedy=remedy)
        known = {" ".join(key) for key in words.meanings if len(key[0]) > 2}
        close = difflib.get_close_matches(first.text, known, 1, 0.7)
        example = f"expected e.g. {near_phrase(phrase, words)!r}"
        return PhraseError(
            f"cannot read {phrase!r}: unknown word {phrase[first.start : first.end]!r} at character {self.at + 1}",
            phrase=phrase,
            at=self.at,
            remedy=f"did you mean {close[0]!r}? {example}" if close else example,
        )


class RefusedPhraseError(PhraseError):
    """A phrase whose words one language knows and that says what cannot be; no other language rescues it."""


class Stream:
    """A cursor over the tokens of one phrase; productions take what they expect and step back when they fail."""

    def __init__(self, phrase: str, tokens: tuple[Token, ...], words: WordTable) -> None:
        self.phrase = phrase
        self.tokens = tokens
        self.words = words
        self.at = 0
        self.furthest = 0

    def is_done(self) -> bool:
        """Whether every token has been taken."""
        return self.at >= len(self.tokens)

    def peek(self, kind: Kind) -> bool:
        """Whether the next token can play this part."""
        return self.at < len(self.tokens) and kind in self.tokens[self.at].meanings

    def take(self, *kinds: Kind) -> bool:
        """Take the next token when it can play one of these parts."""
        if self.at < len(self.tokens):
            meanings = self.tokens[self.at].meanings
            for kind in kinds:
                if kind in meanings:
                    self._step()
                    return True
        return False

    def value(self, kind: Kind) -> Value | None:
        """Take the next token when it can play this part, and return its value there; None otherwise."""
        if self.at < len(self.tokens) and kind in (meanings := self.tokens[self.at].meanings):
            self._step()
            return meanings[kind]
        return None

    def skip(self, *kinds: Kind) -> None:
        """Take tokens as long as they can play one of these parts."""
        while self.take(*kinds):
            pass

    def of(self) -> bool:
        """Take the word between a thing and its month; a language that has none needs none."""
        return self.take(Kind.OF, Kind.IN) or Kind.OF not in self.words.lexicon.words

    def link(self) -> None:
        """Take the word between a number and its noun, in a language that has one ("30 de zile")."""
        link = self.words.lexicon.number_link
        if link and self.at < len(self.tokens) and self.tokens[self.at].text == link:
            self._step()

    def _step(self) -> None:
        self.at += 1
        self.furthest = max(self.furthest, self.at)

    def fail(self, message: str, *, back: int = 1, at: int | None = None, remedy: str = "") -> PhraseError:
        """Make the error for a phrase whose words are known but say something impossible.

        It points at the token `at`, or at the one `back` tokens ago.
        """
        index = min(max(self.at - back if at is None else at, 0), len(self.tokens) - 1)
        return RefusedPhraseError(
            f"cannot read {self.phrase!r}: {message}", phrase=self.phrase, at=self.tokens[index].start, remedy=remedy
        )


def tokenise(phrase: str, words: WordTable) -> tuple[Token, ...]:
    """Split the phrase into known words, longest match first.

    Raises: PhraseError for a phrase that is empty or too long, for control characters and for dates that do not exist;
    UnknownWordError for the first word the language does not know.
    """
    if len(phrase) > MAX_LENGTH:
        raise PhraseError(
            f"the phrase is {len(phrase)} characters long, expected at most {MAX_LENGTH}",
            phrase=phrase,
            at=MAX_LENGTH,
            remedy=f"write it shorter, e.g. {words.lexicon.examples[-1]!r}",
        )
    for index, character in enumerate(phrase):
        if unicodedata.category(character)[0] == "C":
            raise PhraseError(
                f"the phrase holds the control character U+{ord(character):04X} at character {index + 1}",
                phrase=phrase,
                at=index,
                remedy="remove it and write plain words",
            )
    lexemes = _split(phrase, words)
    if not lexemes:
        raise PhraseError("the phrase is empty", phrase=phrase, remedy=f"write e.g. {words.lexicon.examples[0]!r}")
    if len(lexemes) > 2 * MAX_TOKENS:
        raise _too_many(phrase, len(lexemes), lexemes[MAX_TOKENS].start)
    tokens = tuple(_match(phrase, lexemes, words))
    if len(tokens) > MAX_TOKENS:
        raise _too_many(phrase, len(tokens), tokens[MAX_TOKENS].start)
    return tokens


def _too_many(phrase: str, count: int, at: int) -> PhraseError:
    message = f"the phrase has {count} words, expected at most {MAX_TOKENS}"
    return PhraseError(message, phrase=phrase, at=at, remedy="write it shorter, or structurally")


def _split(phrase: str, words: WordTable) -> list[_Lexeme]:
    folded, origin = fold(phrase)
    origin.append(len(phrase))
    lexemes: list[_Lexeme] = []
    joins = False
    at = 0
    while at < len(folded):
        match = _LEXEME.match(folded, at)
        if match is None:
            raise PhraseError(
                f"cannot read {phrase!r}: unexpected {phrase[origin[at]]!r} at character {origin[at] + 1}",
                phrase=phrase,
                at=origin[at],
                remedy=_slash(folded, words),
            )
        start, end, at = origin[match.start()], origin[match.end() - 1] + 1, match.end()
        kind = match.lastgroup
        if match["iso"] is not None:
            lexemes.append(_Lexeme(match[0], start, end, {Kind.DATE: _iso(phrase, start, match)}))
        elif match["dotted"] is not None:
            lexemes.append(_Lexeme(match[0], start, end, {Kind.DATE: _dotted(phrase, start, match[0], words)}))
        elif match["clock"] is not None:
            lexemes.append(_Lexeme(match[0], start, end, {Kind.CLOCK: _clock(phrase, start, match["clock"])}))
        elif kind == "mark":
            joined = match.start() > 0 and folded[match.start() - 1].isalnum() and _letter(folded, match.end())
            joins = match[0] == "-" and joined
            if not joins:
                lexemes.append(_Lexeme(match[0], start, end, {_MARKS[match[0]]: True}))
            continue
        elif kind in ("number", "word"):
            lexemes.append(_Lexeme(match[0], start, end, joined=joins))
        joins = False
    return lexemes


def _letter(text: str, index: int) -> bool:
    return 0 <= index < len(text) and text[index].isalpha()


def _slash(folded: str, words: WordTable) -> str:
    if re.search(r"\d/\d", folded):
        return _FIGURES
    return f"write plain words, e.g. {words.lexicon.examples[2]!r}"


def _dotted(phrase: str, start: int, text: str, words: WordTable) -> Fixed:
    """Read 15.01.2027, day first, in a language that writes its dates so and no other way."""
    day, month, year = (int(part) for part in text.split("."))
    if not words.lexicon.dotted_dates:
        raise PhraseError(f"cannot read {phrase!r}: {text} is figures alone", phrase=phrase, at=start, remedy=_FIGURES)
    try:
        found = date(year, month, day)
    except ValueError as error:
        raise PhraseError(
            f"cannot read {phrase!r}: {text} is no date of the calendar ({error})",
            phrase=phrase,
            at=start,
            remedy="expected day, month and year, such as 14.02.2027",
        ) from None
    return _in_reach(phrase, start, Fixed(found.month, found.day, found.year))


def _in_reach(phrase: str, start: int, found: Fixed) -> Fixed:
    if found.year not in _YEARS:
        raise PhraseError(
            f"cannot read {phrase!r}: the year {found.year} is out of reach",
            phrase=phrase,
            at=start,
            remedy=f"expected a year between {_YEARS.start} and {_YEARS.stop - 1}",
        )
    return found


def _iso(phrase: str, start: int, match: re.Match[str]) -> Fixed:
    text = phrase[start : start + len(match["iso"])]
    try:
        day = date.fromisoformat(match["iso"])
        clock = time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0)) if match["hour"] else None
    except ValueError as error:
        raise PhraseError(
            f"cannot read {phrase!r}: {text} is no date of the calendar ({error})",
            phrase=phrase,
            at=start,
            remedy="expected a date such as 2027-02-14, or 2027-02-14 09:30",
        ) from None
    _in_reach(phrase, start, Fixed(day.month, day.day, day.year))
    zone = match["zone"]
    if zone is not None:
        zone = _zone(phrase, start, zone)
    return Fixed(day.month, day.day, day.year, clock, zone)


def _zone(phrase: str, start: int, text: str) -> str:
    if text in ("z", "utc"):
        return "UTC"
    if text[0] in "+-":
        if int(text[1:3]) > 14 or int(text[-2:]) > 59:
            raise PhraseError(
                f"cannot read {phrase!r}: no place is {text} away from UTC",
                phrase=phrase,
                at=start,
                remedy="expected an offset such as +02:00",
            )
        return text if ":" in text else f"{text[:3]}:{text[3:]}"
    name = zones.canonical(text)
    if name is None:
        close = difflib.get_close_matches(text, [known.casefold() for known in zones.names()], 1)
        remedy = f"did you mean {zones.canonical(close[0])!r}?" if close else "expected a zone such as Europe/Paris"
        raise PhraseError(f"cannot read {phrase!r}: unknown time zone {text!r}", phrase=phrase, at=start, remedy=remedy)
    return name


def _clock(phrase: str, start: int, text: str) -> time:
    hour, _, minute = text.replace(".", ":").partition(":")
    try:
        return time(int(hour), int(minute))
    except ValueError:
        raise PhraseError(
            f"cannot read {phrase!r}: {text} is no time of day",
            phrase=phrase,
            at=start,
            remedy="expected a time between 00:00 and 23:59",
        ) from None


def _match(phrase: str, lexemes: list[_Lexeme], words: WordTable) -> Iterable[Token]:
    index = 0
    numeral = False
    while index < len(lexemes):
        first = lexemes[index]
        if first.meanings is not None:
            yield Token(first.text, first.start, first.end, first.meanings)
            index += 1
            numeral = False
            continue
        length = min(words.longest.get(first.text, 1), len(lexemes) - index)
        for size in range(length, 0, -1):
            taken = lexemes[index : index + size]
            key = tuple(lexeme.text for lexeme in taken)
            if key in words.refused:
                raise UnknownWordError(phrase, lexemes[index:], words)
            meanings = words.meanings.get(key)
            if size == 1 and first.text.isdecimal():
                meanings = {Kind.NUMBER: int(first.text[:9])}
            if meanings is not None and all(lexeme.meanings is None for lexeme in taken):
                if first.joined and numeral and Kind.NUMBER in meanings:  # "три-пять": a range
                    yield Token("-", first.start - 1, first.start, {Kind.DASH: True})
                numeral = Kind.NUMBER in meanings
                yield Token(" ".join(lexeme.text for lexeme in taken), first.start, taken[-1].end, meanings)
                index += size
                break
        else:
            raise UnknownWordError(phrase, lexemes[index:], words)


def near_phrase(phrase: str, words: WordTable) -> str:
    """Return the known phrase nearest to this one, or the plainest of all."""
    close = difflib.get_close_matches(fold(phrase)[0], words.lexicon.examples, 1, 0.5)
    return close[0] if close else words.lexicon.examples[2]
