"""A marketing SMS says how to stop it, each one (ePrivacy directive 2002/58 art. 13; TCPA; guides of CNIL and CTIA).

WhatsApp is left out: it has a stop of its own at each marketing message.
"""

import re
from collections.abc import Iterator

from campaigns.definition import Purpose
from campaigns.finding import Level
from campaigns.lint.posting import Posting
from campaigns.lint.rule import Rule, Trouble, View

# Words that end it when somebody replies them (see `channels.platforms.twilio_posts`), written large as people do.
_WORD = re.compile(
    r"(?<![\w-])(?:STOP|STOPP|СТОП|ARR[EÊ]T|BAJA|DEZABONARE|UNSUBSCRIBE|CANCEL|QUIT|END|OPT-?OUT)(?![\w-])"
)
# An address for it, with its scheme or without.
_LINK = re.compile(
    r"[\w-]+\.[\w.-]+/\S*(?:stop|unsub|opt-?out|d[eé]sabon|d[eé]sinscri|dezabon|baja|abmeld|abbestell|otpis)",
    re.IGNORECASE,
)
WORDING = {
    "en": "Reply STOP to opt out",
    "fr": "STOP pour ne plus rien recevoir",
    "ro": "STOP pentru dezabonare",
    "ru": "СТОП, чтобы отписаться",
    "es": "BAJA para no recibir más",
    "de": "STOPP zum Abbestellen",
}


def marketing(view: View) -> Iterator[Posting]:
    """Yield the marketing SMS, each as one reader gets it."""
    touches = {touch.id: touch for _stage, touch in view.campaign.touches()}
    for posting in view.postings:
        if posting.channel == "sms" and touches[posting.touch].purpose is Purpose.MARKETING:
            yield posting


def has_link(posting: Posting) -> bool:
    """Whether an SMS bears an address where it can be stopped."""
    own = posting.way_out.removeprefix("mailto:")
    return bool(own and own in posting.text) or _LINK.search(posting.text) is not None


def word(posting: Posting) -> re.Match[str] | None:
    """Return the word to reply that an SMS names, None where it names none."""
    return _WORD.search(posting.text)


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch whose marketing SMS does not say how to stop it."""
    told = set()
    for posting in marketing(view):
        if posting.touch in told or word(posting) or has_link(posting):
            continue
        told.add(posting.touch)
        yield Trouble(
            f"{posting.name}: the SMS does not say how to stop it",
            posting.text_place,
            f"end it with {WORDING[view.campaign.language]!r}, or with {{{{ links.unsubscribe }}}}",
        )


RULE = Rule("sms-stop", Level.WARNING, "marketing SMS say how to stop them", check, needs="postings")
