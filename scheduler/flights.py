"""What an edit does to people in the middle of a touch (`in_flight`): counted for the plan, carried out by the apply.

A touch whose words, rules and times stay as they are touches nobody, whatever its `in_flight` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns import diff, planner
from campaigns.definition import START, Campaign, Sequence, Stage, Touch
from campaigns.diff import Flight
from campaigns.timeline import Timeline
from scheduler import courses, dues, nudges, sequences
from scheduler.catalog import InForce
from scheduler.delivery import State
from scheduler.store import ledger, plans
from scheduler.store.database import Connection
from scheduler.store.plans import Waiting

DEFAULT = "retime"
KEEPS = frozenset({"pin", "drain"})  # people in flight keep the revision they began with


@dataclass(frozen=True, slots=True)
class _Edit:
    """A touch that an edit changes for people: as it was, and as the file has it now."""

    before: InForce
    campaign: Campaign
    timeline: Timeline
    stage: Stage
    touch: Touch
    sequence: Sequence

    @property
    def run_touch(self) -> str:
        """The touch that people's runs are of: a step's own is the one it stands in."""
        return self.sequence.touch.id

    @property
    def rule(self) -> str:
        """What becomes of people in flight, by the new file."""
        return self.touch.in_flight or DEFAULT

    @property
    def old(self) -> tuple[Stage, Touch]:
        """Stage and touch as they were."""
        found = self.before.find(self.touch.id)
        assert found is not None
        return found

    @property
    def answers_something_else(self) -> bool:
        """Whether what started people's runs starts the touch no more."""
        return self.old[1].on is not None and self.old[1].on != self.touch.on

    @property
    def may_move(self) -> bool:
        """Whether people's moments may be others now."""
        old_stage, old_touch = self.old
        if self.before.snapshot["touches"][self.touch.id].get("after", "") != self.planned["after"]:
            return True  # a step that follows something else now
        return diff.dates_fingerprint(self.before.campaign, old_stage, old_touch) != diff.dates_fingerprint(
            self.campaign, self.stage, self.touch
        )

    @property
    def waits_changed(self) -> tuple[str, ...]:
        """By what people stand who wait for an event, of which the edit changes the name, the time or the way on.

        They wait behind this message, or, before the first one, behind the touch of their run.
        """
        found = self.before.sequence(self.touch.id)
        old, new = {} if found is None else found[1].waits, self.sequence.waits
        first = bool(self.sequence.messages) and self.touch.id == self.sequence.messages[0].id
        asked = [(self.touch.id, self.touch.id), *([(START, self.run_touch)] if first else [])]
        return tuple(key for after, key in asked if after in old and old[after] != new.get(after))

    @property
    def planned(self) -> Mapping[str, Any]:
        """The touch as a snapshot of the new plan has it."""
        return diff.planned_touch(self.campaign, self.stage, self.touch, self.timeline.touch(self.touch.id))


@dataclass(frozen=True, slots=True)
class _Moves:
    """The new moments of messages of open runs; `ended` are those whose repetition is over by the new file."""

    moves: tuple[ledger.Move, ...]
    moved: frozenset[int]
    late: frozenset[int]
    ended: tuple[Waiting, ...]


def outlook(
    conn: Connection, before: InForce | None, campaign: Campaign, timeline: Timeline, *, now: datetime
) -> dict[str, Flight]:
    """Return for each touch that the edit changes, and that people are in the middle of, what it does to them.

    Campaign and timeline name the touches by their keys, as history does. Reads only.
    """
    if before is None:
        return {}
    free = plans.people_in_flight(conn, before.id, before.edition)
    behind = plans.people_behind(conn, before.id, before.edition)
    pinned = plans.pinned_people(conn, before.id, before.edition)
    found = {}
    for edit in _edits(before, campaign, timeline):
        name = edit.touch.id
        people = free.get(name, 0) + (0 if edit.rule in KEEPS else pinned.get(name, 0))
        people += sum(behind.get(key, 0) for key in edit.waits_changed)
        if not people:
            continue
        if edit.rule in KEEPS:
            found[name] = Flight(edit.rule, people)
        elif edit.answers_something_else:
            found[name] = Flight(edit.rule, people, dropped=people)
        elif edit.touch.on is None or not (edit.rule == "restart" or edit.may_move or name in pinned):
            found[name] = Flight(edit.rule, people)
        else:
            moves = _moves(conn, edit, now)
            dropped = len({waiting.contact for waiting in moves.ended})
            found[name] = Flight(edit.rule, people, len(moves.moved), len(moves.late), dropped)
    return found


def carry_out(
    conn: Connection, before: InForce | None, campaign: Campaign, timeline: Timeline, *, now: datetime
) -> frozenset[str]:
    """Do to people in flight what the edit says; return the touches whose people keep what they began with.

    Runs before the calendar is changed. What is on its way is never touched. Messages of calendar touches are only set
    free here: their moments follow their occurrence's.
    """
    if before is None:
        return frozenset()
    spared = set()
    for edit in _edits(before, campaign, timeline):
        name, keeps = edit.touch.id, edit.rule in KEEPS
        plans.pin_runs(conn, before.id, before.edition, edit.run_touch, revision=before.revision if keeps else 0)
        revision = before.revision if keeps else None
        freed = ledger.pin(conn, campaign=before.id, edition=before.edition, touch=name, revision=revision, now=now)
        if keeps:
            spared.add(name)
        elif edit.answers_something_else:
            _drop(conn, edit, now)
        elif edit.touch.on is not None and (edit.rule == "restart" or edit.may_move or freed):
            _move(conn, edit, now)
    return frozenset(spared)


def carry_on(conn: Connection, before: InForce | None, after: InForce, *, now: datetime) -> None:
    """Let people whose next step was taken out of the file go on with the one that follows now; end what has none.

    Who waits for an event waits as the file says now. Runs once the messages of what was removed are cancelled.
    """
    if before is None:
        return
    changed = _changed_waits(before, after)
    gone = {touch.id for _, touch in before.campaign.touches() if after.find(touch.id) is None}
    hit = {found[1].touch.id for name in gone if (found := before.sequence(name)) is not None}
    hit |= {touch for touch, _ in changed}
    if not hit:
        return
    for number, (touch, _contact) in plans.resting_runs(conn, before.id, before.edition).items():
        if touch not in hit:
            continue
        run, path = plans.run(conn, number, lock=True), plans.passages(conn, number)
        if run is None or run.revision:
            continue
        last = path[-1].touch if path else START
        if (touch, last) not in changed and path and last not in gone:
            continue
        found = after.sequence(touch)
        if found is None:
            plans.end_run(conn, run.id, reason="removed from the campaign", now=now)
        else:
            courses.carry_on(conn, after, found[0], found[1], run, now=now)


def _changed_waits(before: InForce, after: InForce) -> set[tuple[str, str]]:
    """Return the touches, each with a message (`START`: none yet), behind which the edit changes what is waited for."""
    found = set()
    for _, old in before.campaign.sequences():
        now = after.sequence(old.touch.id)
        waits = {} if now is None else now[1].waits
        found |= {(old.touch.id, passed) for passed, wait in old.waits.items() if waits.get(passed) != wait}
    return found


def _edits(before: InForce, campaign: Campaign, timeline: Timeline) -> Iterator[_Edit]:
    applied = before.snapshot["touches"]
    messages = ((stage, touch, one) for stage, one in campaign.sequences() for touch in one.messages)
    for stage, touch, sequence in messages:
        found = before.find(touch.id)
        if found is None or touch.id not in applied:
            continue
        edit = _Edit(before, campaign, timeline, stage, touch, sequence)
        drains = touch.in_flight == "drain" and found[1].in_flight != "drain"
        same = diff.same_for_people(applied[touch.id], edit.planned)
        if drains or not same or (touch.on is not None and edit.may_move):
            yield edit


def _moves(conn: Connection, edit: _Edit, now: datetime) -> _Moves:
    """Work out the new moments of all that has not gone of the touch's open runs."""
    campaign, touch = edit.campaign, edit.touch
    on_late = planner.on_late(touch).value
    moves, moved, late, ended = [], set(), set(), []
    for one in plans.waiting(conn, edit.before.id, edit.before.edition, touch.id):
        counts_from = now if edit.rule == "restart" else one.started_at
        due = dues.due(
            campaign,
            touch,
            edit.timeline,
            counts_from,
            one.facts,
            after=_after(conn, edit, one, now),
            awaited=_awaited(conn, edit, one, counts_from, now),
            zone=one.zone or campaign.zone,
            number=dues.number_of(one.occurrence, one.key),
        )
        if due is None:
            ended.append(one)
            continue
        if (due.due_at, due.expires_at, on_late) == (one.due_at, one.expires_at, one.on_late):
            continue
        moves.append(ledger.Move(one.delivery, due.due_at, due.expires_at, on_late))
        if due.due_at != one.due_at:
            moved.add(one.contact)
        if due.expires_at is not None and due.expires_at < now:
            late.add(one.contact)
    return _Moves(tuple(moves), frozenset(moved), frozenset(late), tuple(ended))


def _after(conn: Connection, edit: _Edit, one: Waiting, now: datetime) -> datetime | None:
    """Return what a step counts from: the step before, or the end of the wait before it; None for the event."""
    if len(edit.sequence.messages) == 1 and not edit.sequence.waits:
        return None
    if edit.rule == "restart":
        return now
    run = plans.run(conn, one.run)
    assert run is not None
    zone = one.zone or edit.campaign.zone
    return sequences.counts_from(conn, edit.sequence, run, plans.passages(conn, run.id), one.delivery, zone)


def _awaited(
    conn: Connection, edit: _Edit, one: Waiting, counts_from: datetime, now: datetime
) -> planner.Awaited | None:
    name = planner.awaited_event(edit.touch)
    if name is None:
        return None
    found = nudges.forecast(conn, edit.before.habits, one.contact, name, one.facts, at=counts_from, now=now)
    return None if found is None else found.awaited


def _move(conn: Connection, edit: _Edit, now: datetime) -> None:
    moves = _moves(conn, edit, now)
    ledger.move(conn, moves.moves, now)
    if edit.rule == "restart":
        plans.begin_again(conn, edit.before.id, edit.before.edition, edit.run_touch, at=now)
    for one in moves.ended:
        ledger.settle(conn, one.delivery, State.CANCELLED, "its repetition is over", now=now)
        if edit.touch.until is None:
            plans.end_run(conn, one.run, reason="done", now=now)


def _drop(conn: Connection, edit: _Edit, now: datetime) -> None:
    starts = f"started by {edit.touch.on}" if edit.touch.answers_event else "on the calendar"
    reason = f"the touch is {starts} now"
    campaign, edition, touch = edit.before.id, edit.before.edition, edit.touch.id
    plans.end_runs_of_touch(conn, campaign, edition, edit.run_touch, reason=reason, now=now)
    ledger.settle_many(
        conn, target=State.CANCELLED, reason=reason, now=now, campaign=campaign, edition=edition, touch=touch
    )
