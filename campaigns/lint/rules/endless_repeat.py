"""Reminders stop: after a number of times, on a day, or when the person did what was hoped for."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every repeated touch to people that nothing ends."""
    campaign = view.campaign
    for stage, touch in campaign.touches():
        timing = touch.repeat or touch.when or (stage.when if touch.on is None else None)
        repeat = timing.repeat if timing is not None else None
        if repeat is None or repeat.times is not None or repeat.until is not None or touch.until is not None:
            continue
        if touch.is_personal and not (touch.on is None and campaign.ends is not None):
            yield Trouble(
                f"{touch.id} comes again for ever",
                campaign.place(*campaign.touch_path(touch.id), "repeat"),
                "write how often ('every 30 days, 3 times'), or a goal that ends it (`until: purchase`)",
            )


RULE = Rule("endless-repeat", Level.WARNING, "a repeated message has an end", check)
