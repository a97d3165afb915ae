"""Phrases to timings: the whole phrase is read or refused at the word; nothing is guessed.

A phrase is read in the campaign's language, then in English, never in a mixture of both.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from campaigns.errors import PhraseError
from campaigns.timing import lexicon
from campaigns.timing.model import Span, Timing
from campaigns.timing.phrases import atoms, repeats, sentences
from campaigns.timing.phrases.tokens import MAX_LENGTH, Stream, near_phrase, tokenise

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
    return _read(text, language, frozenset(), frozenset(), _span, "30 days")


def parse_repeat(text: str, *, language: str = "en") -> Timing:
    """Read a recurrence, "every 30 days, 3 times": a timing with its `repeat` set.

    Raises: PhraseError for a phrase that does not repeat.
    """
    timing = _read(text, language, frozenset(), frozenset(), repeats.recurrence, "every 30 days, 3 times")
    return replace(timing, phrase=text.strip(), language=language)


@lru_cache(maxsize=2048)
def _parse(phrase: str, language: str, events: frozenset[str], occasions: frozenset[str]) -> Timing:
    timing = _read(phrase, language, events, occasions, sentences.sentence, "")
    return replace(timing, phrase=phrase.strip(), language=language)


def _span(stream: Stream) -> Span | None:
    length = atoms.amount(stream)
    if length is None or not stream.done:
        return None
    if length.low != length.high:
        raise stream.fail("it is a range", remedy=f"expected one length such as '{length.high} {length.unit.value}'")
    return Span(length.low, length.unit)


def _read(
    text: str,
    language: str,
    events: frozenset[str],
    occasions: frozenset[str],
    production: Callable[[Stream], _Found | None],
    example: str,
) -> _Found:
    errors: list[PhraseError] = []
    for candidate in dict.fromkeys((language, "en")):
        if candidate not in lexicon.READ:
            continue
        try:
            return _whole(text, candidate, events, occasions, production, example)
        except PhraseError as error:
            errors.append(error)
    error = max(errors, key=lambda found: found.at)  # the language that got further; the campaign's own when equal
    if language not in lexicon.READ:
        name = lexicon.LANGUAGES.get(language, language)
        remedy = f"phrases in {name} are not read: write English, or structurally, e.g. {_STRUCTURED}"
        raise PhraseError(error.message, phrase=error.phrase, at=error.at, remedy=remedy)
    raise error


def _whole(
    text: str,
    language: str,
    events: frozenset[str],
    occasions: frozenset[str],
    production: Callable[[Stream], _Found | None],
    example: str,
) -> _Found:
    words = lexicon.table(language, events, occasions)
    phrase = unicodedata.normalize("NFC", text) if len(text) <= MAX_LENGTH else text
    stream = Stream(phrase, tokenise(phrase, words), words)
    found = production(stream)
    if found is not None and stream.done:
        return found
    expected = f"expected e.g. {example or near_phrase(phrase, words)!r}"
    if stream.furthest >= len(stream.tokens):
        last = stream.tokens[-1]
        message = f"cannot read {phrase!r}: it says no whole moment, up to {last.text!r} at character {last.start + 1}"
        raise PhraseError(message, phrase=phrase, at=last.start, remedy=expected)
    token = stream.tokens[stream.furthest]
    message = f"cannot read {phrase!r}: did not expect {token.text!r} at character {token.start + 1}"
    raise PhraseError(message, phrase=phrase, at=token.start, remedy=expected)
