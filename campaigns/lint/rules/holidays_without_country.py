"""`holidays: avoid` needs to know whose holidays."""

from collections.abc import Iterator

from campaigns import planner
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield a campaign that avoids holidays and names no country, once."""
    campaign = view.campaign
    if campaign.country is not None:
        return
    if any(planner.courtesy(campaign, stage, touch).avoid_holidays for stage, touch in campaign.touches()):
        yield Trouble(
            "holidays are to be avoided, but no country says which",
            campaign.place("courtesy", "holidays"),
            "write `country: FR`",
        )


RULE = Rule("holidays-without-country", Level.ERROR, "who avoids holidays names a country", check)
