"""The error codes of the Graph API and what each means for a post: data, dated, with where it was read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

SEEN = date(2026, 11, 22)
SOURCES = (
    "https://developers.facebook.com/docs/graph-api/guides/error-handling",
    "https://developers.facebook.com/docs/graph-api/overview/rate-limiting",
    "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/error-codes",
    "https://developers.facebook.com/docs/threads/troubleshooting",
)


class Meaning(StrEnum):
    """What an error says of the post that was asked for."""

    LATER = "later"  # certainly not taken, and may be when asked again
    TOMORROW = "tomorrow"  # certainly not taken: the day's posts are used up
    REFUSED = "refused"  # certainly not taken, and never will be as it is
    DOWN = "down"  # nothing of this account is taken until somebody does something
    PASSING = "passing"  # a failure at their end: after a request that publishes it may be live all the same
    GONE = "gone"  # there is no such thing, or this token may not see it; reads answer so by mistake at times


@dataclass(frozen=True, slots=True)
class Fault:
    """One error: what it means, and for DOWN what has to be done."""

    meaning: Meaning
    remedy: str = ""


def _down(remedy: str) -> Fault:
    return Fault(Meaning.DOWN, remedy)


_LATER, _REFUSED, _PASSING = Fault(Meaning.LATER), Fault(Meaning.REFUSED), Fault(Meaning.PASSING)
_TOMORROW = Fault(Meaning.TOMORROW)
_TOKEN = _down("the token has ended or was withdrawn: make a new one and put it into the settings")
_RIGHTS = _down("give the app the right to publish for this account, and make a new token")
_LOOK = _down("look at the account at Meta: it may not publish now")

# A subcode says more than its code, so it is looked up first.
SUBCODES: Mapping[int, Fault] = {
    33: Fault(Meaning.GONE),
    458: _TOKEN,
    459: _down("log in at Facebook, which wants to see you, and make a new token"),
    460: _TOKEN,
    463: _TOKEN,
    464: _LOOK,
    467: _TOKEN,
    492: _RIGHTS,
    # Facebook
    1346003: _REFUSED,  # taken for abusive
    1366046: _REFUSED,  # the photo's size or format
    1366051: _REFUSED,  # these photos are posted already
    1404078: _down("confirm the publishing authorisation of the Page at Facebook"),
    1404102: _REFUSED,  # against the community standards
    1609008: _REFUSED,  # a link to facebook.com
    4854002: _down("confirm your identity at Facebook"),
    # Instagram
    2207001: _PASSING,
    2207003: _LATER,  # its download of the media timed out
    2207004: _REFUSED,  # larger than 8 MiB
    2207005: _REFUSED,  # no JPEG
    2207006: Fault(Meaning.GONE),
    2207008: _PASSING,  # the container cannot be found just now
    2207009: _REFUSED,  # proportions
    2207010: _REFUSED,  # caption too long
    2207020: _LATER,  # the media have expired: a new container
    2207023: _REFUSED,  # unknown kind of media
    2207026: _REFUSED,  # format of the video
    2207027: _LATER,  # not ready to be published
    2207028: _REFUSED,  # number of things in the carousel
    2207032: _LATER,  # the container could not be made
    2207040: _REFUSED,  # too many mentions
    2207042: _TOMORROW,
    2207050: _LOOK,
    2207051: _PASSING,  # "action is blocked", also said of posts that went live
    2207052: _LATER,  # could not fetch the media from its address
    2207053: _LATER,  # upload of a video
    2207082: _LATER,
    # Threads
    4279009: _PASSING,  # the container cannot be found just now
}
CODES: Mapping[int, Fault] = {
    -2: _PASSING,
    -1: _PASSING,
    1: _PASSING,
    2: _PASSING,
    3: _RIGHTS,
    4: _LATER,
    9: _TOMORROW,
    10: _RIGHTS,
    17: _LATER,
    32: _LATER,
    102: _TOKEN,
    190: _TOKEN,
    341: _LATER,
    368: _LOOK,
    506: _REFUSED,  # the same words as the post before
    613: _LATER,
    9004: _LATER,
    9007: _LATER,
    36000: _REFUSED,
    36001: _REFUSED,
    36003: _REFUSED,
    36004: _REFUSED,
}
_RIGHTS_CODES = range(200, 300)
_BUSINESS_LIMITS = range(80_000, 80_015)
# Threads says of a token that has ended that nothing is there.
_NOTHING_THERE = "requested resource does not exist"
# How the words begin that Threads writes into `error_message` of a container it will not take.
_MEDIA_REFUSED = "INVALID_"
_SUBCODE = re.compile(r"(?<![0-9])(2207[0-9]{3})(?![0-9])")


def fault(code: int, subcode: int = 0, text: str = "") -> Fault | None:
    """Return what an error means, None for one that is not known here."""
    if found := SUBCODES.get(subcode):
        return found
    if _NOTHING_THERE in text:
        return _TOKEN
    if code in _RIGHTS_CODES:
        return _RIGHTS
    return _LATER if code in _BUSINESS_LIMITS else CODES.get(code)


def fault_of_media(text: str) -> Fault:
    """Return what the words mean that a container failed with; without a known code it is worth another try."""
    if _MEDIA_REFUSED in text:
        return _REFUSED
    number = _SUBCODE.search(text)
    return SUBCODES.get(int(number[1]), _LATER) if number else _LATER
