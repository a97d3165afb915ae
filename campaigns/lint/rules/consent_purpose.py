"""What goes without consent answers an act of the person (GDPR, Art. 6; ePrivacy, Art. 13): else it is marketing."""

from collections.abc import Iterator

from campaigns.definition import PERSONAL, Purpose
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every message that is called transactional and answers no event of a person."""
    campaign = view.campaign
    for _stage, touch in campaign.touches():
        if touch.channel[0] in PERSONAL and touch.purpose is Purpose.TRANSACTIONAL and touch.on is None:
            yield Trouble(
                f"{touch.id} goes by the calendar and asks nobody's consent: it is called transactional",
                campaign.place(*campaign.touch_path(touch.id), "purpose"),
                "write `purpose: marketing`, or name with `on:` the event it answers",
            )


RULE = Rule("consent-purpose", Level.WARNING, "transactional messages answer an act of the person", check)
