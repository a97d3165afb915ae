"""A time of day that the author wrote lies in the send hours, or the message goes at another."""

from collections.abc import Iterator

from campaigns import planner
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.lint.rules._clock import named_clock


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch whose written time lies outside the send hours that bind it."""
    campaign = view.campaign
    for stage, touch in campaign.touches():
        hours = planner.courtesy(campaign, stage, touch).send_hours
        clock, place = named_clock(campaign, stage, touch)
        if clock is not None and hours is not None and not hours.contains(clock):
            yield Trouble(
                f"{touch.id}: {clock:%H:%M} lies outside the send hours {hours}; it would go when they begin",
                place,
                "choose a time inside them, or widen `send_hours:`",
            )


RULE = Rule("send-hours", Level.WARNING, "no time is written that lies outside the send hours", check)
