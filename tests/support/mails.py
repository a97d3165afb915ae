"""A mail as the worker would hand it to a channel: the offer of a shop to one of its people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from campaigns.rendering import Content
from scheduler.channels.base import Message, Recipient

MOMENT = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)


def a_mail(**other: Any) -> Message:
    """Return the offer as marketing; `other` are the fields that are different."""
    same: dict[str, Any] = {
        "delivery_id": 1,
        "key": "0a1b2c",
        "campaign": "valentines",
        "edition": "2027",
        "touch": "offer-email",
        "stage": "conversion",
        "channel": "email",
        "purpose": "marketing",
        "occurrence": "once",
        "created_at": MOMENT,
        "due_at": MOMENT,
        "content": Content("Offre", "Bonjour\n"),
        "recipient": Recipient(7, "Léa Martin", "lea@example.org"),
        "sender": "BikSouv <bonjour@biksouv.example>",
        "unsubscribe": "mailto:stop@biksouv.example",
    }
    return Message(**{**same, **other})
