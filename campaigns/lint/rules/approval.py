"""A touch that waits for somebody's yes gets it before its day."""

from collections.abc import Iterator
from datetime import timedelta

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

_SOON = timedelta(days=7)


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch of the coming week that is not approved, and event touches, whose time may come any day."""
    campaign, timeline, facts = view.campaign, view.timeline, view.facts
    approved = facts.approved or frozenset()
    for _stage, touch in campaign.touches():
        if touch.approval != "required" or touch.id in approved:
            continue
        planned = timeline.touch(touch.id)
        ahead = [one.due_at for one in planned.occurrences if one.state == "planned" and one.due_at >= timeline.now]
        when = min(ahead, default=None)
        if when is not None and when - timeline.now > _SOON:
            continue
        if when is None and touch.on is None:
            continue
        due = f"goes {when:%a} {when.day} {when:%b %H:%M}" if when is not None else f"follows {touch.on}"
        yield Trouble(
            f"{touch.id} {due} and waits for approval",
            campaign.place(*campaign.touch_path(touch.id), "approval"),
            f"campaign approve {campaign.id}/{touch.id}",
        )


RULE = Rule("approval", Level.WARNING, "what needs approval has it in time", check, needs="approved")
