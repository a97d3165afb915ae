"""What Meta posts to us about WhatsApp: what became of messages, who wants no more; signed with the app's secret.

Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started (signature, verification) and
.../docs/whatsapp/cloud-api/webhooks/payload-examples and .../webhooks/reference/user_preferences (2026-11).
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scheduler.channels.naming import read_name
from scheduler.channels.platforms.wishes import Wish, read_wish

SIGNATURE = "x-hub-signature-256"

_LONGEST_ID = 200
_MESSAGE = re.compile(r"wamid\.[A-Za-z0-9+/=_-]{1,200}\Z")
_NUMBER = re.compile(r"[1-9][0-9]{5,14}\Z")


@dataclass(frozen=True, slots=True)
class Status:
    """What became of one message: `id` is WhatsApp's for it, `word` sent, delivered, read or failed.

    `delivery` and `print` name the delivery as we did when it was sent; `code` is WhatsApp's, 0 without one.
    """

    id: str
    word: str
    delivery: int
    print: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody who wants no more marketing: their `number` (E.164), and by which `id` their saying so is known."""

    id: str
    number: str


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Whether a post bears the signature of the app; how long it takes tells nothing of the secret."""
    return hmac.compare_digest(sign(secret, body).encode(), signature.encode())


def sign(secret: str, body: bytes) -> str:
    """Return the signature of a post: HMAC-SHA256 of its bytes as they came."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def statuses(body: bytes) -> Iterator[Status]:
    """Yield what a post tells of messages of ours, in its order; what cannot be read is left out."""
    for item in _told(body, "statuses"):
        if (status := _status(item)) is not None:
            yield status


def stops(body: bytes) -> Iterator[Stop]:
    """Yield who asks for no more: by a word, by a button, or by the setting that WhatsApp shows beside the sender."""
    for item in _told(body, "messages"):
        if read_wish(_words(item)) is Wish.STOP and (stop := _stop(item.get("from"), item.get("id"))) is not None:
            yield stop
    for item in _told(body, "user_preferences"):
        if (item.get("category"), item.get("value")) == ("marketing_messages", "stop"):
            stop = _stop(item.get("wa_id"), f"{item.get('wa_id')} {item.get('timestamp')}")
            if stop is not None:
                yield stop


def _words(item: Mapping[str, object]) -> str:
    """Return what a message to us says; empty for pictures and the like."""
    said = item.get("text"), item.get("button")
    pressed = item.get("interactive")
    answers = (pressed.get("button_reply"), pressed.get("list_reply")) if isinstance(pressed, Mapping) else ()
    for part in (*said, *answers):
        for name in ("body", "text", "title"):
            if isinstance(part, Mapping) and isinstance(part.get(name), str):
                return str(part[name])
    return ""


def _stop(number: object, known_by: object) -> Stop | None:
    given = str(known_by or "")[:_LONGEST_ID]
    return Stop(given, f"+{number}") if given and _NUMBER.match(str(number)) else None


def _told(body: bytes, name: str) -> Iterator[Mapping[str, object]]:
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        return
    for entry in _mappings(whole, "entry"):
        for change in _mappings(entry, "changes"):
            yield from _mappings(change.get("value"), name)


def _status(item: Mapping[str, object]) -> Status | None:
    given, word = str(item.get("id", "")), str(item.get("status", ""))
    named = read_name(item.get("biz_opaque_callback_data"))
    if not _MESSAGE.match(given) or named is None or word not in ("sent", "delivered", "read", "failed"):
        return None
    errors = list(_mappings(item, "errors"))
    code = errors[0].get("code") if errors else 0
    return Status(given, word, *named, code if isinstance(code, int) and 0 <= code < 10**7 else 0)


def _mappings(whole: object, name: str) -> Iterator[Mapping[str, object]]:
    listed = whole.get(name) if isinstance(whole, Mapping) else None
    yield from (item for item in (listed if isinstance(listed, list) else ()) if isinstance(item, Mapping))
