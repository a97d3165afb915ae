"""Posts that hang on posts: what became of those above one, and waking what waits for a post that has ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from scheduler.delivery import WAITING, State
from scheduler.store.bulk import within
from scheduler.store.columns import Moment
from scheduler.store.conditions import in_states
from scheduler.store.ledger.claims import Claim
from scheduler.store.tables import DELIVERIES

_D = DELIVERIES.c
_MOMENT = bindparam("moment", type_=Moment())
_OF_THE_SAME = (
    _D.campaign == bindparam("of_campaign"),
    _D.edition == bindparam("of_edition"),
    within(_D.touch, "touches"),
    _D.recipient == bindparam("to"),
    _D.occurrence == bindparam("at"),
)
_ABOVE = select(_D.touch, _D.state, _D.reason, _D.provider_id, _D.next_at).where(*_OF_THE_SAME)
_WAKE = (
    update(DELIVERIES)
    .where(*_OF_THE_SAME, in_states(WAITING), _D.next_at > _MOMENT, _D.due_at <= _MOMENT)
    .where(_D.reason.like(bindparam("waiting")))
    .values(next_at=_MOMENT)
)


@dataclass(frozen=True, slots=True)
class PostAbove:
    """A post that others hang on: `provider_id` is what the far end calls it, "" as long as that is not known.

    `next_at` is when it is looked at next, where it waits.
    """

    touch: str
    state: State
    reason: str
    provider_id: str
    next_at: datetime


def posts_above(conn: Connection, claim: Claim, touches: Sequence[str]) -> dict[str, PostAbove]:
    """Return by touch those of these posts that are planned for the same account and the same date as a claim."""
    rows = conn.execute(_ABOVE, _named(claim, touches))
    return {row.touch: PostAbove(row.touch, State(row.state), row.reason, row.provider_id, row.next_at) for row in rows}


def wake(conn: Connection, claim: Claim, touches: Collection[str], *, waiting: str, now: datetime) -> int:
    """Let posts be looked at now that hang on one which has ended; return how many.

    Condition: they wait (planned, retry_wait), are due, and the reason they wait for begins with `waiting`.
    """
    if not touches:
        return 0
    return int(conn.execute(_WAKE, {**_named(claim, touches), "waiting": waiting, "moment": now}).rowcount)


def _named(claim: Claim, touches: Collection[str]) -> dict[str, object]:
    return {
        "of_campaign": claim.campaign,
        "of_edition": claim.edition,
        "to": claim.recipient,
        "at": claim.occurrence,
        "touches": sorted(touches),
    }
