"""What stands in the HTML of a mail: its links, its pictures, and its words with their colours; read, never loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from campaigns.lint.cascade import DarkRule, Element, dark_rules, settled

_VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
_SILENT = frozenset({"head", "script", "style", "template", "title"})
_NAMED = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "silver": (192, 192, 192),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "lightgray": (211, 211, 211),
    "lightgrey": (211, 211, 211),
    "darkgray": (169, 169, 169),
    "red": (255, 0, 0),
    "yellow": (255, 255, 0),
    "green": (0, 128, 0),
    "lime": (0, 255, 0),
    "blue": (0, 0, 255),
    "orange": (255, 165, 0),
    "pink": (255, 192, 203),
    "navy": (0, 0, 128),
}
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*1(?:\.0*)?\s*)?\)")

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Link:
    """A link: where it leads, what it says (alternative texts of pictures included), and whether it is a picture."""

    href: str
    says: str
    is_pictured: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture; `alt` is None where nobody wrote one, `is_link` where it alone is what a link says."""

    source: str
    alt: str | None
    is_link: bool


@dataclass(frozen=True, slots=True)
class Words:
    """A run of text that is seen; colours are None where they cannot be told."""

    text: str
    ink: Colour | None
    paper: Colour | None
    is_large: bool
    is_footer: bool = False


@dataclass
class Page:
    """Everything of a page that the rules ask about, in its order."""

    links: list[Link] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All words that are seen, one space between them."""
        return " ".join(" ".join(one.text for one in self.words).split())

    @property
    def letter(self) -> str:
        """The words above the footer (`role="contentinfo"` or <footer>)."""
        return " ".join(" ".join(one.text for one in self.words if not one.is_footer).split())


@dataclass(frozen=True, slots=True)
class _Style:
    element: Element
    is_silent: bool
    ink: Colour | None
    paper: Colour | None
    size: float
    is_bold: bool
    is_footer: bool


class _Reader(HTMLParser):
    def __init__(self, dark: tuple[DarkRule, ...] = ()) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._dark = dark
        # By night each program has colours of its own, until the mail says some.
        ink, paper = (None, None) if dark else ((0, 0, 0), (255, 255, 255))
        self._open = [_Style(Element("", frozenset(), None, None), False, ink, paper, 16.0, False, False)]
        self._before: list[Element | None] = [None]  # the last element inside each open one
        self._link: tuple[str, list[str], list[Picture]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self._picture(given)
        outer = self._open[-1]
        element = Element(tag, frozenset(given.get("class", "").split()), outer.element, self._before[-1])
        self._before[-1] = element
        if tag in _VOID:
            return
        self._before.append(None)
        self._open.append(_styled(outer, element, given, settled(given.get("style", ""), element, self._dark)))
        if tag == "a" and "href" in given:
            self._link = (given["href"], [], [])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            self._close_link()
        if any(style.element.tag == tag for style in self._open[1:]):
            while self._open.pop().element.tag != tag:
                self._before.pop()
            self._before.pop()

    def handle_data(self, data: str) -> None:
        style = self._open[-1]
        if style.is_silent or not data.strip():
            return
        # 18 point, or 14 point and bold (WCAG 2.2, "large scale").
        is_large = style.size >= 24 or (style.is_bold and style.size >= 18.66)
        self.page.words.append(Words(data.strip(), style.ink, style.paper, is_large, style.is_footer))
        if self._link is not None:
            self._link[1].append(data)

    def _picture(self, given: Mapping[str, str]) -> None:
        picture = Picture(given.get("src", ""), given.get("alt"), False)
        if self._link is not None:
            self._link[2].append(picture)
            self._link[1].append(picture.alt or "")
        else:
            self.page.pictures.append(picture)

    def _close_link(self) -> None:
        assert self._link is not None
        href, said, pictures = self._link
        says = " ".join(" ".join(said).split())
        alone = not any(words.strip() for words in said) and bool(pictures)
        self.page.links.append(Link(href, says, bool(pictures)))
        self.page.pictures += [Picture(one.source, one.alt, alone) for one in pictures]
        self._link = None


def _styled(outer: _Style, element: Element, given: Mapping[str, str], declared: Sequence[tuple[str, str]]) -> _Style:
    """Return the style of an element inside `outer`, for which this is declared, what counts last."""
    said, tag = dict(declared), element.tag
    hidden = said.get("display") == "none" or said.get("visibility") == "hidden" or "hidden" in given
    ink = _colour(said["color"]) if "color" in said else outer.ink
    grounds = [value for name, value in declared if name in ("background", "background-color") and value]
    ground = grounds[-1] if grounds else given.get("bgcolor", "").lower()
    paper = outer.paper if ground in ("", "transparent", "none", "inherit") else _colour(ground)
    if "url(" in ground or "gradient" in ground or "background-image" in said:
        paper = None
    weight = said.get("font-weight", "")
    bold = (int(weight) >= 700 if weight.isdigit() else weight in ("bold", "bolder")) if weight else outer.is_bold
    return _Style(
        element,
        outer.is_silent or hidden or tag in _SILENT,
        outer.ink if said.get("color") == "inherit" else ink,
        paper,
        _size(said.get("font-size", ""), outer.size),
        bold or (not weight and tag in ("b", "strong", "h1", "h2", "h3", "th")),
        outer.is_footer or tag == "footer" or given.get("role") == "contentinfo",
    )


def _size(written: str, outer: float) -> float:
    match = re.fullmatch(r"([0-9.]{1,8})(px|pt|em|rem|%)", written)
    if match is None or match[1].count(".") > 1 or match[1] == ".":
        return outer
    unit = {"px": 1.0, "pt": 4 / 3, "em": outer, "rem": 16.0, "%": outer / 100}[match[2]]
    return float(match[1]) * unit


def _colour(written: str) -> Colour | None:
    """Return a colour as red, green and blue; None for one that is not written plainly."""
    if written in _NAMED:
        return _NAMED[written]
    digits = written.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    if written.startswith("#") and re.fullmatch(r"[0-9a-f]{6}", digits):
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    match = _RGB.fullmatch(written)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def read_page(html: str) -> Page:
    """Return what stands in `html`, however broken it is."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


def read_night(html: str) -> Page:
    """Return what stands in `html` in the colours of its dark form; an empty page where it has none."""
    dark = dark_rules(html)
    if not dark:
        return Page()
    reader = _Reader(dark)
    reader.feed(html)
    reader.close()
    return reader.page


def contrast(ink: Colour, paper: Colour) -> float:
    """Return how far two colours are apart, from 1 (the same) to 21 (WCAG 2.2, "contrast ratio")."""
    dark, light = sorted(map(_luminance, (ink, paper)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    shares = (min(part, 255) / 255 for part in colour)
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
