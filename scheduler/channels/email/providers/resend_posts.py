"""What Resend posts of mails that came back and of complaints, signed as Standard Webhooks say.

Sources: https://resend.com/docs/webhooks/emails/bounced, .../complained, .../suppressed, .../verify-webhooks-requests
and https://resend.com/docs/dashboard/emails/email-bounces (2026-11).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from scheduler.channels import hook
from scheduler.channels.email.providers.told import address, line, read_object
from scheduler.channels.email.replies import ReplyClass
from scheduler.channels.email.returned import Kind, Notice, Returned
from scheduler.channels.naming import read_name

ID, TIMESTAMP, SIGNATURE = "svix-id", "svix-timestamp", "svix-signature"

_OLDEST_SECONDS = 300  # as the library of Standard Webhooks has it, to both sides
_ID = re.compile(r"[!-~]{1,200}\Z")
_SECONDS = re.compile(r"[0-9]{1,12}\Z")
_KEPT_BACK = frozenset({"Suppressed", "OnAccountSuppressionList"})  # it came back before, and is not tried again
_PERMANENT = {"General", "NoEmail"} | _KEPT_BACK
_TRANSIENT = {
    "MailboxFull": ReplyClass.MAILBOX_FULL,
    "MessageTooLarge": ReplyClass.MESSAGE_TOO_BIG,
    "ContentRejected": ReplyClass.CONTENT_REFUSED,
    "AttachmentRejected": ReplyClass.CONTENT_REFUSED,
}


def is_signed(secret: bytes, headers: Mapping[str, str], body: bytes, *, now: float) -> bool:
    """Whether a post bears one signature by `secret`, of about `now` (seconds since 1970)."""
    given, at = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not _ID.match(given) or not _SECONDS.match(at) or abs(int(at) - now) > _OLDEST_SECONDS:
        return False
    own = hook.sign(secret, given, int(at), body).encode()
    return any(hmac.compare_digest(one.encode(), own) for one in headers.get(SIGNATURE, "").split(" "))


def returned(body: bytes) -> list[Returned]:
    """Return what a post says of a mail of ours; nothing for what cannot be read or says nothing of one."""
    post = read_object(body)
    data = post.get("data")
    if not isinstance(data, Mapping) or (named := read_name(_tag(data, "message"))) is None:
        return []
    to = data.get("to")
    addresses = address(to[0] if isinstance(to, list) and len(to) == 1 else None)
    if post.get("type") == "email.complained":
        return [Returned(Kind.COMPLAINT, named=named, note="complaint")]
    if post.get("type") == "email.bounced":
        bounce = data.get("bounce")
        notice = _notice(bounce if isinstance(bounce, Mapping) else {}, addresses)
        return [Returned(Kind.BOUNCE, (notice,), named=named)]
    if post.get("type") == "email.suppressed":
        notice = Notice(ReplyClass.DEAD_ADDRESS, text="it came back before", addresses=addresses)
        return [Returned(Kind.BOUNCE, (notice,), named=named)]
    return []


def _notice(bounce: Mapping[str, object], addresses: tuple[str, ...]) -> Notice:
    kind, detail, said = str(bounce.get("type", "")), str(bounce.get("subType", "")), line(bounce.get("message"))
    if kind == "Permanent":
        meaning = ReplyClass.DEAD_ADDRESS if detail in _PERMANENT else ReplyClass.PERMANENT_OTHER
    elif kind == "Transient":
        meaning = _TRANSIENT.get(detail, ReplyClass.TEMPORARY)
    else:
        meaning = ReplyClass.PERMANENT_OTHER
    return Notice(meaning, text=said, addresses=addresses)


def _tag(data: Mapping[str, object], name: str) -> object:
    """Return a tag, which Resend tells as an object and takes as a list."""
    tags = data.get("tags")
    if isinstance(tags, list):
        tags = {one.get("name"): one.get("value") for one in tags if isinstance(one, Mapping)}
    return tags.get(name) if isinstance(tags, Mapping) else None
