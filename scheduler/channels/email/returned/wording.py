"""Reports without a form: the sentences in which servers say that a mail comes back, and what they quote of the reply.

What is tried here is tried after everything that has a form, and only with mails that a mail system wrote.
"""

from __future__ import annotations

import re

from scheduler.channels.email.replies import classify
from scheduler.channels.email.returned.model import Notice, mailboxes

LONGEST_TEXT = 500
_LOOKED_AT = 20_000  # characters of a text
_AROUND = 300  # characters before and after a code that belong to its sentence

# Where the copy of the returned mail begins: its words are ours and say nothing of the failure.
_COPY = re.compile(
    r"^[-=* ]*(?:below this line is a copy|this is a copy of (?:the|your) message|original message"
    r"|message header follows|unsent message|returned message|the header of the original message"
    r"|begin(?:ning)? of (?:the )?(?:original )?message|message follows|copie du message|ursprüngliche nachricht)",
    re.IGNORECASE | re.MULTILINE,
)
_REPLY = re.compile(r"(?<![\d.#])(?P<code>[45]\d\d)[ -]+(?:#?(?P<status>[45]\.\d{1,3}\.\d{1,3})\b)?")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_LATER = re.compile(
    r"\bdelay|still (?:trying|undelivered|being retried)|not yet (?:been )?delivered|warning: (?:could not|message)"
    r"|(?:will|is going to) (?:be retried|be tried again|continue (?:trying|to try)|keep trying)"
    r"|do(?:es)? not need to (?:resend|send)|verzögert|retard[ée]|întârziat|задерж",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"undeliver|deliver(?:y|ed|ing)?\b.{0,40}\b(?:fail|problem|error|impossible)|fail\w* (?:notice|to deliver)"
    r"|return(?:ed|ing) (?:mail|to sender|message)|mail (?:system )?(?:error|failure)|non[- ]?delivery|delivery status"
    r"|(?:not|n't|unable to|impossible to)\b.{0,20}\b(?:be )?deliver|permanent(?:ly)? (?:error|fail)"
    r"|unzustellbar|nicht zugestellt|non (?:remis|distribu)|échec|nu a putut fi (?:livrat|trimis)"
    r"|не (?:может быть )?доставлен|no se (?:pudo|ha podido) entregar",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"<([^<>\s@]{1,64}@[^<>\s@]{1,255})>:?\s*$", re.MULTILINE)


def says_later(subject: str, text: str) -> bool:
    """Whether a server says that it still tries."""
    if _LATER.search(subject):
        return True
    return _FAILED.search(subject) is None and _LATER.search(_own(text)) is not None


def says_failed(text: str) -> bool:
    """Whether a text says that a mail could not be delivered."""
    return _FAILED.search(text[:_LOOKED_AT]) is not None


def quotes_reply(text: str) -> bool:
    """Whether a text quotes the reply of a server, such as `550 5.1.1 ...`."""
    return _REPLY.search(_own(text)) is not None


def notice(text: str, addresses: tuple[str, ...] = ()) -> Notice:
    """Return what a text says of the failure; a server that names no code has given up all the same."""
    own = _own(text)
    found = addresses or mailboxes(_ADDRESS.findall(own)[:1])
    reply = _REPLY.search(own)
    if reply is not None:
        words = own[max(0, reply.start() - _AROUND) : reply.end() + _AROUND]
        status = reply["status"] or status_in(words)
        said = one_line(own[reply.start() : reply.end() + _AROUND])
        return Notice(classify(int(reply["code"]), status or None, words), status, said, found)
    status = status_in(own)
    meaning = classify(None, status or "5.0.0", own[:2000])
    return Notice(meaning, status, one_line(own), found)


def reply_in(text: str) -> tuple[int | None, str]:
    """Return the SMTP code and the enhanced code that a Diagnostic-Code quotes; None and empty where it has none."""
    found = _REPLY.search(text)
    if found is None:
        return None, status_in(text)
    return int(found["code"]), found["status"] or ""


def status_in(text: str) -> str:
    """Return the first enhanced status code in a text; empty where there is none."""
    found = _STATUS.search(text)
    return found[0] if found is not None else ""


def one_line(text: str) -> str:
    """Return the beginning of a text on one line, fit to be stored and shown."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: LONGEST_TEXT * 2]).split())
    return words[:LONGEST_TEXT]


def _own(text: str) -> str:
    """Return what the server itself wrote, without the mail that it returns."""
    text = text[:_LOOKED_AT]
    found = _COPY.search(text)
    return text if found is None else text[: found.start()]
