"""By which name a message is known to whom it was handed: its number here, and a print of its key."""

from __future__ import annotations

import hashlib
import re

_NAME = re.compile(r"([0-9]{1,18})[.-]([0-9a-f]{16})\Z")


def message_name(delivery: int, key: str) -> str:
    """Return what a message carries so that what is told of it is known to be of it; tells nothing of the key."""
    return f"{delivery}-{print_of(key)}"


def print_of(key: str) -> str:
    """Return by what a delivery's key is known, so that another database's delivery of that number is not meant."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def read_name(text: object) -> tuple[int, str] | None:
    """Return the number and the print that a name has; None for what is none."""
    found = _NAME.match(text) if isinstance(text, str) else None
    return (int(found[1]), found[2]) if found is not None else None
