"""The machine of a delivery: the drawing, the table and the predicates say the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import delivery
from scheduler.delivery import OPEN, TERMINAL, TRANSITIONS, WAITING, State, is_due, sources

NOON = datetime(2027, 1, 21, 12, 0, tzinfo=UTC)


def drawing() -> str:
    return delivery.__doc__ or ""


def test_every_state_has_its_row_in_the_table():
    assert set(TRANSITIONS) == set(State)


def test_every_state_stands_in_the_drawing():
    assert {state for state in State if re.search(rf"\b{state}\b", drawing())} == set(State)


def test_exactly_the_terminal_states_bear_the_dot():
    dotted = {word for word in re.findall(r"(\w+) ●", drawing()) if word in set(State)}

    assert dotted == {"sent", "suppressed", "expired", "cancelled", "failed"}
    assert {state.value for state in TERMINAL} == dotted


def test_nothing_leaves_a_terminal_state():
    assert {state for state, targets in TRANSITIONS.items() if not targets} == TERMINAL
    assert set(State) == OPEN | TERMINAL


def test_every_state_but_the_first_can_be_reached():
    assert {state for state in State if not sources(state)} == set()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("planned", "claimed"),
        ("claimed", "attempting"),
        ("attempting", "sent"),
        ("attempting", "retry_wait"),
        ("attempting", "failed"),
        ("attempting", "unknown"),
        ("retry_wait", "claimed"),
        ("claimed", "planned"),
        ("claimed", "held"),
        ("unknown", "sent"),
        ("unknown", "retry_wait"),
        ("unknown", "held"),
        ("unknown", "failed"),
        ("held", "planned"),
        *[(start, end) for start in ("planned", "claimed", "retry_wait", "held")
          for end in ("suppressed", "expired", "cancelled", "failed")],
    ],
)  # fmt: skip
def test_each_arrow_of_the_drawing_is_in_the_table(start, end):
    assert State(end) in TRANSITIONS[State(start)]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("attempting", "planned"),
        ("attempting", "claimed"),
        ("attempting", "cancelled"),
        ("attempting", "held"),
        ("unknown", "planned"),
        ("unknown", "claimed"),
        ("planned", "sent"),
        ("planned", "attempting"),
        ("claimed", "sent"),
        ("retry_wait", "attempting"),
    ],
)
def test_what_could_send_twice_or_unseen_is_no_arrow(start, end):
    assert State(end) not in TRANSITIONS[State(start)]


def test_sources_are_the_table_read_backwards():
    assert sources(State.SENT) == {State.ATTEMPTING, State.UNKNOWN, State.HELD}
    assert sources(State.CLAIMED) == {State.PLANNED, State.RETRY_WAIT}


@pytest.mark.parametrize("state", sorted(State))
def test_only_what_waits_is_due_and_from_its_moment_on(state):
    early = is_due(state, NOON, NOON - timedelta(microseconds=1))

    assert not early
    assert is_due(state, NOON, NOON) is (state in WAITING)
