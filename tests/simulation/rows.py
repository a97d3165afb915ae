"""Deliveries as the database holds them, read without the product's code."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

_COLUMNS = (
    "id, campaign, edition, touch, recipient, occurrence, contact, channel, marketing, state, reason, due_at, next_at,"
    " expires_at, attempts, worker, lease_until, run, sent_at"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as the database holds it after a commit."""

    id: int
    campaign: str
    edition: str
    touch: str
    recipient: str
    occurrence: str
    contact: int | None
    channel: str
    marketing: int
    state: str
    reason: str
    due_at: str
    next_at: str | None
    expires_at: str | None
    attempts: int
    worker: str | None
    lease_until: str | None
    run: int | None
    sent_at: str | None

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        return (self.campaign, self.edition, self.touch, self.recipient, self.occurrence)


def read_rows(raw: sqlite3.Connection, deliveries: Iterable[int]) -> list[Row]:
    """Return the deliveries with these ids that there are."""
    marks = ",".join(map(str, sorted(deliveries)))
    return [Row(*row) for row in raw.execute(f"SELECT {_COLUMNS} FROM delivery WHERE id IN ({marks})")]
