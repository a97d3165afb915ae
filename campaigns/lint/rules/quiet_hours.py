"""A time of day that the author wrote does not lie in the quiet hours, or the message goes at another."""

from collections.abc import Iterator

from campaigns import planner
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.lint.rules._clock import named_clock


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch whose own or whose stage's time lies inside the quiet hours that bind it."""
    campaign = view.campaign
    for stage, touch in campaign.touches():
        quiet = planner.courtesy(campaign, stage, touch).quiet_hours
        clock, place = named_clock(campaign, stage, touch)
        if clock is not None and quiet is not None and quiet.contains(clock):
            yield Trouble(
                f"{touch.id}: {clock:%H:%M} lies in the quiet hours {quiet}; it would go outside them",
                place,
                f"choose a time after {quiet.end:%H:%M}, or set `courtesy: {{quiet_hours: none}}` on the touch",
            )


RULE = Rule("quiet-hours", Level.WARNING, "no time is written that lies in the quiet hours", check)
