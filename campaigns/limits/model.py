"""The shape of a limit: what is measured, the bounds, and the page they were read on and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, TypedDict, Unpack

if TYPE_CHECKING:
    from campaigns.limits.setting import Setting


class Measure(StrEnum):
    """What is counted; the value is the unit as a message names it."""

    CHARACTERS = "characters"
    GRAPHEMES = "characters (graphemes)"
    BYTES = "bytes of UTF-8"
    WEIGHTED = "characters as X counts them"
    WITH_SHORT_LINKS = "characters as Mastodon counts them"
    WITH_EMOJI_AS_BYTES = "characters as Threads counts them"
    SEGMENTS = "parts"
    HASHTAGS = "hashtags"
    MENTIONS = "mentions"
    MEDIA = "pictures and videos"
    ALT = "characters of description"
    FORMAT = "format"
    SIZE = "bytes"
    ASPECT = "width to height"
    WIDTH = "pixels wide"
    SIDES = "pixels of width and height together"
    PIXELS = "pixels"
    DURATION = "seconds"
    POSTS_A_DAY = "posts in 24 hours"
    REPLIES_A_DAY = "replies in 24 hours"


TEXT_MEASURES = frozenset(
    {
        Measure.CHARACTERS,
        Measure.GRAPHEMES,
        Measure.BYTES,
        Measure.WEIGHTED,
        Measure.WITH_SHORT_LINKS,
        Measure.WITH_EMOJI_AS_BYTES,
        Measure.SEGMENTS,
        Measure.HASHTAGS,
        Measure.MENTIONS,
    }
)


class Applies(StrEnum):
    """To which messages or files a limit applies."""

    ALWAYS = "always"
    WITH_MEDIA = "with media"
    WITHOUT_MEDIA = "without media"
    IMAGES = "images"
    VIDEOS = "videos"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one network; its `name` begins with the channel, and is the code of the finding about it.

    `least` and `most` are included. `strict` says that the network refuses what is beyond it; else it is cut, changed
    or merely unwise. `source` is the page, `seen` the day on which it was read, the
    first of a month where only that is known.
    """

    name: str
    measure: Measure
    source: str
    seen: date
    least: Decimal | None = None
    most: Decimal | None = None
    formats: tuple[str, ...] = ()
    applies: Applies = Applies.ALWAYS
    strict: bool = True
    remedy: str = ""
    is_set: bool = False  # by the author, in the place of what the page says
    forms: frozenset[str] = frozenset()  # what a post must be posted as for the limit to apply; empty: whatever it is

    @property
    def channel(self) -> str:
        """The channel whose limit it is."""
        return self.name.partition(".")[0]

    def holds(self, value: Decimal | int) -> bool:
        """Whether a measured value lies within the bounds."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def set_to(self, setting: Setting | None) -> Limit:
        """Return the limit with the author's bounds; a single number takes the place of the bound there is."""
        if setting is None or self.formats:
            return self
        if setting.least is not None:
            return replace(self, least=setting.least, most=setting.most, is_set=True)
        if self.most is None:
            return replace(self, least=setting.most, is_set=True)
        return replace(self, most=setting.most, is_set=True)


@dataclass(frozen=True, slots=True)
class Price:
    """What one post costs, in US dollars."""

    name: str
    amount: Decimal
    source: str
    seen: date
    is_set: bool = False

    def set_to(self, setting: Setting | None) -> Price:
        """Return the price with the author's own amount."""
        return self if setting is None else replace(self, amount=setting.most, is_set=True)


class Terms(TypedDict, total=False):
    """What else may be said of a limit: see `Limit`."""

    applies: Applies
    strict: bool
    remedy: str


def most(name: str, measure: Measure, value: int | str, source: str, seen: date, **terms: Unpack[Terms]) -> Limit:
    """Return a limit with an upper bound."""
    return Limit(name, measure, source, seen, most=Decimal(value), **terms)


def least(name: str, measure: Measure, value: int | str, source: str, seen: date, **terms: Unpack[Terms]) -> Limit:
    """Return a limit with a lower bound."""
    return Limit(name, measure, source, seen, least=Decimal(value), **terms)


def between(
    name: str, measure: Measure, low: int | str, high: int | str, source: str, seen: date, **terms: Unpack[Terms]
) -> Limit:
    """Return a limit with both bounds."""
    return Limit(name, measure, source, seen, Decimal(low), Decimal(high), **terms)


def formats(name: str, taken: tuple[str, ...], source: str, seen: date, *, strict: bool = True) -> Limit:
    """Return the formats of pictures that are taken, as pillow calls them."""
    return Limit(
        name,
        Measure.FORMAT,
        source,
        seen,
        formats=taken,
        applies=Applies.IMAGES,
        strict=strict,
        remedy=f"save it as {taken[0]}",
    )
