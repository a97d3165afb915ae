"""The only writer of a delivery's state: planned rows in, and every step of theirs as one compare-and-set.

No function here moves a row out of a terminal state, or along an arrow that `delivery.TRANSITIONS` does not draw: the
allowed sources stand in the WHERE of the UPDATE, so whoever comes second changes nothing and is told so.
"""

from scheduler.store.ledger.attempts import (
    REPEATABLE,
    AttemptMark,
    Claim,
    LostLease,
    claim,
    finish,
    first_attempt,
    mark,
    recover,
    release_leases,
)
from scheduler.store.ledger.planning import NewDelivery, plan, plan_audience, retime
from scheduler.store.ledger.settling import (
    KEEP,
    LATE,
    Keep,
    Which,
    expire,
    hold,
    release,
    resolve_unknown,
    settle,
    settle_many,
)

__all__ = [
    "KEEP",
    "LATE",
    "REPEATABLE",
    "AttemptMark",
    "Claim",
    "Keep",
    "LostLease",
    "NewDelivery",
    "Which",
    "claim",
    "expire",
    "finish",
    "first_attempt",
    "hold",
    "mark",
    "plan",
    "plan_audience",
    "recover",
    "release",
    "release_leases",
    "resolve_unknown",
    "retime",
    "settle",
    "settle_many",
]
