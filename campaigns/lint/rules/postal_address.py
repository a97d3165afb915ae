"""Marketing mail shows where its sender can be found (CAN-SPAM, 15 U.S.C. 7704(a)(5); most countries ask the same)."""

from collections.abc import Iterator

from campaigns.definition import Purpose
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield the first marketing mail of a campaign without a postal address."""
    campaign = view.campaign
    if campaign.senders.postal_address:
        return
    for _stage, touch in campaign.touches():
        if "email" in touch.channel and touch.purpose is Purpose.MARKETING:
            yield Trouble(
                f"the marketing mail {touch.id} would go without a postal address",
                campaign.place("senders"),
                "write `postal_address:` under `senders:`",
            )
            return


RULE = Rule("postal-address", Level.ERROR, "marketing mail carries the sender's postal address", check, protects=True)
