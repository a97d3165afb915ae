"""What a mail that came back was and what it did: the words of `campaign bounces`, and no rule about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from scheduler.channels.email.replies import ReplyClass


class Outcome(StrEnum):
    """What a mail that came back was, and so what followed."""

    DEAD = "dead_address"  # no more mail to this mailbox
    SOFT = "soft"  # the event alone; too many in a row stop mail
    OURS = "policy"  # our reputation or sender: the campaign pauses, nobody is touched
    COMPLAINT = "complaint"  # no more marketing
    OPT_OUT = "opt_out"  # no more marketing
    DELAYED = "delayed"
    DELIVERED = "delivered"
    NOT_SPAM = "not_spam"
    AUTO_REPLY = "auto_reply"
    OTHER = "other"  # it came to an address of ours and is no report
    FORMER = "former_address"  # of a mailbox the person has no longer, or of somebody who was erased
    KNOWN = "known"  # read before
    NOT_OURS = "not_ours"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Effect:
    """What one mail of the mailbox was and did. `who` is the person's address, for masking; `stopped` says what of."""

    number: int
    outcome: Outcome
    campaign: str | None = None
    touch: str | None = None
    contact: int | None = None
    who: str | None = None
    meaning: ReplyClass | None = None
    status: str = ""
    said: str = ""
    stopped: str | None = None  # email or marketing, where that is new


@dataclass(frozen=True, slots=True)
class Paused:
    """A campaign that had to stop, and why."""

    campaign: str
    why: str


@dataclass(slots=True)
class Report:
    """What a mailbox held: an effect a mail, campaigns that were paused, campaigns that many complain about."""

    effects: list[Effect] = field(default_factory=list)
    paused: list[Paused] = field(default_factory=list)
    complained: dict[str, tuple[int, int]] = field(default_factory=dict)  # complaints and mails sent, by campaign


_LOCAL = re.compile(r"[^\s<>@\"']{1,64}@(?=[^\s<>@]+)")


def discreet(said: str) -> str:
    """Return what a server said without telling whom it was about."""
    return _LOCAL.sub("…@", said)
