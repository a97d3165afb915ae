"""How campaigns are steered: what runs, which revision is in force, what was decided about touches, when they began.

Asked for every message and seldom changed: kept for as long as the database itself notes no change (`store.triggers`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from scheduler.store import plans
from scheduler.store.plans import CampaignRecord, TouchRecord
from scheduler.store.tables import METAS
from scheduler.store.triggers import STEERED

_NOTE = select(METAS.c.value).where(METAS.c.key == bindparam("name"))


class Steering:
    """What one transaction sees of it, each thing read when it is first asked for; what it returns is read only."""

    def __init__(self, note: str = "") -> None:
        self.note = note
        self._records: tuple[CampaignRecord, ...] | None = None
        self._states: dict[str, str | None] = {}
        self._revisions: dict[tuple[str, str], int | None] = {}
        self._first_sent: dict[tuple[str, str], Mapping[str, datetime]] = {}
        self._touches: dict[tuple[str, str], Mapping[str, TouchRecord]] = {}

    def campaigns(self, conn: Connection) -> tuple[CampaignRecord, ...]:
        """Return `plans.campaigns`."""
        if self._records is None:
            self._records = tuple(plans.campaigns(conn))
        return self._records

    def state(self, conn: Connection, campaign: str) -> str | None:
        """Return `plans.campaign_state`."""
        if campaign not in self._states:
            self._states[campaign] = plans.campaign_state(conn, campaign)
        return self._states[campaign]

    def revision(self, conn: Connection, edition: tuple[str, str]) -> int | None:
        """Return `plans.revision_number` of a campaign and edition."""
        if edition not in self._revisions:
            self._revisions[edition] = plans.revision_number(conn, *edition)
        return self._revisions[edition]

    def first_sent(self, conn: Connection, edition: tuple[str, str]) -> Mapping[str, datetime]:
        """Return `plans.first_sent` of a campaign and edition."""
        if edition not in self._first_sent:
            self._first_sent[edition] = plans.first_sent(conn, *edition)
        return self._first_sent[edition]

    def touches(self, conn: Connection, edition: tuple[str, str]) -> Mapping[str, TouchRecord]:
        """Return `plans.touch_states` of a campaign and edition."""
        if edition not in self._touches:
            self._touches[edition] = plans.touch_states(conn, *edition)
        return self._touches[edition]


class KeptSteering:
    """Keeps it between transactions."""

    def __init__(self) -> None:
        self._kept = Steering()

    def of(self, conn: Connection) -> Steering:
        """Return how campaigns are steered as this transaction sees it now; ask anew after a change of one's own."""
        note: str | None = conn.execute(_NOTE, {"name": STEERED}).scalar()
        if not note:
            return Steering()
        if note != self._kept.note:
            self._kept = Steering(note)
        return self._kept
