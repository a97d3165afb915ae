"""What a webhook says and how it is signed (https://www.standardwebhooks.com); nothing is posted here."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import date, datetime, time
from decimal import Decimal

from scheduler.channels.base import ALERT, STAFF, Message
from scheduler.errors import Refused

_KINDS = {ALERT: "alert", STAFF: "task.due"}


def payload(message: Message) -> bytes:
    """Return the JSON that is posted: `type`, `timestamp` and `data`; the same bytes for the same message.

    `type` is `touch.due`, `alert` for what the operator is told, and `task.due` for what the staff is.

    `data` holds what is needed to act on it: the touch, the person (null where nobody is meant), the texts, and the
    facts the touch was rendered from. Raises Refused when a fact has no JSON form.
    """
    recipient = message.recipient
    person = recipient and {"name": recipient.name, "email": recipient.email, "phone": recipient.phone}
    content = message.content
    data = {
        "campaign": message.campaign,
        "edition": message.edition,
        "stage": message.stage,
        "touch": message.touch,
        "channel": message.channel,
        "purpose": message.purpose,
        "occurrence": message.occurrence,
        "due_at": message.due_at,
        "recipient": person,
        "subject": content.subject,
        "text": content.text,
        "html": content.html,
        "media": [{"file": file, "alt": alt} for file, alt in content.media],
        "facts": dict(message.facts),
    }
    kind = _KINDS.get(message.purpose, "touch.due")
    whole = {"type": kind, "timestamp": message.created_at, "data": data}
    try:
        text = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain_value)
        return text.encode(errors="replace")
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(f"message cannot be written as JSON: {error}") from None


def sign(secret: bytes, key: str, seconds: int, body: bytes) -> str:
    """Return the `v1` signature of a body with this id and time (Standard Webhooks, symmetric scheme)."""
    digest = hmac.digest(secret, f"{key}.{seconds}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def read_secret(text: str) -> bytes:
    """Read a signing secret: `whsec_` and the base64 of 24 to 64 bytes; the ValueError does not show it."""
    if not text.startswith("whsec_"):
        raise ValueError("expected whsec_ and base64")
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("expected base64 after whsec_") from None
    if not 24 <= len(key) <= 64:
        raise ValueError(f"expected 24 to 64 bytes after whsec_, got {len(key)}")
    return key


def _plain_value(value: object) -> object:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    raise TypeError(f"{type(value).__name__} has no JSON form")
