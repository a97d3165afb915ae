"""A window of months says little about when people hear of it."""

from collections.abc import Iterator
from datetime import timedelta

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

_WIDE = timedelta(days=93)


def check(view: View) -> Iterator[Trouble]:
    """Yield every stage whose window is wider than a quarter."""
    campaign, timeline = view.campaign, view.timeline
    for number, stage in enumerate(timeline.stages):
        window = stage.window
        if window is not None and window.latest is not None and window.latest - window.earliest > _WIDE:
            months = round((window.latest - window.earliest).days / 30.4)
            yield Trouble(
                f"the window of stage {stage.id!r} is {months} months wide; its touches go on {window.target.day}"
                f" {window.target:%b}",
                campaign.place("stages", number, "when"),
                "name a month, or a part of one",
            )


RULE = Rule("wide-window", Level.WARNING, "windows are not wider than a quarter", check)
