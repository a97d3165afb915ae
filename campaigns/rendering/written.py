"""The lines a touch was written in, with their places: for those who say what is wrong with the finished message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from campaigns.errors import Place, RenderError
from campaigns.rendering.sources import Sources, references

if TYPE_CHECKING:
    from campaigns.definition import Campaign

Lines = tuple[str, tuple[str, ...], tuple[Place, ...]]
Bare = tuple[str, Place]  # a fact of the contact that is taken as it is, and where


def written(campaign: Campaign, templates: Mapping[str, str]) -> dict[str, tuple[Lines, ...]]:
    """Return by touch: (part, lines, place of each line) of subject, preheader, body and text, in this order.

    What a body includes follows it as another `body`. Layouts are not among them. A touch whose templates cannot be
    told has nothing.
    """
    from campaigns.rendering.script import script

    sources = Sources(campaign, templates)
    found: dict[str, tuple[Lines, ...]] = {}
    for _stage, touch in campaign.touches():
        try:
            says = script(campaign, sources, touch)
        except RenderError:
            found[touch.id] = ()
            continue
        named = (("subject", says.subject), ("preheader", says.preheader), ("body", says.body), ("text", says.text))
        lines: list[Lines] = []
        for part, name in named:
            if name is not None:
                lines += _lines(sources, part, name, set())
        found[touch.id] = tuple(lines)
    return found


def _lines(sources: Sources, part: str, name: str, seen: set[str]) -> list[Lines]:
    seen.add(name)
    rows = (sources.body(name) or "").split("\n")
    places = tuple(sources.place(name, number) for number in range(1, len(rows) + 1))
    head = sources.front(name).length if name.endswith(".md") and not name.startswith(":") else 0
    made: list[Lines] = [(part, tuple(rows[head:]), places[head:])]
    for other in references("\n".join(rows)):
        if other not in seen and sources.knows(other) and not other.startswith("layouts/"):
            made += _lines(sources, part, other, seen)
    return made
