"""The only writer of a delivery's state: planned rows in, and every step of theirs as one compare-and-set.

No function here moves a row out of a terminal state, or along an arrow that `delivery.TRANSITIONS` does not draw: the
allowed sources stand in the WHERE of the UPDATE, so whoever comes second changes nothing and is told so.
"""

from scheduler.store.conditions import BY_HAND
from scheduler.store.ledger.attempts import (
    REPEATABLE,
    AttemptMark,
    Ending,
    LostLease,
    NewMark,
    finish,
    finish_many,
    first_attempt,
    first_attempts,
    mark,
    mark_many,
)
from scheduler.store.ledger.claims import Claim, claim, next_moment
from scheduler.store.ledger.hanging import PostAbove, posts_above, wake
from scheduler.store.ledger.persons import blank, hand_over, is_being_sent
from scheduler.store.ledger.planning import Move, NewDelivery, begin_run, move, pin, plan, plan_audience, retime
from scheduler.store.ledger.releasing import give_up, recover, release_leases
from scheduler.store.ledger.restored import MAY_HAVE_GONE, decide_late, hold_gap
from scheduler.store.ledger.settling import (
    KEEP,
    LATE,
    Keep,
    Which,
    expire_held,
    hold,
    release,
    resolve_unknown,
    settle,
    settle_many,
)
from scheduler.store.ledger.turned_back import turn_back
from scheduler.store.ledger.waiting import waiting

__all__ = [
    "BY_HAND",
    "KEEP",
    "LATE",
    "MAY_HAVE_GONE",
    "REPEATABLE",
    "AttemptMark",
    "Claim",
    "Ending",
    "Keep",
    "LostLease",
    "Move",
    "NewDelivery",
    "NewMark",
    "PostAbove",
    "Which",
    "begin_run",
    "blank",
    "claim",
    "decide_late",
    "expire_held",
    "finish",
    "finish_many",
    "first_attempt",
    "first_attempts",
    "give_up",
    "hand_over",
    "hold",
    "hold_gap",
    "is_being_sent",
    "mark",
    "mark_many",
    "move",
    "next_moment",
    "pin",
    "plan",
    "plan_audience",
    "posts_above",
    "recover",
    "release",
    "release_leases",
    "resolve_unknown",
    "retime",
    "settle",
    "settle_many",
    "turn_back",
    "waiting",
    "wake",
]
