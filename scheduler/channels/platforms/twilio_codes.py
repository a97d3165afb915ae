"""What Twilio's error codes mean for a message, as data: its list changes, so unknown codes go by their HTTP status.

Source: https://www.twilio.com/docs/api/errors, read 2026-11.
"""

from __future__ import annotations

from enum import Enum


class Meaning(Enum):
    """What follows from a code."""

    NUMBER = "the number cannot get SMS"  # of this person: refused
    STOPPED = "the person told Twilio to stop"  # refused, and nothing more goes there
    WORDS = "the message is not taken"  # refused
    LATER = "too many at once"  # not sent, tried again
    ACCOUNT = "the account or its sender is not ready"  # the channel waits, nobody is touched


# Answers to a request that sends.
CODES: dict[int, tuple[Meaning, str]] = {
    14107: (Meaning.LATER, "more messages than the account may send now"),
    20003: (Meaning.ACCOUNT, "the credentials are not accepted"),
    20005: (Meaning.ACCOUNT, "the account is not active"),
    20008: (Meaning.ACCOUNT, "these are test credentials"),
    20404: (Meaning.ACCOUNT, "there is no such account"),
    20429: (Meaning.LATER, "too many requests"),
    21211: (Meaning.NUMBER, "the number is not valid"),
    21212: (Meaning.ACCOUNT, "the sender is not valid"),
    21214: (Meaning.NUMBER, "the number cannot be reached"),
    21217: (Meaning.NUMBER, "the number is not valid"),
    21408: (Meaning.NUMBER, "SMS to this country are not switched on in the account"),
    21602: (Meaning.WORDS, "there is no text"),
    21603: (Meaning.ACCOUNT, "no sender was named"),
    21606: (Meaning.ACCOUNT, "the sender is no number of the account that can send SMS"),
    21610: (Meaning.STOPPED, "the person replied STOP"),
    21611: (Meaning.LATER, "the queue of the sender is full"),
    21612: (Meaning.NUMBER, "the number cannot be reached from this sender"),
    21614: (Meaning.NUMBER, "the number is no mobile one"),
    21617: (Meaning.WORDS, "the text has more than 1,600 characters"),
    21635: (Meaning.NUMBER, "the number is a landline"),
    21701: (Meaning.ACCOUNT, "there is no such messaging service"),
    21703: (Meaning.ACCOUNT, "the messaging service has no sender"),
    21704: (Meaning.ACCOUNT, "the messaging service has no sender"),
    30001: (Meaning.LATER, "the queue of the sender is full"),
    30002: (Meaning.ACCOUNT, "the account is suspended"),
    63038: (Meaning.LATER, "the account sent as many as it may in a day"),
}

# What became of a message afterwards, told by a status callback.
UNDELIVERED: dict[int, str] = {
    21610: "the person replied STOP",
    30001: "queue overflow",
    30002: "account suspended",
    30003: "unreachable handset",
    30004: "blocked",
    30005: "unknown number",
    30006: "landline or unreachable carrier",
    30007: "filtered by the carrier",
    30008: "unknown error",
    30036: "waited too long in the queue",
}
STOPPED = 21610
