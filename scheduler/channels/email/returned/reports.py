"""What a mail in the bounce mailbox is: reports by their form (RFC 3464, 5965, 3834, 8098), the others by their words.

A form stands over every header that says `automatic`: servers mark their reports as answers of a machine, which they
are. What only looks automatic is never a bounce.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scheduler.channels.email.replies import ReplyClass, classify
from scheduler.channels.email.returned import model, wording
from scheduler.channels.email.returned.mailboxes import Raw
from scheduler.channels.email.returned.model import Kind, Notice, Returned
from scheduler.channels.email.returned.parts import (
    Mail,
    TooMuch,
    blocks,
    headers_inside,
    kind,
    parameter,
    parse,
    parts,
    text,
    value,
    values,
)

# Where servers write the address that a mail came to.
_CAME_TO = (
    "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "X-Rcpt-To", "X-Forwarded-To",
    "To", "Cc", "Resent-To", "Apparently-To",
)  # fmt: skip
_STATUSES = ("message/delivery-status", "message/global-delivery-status")
_RETURNED = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/global-headers",
    "message/rfc822-headers",
)
_DAEMON = re.compile(
    r"\b(?:mailer-?daemon|mail-?daemon|mdaemon|postmaster|mail delivery (?:sub)?system)\b", re.IGNORECASE
)
_ADDRESS = re.compile(r"[^\s<>;,\"]{1,64}@[^\s<>;,\"]{1,255}")
_QUOTED = re.compile(
    r"^[ \t>]*(message-id|list-unsubscribe|return-path)[ \t]*:(.{0,1000})", re.IGNORECASE | re.MULTILINE
)
_AWAY = re.compile(
    r"^\s*(?:out of (?:the )?office|automatic reply|auto(?:matic)?[- ]?(?:reply|response)|autoreply|vacation|i am away"
    r"|abwesen|automatische antwort|réponse automatique|absen[ct]|răspuns automat|автоответ|respuesta automática)",
    re.IGNORECASE,
)
# RFC 5965 and 6430, and the registry: what a person said, as against what a filter found.
_FEEDBACK = {
    "abuse": Kind.COMPLAINT,
    "fraud": Kind.COMPLAINT,
    "opt-out": Kind.OPT_OUT,
    "opt-out-list": Kind.OPT_OUT,
    "not-spam": Kind.NOT_SPAM,
}
_ACTIONS = {"failed": Kind.BOUNCE, "delayed": Kind.DELAYED}
_DONE = ("delivered", "relayed", "expanded")


def read(raw: Raw) -> Returned:
    """Return what a mail says; nothing of it is known to be true. Never raises, whatever the mail is."""
    try:
        mail = parse(raw.data)
    except TooMuch as error:
        return Returned(Kind.UNREADABLE, note=str(error))
    inside = parts(mail)
    returned = [found for part in inside[1:] if kind(part) in _RETURNED and (found := headers_inside(part)) is not None]
    said = _feedback(inside) or _status(inside) or _other(mail, inside, raw, has_original=bool(returned))
    fields = [one for part in inside if kind(part) in (*_STATUSES, "message/feedback-report") for one in blocks(part)]
    came_to = [raw.recipient] if raw.recipient else []
    quoted = _quoted(inside) if said.kind in (Kind.BOUNCE, Kind.COMPLAINT, Kind.OPT_OUT) else {}
    return Returned(
        said.kind,
        said.notices,
        stamps=model.stamps(
            [
                *came_to,
                *values(mail, *_CAME_TO),
                *(str(item)[:1000] for one in fields for item in one.values()),
                *(item for one in returned for item in values(one, "Return-Path", "X-Original-Return-Path")),
                *quoted.get("return-path", ()),
            ]
        ),
        links=said.links
        + model.links(
            [
                *(item for one in returned for item in values(one, "List-Unsubscribe")),
                *quoted.get("list-unsubscribe", ()),
            ]
        ),
        message_ids=model.message_ids(
            [
                *(item for one in returned for item in values(one, "Message-ID")),
                *(item for one in fields for item in values(one, "Original-Message-ID", "X-Original-Message-ID")),
                *quoted.get("message-id", ()),
            ]
        ),
        note=said.note,
        at=_dated(mail),
    )


def _dated(mail: Mail) -> datetime | None:
    """Return when a mail says that it was written; None where nobody can read it."""
    try:
        found = parsedate_to_datetime(value(mail, "Date")[:100])
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _feedback(inside: list[Mail]) -> Returned | None:
    """Read a feedback report (RFC 5965); None where the mail is none."""
    for part in inside:
        if kind(part) == "message/feedback-report":
            for one in blocks(part):
                if word := value(one, "Feedback-Type").lower():
                    return Returned(_FEEDBACK.get(word, Kind.OTHER), note=wording.one_line(word)[:40])
            return Returned(Kind.OTHER, note="a feedback report without a type")
    return None


def _status(inside: list[Mail]) -> Returned | None:
    """Read a delivery status notification (RFC 3464); None where the mail is none, or its form says nothing."""
    kinds: set[Kind] = set()
    notices: list[Notice] = []
    for part in inside:
        if kind(part) not in _STATUSES:
            continue
        for one in blocks(part):
            found = _recipient(one)
            if found is None:
                continue
            kinds.add(found[0])
            if found[0] is not Kind.DELAYED:
                notices.append(found[1])
    for chosen in (Kind.BOUNCE, Kind.DELAYED, Kind.DELIVERED):
        if chosen in kinds:
            return Returned(chosen, tuple(notices[: model.MOST_NOTICES]))
    return None


def _recipient(one: Mail) -> tuple[Kind, Notice] | None:
    """Read the fields of one recipient; None where they are those of the whole message, or say nothing."""
    action, status = value(one, "Action").lower(), wording.status_in(value(one, "Status"))
    to = values(one, "Original-Recipient", "Final-Recipient", "X-Actual-Recipient")
    if not action and not (status and to):
        return None
    addresses = model.mailboxes(found for each in to for found in _ADDRESS.findall(each)[:1])
    said = wording.one_line(value(one, "Diagnostic-Code").partition(";")[2] or value(one, "Diagnostic-Code"))
    code, detail = wording.reply_in(said)
    if detail and (not status or status.endswith((".0.0", ".5.0"))):
        status = detail
    word = action.split()[0] if action.split() else ""
    if word in _DONE or (not word and status.startswith("2")):
        return Kind.DELIVERED, Notice(ReplyClass.ACCEPTED, status, said, addresses)
    decided = _ACTIONS.get(word) or (Kind.BOUNCE if status.startswith("5") else Kind.DELAYED)
    # A report that has given up says `never`, whatever the last reply was: without a code it is a failure.
    meaning = classify(code, status or ("5.0.0" if decided is Kind.BOUNCE else None), said)
    return decided, Notice(meaning, status, said, addresses)


def _other(mail: Mail, inside: list[Mail], raw: Raw, *, has_original: bool) -> Returned:
    """Read a mail without a report: an opt-out, what older servers write, the answer of somebody away, the rest."""
    subject = value(mail, "Subject")
    if tokens := model.tokens([subject]):
        return Returned(Kind.OPT_OUT, links=tokens, note=model.BY_MAIL)
    words = next((found for part in inside if kind(part) == "text/plain" and (found := text(part))), "")
    words = words or next((found for part in inside if kind(part) == "text/html" and (found := text(part))), "")
    failed = model.mailboxes(
        found for each in values(mail, "X-Failed-Recipients") for found in _ADDRESS.findall(each)[:20]
    )
    by_daemon = _DAEMON.search(value(mail, "From")) is not None
    if failed and not wording.says_later(subject, words):
        return Returned(Kind.BOUNCE, (wording.notice(words, failed),))
    if _is_receipt(inside):
        return Returned(Kind.AUTO_REPLY, note="a receipt")
    if has_original and value(mail, "From").lower().find("staff@hotmail.com") >= 0:
        return Returned(Kind.COMPLAINT, note="junk mail report")  # Microsoft's programme sends the mail and no report
    if _is_automatic(mail, subject) and not (
        by_daemon and (wording.quotes_reply(words) or wording.says_later(subject, words))
    ):
        return Returned(Kind.AUTO_REPLY)
    from_nobody = raw.sender == "" or value(mail, "Return-Path") == "<>"
    if by_daemon or (from_nobody and wording.says_failed(subject)):
        if wording.says_later(subject, words):
            return Returned(Kind.DELAYED)
        if wording.says_failed(subject) or wording.says_failed(words) or wording.quotes_reply(words):
            return Returned(Kind.BOUNCE, (wording.notice(words),))
    return Returned(Kind.OTHER)


def _is_receipt(inside: list[Mail]) -> bool:
    """Whether somebody's program says that a mail was shown or deleted (RFC 8098)."""
    return any(
        kind(part) == "message/disposition-notification" or parameter(part, "report-type") == "disposition-notification"
        for part in inside
    )


def _is_automatic(mail: Mail, subject: str) -> bool:
    """Whether a machine answered for somebody (RFC 3834, and what programs wrote before it)."""
    automatic = value(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    if automatic not in ("", "no"):
        return True
    if any(values(mail, "X-Autoreply", "X-Autorespond", "X-Autogenerated", "X-Auto-Reply-From")):
        return True
    return value(mail, "Precedence").lower() == "auto_reply" or _AWAY.search(subject) is not None


def _quoted(inside: list[Mail]) -> dict[str, list[str]]:
    """Return what texts quote of the returned mail's headers, by their names in lower case."""
    found: dict[str, list[str]] = {}
    for part in inside:
        if kind(part) in ("text/plain", "text/html"):
            for name, rest in _QUOTED.findall(text(part))[: model.MOST_PROOFS]:
                found.setdefault(name.lower(), []).append(rest)
    return found
