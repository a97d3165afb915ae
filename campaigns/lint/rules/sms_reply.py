"""Nobody can reply to a sender of letters (alphanumeric, GSM 03.40): its SMS needs another way to be stopped."""

import re
from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.lint.rules.sms_stop import has_link, marketing, word

_NUMBER = re.compile(r"[^\w]{0,3}(?:\w{1,4}\s+)?\+?[0-9][0-9 ]{3,}")  # `STOP au 36000`: to another number


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch whose marketing SMS asks for a reply that cannot be made."""
    sender = view.campaign.senders.sms or ""
    if not re.search(r"[^\W\d_]", sender):
        return
    told = set()
    for posting in marketing(view):
        named = word(posting)
        if posting.touch in told or named is None or has_link(posting) or _NUMBER.match(posting.text, named.end()):
            continue
        told.add(posting.touch)
        yield Trouble(
            f"{posting.name}: nobody can reply {named.group()} to {sender!r}, which is no number",
            posting.where(named.group()),
            "say {{ links.unsubscribe }}, or the number to send it to, or give `senders:` an `sms:` that is a number",
        )


RULE = Rule(
    "sms-reply", Level.WARNING, "a word to reply goes with a sender that takes replies", check, needs="postings"
)
