"""Finished HTML with marks where the values go: cut once into pieces, then filled for each reader.

Most messages of a touch differ in their values only, so everything dear (Markdown, layout, style sheets) is done on
the skeleton and kept; filling is joining strings. A value is escaped for the place where it stands, which is decided
on the serialised HTML, after the parser has made all quoting regular.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from campaigns.errors import RenderError
from campaigns.rendering.run import CLOSE, MARK, MAX_OUTPUT, OPEN

_SCHEMES = ("http", "https", "mailto", "tel", "sms")
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]*)\s*:")
_SAFE_HEAD = re.compile(r"(?:(?:https?|mailto|tel|sms):|[/#?.])", re.IGNORECASE)
_NOT_IN_URL = re.compile(r"""[^\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]""")
_PLAIN_LINK = re.compile(r"""https?://[\x21\x23-\x25\x28-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]*""")
_STYLE_VALUE = re.compile(r"[\w#.,% \-]{0,64}")
_TAG = re.compile(r"""<[A-Za-z](?:[^>"]|"[^"]*")*>""")
_ATTRIBUTE = re.compile(r"""\s([^\s=>"]+)="([^"]*)\"""")
_RAW = re.compile(
    r"<(script|style|xmp|iframe|noembed|noframes|plaintext|textarea)\b[^>]*>.*?(?:</\1|\Z)", re.DOTALL | re.IGNORECASE
)
_LINKS = frozenset({"href", "src", "background", "cite", "data", "longdesc", "poster", "xlink:href"})
_REFUSED = frozenset({"action", "content", "formaction", "http-equiv", "ping", "srcdoc", "srcset"})


class Spot(StrEnum):
    """Where a value stands in the HTML."""

    TEXT = "text"
    LINK = "link"  # a whole link: its scheme is checked
    HEAD = "head"  # the head of a link that goes on: it must settle what kind of link it is
    QUERY = "query"  # further on in a link
    STYLE = "style"


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Pieces of HTML, alternating with numbered values: fixed[0], value, fixed[1], value, ... fixed[-1]."""

    fixed: tuple[str, ...]
    values: tuple[tuple[int, Spot], ...]

    def fill(self, slots: Sequence[str]) -> str:
        """Return the HTML with every value escaped for its place; RenderError for a link that is none."""
        pieces = [self.fixed[0]]
        for (number, spot), fixed in zip(self.values, self.fixed[1:], strict=True):
            pieces.append(placed(slots[number] if number < len(slots) else "", spot))
            pieces.append(fixed)
        done = "".join(pieces)
        if len(done) > MAX_OUTPUT or len(done.encode()) > MAX_OUTPUT:
            raise RenderError("the message is longer than 1 MiB")
        return done


def cut(html: str) -> Skeleton:
    """Cut serialised HTML at its marks; RenderError where a value may not stand (a script, a name of an attribute)."""
    if any(OPEN in raw[0] for raw in _RAW.finditer(html)):
        raise RenderError("a value cannot stand inside <script>, <style> or another element of raw text")
    spots: dict[int, Spot] = {}
    for tag in _TAG.finditer(html):
        if OPEN not in tag[0]:
            _check_links(tag[0])
            continue
        inside = 0
        for attribute in _ATTRIBUTE.finditer(tag[0]):
            inside += attribute[0].count(OPEN)
            _place(attribute, tag.start(), spots)
        if inside != tag[0].count(OPEN):
            raise RenderError("a value cannot stand as the name of an element or attribute")
    fixed: list[str] = []
    values: list[tuple[int, Spot]] = []
    end = 0
    for mark in MARK.finditer(html):
        fixed.append(_unmarked(html[end : mark.start()]))
        values.append((int(mark[1]), spots.get(mark.start(), Spot.TEXT)))
        end = mark.end()
    fixed.append(_unmarked(html[end:]))
    return Skeleton(tuple(fixed), tuple(values))


def fill_text(text: str, slots: Sequence[str]) -> str:
    """Return plain text with its marks replaced by the values as they are."""
    filled = MARK.sub(lambda mark: slots[int(mark[1])] if int(mark[1]) < len(slots) else "", text)
    return _unmarked(filled)


def _unmarked(text: str) -> str:
    return text.replace(OPEN, "").replace(CLOSE, "") if OPEN in text or CLOSE in text else text


def _place(attribute: re.Match[str], offset: int, spots: dict[int, Spot]) -> None:
    """Note what kind of place each mark of one attribute is."""
    name, value = attribute[1].lower(), attribute[2]
    if OPEN in name:
        raise RenderError("a value cannot stand as the name of an attribute")
    if OPEN not in value:
        return
    if name.startswith("on") or name in _REFUSED:
        raise RenderError(f"a value cannot stand in the attribute {name!r}")
    start = offset + attribute.start(2)
    for mark in MARK.finditer(value):
        if name in _LINKS:
            head = value[: mark.start()]
            if head and not _SAFE_HEAD.match(head) and not head.startswith(OPEN):
                raise RenderError(
                    f"a link cannot begin with {_unmarked(MARK.sub('…', head))!r} before a value",
                    remedy="expected https://..., mailto:..., tel:..., or the whole address as one value",
                )
            whole = Spot.LINK if mark.end() == len(value) else Spot.HEAD
            spots[start + mark.start()] = Spot.QUERY if head else whole
        elif name == "style":
            spots[start + mark.start()] = Spot.STYLE


def _check_links(tag: str) -> None:
    """Refuse a link of the template itself that would run a script."""
    for attribute in _ATTRIBUTE.finditer(tag):
        scheme = _SCHEME.match(attribute[2]) if attribute[1].lower() in _LINKS else None
        if scheme is not None and scheme[1].lower() in ("javascript", "vbscript", "file"):
            raise RenderError(f"a link cannot begin with {scheme[1]}:")


def placed(value: str, spot: Spot) -> str:
    """Return `value` escaped for where it stands; RenderError where it must not stand there."""
    if spot is Spot.TEXT:
        return escape(value)
    if spot is Spot.STYLE:
        if not _STYLE_VALUE.fullmatch(value):
            raise RenderError(f"expected a colour or a length as a value inside `style`, got {value[:40]!r}")
        return value
    if spot is Spot.QUERY and value.isascii() and value.isalnum():
        return value
    if spot is Spot.LINK and _PLAIN_LINK.fullmatch(value):
        return value
    if spot in (Spot.LINK, Spot.HEAD):
        check_link(value, whole=spot is Spot.LINK)
        value = value.strip()
    return escape(_NOT_IN_URL.sub(_percent, value))


def check_link(value: str, *, whole: bool = True) -> None:
    """Raise RenderError unless `value` is a web, mail or phone address or a path; a mere head must show that it is."""
    scheme = _SCHEME.match(value)
    if (scheme is not None and scheme[1].lower() not in _SCHEMES) or not (whole or _SAFE_HEAD.match(value.strip())):
        raise RenderError(
            f"cannot link to {value[:60]!r}", remedy=f"expected an address that begins with {', '.join(_SCHEMES)}"
        )


def _percent(character: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in character[0].encode())
