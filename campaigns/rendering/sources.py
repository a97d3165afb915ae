"""Where the templates of a campaign come from: its files, its inline texts, the bundled layouts; by name only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from campaigns import bundled
from campaigns.errors import Place, RenderError

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Touch

INLINE = ("subject", "preheader", "text", "html")
FRONT_KEYS = ("subject", "preheader", "layout")
_FRONT = re.compile(r"\A---[ \t]*\n(?P<block>(?:.*\n)*?)---[ \t]*(?:\n|\Z)")
_ADDED = ("layouts/footer.html", "layouts/footer.txt", "layouts/preheader.html")
_PARTS = (*_ADDED, "layouts/base.html", "layouts/brand.html", "layouts/products.html")
_TAG = re.compile(r"\{%[-+]?\s*(?:extends|include|import|from)\b(.*?)%\}", re.DOTALL)
_LAYOUT = re.compile(r"layouts/[^/]+\.html")
_QUOTED = re.compile(r"""(["'])(.*?)\1""")
_SEGMENT = re.compile(r"[^\x00-\x1f\x7f/\\:]+")


def is_safe_name(name: str) -> bool:
    """Whether `name` can only mean a file below the template folder: relative, with `/`, without `..`."""
    return 0 < len(name) <= 512 and all(
        _SEGMENT.fullmatch(part) and part not in (".", "..") for part in name.split("/")
    )


@dataclass(frozen=True, slots=True)
class Front:
    """The head of a Markdown template: a few keys between two lines of `---`, and how many lines it takes."""

    values: Mapping[str, str]
    lines: Mapping[str, int]
    length: int


def front_matter(source: str) -> Front:
    """Read the `key: value` lines at the head of a Markdown template; none is an empty head.

    Raises ValueError (message, 1-based line) for a line that is not `key: value` or an unknown key.
    """
    match = _FRONT.match(source)
    if match is None:
        return Front({}, {}, 0)
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(match["block"].splitlines(), start=2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, colon, value = line.partition(":")
        key = key.strip()
        if not colon:
            raise ValueError(f"expected `key: value`, got {line.strip()!r}", number)
        if key not in FRONT_KEYS:
            near = get_close_matches(key, FRONT_KEYS, 1)
            remedy = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(FRONT_KEYS)}"
            raise ValueError(f"unknown key {key!r} in the head of the template\n{remedy}", number)
        if key in values:
            raise ValueError(f"the key {key!r} stands twice in the head of the template", number)
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[key], lines[key] = value, number
    return Front(values, lines, source[: match.end()].count("\n"))


def layout_name(layout: str) -> str:
    """Return the template's name of a layout: `offer` is `layouts/offer.html`, a path stays as it is."""
    return layout if layout.endswith(".html") else f"layouts/{layout}.html"


def gather(campaign: Campaign, read: Callable[[str], str | None]) -> dict[str, str]:
    """Return path -> source of every project template the touches use, with all that these extend or include.

    `read` gives the source of a path below the template folder, None where there is no such file; it is asked for
    relative paths without `..` only. Also taken: the `.txt` beside an `.html` template, and the project's own version
    of a bundled layout. What is missing is not here; `Renderer.check` names it.
    """
    shipped = bundled.templates()
    found: dict[str, str] = {}
    asked: set[str] = set()

    def take(name: str) -> None:
        if name in asked or not is_safe_name(name):
            return
        asked.add(name)
        own = read(name)
        if own is not None:
            found[name] = own
        source = shipped.get(name) if own is None else own
        if source is None:
            return
        try:
            layout = front_matter(source).values.get("layout") if name.endswith(".md") else None
        except ValueError:
            layout = None  # check names the broken head
        for other in (*references(source), *(_layouts(layout) if layout else ())):
            take(other)

    for _, touch in campaign.touches():
        if touch.template is not None:
            take(touch.template)
            if touch.template.endswith(".html"):
                take(touch.template.removesuffix(".html") + ".txt")
        for inline in INLINE:
            for name in references(getattr(touch, inline) or ""):
                take(name)
        if touch.channel[0] == "email":
            for name in (*_layouts(touch.layout or "plain"), *_ADDED):
                take(name)
    return found


def _layouts(layout: str) -> tuple[str, str]:
    name = layout_name(layout)
    return name, name.removesuffix(".html") + ".txt"


def references(source: str) -> Iterator[str]:
    """Yield the names of the templates that `source` extends, includes or imports."""
    for tag in _TAG.finditer(source):
        for quoted in _QUOTED.finditer(tag[1]):
            yield quoted[2]


class Sources:
    """Every template a campaign may use, by name; inline texts of touches are named `:touch.key`."""

    def __init__(self, campaign: Campaign, templates: Mapping[str, str]) -> None:
        self._campaign = campaign
        self._texts = {**bundled.templates(), **{name: _text(source) for name, source in templates.items()}}
        self._files = dict(self._texts)
        self._fronts: dict[str, Front] = {}
        self._places: dict[str, tuple[Place, bool]] = {}
        for _, touch in campaign.touches():
            for key in INLINE:
                if (inline := getattr(touch, key)) is not None:
                    self._add_inline(touch, key, _text(inline))

    def _add_inline(self, touch: Touch, key: str, text: str) -> None:
        name = inline_name(touch, key)
        place = self._campaign.place(*self._campaign.touch_path(touch.id), key)
        block = (place.text or "").rstrip().rstrip("+-123456789").endswith(("|", ">"))
        self._texts[name] = text
        self._places[name] = (place, block)

    def names(self) -> tuple[str, ...]:
        """Return the names of the files, sorted; inline texts are not files."""
        return tuple(sorted(self._files))

    def knows(self, name: str) -> bool:
        """Whether there is a template or an inline text of this name."""
        return name in self._texts

    def front(self, name: str) -> Front:
        """Return the head of a Markdown template; RenderError when it cannot be read."""
        if name not in self._fronts:
            text = self._texts.get(name, "")
            try:
                self._fronts[name] = front_matter(text) if name.endswith(".md") else Front({}, {}, 0)
            except ValueError as error:
                message, _, remedy = str(error.args[0]).partition("\n")
                raise RenderError(message, place=self.place(name, error.args[1]), remedy=remedy) from None
            for key, value in self._fronts[name].values.items():
                self._texts[f":{name}.{key}"] = value
                line = self._fronts[name].lines[key]
                self._places[f":{name}.{key}"] = (self.place(name, line), False)
        return self._fronts[name]

    def layouts(self) -> tuple[str, ...]:
        """Return the layouts a mail may ask for by name, in alphabetical order."""
        named = [name for name in self.names() if _LAYOUT.fullmatch(name) and name not in _PARTS]
        return tuple(name.removeprefix("layouts/").removesuffix(".html") for name in named)

    def body(self, name: str) -> str | None:
        """Return what a template says, its head blanked so that lines keep their numbers; None when there is none."""
        text = self._texts.get(name)
        if text is None or not name.endswith(".md") or name.startswith(":"):
            return text
        length = self.front(name).length
        return text if length == 0 else "\n" * length + "\n".join(text.split("\n")[length:])

    def place(self, name: str, line: int | None) -> Place:
        """Return where a line of a template stands: in its own file, or in the campaign file for an inline text."""
        line = max(line or 1, 1)
        if name in self._places:
            place, block = self._places[name]
            at = place.line if not block or place.line is None else place.line + line
            return Place(place.file, at, place.column if not block else None, place.text if not block else None)
        rows = self._texts.get(name, "").split("\n")
        return Place(name, line, None, rows[line - 1] if line <= len(rows) else None)


def inline_name(touch: Touch, key: str) -> str:
    """Return the name under which an inline text of a touch is known to the sandbox."""
    return f":{touch.id}.{key}"


_KEPT = {0xE000: None, 0xE001: None}  # the marks of values


def _text(source: str) -> str:
    return source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").translate(_KEPT)
