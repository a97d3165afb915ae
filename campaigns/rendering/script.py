"""Which templates make up what a touch says: decided once, for rendering and for checking alike."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from campaigns.errors import Place, RenderError
from campaigns.rendering.environment import Part
from campaigns.rendering.sources import Sources, inline_name, layout_name

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Touch

KINDS = (".md", ".html", ".txt")


class ScriptError(RenderError):
    """A touch whose templates cannot be told; `code` is that of the finding."""

    def __init__(self, code: str, message: str, *, place: Place | None, remedy: str = "") -> None:
        super().__init__(message, place=place, remedy=remedy)
        self.code = code


@dataclass(frozen=True, slots=True)
class Script:
    """Names of templates: the body and what part it is, a text part of its own, subject, preheader, layout."""

    part: Part
    body: str | None
    text: str | None = None
    subject: str | None = None
    preheader: str | None = None
    layout: str | None = None


def script(campaign: Campaign, sources: Sources, touch: Touch) -> Script:
    """Return what `touch` says by the names of its templates; a part that nobody wrote is None.

    A mail may be written in Markdown, HTML or text; everything else is text, Markdown then as it is written. A `text:`
    in the campaign file gets an HTML part that says the same, a `.txt` template is a mail of text alone. Raises
    ScriptError for a missing template or layout, a template of the wrong kind, and RenderError for a broken head.
    """
    mail, name = touch.channel[0] == "email", touch.template

    def place(key: str) -> Place:
        return campaign.place(*campaign.touch_path(touch.id), key)

    if name is not None:
        if not sources.knows(name):
            near = get_close_matches(name, sources.names(), 1, 0.85)
            remedy = f"did you mean {near[0]!r}?" if near else "expected a path below the template folder"
            raise ScriptError("template-missing", f"no template {name!r}", place=place("template"), remedy=remedy)
        if not name.endswith(KINDS):
            message = f"expected a .md, .html or .txt template, got {name!r}"
            raise ScriptError("template-kind", message, place=place("template"))
    body = name or _inline(touch, "html") or _inline(touch, "text")
    part = Part.TEXT
    if body is not None and body.endswith(".html"):
        part = Part.HTML
    elif mail and name is not None and name.endswith(".md"):
        part = Part.MARKDOWN
    if part is Part.HTML and not mail:
        said = f"{touch.channel[0]} takes plain text, got {'`html:`' if name is None else repr(name)}"
        remedy = "use a .md or .txt template, or `text:`"
        raise ScriptError("template-kind", said, place=place("html" if name is None else "template"), remedy=remedy)
    return Script(
        part=part,
        body=body,
        text=_own_text(sources, touch, body),
        subject=_line(sources, touch, "subject"),
        preheader=_line(sources, touch, "preheader"),
        layout=_layout(campaign, sources, touch) if mail and (part is not Part.TEXT or name is None) else None,
    )


def _layout(campaign: Campaign, sources: Sources, touch: Touch) -> str:
    """Return the layout a mail asks for, in the touch or in the head of its template, else `plain`."""
    head = sources.front(touch.template or "")
    asked = touch.layout or head.values.get("layout") or "plain"
    if sources.knows(layout_name(asked)):
        return layout_name(asked)
    if touch.layout is None and touch.template is not None and "layout" in head.lines:
        place = sources.place(touch.template, head.lines["layout"])
    else:
        place = campaign.place(*campaign.touch_path(touch.id), "layout")
    there = sources.layouts()
    near = get_close_matches(asked, there, 1)
    remedy = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(there)}"
    raise ScriptError("template-missing", f"no layout {asked!r}", place=place, remedy=remedy)


def _inline(touch: Touch, key: str) -> str | None:
    return None if getattr(touch, key) is None else inline_name(touch, key)


def _own_text(sources: Sources, touch: Touch, body: str | None) -> str | None:
    """Return the text part its author wrote beside the body: `text:`, or the `.txt` beside an `.html` template."""
    inline = _inline(touch, "text")
    if inline is not None:
        return inline if inline != body else None
    name = touch.template or ""
    beside = name.removesuffix(".html") + ".txt"
    return beside if name.endswith(".html") and sources.knows(beside) else None


def _line(sources: Sources, touch: Touch, key: str) -> str | None:
    """Return where the subject or preheader is written: in the touch, else in the head of its template."""
    if getattr(touch, key) is not None:
        return inline_name(touch, key)
    name = touch.template
    return f":{name}.{key}" if name is not None and key in sources.front(name).values else None
