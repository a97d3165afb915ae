"""A channel needs an account or a server before anything can go by it."""

from collections.abc import Iterator

from campaigns.definition import TASKS
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every channel of the campaign that nothing can be sent by, at its first touch."""
    campaign, facts = view.campaign, view.facts
    told = set(facts.channels or ()) | TASKS | {"outbox"}
    for _stage, touch in campaign.touches():
        if touch.is_by_hand:
            continue
        for channel in touch.channel:
            if channel in told:
                continue
            told.add(channel)
            yield Trouble(
                f"there is no account for {channel}: its touches would be held",
                campaign.place(*campaign.touch_path(touch.id), "channel"),
                "set one up, or try it with `campaign run --outbox DIR`",
            )


RULE = Rule("no-account", Level.NOTE, "every channel has an account", check, needs="channels")
