"""How the posts of mail providers are read: whatever stands in them may be anything."""

from __future__ import annotations

import json
from collections.abc import Mapping

_LONGEST = 500  # characters of a server's words, as a notice has them


def read_object(body: bytes) -> Mapping[str, object]:
    """Return the JSON object of a post; empty for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def line(value: object) -> str:
    """Return words on one line, at most 500 characters; empty for what are none."""
    return " ".join(value.split())[:_LONGEST] if isinstance(value, str) else ""


def address(value: object) -> tuple[str, ...]:
    """Return an address as notices have it."""
    return (value.strip().lower(),) if isinstance(value, str) and value.strip() else ()
