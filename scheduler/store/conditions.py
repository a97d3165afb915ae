"""Conditions that the ledger, the calendar and the readers share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sqlalchemy import ColumnElement, FromClause, and_, literal_column, select, true

from scheduler.delivery import OPEN, WAITING, State
from scheduler.store.tables import ATTEMPTS, CAMPAIGNS, CONTACTS, DELIVERIES, TOUCH_STATES

_D = DELIVERIES.c

BY_HAND = "by hand"  # the handle of an attempt whose outcome is a task, whatever its channel is
# Open, and certain that nothing is on its way: rows that people, rules and edits may still move.
UNSENT = frozenset({State.PLANNED, State.CLAIMED, State.RETRY_WAIT, State.HELD})


def in_states(states: Iterable[State]) -> ColumnElement[bool]:
    """Return the condition that a delivery is in one of `states`.

    Written out in the statement, not bound, and with the condition of the index that holds such states alone: only so
    do both databases use it.
    """
    return _in_states(frozenset(states))


def among(states: Iterable[State]) -> ColumnElement[bool]:
    """Return the same condition for rows that are named by their ids, in words that no index has.

    PostgreSQL would else walk through all that waits to find a few ids, until it has counted what a mailing brought.
    """
    return _words_of(_D.state.concat(literal_column("''")), frozenset(states))


@cache
def _in_states(wanted: frozenset[State]) -> ColumnElement[bool]:
    index = next((group for group in (WAITING, OPEN - WAITING) if wanted < group), None)
    return _listed(wanted) if index is None else and_(_listed(index), _listed(wanted))


def _listed(states: frozenset[State]) -> ColumnElement[bool]:
    return _words_of(_D.state, states)


def _words_of(state: ColumnElement[str], states: frozenset[State]) -> ColumnElement[bool]:
    return state.in_([literal_column(f"'{one.value}'") for one in sorted(states)])


def in_zone(zone: str | None, *, zone_is_default: bool) -> ColumnElement[bool]:
    """Return the condition that a contact lives in `zone`, or has none and `zone` is the fallback; None is no limit."""
    if zone is None:
        return true()
    return CONTACTS.c.timezone.in_([zone, ""] if zone_is_default else [zone])


@cache
def runnable(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row's campaign runs and its touch is not paused.

    `table` has the columns campaign, edition and touch.
    """
    row, state = table.c, TOUCH_STATES.c
    running = select(CAMPAIGNS.c.id).where(CAMPAIGNS.c.id == row.campaign, CAMPAIGNS.c.state == "running").exists()
    same = and_(state.campaign == row.campaign, state.edition == row.edition, state.touch == row.touch)
    paused = select(state.touch).where(same, state.paused).exists()
    return and_(running, ~paused)


def is_by_hand() -> ColumnElement[bool]:
    """Return the condition that the last attempt of a delivery made a task for somebody of the shop."""
    newest = and_(ATTEMPTS.c.delivery == _D.id, ATTEMPTS.c.number == _D.attempts)
    return select(ATTEMPTS.c.id).where(newest, ATTEMPTS.c.handle == BY_HAND).exists()
