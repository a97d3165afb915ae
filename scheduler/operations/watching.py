"""Watching what happens: status, log, what a daemon that died left behind; reads but for letting go of its work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from campaigns import diff
from scheduler.checks import WAITS_FOR_APPROVAL
from scheduler.clock import Clock
from scheduler.delivery import State
from scheduler.operations import tasks
from scheduler.operations.people import find
from scheduler.operations.visitors import Kind
from scheduler.store import inquiries, ledger, meta, people, plans, reader, tracking
from scheduler.store.database import Connection, Store

# A daemon writes its heartbeat at least every 20 seconds; one that was not heard from for longer than this is gone.
SILENCE = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """A daemon that is at work, and what its scheduler fires next."""

    pid: int
    host: str
    started_at: datetime
    heartbeat_at: datetime
    next_jobs: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class NextMoment:
    """What goes next in a campaign."""

    touch: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """A touch that somebody has to approve before it can go.

    `due_at` is its next date, None where it waits for an event; `held` says whether messages are held up by it already.
    """

    touch: str
    due_at: datetime | None
    held: bool


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    """A campaign on the schedule: how many messages are in which state, what is next, and what waits for a person.

    `zone` is the campaign's, in which its moments are told; `paused_until` is None for an open-ended pause.
    """

    id: str
    edition: str
    state: str
    revision: int
    zone: str
    paused_until: datetime | None
    next: NextMoment | None
    counts: Mapping[State, int]
    approvals: tuple[Approval, ...]
    paused_touches: tuple[str, ...]
    cancelled_touches: tuple[str, ...] = ()  # rejected, or cancelled by a person
    budget: plans.Budget | None = None  # how many messages were authorised, None: no limit
    measured: tracking.Counts | None = None  # what readers of its mails did; None: nobody was measured

    @property
    def waiting(self) -> int:
        """How many messages may still go."""
        return sum(self.counts.get(state, 0) for state in (State.PLANNED, State.CLAIMED, State.RETRY_WAIT))

    @property
    def failed(self) -> int:
        """How many messages failed for good."""
        return self.counts.get(State.FAILED, 0)


@dataclass(frozen=True, slots=True)
class Status:
    """The whole schedule at a glance."""

    daemon: DaemonStatus | None
    campaigns: tuple[CampaignStatus, ...]
    hold: meta.Hold | None = None  # why nothing is sent at all
    next_look: datetime | None = None  # when a far end is asked again what became of an unknown message
    undone: int = 0  # tasks of the shop that are not ticked off
    overdue: int = 0  # of these, tasks that nobody did in their time

    @property
    def unknown(self) -> int:
        """How many messages may or may not have been sent."""
        return sum(one.counts.get(State.UNKNOWN, 0) for one in self.campaigns)

    @property
    def held(self) -> int:
        """How many messages wait for a person."""
        return sum(one.counts.get(State.HELD, 0) for one in self.campaigns)


def status(store: Store, *, now: datetime, campaign: str | None = None) -> Status:
    """Return what is in force, what went and what is next, as of `now`."""
    with store.read() as conn:
        alive = [row for row in plans.daemons(conn) if now - row.heartbeat_at < SILENCE]
        daemon = None
        if alive:
            newest = alive[0]
            jobs = tuple(newest.next_jobs)
            daemon = DaemonStatus(newest.pid, newest.host, newest.started_at, newest.heartbeat_at, jobs)
        rows = [row for row in plans.campaigns(conn) if campaign in (None, row.id)]
        counts = reader.status_counts(conn)
        read = tracking.counts(conn, human=Kind.HUMAN)
        found = tuple(
            replace(_campaign(conn, row, counts.get(row.id, {})), measured=read.get((row.id, row.edition)))
            for row in rows
        )
        undone = [task for task in tasks.lines_of(conn, now=now, named=False) if campaign in (None, task.campaign)]
        late = sum(task.state is not tasks.Standing.OPEN for task in undone)
        return Status(daemon, found, meta.hold(conn), inquiries.next_at(conn), len(undone), late)


def _campaign(conn: Connection, row: plans.CampaignRecord, counts: Mapping[str, int]) -> CampaignStatus:
    decided = plans.touch_states(conn, row.id, row.edition)
    coming = reader.next_of(conn, row.id)
    record = plans.load_revision(conn, row.id, row.revision)
    names = {} if record is None else record.timeline
    return CampaignStatus(
        id=row.id,
        edition=row.edition,
        state=row.state,
        revision=row.revision,
        zone=_zone(record),
        paused_until=row.paused_until,
        next=NextMoment(diff.name_of(names, coming[0]), coming[1]) if coming is not None else None,
        counts={State(state): number for state, number in counts.items()},
        approvals=() if record is None or row.state == "cancelled" else _approvals(conn, row, record, decided),
        paused_touches=tuple(diff.name_of(names, touch) for touch, decision in decided.items() if decision.paused),
        cancelled_touches=tuple(
            diff.name_of(names, touch)
            for touch, decision in decided.items()
            if decision.rejected and touch in names.get("touches", {})
        ),
        budget=plans.budget(conn, row.id, row.edition),
    )


def _approvals(
    conn: Connection,
    row: plans.CampaignRecord,
    record: plans.RevisionRecord,
    decided: Mapping[str, plans.TouchRecord],
) -> tuple[Approval, ...]:
    """Return what has to be approved with the content it has now, the nearest first; what cannot go is left out."""
    due: dict[str, datetime] = {}
    for moment in plans.occurrences(conn, row.id, row.edition, states=("planned", "open")):
        due.setdefault(moment.touch, moment.due_at)
    held = reader.touches_held(conn, row.id, row.edition, WAITS_FOR_APPROVAL)
    waiting = []
    for touch, planned in record.timeline["touches"].items():
        decision = decided.get(touch)
        if planned["settings"].get("approval") != "required":
            continue
        if decision is not None and (decision.rejected or decision.approves(planned["content"])):
            continue
        if touch in held or touch in due or planned["trigger"] is not None:
            waiting.append(Approval(diff.name_of(record.timeline, touch), due.get(touch), touch in held))
    dated = sorted((one for one in waiting if one.due_at is not None), key=lambda one: str(one.due_at))
    return (*dated, *(one for one in waiting if one.due_at is None))


@dataclass(frozen=True, slots=True)
class InForce:
    """What the last apply of a campaign put in force; `state` is running, paused or cancelled."""

    edition: str
    revision: int
    state: str
    plan_hash: str


def in_force(store: Store, campaign: str) -> InForce | None:
    """Return what is in force of a campaign; None when it was never applied."""
    with store.read() as conn:
        row = plans.campaign(conn, campaign)
        record = plans.load_revision(conn, campaign, row.revision) if row is not None else None
    if row is None or record is None:
        return None
    return InForce(row.edition, row.revision, row.state, record.plan_hash)


def channels(store: Store) -> frozenset[str]:
    """Return the channels the daemon sends by for the campaigns on the schedule; a cancelled one uses none."""
    with store.read() as conn:
        records = [
            plans.load_revision(conn, row.id, row.revision) for row in plans.campaigns(conn) if row.state != "cancelled"
        ]
    touches = (touch for record in records if record is not None for touch in record.timeline["touches"].values())
    return frozenset(channel for touch in touches if not by_hand(touch) for channel in touch["channel"])


def by_hand(touch: Mapping[str, Any]) -> bool:
    """Whether somebody of the shop carries out a touch of an applied plan, which then needs no account."""
    return isinstance(touch["settings"].get("by_hand"), Mapping)


def zones(store: Store) -> dict[str, str]:
    """Return the time zone of every campaign on the schedule, in which its moments are told."""
    with store.read() as conn:
        return {row.id: _zone(plans.load_revision(conn, row.id, row.revision)) for row in plans.campaigns(conn)}


def zone(store: Store) -> str | None:
    """Return the zone all campaigns on the schedule share, to read and tell moments in; None where they differ."""
    found = set(zones(store).values())
    return found.pop() if len(found) == 1 else None


def _zone(record: plans.RevisionRecord | None) -> str:
    """Return the zone of a campaign as it was applied: its own, or the fallback where people have theirs."""
    definition = {} if record is None else record.definition
    zone = definition.get("timezone", "UTC")
    return str(definition.get("fallback_timezone") or "UTC") if zone == "contact" else str(zone)


def log(
    store: Store,
    *,
    campaign: str | None = None,
    touch: str | None = None,
    who: str | None = None,
    since: datetime | None = None,
    failed: bool = False,
    limit: int = 200,
    after: int = 0,
) -> Sequence[reader.LogRecord]:
    """Return what became of messages, the oldest of the newest `limit` first; `after` continues behind a row."""
    with store.read() as conn:
        contact = find(conn, who) if who is not None else None
        states = (State.FAILED, State.UNKNOWN) if failed else None
        names = plans.touch_names(conn)
        rows = reader.log(
            conn,
            campaign=campaign,
            touch=names.key(touch, campaign) if touch is not None else None,
            contact=contact,
            since=since,
            states=states,
            limit=limit,
            after=after,
        )
        asked = inquiries.unknown(conn, [row.id for row in rows if row.state == State.UNKNOWN])
        words = {one.delivery: one.words for one in asked if one.words}
        return [
            replace(
                row,
                touch=names.of(row.campaign, row.touch),
                reason=f"{row.reason}; asked: {words[row.id]}" if row.id in words else row.reason,
            )
            for row in rows
        ]


def address(store: Store, contact: int) -> str:
    """Return the address by which a person is reached: mailbox, else phone; empty when there is none."""
    with store.read() as conn:
        row = people.contact(conn, contact)
    return "" if row is None else row.email or row.phone or ""


class Hearing:
    """Whom of the daemons that share a database a daemon hears, by their heartbeats.

    A heartbeat bears the clock of who wrote it. From one that lies ahead of ours no age can be told: who wrote it is
    heard for as long as it changes, by a clock that never steps.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: dict[str, tuple[datetime, float]] = {}  # heartbeats ahead of us, and when each was first read

    def heard(self, daemons: Sequence[plans.DaemonRecord], *, now: datetime) -> set[str]:
        """Return who was heard from within `SILENCE`; asked again every few seconds, of everybody."""
        read_at, before, self._ahead = self._clock.monotonic(), self._ahead, {}
        found = set()
        for one in daemons:
            if one.heartbeat_at - now <= SILENCE:
                silent = (now - one.heartbeat_at).total_seconds()
            else:
                known = before.get(one.id, (None, read_at))
                first = known[1] if known[0] == one.heartbeat_at else read_at
                self._ahead[one.id] = (one.heartbeat_at, first)
                silent = read_at - first
            if silent < SILENCE.total_seconds():
                found.add(one.id)
        return found


def recover(store: Store, hearing: Hearing, *, now: datetime, own: str | None = None) -> int:
    """Take over from daemons that died: what was in flight becomes `unknown`, the rest waits again.

    On SQLite the daemon's lock says that no other is alive, and it is asked once, before the first claim. On PostgreSQL
    several share the work: those that are heard, and `own`, are left alone. Returns how many messages were in flight.
    """
    with store.begin() as conn:
        alive = {own} if own is not None else set()
        if store.dialect != "sqlite":
            alive |= hearing.heard(plans.daemons(conn), now=now)
        return ledger.recover(conn, worker_alive=alive, now=now)


def let_go(store: Store, worker: str, *, now: datetime) -> int:
    """Let go of what a daemon lost sight of while its database was away; return how many messages.

    Condition: its engine holds nothing, and its journal was read.
    """
    with store.begin() as conn:
        return ledger.give_up(conn, worker, now=now)
