"""Rendering at once and in this process: rehearsals and simulations, whose runs must repeat byte by byte."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.errors import CampaignError
from campaigns.rendering import Content
from scheduler.rendering.base import Job, Revision, attempt, missing


class InlineRenderer:
    """Renders with the campaign's own renderer; no limits but those of the templates' sandbox."""

    async def prepare(self, campaign: Revision) -> None:
        """Compile the templates of a revision."""
        campaign.warm()

    async def render(self, jobs: Sequence[Job]) -> list[Content | CampaignError]:
        """Return what each job says or why it cannot be said, in their order."""
        return [_render(job) for job in jobs]

    async def close(self) -> None:
        """Do nothing: nothing was started."""


def _render(job: Job) -> Content | CampaignError:
    found = job.campaign.find(job.touch)
    return missing(job.touch) if found is None else attempt(job.campaign.renderer, found[1], job.facts, job.person)
