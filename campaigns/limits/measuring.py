"""Texts measured: what each measure counts in a text, and which words it counts where those can be named."""

from __future__ import annotations

from collections.abc import Callable

from campaigns.limits import sms, text
from campaigns.limits.model import Measure

_COUNTS: dict[Measure, Callable[[str], int]] = {
    Measure.CHARACTERS: len,
    Measure.GRAPHEMES: lambda words: len(text.graphemes(words)),
    Measure.BYTES: lambda words: len(words.encode()),
    Measure.WEIGHTED: text.weight,
    Measure.WITH_SHORT_LINKS: text.with_short_links,
    Measure.WITH_EMOJI_AS_BYTES: text.with_emoji_as_bytes,
    Measure.SEGMENTS: lambda words: sms.parts(words).segments,
    Measure.HASHTAGS: lambda words: len(text.hashtags(words)),
    Measure.MENTIONS: lambda words: len(text.mentions(words)),
}
_LISTS = {Measure.HASHTAGS: text.hashtags, Measure.MENTIONS: text.mentions}


def count(measure: Measure, words: str) -> int:
    """Return how much of it a text has. Raises: KeyError for what is not measured on texts."""
    return _COUNTS[measure](words)


def counted(measure: Measure, words: str) -> list[str]:
    """Return the hashtags or mentions that were counted, in their order; empty for a length."""
    return _LISTS[measure](words) if measure in _LISTS else []
