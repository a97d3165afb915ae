"""A mail needs somebody it comes from."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield the first mail of a campaign that names no sender."""
    campaign = view.campaign
    if campaign.senders.email:
        return
    for _stage, touch in campaign.touches():
        if "email" in touch.channel:
            yield Trouble(
                f"nobody is named as the sender of {touch.id}",
                campaign.place("senders"),
                "write `email: Your Shop <shop@your-domain>` under `senders:`",
            )
            return


RULE = Rule("no-sender", Level.ERROR, "every mail has a sender", check)
