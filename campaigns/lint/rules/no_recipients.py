"""A message that would reach nobody is a mistake in its audience, or in what is known about people."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every personal touch that nobody would get now: audience, consent and address taken together."""
    campaign, facts = view.campaign, view.facts
    recipients = facts.recipients or {}
    for _stage, touch in campaign.touches():
        if touch.is_personal and recipients.get(touch.id) == 0:
            yield Trouble(
                f"{touch.id} would reach nobody: no contact is in its audience with consent and an address for"
                f" {touch.channel[0]}",
                campaign.place(*campaign.touch_path(touch.id)),
                "look at `audience:`, and at consent and addresses with `campaign contacts list`",
            )


RULE = Rule("no-recipients", Level.WARNING, "every message reaches somebody", check, needs="recipients")
