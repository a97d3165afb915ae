"""Whoever gets marketing mail can stop it (RFC 8058, RFC 2369): an address in the file, or the project's own."""

from collections.abc import Iterator

from campaigns.definition import Purpose
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield the first marketing mail of a campaign that nobody could unsubscribe from."""
    campaign, facts = view.campaign, view.facts
    if campaign.senders.unsubscribe or facts.public_url:
        return
    for _stage, touch in campaign.touches():
        if "email" in touch.channel and touch.purpose is Purpose.MARKETING:
            yield Trouble(
                f"nobody could unsubscribe from the marketing mail {touch.id}",
                campaign.place("senders"),
                "write `unsubscribe: mailto:...` under `senders:`",
            )
            return


RULE = Rule("unsubscribe", Level.ERROR, "marketing mail can be unsubscribed from", check, protects=True)
