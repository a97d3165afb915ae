"""The course of one run: what of it is planned next, and what ends it.

Every function works inside the caller's transaction and is idempotent by the keys of the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from campaigns import planner
from campaigns.definition import PERSONAL, RECEIVED, Purpose, Sequence, Stage, Touch
from campaigns.timing.model import Event, Relation
from scheduler import dues, nudges, sequences
from scheduler.catalog import InForce
from scheduler.delivery import State
from scheduler.store import events, habits, ledger, people, plans
from scheduler.store.database import Connection
from scheduler.store.plans import Passage

GOAL = "goal reached: "


@dataclass(slots=True)
class Effect:
    """What one event set in motion, as `campaign/touch` names."""

    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of one person, already stored."""

    id: int
    key: str
    contact: int
    name: str
    at: datetime
    facts: Mapping[str, object]


def opened_by(campaign: InForce, touch: str) -> tuple[Stage, Sequence] | None:
    """Return the sequence of which a touch is the first message, on the calendar; None of any other."""
    found = campaign.sequence(touch)
    opening = found[1].opening if found is not None else None
    return found if found is not None and opening is not None and opening.id == touch and found[1].follow_ups else None


def open_run(conn: Connection, campaign: InForce, claim: ledger.Claim, contact: int, *, now: datetime) -> None:
    """Begin the run of a message of the calendar with steps after it, which reached a person; of any other nothing.

    Each date of the calendar has a run of its own, by the date's key. A run keeps to the revision its message kept to.
    """
    found = opened_by(campaign, claim.touch)
    if found is None or plans.campaign_state(conn, campaign.id) == "cancelled":
        return
    stage, sequence = found
    key = f"campaign:received:{claim.id}"
    name = RECEIVED + campaign.name_of(sequence.touch.id)
    stored = events.insert(conn, key=key, contact=contact, name=name, at=now, facts={}, now=now)
    run = plans.start_run(
        conn,
        campaign=campaign.id,
        edition=campaign.edition,
        touch=sequence.touch.id,
        stage=stage.id,
        contact=contact,
        key=claim.occurrence,
        event=stored.id,
        at=now,
        revision=claim.revision or 0,
    )
    if run is not None:
        ledger.begin_run(conn, claim.id, run.id)
        carry_on(conn, campaign, stage, sequence, run, now=now)


def carry_on(
    conn: Connection,
    campaign: InForce,
    stage: Stage,
    sequence: Sequence,
    run: plans.RunRecord,
    *,
    now: datetime,
    effect: Effect | None = None,
) -> None:
    """Plan what comes after the messages that a run has behind it; where nothing does, end it.

    A run with a goal stays open for it, and one that waits for an event for that. A message that was taken from the
    run (a person cancelled it) is behind it too.
    """
    path = plans.passages(conn, run.id)
    if any(one.is_open for one in path):
        return
    passed, since = sequences.passed_so_far(sequence, run, path)
    go_on(conn, campaign, stage, sequence, run, passed, since, effect or Effect(), now=now)


def go_on(
    conn: Connection,
    campaign: InForce,
    stage: Stage,
    sequence: Sequence,
    run: plans.RunRecord,
    passed: str,
    since: datetime,
    effect: Effect,
    *,
    now: datetime,
) -> None:
    """Plan what a run comes to after the message `passed`, which ended at `since`; `START` is the event itself.

    A message that the person had of it, or that was taken from them, does not come again: what follows counts from
    its end.
    """
    zone = campaign.contact_zone(people.timezone(conn, run.contact))
    onward = sequences.onward(conn, sequence, run, passed, since, zone)
    while onward.message is not None and (had := _had(conn, run, onward.message)) is not None:
        onward = sequences.onward(conn, sequence, run, had.touch, had.ended_at, zone)
    if onward.message is None:
        if onward.waits:
            plans.note_run(conn, run.id, onward.waits)
        elif sequence.touch.until is None:
            plans.end_run(conn, run.id, reason="done", now=now)
        return
    is_planned = plan_message(conn, campaign, stage, onward.message, run, 1, now=now, after=onward.after)
    if (reason := _ended_before(conn, campaign, sequence, onward.message, run)) is not None:
        # Nobody is brought back by `loop:`: since the goal was reached they may have gone on.
        end(conn, campaign, run, reason, effect, now=now)
    elif is_planned:
        effect.started.append(f"{campaign.id}/{campaign.name_of(onward.message.id)}")


def _had(conn: Connection, run: plans.RunRecord, message: Touch) -> Passage | None:
    """Return a message that has ended of this run or of one that was the same, before two contacts became one."""
    occurrence = dues.occurrence_of(run.key, 1)
    return plans.ended_passage(conn, run.campaign, run.edition, message.id, run.contact, occurrence)


def ending(sequence: Sequence, here: Touch | None, run_key: str, event: Happening | events.EventRecord) -> str | None:
    """Return why an event ends a run that it came after, else None; `here` is the message the run is on its way to.

    It is the goal of the whole or of that message, the second of its `between`, or the one that it expects.
    """
    if not sequences.concerns(sequence.touch, run_key, event.name, event.facts):
        return None
    if event.name in (sequence.touch.until, here.until if here is not None else None):
        return f"{GOAL}{event.name}"
    if here is not None and event.name in (_second_event(here), planner.awaited_event(here)):
        return f"{event.name} came first"
    return None


def goals_since(campaign: InForce, sequence: Sequence, run: plans.RunRecord) -> datetime:
    """Return from when on an event is a goal of a run: its start; of a calendar touch the first apply, as for itself.

    Who reached the goal while the first message was on its way, or is told of later, gets nothing of what follows.
    """
    return run.started_at if sequence.opening is None else min(run.started_at, campaign.reference)


def _ended_before(
    conn: Connection, campaign: InForce, sequence: Sequence, touch: Touch, run: plans.RunRecord
) -> str | None:
    """Return why a run is over as it comes to a message: what ends it was told before, or is the message's own goal.

    Where a run is ended by its own event come again, another one of the same moment is none that came after it.
    """
    ends = (sequence.touch.until, touch.until, _second_event(touch), planner.awaited_event(touch))
    names = {name for name in ends if name is not None}
    if not names:
        return None
    for event in events.since(conn, run.contact, names, goals_since(campaign, sequence, run)):
        if event.id == run.event or (event.name == touch.on and event.at == run.started_at):
            continue
        reason = ending(sequence, touch, run.key, event)
        if reason is not None and (event.at >= run.started_at or reason.startswith(GOAL)):
            return reason
    return None


def _second_event(touch: Touch) -> str | None:
    if touch.when is not None and touch.when.relation is Relation.BETWEEN and isinstance(touch.when.second, Event):
        return touch.when.second.name
    return None


def end(
    conn: Connection, campaign: InForce, run: plans.RunRecord, reason: str, effect: Effect, *, now: datetime
) -> None:
    """End a run and drop what of it has not gone."""
    plans.end_run(conn, run.id, reason=reason, now=now)
    if ledger.settle_many(conn, target=State.CANCELLED, reason=reason, now=now, run=run.id):
        effect.cancelled.append(f"{campaign.id}/{campaign.name_of(run.touch)}")


def plan_message(
    conn: Connection,
    campaign: InForce,
    stage: Stage,
    touch: Touch,
    run: plans.RunRecord,
    number: int,
    *,
    now: datetime,
    after: datetime | None = None,
) -> bool:
    """Plan a message of a run, or its `number`-th repetition; return False when that has come to its end.

    `after` is when the step before went, or the wait for an event ended.
    """
    started = events.get(conn, run.event)
    zone = campaign.contact_zone(people.timezone(conn, run.contact))
    timeline = campaign.timeline(plans.first_sent(conn, campaign.id, campaign.edition))
    awaited = first = None
    name = planner.awaited_event(touch)
    asked = name if number == 1 else planner.repeat_awaits(touch)
    if asked is not None:
        forecast = nudges.forecast(conn, campaign.habits, run.contact, asked, started.facts, at=run.started_at, now=now)
        awaited = None if forecast is None else forecast.awaited
    if name is not None and number == 1:
        if forecast is None:
            plans.end_run(conn, run.id, reason=nudges.NOTHING_TO_GO_BY, now=now)
            return False
        plans.note_run(conn, run.id, forecast.why)
    elif name is not None and (before := habits.first_moments(conn, run.id, run.key)) is not None:
        first = dues.Due(*before)  # what was expected then; by now the shop may have learned something else
    moment = dues.due(
        campaign.campaign,
        touch,
        timeline,
        run.started_at,
        started.facts,
        zone=zone,
        number=number,
        after=after,
        awaited=awaited,
        first=first,
    )
    if moment is None:
        return False
    row = ledger.NewDelivery(
        campaign=campaign.id,
        edition=campaign.edition,
        touch=touch.id,
        stage=stage.id,
        channel=touch.channel[0],
        recipient=f"c{run.contact}",
        contact=run.contact,
        occurrence=dues.occurrence_of(run.key, number),
        run=run.id,
        marketing=is_marketing(touch),
        due_at=moment.due_at,
        expires_at=moment.expires_at,
        on_late=planner.on_late(touch).value,
        revision=run.revision or None,
    )
    return ledger.plan(conn, [row], now) == 1


def is_marketing(touch: Touch) -> bool:
    """Whether a touch is marketing to a person: consent, caps and the right to opt out are about these."""
    return touch.purpose is Purpose.MARKETING and touch.channel[0] in PERSONAL
