"""A claim as the ledger gives it to an engine, for tests that need no ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scheduler.store.ledger import Claim

NOON = datetime(2027, 1, 21, 12, tzinfo=UTC)


def a_claim(number: int, **other: Any) -> Claim:
    """Return a claim of a marketing mail to contact `number`, due at noon; `other` names the fields that differ."""
    claim = Claim(
        id=number,
        campaign="shop",
        edition="2027",
        touch="offer",
        stage="conversion",
        channel="email",
        recipient=f"c{number}",
        contact=number,
        occurrence="once",
        run=None,
        marketing=True,
        due_at=NOON,
        expires_at=None,
        on_late="skip",
        attempts=0,
        revision=None,
        worker="w",
        lease_until=NOON,
    )
    return replace(claim, **other)
