"""An offer that no touch quotes reaches nobody."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every offer of the file that stands in no touch."""
    campaign = view.campaign
    quoted = {touch.offer for _stage, touch in campaign.touches()}
    for code in campaign.offers:
        if code not in quoted:
            yield Trouble(
                f"no touch quotes {code}",
                campaign.place("offers", code),
                f"write `offer: {code}` in the touch that does",
            )


RULE = Rule("offer-unquoted", Level.WARNING, "every offer is quoted by a touch", check)
