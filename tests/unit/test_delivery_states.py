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


def arrows() -> set[tuple[str, str]]:
    """Read the arrows: `from, from ──why──▶ to │ to`, where a terminal state bears its dot."""
    lines = re.findall(r"^ +(\w[\w, ]*?) ─.*▶ (.+)$", drawing(), flags=re.MULTILINE)
    pairs = [(starts.split(", "), ends.replace(" ●", "").split(" │ ")) for starts, ends in lines]
    return {(start, end) for starts, ends in pairs for start in starts for end in ends}


def test_the_drawing_has_the_way_of_a_message_that_is_sent():
    assert {("planned", "claimed"), ("claimed", "attempting"), ("attempting", "sent")} <= arrows()
    assert len(arrows()) == 36


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


def test_the_drawing_and_the_table_have_the_same_arrows():
    table = {(start.value, end.value) for start, ends in TRANSITIONS.items() for end in ends}

    assert arrows() - table == set()
    assert table - arrows() == set()


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
