"""What Postmark posts of mails that came back, of complaints and of opt-outs; it proves itself by a password.

Sources: https://postmarkapp.com/developer/webhooks/webhooks-overview, .../bounce-webhook, .../spam-complaint-webhook,
.../subscription-change-webhook and https://postmarkapp.com/developer/api/bounce-api#bounce-types (2026-11).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from scheduler.channels.email.providers.told import address, line, read_object
from scheduler.channels.email.replies import ReplyClass, classify
from scheduler.channels.email.returned import Kind, Notice, Returned
from scheduler.channels.naming import read_name

AUTHORIZATION = "authorization"

_BOUNCES = {
    "HardBounce": ReplyClass.DEAD_ADDRESS,
    "BadEmailAddress": ReplyClass.DEAD_ADDRESS,
    "SoftBounce": ReplyClass.MAILBOX_FULL,  # full, over its quota, switched off for a while
    "Transient": ReplyClass.TEMPORARY,
    "DnsError": ReplyClass.TEMPORARY,
    "SpamNotification": ReplyClass.CONTENT_REFUSED,
    "VirusNotification": ReplyClass.CONTENT_REFUSED,
    "Blocked": ReplyClass.CONTENT_REFUSED,  # for the content or for who we are: the server's words say which
    "DMARCPolicy": ReplyClass.POLICY,
}
_KINDS = {
    "SpamComplaint": Kind.COMPLAINT,
    "Unsubscribe": Kind.OPT_OUT,
    "AutoResponder": Kind.AUTO_REPLY,
    "HardBounce": Kind.BOUNCE,
}


def is_from(password: str, authorization: str) -> bool:
    """Whether a post bears the password, by HTTP's basic authentication; the user may be called anything."""
    scheme, _, given = authorization.partition(" ")
    try:
        pair = base64.b64decode(given.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(pair.partition(b":")[2], password.encode())


def returned(body: bytes) -> list[Returned]:
    """Return what a post says of a mail of ours; nothing for what cannot be read or says nothing of one."""
    post = read_object(body)
    metadata = post.get("Metadata")
    named = read_name(metadata.get("message")) if isinstance(metadata, Mapping) else None
    if named is None:
        return []
    record = post.get("RecordType")
    if record == "SubscriptionChange":
        return _changed(post, named)
    if record not in ("Bounce", "SpamComplaint"):
        return []
    kind, meaning = str(post.get("Type", "")), _BOUNCES.get(str(post.get("Type", "")))
    if meaning is None:
        return [Returned(_KINDS.get(kind, Kind.OTHER), named=named, note=line(kind))]
    said = line(post.get("Details") or post.get("Description"))
    if kind == "Blocked" and classify(550, None, said).is_ours:
        meaning = ReplyClass.POLICY
    return [Returned(Kind.BOUNCE, (Notice(meaning, text=said, addresses=address(post.get("Email"))),), named=named)]


def _changed(post: Mapping[str, object], named: tuple[int, str]) -> list[Returned]:
    """Read that Postmark writes to somebody no more: of a marketing stream it tells nothing else."""
    reason, origin = str(post.get("SuppressionReason", "")), post.get("Origin")
    if post.get("SuppressSending") is not True:
        return []
    if reason == "HardBounce":
        notice = Notice(ReplyClass.DEAD_ADDRESS, addresses=address(post.get("Recipient")))
        return [Returned(Kind.BOUNCE, (notice,), named=named)]
    kind = Kind.OPT_OUT if reason == "ManualSuppression" and origin == "Recipient" else _KINDS.get(reason, Kind.OTHER)
    return [Returned(kind, named=named, note=line(reason))]
