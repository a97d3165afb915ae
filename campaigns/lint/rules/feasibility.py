"""The first touch leaves time to decide, to order and to deliver before the occasion."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield the sum when it ends after the occasion."""
    campaign, timeline = view.campaign, view.timeline
    line = timeline.feasibility
    if line is not None and line.spare_days < 0:
        late = -line.spare_days
        yield Trouble(
            f"the first touch comes too late: {line.says}",
            campaign.place("stages", 0, "when"),
            f"begin {late} day{'' if late == 1 else 's'} earlier, or shorten `decision_time:` or `lead_time:`",
        )


RULE = Rule("feasibility", Level.WARNING, "there is time to decide, order and deliver before the occasion", check)
