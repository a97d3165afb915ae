"""Markdown with marks for values -> HTML of a mail's body; the only importer of the Markdown library."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from campaigns.rendering.run import OPEN

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore


@cache
def _parser() -> MarkdownIt:
    """Return CommonMark with tables and strikethrough; the author's own HTML passes."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    normalise = parser.normalizeLink
    # A mark stands for a whole value: percent-encoding comes when the value is put in.
    parser.normalizeLink = lambda url: url if OPEN in url else normalise(url)  # type: ignore[method-assign]
    parser.core.ruler.push("buttons", _buttons)
    return parser


def _buttons(state: StateCore) -> None:
    """Give the class `button` to a link that is alone in its paragraph, and `table-data` to tables of facts."""
    for before, inline in zip(state.tokens, state.tokens[1:], strict=False):
        children = inline.children or []
        alone = len(children) > 2 and children[0].type == "link_open" and children[-1].type == "link_close"
        kinds = [child.type for child in children]
        if before.type == "paragraph_open" and alone and kinds.count("link_open") == 1 and "image" not in kinds:
            before.attrSet("class", "button-line")
            children[0].attrSet("class", "button")
    for token in state.tokens:
        if token.type == "table_open":
            token.attrSet("class", "table-data")


def to_html(text: str) -> str:
    """Return the HTML of a Markdown text; marks pass through untouched."""
    return str(_parser().render(text))
