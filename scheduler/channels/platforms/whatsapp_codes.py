"""What WhatsApp's error codes mean for a message, as data; codes that are not here go by those of the Graph API.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes (2026-11).
"""

from __future__ import annotations

from enum import Enum


class Meaning(Enum):
    """What follows from a code."""

    PERSON = "WhatsApp does not reach this person"  # refused
    STOPPED = "the person stopped marketing of this sender"  # refused, and nothing more goes there
    WORDS = "the message is not taken"  # refused
    LATER = "too many at once"  # not sent, tried again
    TOMORROW = "WhatsApp gives this person no more marketing now"  # not sent, tried again in a day
    ACCOUNT = "the account or its number is not ready"  # the channel waits, nobody is touched


CODES: dict[int, tuple[Meaning, str]] = {
    80007: (Meaning.LATER, "the account sent as many as it may"),
    130429: (Meaning.LATER, "too many messages at once"),
    130472: (Meaning.PERSON, "the person is in an experiment of WhatsApp's and gets no marketing"),
    130497: (Meaning.ACCOUNT, "the account may not send to this country"),
    131005: (Meaning.ACCOUNT, "the token lacks a right"),
    131008: (Meaning.WORDS, "a parameter is missing"),
    131009: (Meaning.WORDS, "a parameter is not valid"),
    131021: (Meaning.PERSON, "the person has the number of the sender"),
    131026: (Meaning.PERSON, "the number has no WhatsApp, or one that is too old"),
    131031: (Meaning.ACCOUNT, "the account is locked"),
    131042: (Meaning.ACCOUNT, "the account has not been paid for"),
    131045: (Meaning.ACCOUNT, "the number is not registered"),
    131047: (Meaning.WORDS, "the person has not written for a day, and this is no template"),
    131048: (Meaning.LATER, "too many people called the sender's messages spam"),
    131049: (Meaning.TOMORROW, "the person has had as much marketing as WhatsApp allows"),
    131050: (Meaning.STOPPED, "the person stopped marketing of this sender"),
    131056: (Meaning.LATER, "too many messages to this person at once"),
    132000: (Meaning.WORDS, "the template has another number of parameters"),
    132001: (Meaning.WORDS, "there is no such template in this language, or it is not approved"),
    132005: (Meaning.WORDS, "the text is too long with its parameters"),
    132007: (Meaning.WORDS, "the template breaks a rule of WhatsApp"),
    132012: (Meaning.WORDS, "a parameter has the wrong form"),
    132015: (Meaning.LATER, "the template is paused"),
    132016: (Meaning.WORDS, "the template is switched off for good"),
    133010: (Meaning.ACCOUNT, "the number is not registered"),
}
