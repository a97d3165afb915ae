"""The lines a message was written in, so that what is wrong with the finished text is told at the line to mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.errors import Place


@dataclass(frozen=True, slots=True)
class Written:
    """One template of a message: `part` says which (subject, preheader, body, text), line by line with its places."""

    part: str
    lines: tuple[str, ...]
    places: tuple[Place, ...]


def line_with(written: Sequence[Written], words: Sequence[str], otherwise: Place) -> Place:
    """Return the line that has the first of these words to be found, else `otherwise`."""
    for word in filter(None, words):
        for one in written:
            for line, place in zip(one.lines, one.places, strict=True):
                if word in line:
                    return place
    return otherwise


def start_of(written: Sequence[Written], part: str, otherwise: Place) -> Place:
    """Return where a part begins, else `otherwise`."""
    return next((one.places[0] for one in written if one.part == part and one.places), otherwise)
