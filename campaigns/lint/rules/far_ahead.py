"""A window more than half a year after the start is likely meant for another year."""

from collections.abc import Iterator
from datetime import datetime

from campaigns.definition import Campaign
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.timeline import Timeline
from campaigns.timing import resolver
from campaigns.timing.model import Span, Unit

_FAR = Span(6, Unit.MONTH)


def check(view: View) -> Iterator[Trouble]:
    """Yield every stage that begins more than six months after the campaign does."""
    campaign, timeline = view.campaign, view.timeline
    begins = _begins(campaign, timeline)
    if begins is None:
        return
    limit = resolver.add_span(begins, _FAR, timeline.timezone)
    for number, stage in enumerate(timeline.stages):
        if stage.window is not None and stage.window.earliest > limit:
            when = stage.window.earliest
            yield Trouble(
                f"stage {stage.id!r} begins on {when.day} {when:%b %Y}, more than six months after the start",
                campaign.place("stages", number, "when"),
                "name the year, or another time, if an earlier one is meant",
            )
            return


def _begins(campaign: Campaign, timeline: Timeline) -> datetime | None:
    """Return when the campaign starts: with an occasion, when its first stage does."""
    windows = [stage.window for stage in timeline.stages if stage.window is not None]
    if not windows:
        return None
    if campaign.starts is not None or timeline.occasion_on is not None:
        return windows[0].earliest
    return timeline.reference


RULE = Rule("far-ahead", Level.WARNING, "no stage lies more than six months ahead", check)
