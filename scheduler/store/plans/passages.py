"""The messages that a run has come to, in their order: where it stands follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from scheduler.delivery import OPEN, TERMINAL, State
from scheduler.store.conditions import UNSENT, in_states
from scheduler.store.rows import read_all, read_one
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


_ENDED = (
    select(_D.id.label("delivery"), _D.touch, _D.occurrence, _D.state, _D.due_at, _D.sent_at, _D.updated_at)
    .where(
        _D.contact == bindparam("contact_id"),
        _D.campaign == bindparam("of_campaign"),
        _D.edition == bindparam("of_edition"),
        _D.touch == bindparam("of_touch"),
        _D.occurrence == bindparam("of_occurrence"),
        _D.state.in_(sorted(state.value for state in TERMINAL)),
    )
    .order_by(_D.id.desc())
    .limit(1)
)


def ended_passage(
    conn: Connection, campaign: str, edition: str, touch: str, contact: int, occurrence: str
) -> Passage | None:
    """Return the message of a person that has ended under this touch and occurrence; None where there is none."""
    values = {"of_campaign": campaign, "of_edition": edition, "of_touch": touch, "of_occurrence": occurrence}
    return read_one(conn, Passage, _ENDED, contact_id=contact, **values)


def runs_at(conn: Connection, campaign: str, edition: str, touch: str) -> list[int]:
    """Return the open runs of an edition that are on their way to a message of a touch which has not gone, by id."""
    query = (
        select(_R.id)
        .join(DELIVERIES, _D.run == _R.id)
        .where(
            _D.campaign == campaign,
            _D.edition == edition,
            _D.touch == touch,
            in_states(UNSENT),
            _R.state == "open",
        )
    )
    return list(conn.execute(query.distinct().order_by(_R.id)).scalars())


def resting_runs(conn: Connection, campaign: str, edition: str) -> dict[int, tuple[str, int]]:
    """Return the open runs of an edition of which no message is open, by id, with their touch and their person.

    They wait for an event, or have sent everything and wait for their goal.
    """
    open_messages = select(_D.run).where(_D.run == _R.id, _D.state.in_(sorted(state.value for state in OPEN)))
    query = select(_R.id, _R.touch, _R.contact).where(
        _R.campaign == campaign, _R.edition == edition, _R.state == "open", ~open_messages.exists()
    )
    return {row[0]: (row[1], row[2]) for row in conn.execute(query.order_by(_R.id))}


def people_behind(conn: Connection, campaign: str, edition: str) -> dict[str, int]:
    """Return how many people have open runs of which no message is open, by the last one they came to.

    By the touch of the run where they have come to none.
    """
    open_messages = select(_D.run).where(_D.run == _R.id, _D.state.in_(sorted(state.value for state in OPEN)))
    last = DELIVERIES.alias("last")
    newest = select(func.max(_D.id)).where(_D.run == _R.id).scalar_subquery()
    name = func.coalesce(last.c.touch, _R.touch)
    query = (
        select(name, func.count(func.distinct(_R.contact)))
        .select_from(RUNS.outerjoin(last, last.c.id == newest))
        .where(_R.campaign == campaign, _R.edition == edition, _R.state == "open", ~open_messages.exists())
        .group_by(name)
    )
    return {row[0]: int(row[1]) for row in conn.execute(query)}
