"""Rendering: a touch's templates and plain data become Content, in a sandbox; nothing else here imports jinja2."""

from campaigns.rendering.content import Content
from campaigns.rendering.facts import common_facts, facts, persona_contact, with_own, with_person
from campaigns.rendering.renderer import Renderer
from campaigns.rendering.sources import gather
from campaigns.rendering.written import Bare, Lines, written

__all__ = [
    "Bare",
    "Content",
    "Lines",
    "Renderer",
    "common_facts",
    "facts",
    "gather",
    "persona_contact",
    "with_own",
    "with_person",
    "written",
]
