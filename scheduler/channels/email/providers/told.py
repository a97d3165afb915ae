"""How the posts of mail providers are read: whatever stands in them may be anything."""

from __future__ import annotations

import json
from collections.abc import Mapping

from scheduler.channels.email.returned.model import mailboxes
from scheduler.channels.email.returned.wording import LONGEST_TEXT


def read_object(body: bytes) -> Mapping[str, object]:
    """Return the JSON object of a post; empty for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def line(value: object) -> str:
    """Return words on one line, no longer than a notice has them; empty for what are none."""
    return " ".join(value.split())[:LONGEST_TEXT] if isinstance(value, str) else ""


def address(value: object) -> tuple[str, ...]:
    """Return an address as notices have it; a name may stand before it."""
    return mailboxes([value]) if isinstance(value, str) else ()
