"""Phrases to timings: the whole phrase is read or refused at the word; nothing is guessed.

A phrase is read in the campaign's language, then in English, never in a mixture of both.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Generic, TypeVar

from campaigns.errors import PhraseError
from campaigns.timing import lexicon
from campaigns.timing.model import Span, Timing
from campaigns.timing.phrases import atoms, repeats, sentences
from campaigns.timing.phrases.tokens import (
    MAX_LENGTH,
    RefusedPhraseError,
    Stream,
    UnknownWordError,
    near_phrase,
    tokenise,
)

_Found = TypeVar("_Found")

_STRUCTURED = "{days: [3, 5], after: previous}"


def parse(
    phrase: str,
    *,
    language: str = "en",
    country: str | None = None,  # noqa: ARG001 - words do not depend on it; the dates they mean do
    events: Collection[str] = (),
    occasions: Collection[str] = (),
) -> Timing:
    """Read a whole phrase such as "early january" or "de trois à cinq jours plus tard".

    `events` and `occasions` are the file's own names, spelled with spaces, hyphens or underscores.
    Raises: PhraseError naming the word, its place and a near phrase.
    """
    return _parse(phrase, language, frozenset(events), frozenset(occasions))


def parse_span(text: str, *, language: str = "en") -> Span:
    """Read a length of time: "30 days", "10 jours".

    Raises: PhraseError, also for a range.
    """
    return _Reader(_span, "30 days").read(text, language)


def parse_repeat(text: str, *, language: str = "en") -> Timing:
    """Read a recurrence, "every 30 days, 3 times": a timing with its `repeat` set.

    Raises: PhraseError for a phrase that does not repeat.
    """
    timing = _Reader(repeats.recurrence, "every 30 days, 3 times").read(text, language)
    return replace(timing, phrase=text.strip(), language=language)


def notes(timing: Timing) -> tuple[str, ...]:
    """Return what the author should know of how the phrase was read: "quinze jours" is 15 days, not two weeks.

    The lengths that French law counts in full days (Code de commerce L511-24) are often said for one and two weeks.
    """
    words = lexicon.lexicon(timing.language)
    if words is None or not timing.phrase:
        return ()
    said = lexicon.surface(timing.phrase)
    found = (
        note
        for loose, note in words.loose.items()
        if any(said[at : at + len(key)] == key for key in (lexicon.surface(loose),) for at in range(len(said)))
    )
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=2048)
def _parse(phrase: str, language: str, events: frozenset[str], occasions: frozenset[str]) -> Timing:
    timing = _Reader(sentences.sentence, "", events, occasions).read(phrase, language)
    return replace(timing, phrase=phrase.strip(), language=language)


def _span(stream: Stream) -> Span | None:
    length = atoms.amount(stream)
    if length is None or not stream.is_done():
        return None
    if length.low != length.high:
        raise stream.fail("it is a range", remedy=f"expected one length such as '{length.high} {length.unit.value}'")
    return Span(length.low, length.unit)


@dataclass(frozen=True, slots=True)
class _Reader(Generic[_Found]):
    """One production for whole texts, in the file's language and then in English; `example` is pointed at."""

    production: Callable[[Stream], _Found | None]
    example: str
    events: frozenset[str] = frozenset()
    occasions: frozenset[str] = frozenset()

    def read(self, text: str, language: str) -> _Found:
        refusals: list[PhraseError] = []
        unknown: list[UnknownWordError] = []
        for candidate in dict.fromkeys((language, "en")):
            if candidate not in lexicon.READ:
                continue
            try:
                return self._whole(text, candidate)
            except RefusedPhraseError:
                raise
            except PhraseError as error:
                refusals.append(error)
            except UnknownWordError as error:
                unknown.append(error)
        # The language that knows every word explains best, else the one that got further, else the file's own.
        explained = refusals[0] if refusals else max(unknown, key=lambda word: word.at).explain()
        if language in lexicon.READ:
            raise explained
        name = lexicon.LANGUAGES.get(language, language)
        raise PhraseError(
            f"{explained.message} (phrases in {name} are not read yet)",
            phrase=explained.phrase,
            at=explained.at,
            remedy=f"write it in English, or structurally, e.g. {_STRUCTURED}",
        )

    def _whole(self, text: str, language: str) -> _Found:
        words = lexicon.table(language, self.events, self.occasions)
        phrase = unicodedata.normalize("NFC", text) if len(text) <= MAX_LENGTH else text
        stream = Stream(phrase, tokenise(phrase, words), words)
        found = self.production(stream)
        if found is not None and stream.is_done():
            return found
        index = min(stream.furthest, len(stream.tokens) - 1)
        token = stream.tokens[index]
        what = f"did not expect {token.text!r}"
        if index < stream.furthest:
            what = f"it says no whole moment, up to {token.text!r}"
        raise PhraseError(
            f"cannot read {phrase!r}: {what} at character {token.start + 1}",
            phrase=phrase,
            at=token.start,
            remedy=f"expected e.g. {self.example or near_phrase(phrase, words)!r}",
        )
