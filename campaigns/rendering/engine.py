"""The sandboxes of one campaign and the one way to write a template with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from campaigns.errors import RenderError
from campaigns.rendering.environment import Part, Sandbox
from campaigns.rendering.faults import explained
from campaigns.rendering.filters import text_filters
from campaigns.rendering.locale import Words
from campaigns.rendering.run import MAX_OUTPUT
from campaigns.rendering.sources import Sources

if TYPE_CHECKING:
    from campaigns.definition import Campaign


class Engine:
    """Three sandboxes (text, Markdown, HTML) over the same sources; compiled templates are kept."""

    def __init__(self, campaign: Campaign, templates: Mapping[str, str]) -> None:
        self.sources = Sources(campaign, templates)
        spoken = Words(campaign.language, campaign.country).filters()
        self._sandboxes: dict[Part, Sandbox] = {}
        for part in Part:
            sandbox = Sandbox(part, self.sources, spoken)
            sandbox.filters |= text_filters(sandbox)
            self._sandboxes[part] = sandbox

    def sandbox(self, part: Part) -> Sandbox:
        """Return the sandbox that writes `part`."""
        return self._sandboxes[part]

    def write(self, part: Part, name: str, data: Mapping[str, object]) -> str:
        """Return the template's output, within a rendering in progress; Markdown and HTML hold marks for values.

        Raises RenderError with template and line for everything its author can mend.
        """
        with explained(self.sources, name):
            written = self._sandboxes[part].get_template(name).render(data)
            if len(written) > MAX_OUTPUT or len(written.encode(errors="replace")) > MAX_OUTPUT:
                raise RenderError("the message is longer than 1 MiB")
            return written
