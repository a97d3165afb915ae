"""What Meta posts to us about WhatsApp messages: what became of them; signed with the app's secret, or nobody's.

Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started (signature, verification) and
.../docs/whatsapp/cloud-api/webhooks/payload-examples (2026-11).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SIGNATURE = "x-hub-signature-256"

_MESSAGE = re.compile(r"wamid\.[A-Za-z0-9+/=_-]{1,200}\Z")
_NAMED = re.compile(r"([0-9]{1,18})\.([0-9a-f]{16})\Z")


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


def name_of(delivery: int, key: str) -> str:
    """Return what a message carries so that its statuses are known by it; tells nothing of the key."""
    return f"{delivery}.{print_of(key)}"


def print_of(key: str) -> str:
    """Return by what a delivery's key is known, so that another database's delivery of that number is not meant."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Whether a post bears the signature of the app; how long it takes tells nothing of the secret."""
    return hmac.compare_digest(sign(secret, body).encode(), signature.encode())


def sign(secret: str, body: bytes) -> str:
    """Return the signature of a post: HMAC-SHA256 of its bytes as they came."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def statuses(body: bytes) -> Iterator[Status]:
    """Yield what a post tells of messages of ours, in its order; what cannot be read is left out."""
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        return
    for entry in _mappings(whole, "entry"):
        for change in _mappings(entry, "changes"):
            for item in _mappings(change.get("value"), "statuses"):
                if (status := _status(item)) is not None:
                    yield status


def _status(item: Mapping[str, object]) -> Status | None:
    given, word = str(item.get("id", "")), str(item.get("status", ""))
    named = _NAMED.match(str(item.get("biz_opaque_callback_data", "")))
    if not _MESSAGE.match(given) or named is None or word not in ("sent", "delivered", "read", "failed"):
        return None
    errors = list(_mappings(item, "errors"))
    code = errors[0].get("code") if errors else 0
    return Status(given, word, int(named[1]), named[2], code if isinstance(code, int) and 0 <= code < 10**7 else 0)


def _mappings(whole: object, name: str) -> Iterator[Mapping[str, object]]:
    listed = whole.get(name) if isinstance(whole, Mapping) else None
    yield from (item for item in (listed if isinstance(listed, list) else ()) if isinstance(item, Mapping))
