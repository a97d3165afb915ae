"""Whoever asks in the shop about an offer meets somebody who knows it."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every offer of which the file says that the staff do not know it."""
    campaign = view.campaign
    for code, offer in campaign.offers.items():
        if offer.staff_briefed is False:
            yield Trouble(
                f"{code}: staff not briefed",
                campaign.place("offers", code, "staff_briefed"),
                "tell them its terms and its end, then write `staff_briefed: true`",
            )


RULE = Rule("staff-not-briefed", Level.WARNING, "the staff know every offer", check)
