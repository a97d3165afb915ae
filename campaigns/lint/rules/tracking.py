"""Who wants to know what is opened and clicked needs an address by which the links can pass."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield `tracking: on` in a project without a public address, where somebody looked for one."""
    campaign, facts = view.campaign, view.facts
    if campaign.tracking == "off" or facts.channels is None or facts.public_url:
        return
    if any("email" in touch.channel for _, touch in campaign.touches()):
        yield Trouble(
            "`tracking: on` measures nothing: the project has no public address that links could pass by",
            campaign.place("tracking"),
            "set CAMPAIGN_PUBLIC_URL and open the doors with `campaign run --ui`, or leave `tracking` out",
        )


RULE = Rule("tracking", Level.WARNING, "what is to be measured can be measured", check)
