"""The pieces of a finished mail between its values, for all messages that went the same way; no templates here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from campaigns.errors import RenderError
from campaigns.rendering.encoding import Encoded, Quoted, joined, read_back
from campaigns.rendering.folding import FIXED_FROM
from campaigns.rendering.helpers import Unfolded
from campaigns.rendering.run import CLOSE, MARK, MAX_OUTPUT, OPEN
from campaigns.rendering.skeleton import Skeleton, Spot, placed


class Filled(NamedTuple):
    """HTML that was made of a shape: how all of that shape are encoded, and the values as they stand in it."""

    quoted: Quoted
    values: list[str]


class Shape:
    """The HTML of a mail and, where nobody wrote a text part, what it says read aloud, cut at the values.

    Raises RenderError, as `Skeleton.fill` does, for a fixed value that must not stand where it does.
    """

    __slots__ = ("_aloud", "_html", "_links", "_others", "_queries", "_quoted", "_texts")

    def __init__(self, skeleton: Skeleton, aloud: str | None, fixed: Sequence[str]) -> None:
        self._html: list[str] = [skeleton.fixed[0]]
        texts: list[tuple[int, int]] = []  # (place among the pieces, number of the value)
        self._links: list[tuple[int, int]] = []
        self._queries: list[tuple[int, int]] = []
        self._others: list[tuple[int, int, Spot]] = []
        for (number, spot), piece in zip(skeleton.values, skeleton.fixed[1:], strict=True):
            if number >= FIXED_FROM:
                self._html[-1] += placed(fixed[number - FIXED_FROM], spot) + piece
                continue
            place = len(self._html)
            if spot is Spot.TEXT:
                texts.append((place, number))
            elif spot is Spot.LINK:
                self._links.append((place, number))
            elif spot is Spot.QUERY:
                self._queries.append((place, number))
            else:
                self._others.append((place, number, spot))
            self._html += ["", piece]
        self._texts = [place for place, _ in texts], [number for _, number in texts]
        self._aloud = None if aloud is None else _cut(aloud, fixed)
        self._quoted: Quoted | None = None

    def prove(self, pieces: Sequence[str]) -> None:
        """Prepare to encode what has this shape, unless these pieces of one mail could not be read back as they are."""
        try:
            quoted = Quoted(pieces[::2])
        except ValueError:  # better encoded as a whole
            return
        values = quoted.values(pieces[1::2])
        body = None if values is None else joined(quoted.between, values)
        meant = "".join(pieces) + "\n" * quoted.is_closed
        if body is not None and read_back(Encoded("quoted-printable", body)) == meant:
            self._quoted = quoted

    def filled(self, pieces: Sequence[str]) -> Filled | None:
        """Return what is needed to encode the pieces of a mail; None where that is not possible by its shape."""
        return None if self._quoted is None else Filled(self._quoted, list(pieces[1::2]))

    def pieces(self, values: Sequence[str]) -> list[str]:
        """Return the HTML in pieces, with every second one of them a value, escaped for its place.

        Raises: RenderError as `Skeleton.fill`.
        """
        pieces = self._html.copy()
        places, numbers = self._texts
        # All texts at once: what separates them is a control character, which facts do not have.
        escaped = escape("\0".join([values[number] for number in numbers])).split("\0")
        if len(escaped) != max(len(numbers), 1):
            raise Unfolded
        for place, value in zip(places, escaped, strict=False):
            pieces[place] = value
        links: dict[str, str] = {}  # most stand there twice, behind a picture and behind a name
        for place, number in self._links:
            value = values[number]
            found = links.get(value)
            if found is None:
                found = links[value] = placed(value, Spot.LINK)
            pieces[place] = found
        for place, number in self._queries:
            value = values[number]
            pieces[place] = value if value.isalnum() and value.isascii() else placed(value, Spot.QUERY)
        for place, number, spot in self._others:
            pieces[place] = placed(values[number], spot)
        if sum(map(len, pieces)) > MAX_OUTPUT // 4:
            raise RenderError("the message may be too long")
        return pieces

    def aloud(self, values: Sequence[str]) -> str:
        """Return what the body says, as text."""
        assert self._aloud is not None
        pieces, order = self._aloud
        pieces = pieces.copy()
        pieces[1::2] = [values[number] for number in order]
        return "".join(pieces)


def _cut(text: str, fixed: Sequence[str]) -> tuple[list[str], list[int]]:
    pieces, order, end = [""], [], 0
    for mark in MARK.finditer(text):
        pieces[-1] += _unmarked(text[end : mark.start()])
        end, number = mark.end(), int(mark[1])
        if number >= FIXED_FROM:
            pieces[-1] += fixed[number - FIXED_FROM]
        else:
            order.append(number)
            pieces += ["", ""]
    pieces[-1] += _unmarked(text[end:])
    return pieces, order


def _unmarked(text: str) -> str:
    return text.replace(OPEN, "").replace(CLOSE, "")
