"""What an engine is: it takes claims and sees to it that each is delivered once by some worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from scheduler.store.ledger import Claim


class Engine(Protocol):
    """Carries claims to workers; the message is a hint, the ledger's row is the truth."""

    async def submit(self, claims: Sequence[Claim]) -> None:
        """Carry the claims and return when each has been worked on or given back."""
        ...

    def stop(self) -> None:
        """Start nothing new: what is being worked on is finished, the other claims are given back."""
        ...
