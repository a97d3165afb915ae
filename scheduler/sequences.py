"""Where a run stands among the messages of its touch: what comes after each, what is waited for, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Listed
from dataclasses import dataclass
from datetime import UTC, datetime

from campaigns.definition import START, Sequence, Touch
from campaigns.timing import resolver
from scheduler.store import events, plans
from scheduler.store.database import Connection
from scheduler.store.plans import Passage, RunRecord


@dataclass(frozen=True, slots=True)
class Onward:
    """What a run comes to next: the message, and the moment that "later" counts from (None: the event).

    `waits` says what is waited for meanwhile; without a message nothing goes unless that comes.
    """

    message: Touch | None
    after: datetime | None
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that waits for an event after `passed`, which ended at `since`; `instead` goes when it does not come."""

    passed: str
    since: datetime
    deadline: datetime
    instead: Passage | None


def onward(conn: Connection, sequence: Sequence, run: RunRecord, passed: str, ended_at: datetime, zone: str) -> Onward:
    """Return what comes after a message that ended at `ended_at`; `START` is the event itself.

    What is waited for counts from the start of the run on: who has done it before they were asked is not asked again.
    Whichever comes first decides, the event or the end of the wait.
    """
    wait = sequence.waits.get(passed)
    if wait is None:
        return Onward(sequence.following(passed), None if passed == START else ended_at)
    deadline = _deadline(sequence, passed, ended_at, zone)
    for event in events.since(conn, run.contact, {wait.event}, run.started_at):
        if event.at <= deadline and is_answer(sequence.touch, run, event):
            return Onward(sequence.following(passed), max(event.at, ended_at))
    return Onward(sequence.otherwise(passed), deadline, f"waits for {wait.event} until {deadline:%Y-%m-%d %H:%M} UTC")


def waiting(sequence: Sequence, run: RunRecord, passages: Listed[Passage], zone: str) -> Waiting | None:
    """Return what a run waits for an event after; None while it is on its way to a message, or at its end."""
    passed, since, instead = START, run.started_at, None
    if passages:
        last, earlier = passages[-1], passages[:-1]
        if sequence.message(last.touch) is None:
            return None
        reached = sequence.reached(last.touch)
        before = earlier[-1].touch if earlier else START
        if reached.timed_out and reached.after == before and last.may_be_dropped:
            passed, instead = before, last
            since = earlier[-1].ended_at if earlier else run.started_at
        elif last.is_open:
            return None
        else:
            passed, since = last.touch, last.ended_at
    if passed not in sequence.waits:
        return None
    return Waiting(passed, since, _deadline(sequence, passed, since, zone), instead)


def is_answer(touch: Touch, run: RunRecord, event: events.EventRecord) -> bool:
    """Whether an event may be what a run waits for: not the one that started it, nor another cart's."""
    if event.id == run.event or (event.name == touch.on and event.at == run.started_at):
        return False
    return concerns(touch, run.key, event.name, event.facts)


def concerns(touch: Touch, run_key: str, name: str, facts: Mapping[str, object]) -> bool:
    """Whether an event may end or answer a keyed run: another cart's purchase does not, one that names no cart does.

    Where it is the starting event come again, it always brings a key of its own, and always ends the old run.
    """
    key = touch.again.key if touch.again is not None else ""
    if not key or key not in facts or touch.on == name:
        return True
    return run_key == f"{key}={facts[key]}" or not run_key.startswith(f"{key}=")


def stands_at(sequence: Sequence, passages: Listed[Passage]) -> Touch | None:
    """Return the message that a run is on its way to; of a touch with one message that one, even when it has gone."""
    if len(sequence.messages) == 1:
        return sequence.messages[0]
    if passages and passages[-1].is_open:
        return sequence.message(passages[-1].touch)
    return None


def counts_from(
    conn: Connection, sequence: Sequence, run: RunRecord, passages: Listed[Passage], delivery: int, zone: str
) -> datetime | None:
    """Return what a message of a run that has not gone counts from; None where that is the event."""
    before = [one for one in passages if one.delivery < delivery and sequence.message(one.touch) is not None]
    passed, since = (before[-1].touch, before[-1].ended_at) if before else (START, run.started_at)
    return onward(conn, sequence, run, passed, since, zone).after


def passed_so_far(sequence: Sequence, run: RunRecord, passages: Listed[Passage]) -> tuple[str, datetime]:
    """Return the last message of the sequence that a run has behind it, and when that ended."""
    known = [one for one in passages if sequence.message(one.touch) is not None and one.state != "cancelled"]
    return (known[-1].touch, known[-1].ended_at) if known else (START, run.started_at)


def path(conn: Connection, run: RunRecord) -> list[Passage]:
    """Return the messages a run has come to."""
    return plans.passages(conn, run.id)


def _deadline(sequence: Sequence, passed: str, since: datetime, zone: str) -> datetime:
    return resolver.add_span(since, sequence.waits[passed].within, zone).astimezone(UTC)
