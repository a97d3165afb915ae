"""The states of a delivery, the table of transitions, and pure functions over them; no database here.

    planned ──────claim──────────────────────▶ claimed
    retry_wait ───claim, when it is due again▶ claimed
    claimed ──────attempt mark───────────────▶ attempting
    attempting ───outcome────────────────────▶ sent ● │ failed ● │ retry_wait │ unknown
    unknown ──────evidence, a person's word──▶ sent ● │ failed ● │ retry_wait │ held

    claimed ──────lease lost, not allowed yet▶ planned
    claimed ──────certainly not sent─────────▶ retry_wait
    retry_wait ───not allowed yet────────────▶ planned

    planned, claimed, retry_wait ─a person, a guard, no account▶ held
    held ─────────a person said so───────────▶ planned │ retry_wait
    held ─────────evidence that it went──────▶ sent ●

    planned, claimed, retry_wait, held ──────▶ suppressed ● │ expired ● │ cancelled ● │ failed ●
                                               (nothing was sent: a rule about the person, too late, edit or goal)

● is terminal: such a row never changes again. "Due" is a predicate (`is_due`), not a state. Who moves a row out:
planned, retry_wait: the dispatcher; claimed, attempting: the worker that holds the lease, else recovery at start;
unknown: reconcile or a person; held: a person (`approve`, `resume`, `cancel`) or the account that appears.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """The state of a delivery; these words are stored and shown, and have no synonyms."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    ATTEMPTING = "attempting"
    SENT = "sent"
    RETRY_WAIT = "retry_wait"
    UNKNOWN = "unknown"
    HELD = "held"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


TERMINAL = frozenset({State.SENT, State.SUPPRESSED, State.EXPIRED, State.CANCELLED, State.FAILED})
OPEN = frozenset(State) - TERMINAL
WAITING = frozenset({State.PLANNED, State.RETRY_WAIT})
GONE = frozenset({State.SENT, State.ATTEMPTING, State.UNKNOWN})  # somebody has read it, or may have

_ENDS = frozenset({State.SUPPRESSED, State.EXPIRED, State.CANCELLED, State.FAILED})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.PLANNED: _ENDS | {State.CLAIMED, State.HELD},
    State.CLAIMED: _ENDS | {State.ATTEMPTING, State.PLANNED, State.RETRY_WAIT, State.HELD},
    State.ATTEMPTING: frozenset({State.SENT, State.RETRY_WAIT, State.FAILED, State.UNKNOWN}),
    State.RETRY_WAIT: _ENDS | {State.CLAIMED, State.PLANNED, State.HELD},
    State.UNKNOWN: frozenset({State.SENT, State.RETRY_WAIT, State.HELD, State.FAILED}),
    State.HELD: _ENDS | {State.PLANNED, State.RETRY_WAIT, State.SENT},
    **{state: frozenset() for state in TERMINAL},
}


def sources(target: State) -> frozenset[State]:
    """Return the states a delivery may come from into `target`."""
    return frozenset(state for state, targets in TRANSITIONS.items() if target in targets)


def is_due(state: State, due_at: datetime, now: datetime) -> bool:
    """Whether a delivery in `state` with this (next) due moment waits to be claimed at `now`."""
    return state in WAITING and due_at <= now
