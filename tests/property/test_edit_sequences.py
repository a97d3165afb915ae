"""Any row of edits: a plan after its apply is empty, nobody gets a touch twice, and what went never changes."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.shop import Schedule, moment, person, write

from campaigns.errors import CampaignError
from scheduler.delivery import TERMINAL, State
from scheduler.operations import applying
from scheduler.store.database import Store

START = moment("2027-01-20T12:00:00+01:00")
IDS = ("a", "b", "c", "d")

# A touch of the file: what stays the same over renames (its words begin with it), and what edits change.
touches = st.fixed_dictionaries(
    {
        "day": st.integers(22, 30),
        "delay": st.integers(0, 5),
        "event": st.booleans(),
        "times": st.integers(1, 3),
        "words": st.sampled_from(("old", "new")),
        "rule": st.sampled_from(("", "pin", "retime", "drain", "restart")),
    }
)
names = st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True)
steps = st.lists(
    st.tuples(names, st.lists(touches, min_size=3, max_size=3), st.integers(0, 60)), min_size=2, max_size=5
)


def file(called: list[str], settings: list[dict[str, object]], before: list[str]) -> str:
    """Write a file whose n-th touch keeps its words over the steps; it says `moved:` where its id has changed."""
    lines = []
    for number, (name, one) in enumerate(zip(called, settings, strict=False)):
        moved = f"moved: {before[number]}, " if number < len(before) and before[number] != name else ""
        rule = f"in_flight: {one['rule']}, " if one["rule"] else ""
        when = f"on: purchase, when: {one['delay']} days later" if one["event"] else f"when: {one['day']} january"
        repeat = f", repeat: 'every 2 days, {one['times']} times'" if int(str(one["times"])) > 1 else ""
        lines.append(
            f"      - {{id: {name}, {moved}{rule}channel: email, purpose: transactional, {when}{repeat},"
            f" subject: Hi, text: 'touch {number}, {one['words']} words'}}"
        )
    return "\nstages:\n  - stage: one\n    kind: conversion\n    touches:\n" + "\n".join(lines) + "\n"


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(steps)
def test_edits_in_any_order_keep_the_promises(steps: list[tuple[list[str], list[dict[str, object]], int]]) -> None:
    store = Store.memory()
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"), person("max@example.org"))
    before: list[str] = []
    ended: dict[int, tuple[object, ...]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (called, settings_, hours) in enumerate(steps):
            loaded = _applied(schedule, Path(folder), called, settings_, before)
            before = called if loaded else before
            schedule.happens("lea@example.org", "purchase", key=f"o-{number}")
            schedule.live_until(schedule.clock.now() + timedelta(hours=hours))
            rows = {row.id: (row.touch, row.occurrence, row.state, row.reason, row.sent_at) for row in schedule.rows()}
            assert ended.items() <= rows.items()
            ended = {row: said for row, said in rows.items() if said[2] in TERMINAL}
        schedule.live_until(schedule.clock.now() + timedelta(days=30))

    keys = Counter((row.touch, row.recipient, row.occurrence) for row in schedule.rows())
    sent = [row for row in schedule.rows() if row.state == State.SENT]
    assert max(keys.values(), default=1) == 1
    assert len(sent) == len(schedule.sent())
    store.close()


def _applied(
    schedule: Schedule, folder: Path, called: list[str], settings_: list[dict[str, object]], before: list[str]
) -> bool:
    """Apply a file unless it is refused for a reason a person is told; after it, the plan is empty."""
    try:
        loaded = write(folder, file(called, settings_, before))
        schedule.apply(loaded)
    except CampaignError:
        return False
    changes = applying.preview(schedule.store, loaded, now=schedule.clock.now()).changes
    assert changes.changes == ()
    return True
