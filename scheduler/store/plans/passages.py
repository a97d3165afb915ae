"""The messages that a run has come to, in their order: where it stands follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from scheduler.delivery import OPEN, State
from scheduler.store.conditions import UNSENT
from scheduler.store.rows import read_all
from scheduler.store.tables import DELIVERIES, RUNS

_D = DELIVERIES.c
_R = RUNS.c


@dataclass(frozen=True, slots=True)
class Passage:
    """A message of a run; `ended_at` is when it went, or when it was decided that it does not."""

    delivery: int
    touch: str
    occurrence: str
    state: str
    due_at: datetime
    sent_at: datetime | None
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return State(self.state) in OPEN

    @property
    def may_be_dropped(self) -> bool:
        """Whether it has not gone and is not on its way."""
        return State(self.state) in UNSENT

    @property
    def ended_at(self) -> datetime:
        """When it went, else when it ended otherwise."""
        return self.sent_at or self.updated_at


_PASSAGES = (
    select(_D.id.label("delivery"), _D.touch, _D.occurrence, _D.state, _D.due_at, _D.sent_at, _D.updated_at)
    .where(_D.run == bindparam("run_id"))
    .order_by(_D.id)
)


def passages(conn: Connection, run: int) -> list[Passage]:
    """Return the messages of a run, the first one first."""
    return read_all(conn, Passage, _PASSAGES, run_id=run)


def resting_runs(conn: Connection, campaign: str, edition: str) -> dict[int, tuple[str, int]]:
    """Return the open runs of an edition of which no message is open, by id, with their touch and their person.

    They wait for an event, or have sent everything and wait for their goal.
    """
    open_messages = select(_D.run).where(_D.run == _R.id, _D.state.in_(sorted(state.value for state in OPEN)))
    query = select(_R.id, _R.touch, _R.contact).where(
        _R.campaign == campaign, _R.edition == edition, _R.state == "open", ~open_messages.exists()
    )
    return {row[0]: (row[1], row[2]) for row in conn.execute(query.order_by(_R.id))}
