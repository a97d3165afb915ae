"""Keys whose behaviour is still to come are refused by `apply`; the author hears of it while writing."""

from collections.abc import Iterator

from campaigns import planner
from campaigns.errors import Place
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every key that `apply` would refuse."""
    campaign = view.campaign
    for finding in planner.unbuilt(campaign):
        yield Trouble(finding.message, finding.place or Place(campaign.source), finding.remedy)


RULE = Rule("unbuilt", Level.WARNING, "only keys that do something are used", check, protects=True)
