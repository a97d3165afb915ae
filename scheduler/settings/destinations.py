"""Where alerts go, as a setting says it: addresses, and accounts of webhooks and Slack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

KINDS = ("mailto", "webhook", "slack")
EXAMPLE = "mailto:owner@shop.example"
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@(?:[^\s@<>,;:\"()\[\]\\.]{1,63}\.)+[^\s@<>,;:\"()\[\]\\.]{2,63}\Z")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class Destination:
    """One place alerts go to: `target` is an address for `mailto`, else an account's name in lower case."""

    kind: Literal["mailto", "webhook", "slack"]
    target: str

    @property
    def channel(self) -> str:
        """The channel that carries it."""
        return "email" if self.kind == "mailto" else self.kind

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}"


def read(text: str | None) -> tuple[Destination, ...]:
    """Return the destinations in a text, apart by blanks or commas, each once.

    Raises: ValueError for one that cannot be read; it shows what stands before the colon, never what is behind it.
    """
    found: dict[Destination, None] = {}
    for word in (text or "").replace(",", " ").split():
        kind, colon, target = word.partition(":")
        kind = kind.lower()
        if not colon or kind not in KINDS:
            shown = kind[:20] if colon else "no colon"
            raise ValueError(f"expected {EXAMPLE}, webhook:NAME or slack:NAME, got {shown!r}")
        if kind == "mailto":
            if not _ADDRESS.match(target):
                raise ValueError(f"expected one address behind mailto:, such as {EXAMPLE}")
            found[Destination("mailto", target)] = None
            continue
        if not _NAME.match(target):
            raise ValueError(f"expected the name of an account behind {kind}:, in letters, digits and _")
        name = target.lower().replace("-", "_")
        found[Destination("webhook", name) if kind == "webhook" else Destination("slack", name)] = None
    return tuple(found)
