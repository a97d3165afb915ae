"""What `campaign explain` says of a message is what the checks then do with it: one truth, whatever the circumstances."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st
from support.shop import DAY, HOUR, Schedule, moment, person, write

from scheduler.delivery import State
from scheduler.operations import applying, explaining, people, steering
from scheduler.operations.steering import Target
from scheduler.store import meta
from scheduler.store.database import Store
from scheduler.store.meta import Hold

START = moment("2027-01-20T12:00:00+01:00")
DUE = moment("2027-02-01T10:00:00+01:00")

QUIET = "21:00-08:00"
# Somebody whom nothing but courtesy keeps a message from.
WELCOME = {"audience": "", "approval": "none", "consent": ("marketing",)}
shapes = st.fixed_dictionaries(
    {
        "caps": st.sampled_from(["none", "[1 per day]", "[2 per week]", "[1 email per day]", "[1 sms per day]"]),
        "min_gap": st.sampled_from(["none", "3 hours", "2 days"]),
        "before": st.sampled_from([None, 2, 26, 60]),
        "on_blocked": st.sampled_from(["", ", on_blocked: following", ", on_blocked: skip"]),
        "priority": st.sampled_from(["", ", priority: 10", ", priority: 90"]),
        "rival": st.sampled_from(["", "city = 'Paris'", "city = 'Lyon'"]),
        "audience": st.sampled_from(["", ", audience: city = 'Lyon'", ", audience: city = 'Paris'"]),
        "approval": st.sampled_from(["none", "none", "required"]),
        "max_late": st.sampled_from(["2 hours", "3 days"]),
        "zone": st.sampled_from(["", "", "", "Pacific/Auckland", "America/New_York"]),
        "consent": st.sampled_from([(), ("marketing",), ("marketing",), ("marketing",)]),
        "late": st.sampled_from([0, 0, 1, 3]),
        "does": st.sampled_from(["", "", "", "unsubscribe", "pause", "hold", "budget", "cancel"]),
    }
)


def file(shape: dict[str, object]) -> str:
    before, rival = shape["before"], shape["rival"]
    touches = [
        f"id: asked, channel: email, when: 1 february at 10:00, subject: A, text: a, approval: {shape['approval']},"
        f" max_late: {shape['max_late']}{shape['on_blocked']}{shape['priority']}{shape['audience']}"
    ]
    if before is not None:
        at = DUE - int(str(before)) * HOUR
        touches.append(
            f"id: before, channel: sms, when: {at:%Y-%m-%d}, at: '{at:%H:%M}', text: b, courtesy: {{quiet_hours: none}}"
        )
    if rival:
        touches.append(f"id: rival, channel: email, when: 1 february at 15:00, subject: R, text: r, audience: {rival}")
    lines = "".join(f"      - {{{touch}}}\n" for touch in touches)
    return (
        f"courtesy: {{caps: {shape['caps']}, min_gap: {shape['min_gap']}, quiet_hours: '{QUIET}'}}\n"
        f"stages:\n  - stage: sale\n    kind: conversion\n    when: 1 february\n    touches:\n{lines}"
    )


def happens(schedule: Schedule, does: object) -> None:
    now, store = schedule.clock.now(), schedule.store
    if does == "unsubscribe":
        people.unsubscribe(store, "lea@example.org", now=now, by="test")
    elif does == "pause":
        steering.pause(store, [Target("shop", "2027", "asked")], until=None, now=now, who="test")
    elif does == "cancel":
        steering.cancel(store, schedule.catalog, [Target("shop", "2027", "asked")], now=now, who="test")  # type: ignore[arg-type]
    elif does == "budget":
        applying.authorise(store, "shop", budget=0, now=now)
    elif does == "hold":
        with store.begin() as conn:
            meta.set_hold(conn, Hold("a test", now, {}))


def shop_of(store: Store, shape: dict[str, object]) -> Schedule:
    """Put the shape's campaign in force, with one person."""
    schedule = Schedule.on(store, START)
    schedule.know(
        person(
            "lea@example.org",
            phone="+33612345678",
            city="Paris",
            timezone=str(shape["zone"]),
            consent=shape["consent"],  # type: ignore[arg-type]
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        schedule.apply(write(Path(folder), file(shape)))
    return schedule


@given(shape=shapes)
@settings(max_examples=60, phases=(Phase.generate,))  # each example is a whole shop: shrinking takes minutes
def test_the_verdict_is_what_the_checks_then_do(shape: dict[str, object]) -> None:
    store = Store.memory()
    schedule = shop_of(store, shape)
    schedule.live_until(DUE - timedelta(seconds=1))
    schedule.clock.advance_to(DUE + int(str(shape["late"])) * HOUR)
    happens(schedule, shape["does"])
    now = schedule.clock.now()

    said = explaining.explain(store, schedule.catalog, "lea@example.org", "asked", now=now).verdict  # type: ignore[arg-type]
    asyncio.run(schedule.dispatcher.tick())  # once: what is held past its last moment expires with the next

    rows = schedule.rows(touch="asked")
    event(f"{said.state.value}: {said.reason.split(':')[0]}")
    if not rows:  # it never became a message: not in the audience when it fired, or held up with everything else
        held_up = said.reason in ("audience", "paused", "rejected", "no date of it is left")
        assert held_up or said.reason.startswith((explaining.ON_HOLD, "cancelled")), said
    elif said.state is State.PLANNED:
        assert (rows[0].state, rows[0].next_at) == ("planned", said.next_at or rows[0].next_at)
        assert rows[0].reason in (said.reason, "")
    else:
        assert rows[0].state == said.state
        assert said.goes == (rows[0].state == State.SENT)
        assert said.goes or rows[0].reason == said.reason
    store.close()


@given(shape=shapes)
@settings(max_examples=40, phases=(Phase.generate,))
def test_a_promised_moment_is_kept_when_nothing_changes(shape: dict[str, object]) -> None:
    shape = {**shape, **WELCOME}
    store = Store.memory()
    schedule = shop_of(store, shape)

    said = explaining.explain(store, schedule.catalog, "lea@example.org", "asked", now=START).verdict  # type: ignore[arg-type]
    schedule.live_until(DUE + 10 * DAY)

    sent = [row.sent_at for row in schedule.rows(touch="asked") if row.state == State.SENT]
    event(said.reason.split(" (")[0] or "goes")
    assert sent == ([said.expected_at] if said.expected_at is not None else []), said
    store.close()
