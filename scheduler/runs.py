"""What an event does to a person's journey: stages entered, runs started and ended, messages planned and dropped.

Every function works inside the caller's transaction and is idempotent by the keys of the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campaigns import planner
from campaigns.definition import PERSONAL, Purpose, Stage, Touch
from campaigns.timing import resolver
from campaigns.timing.model import Event, Relation
from scheduler import dues, nudges
from scheduler.catalog import Catalog, InForce
from scheduler.delivery import State
from scheduler.store import events, habits, ledger, people, plans
from scheduler.store.database import Connection

# An entered stage may trigger a touch that sends the person to another stage; a file whose stages chase one another
# stops here instead of looping for ever.
MOVES_AT_ONCE = 8


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


def accept(conn: Connection, catalog: Catalog, happening: Happening, *, now: datetime) -> Effect:
    """Let every campaign in force answer a stored event: goals first, then stages, then new runs."""
    effect = Effect()
    _end_runs(conn, catalog, happening, effect, now=now)
    for campaign in catalog.in_force(conn):
        for stage in campaign.campaign.stages:
            if stage.enter_on == happening.name:
                enter(conn, campaign, happening.contact, stage.id, at=happening.at, reason=happening.name, now=now)
        _start_runs(conn, campaign, happening, effect, now=now, moves=0)
    return effect


def enter(
    conn: Connection,
    campaign: InForce,
    contact: int,
    stage: str,
    *,
    at: datetime,
    reason: str,
    now: datetime,
    back: bool = False,
    spare_run: int | None = None,
    effect: Effect | None = None,
    moves: int = 0,
) -> bool:
    """Bring a person into a stage; forward by itself, to an earlier stage only when `back`. Return whether it moved.

    Moving back ends the person's open runs of later stages, but for `spare_run`. Entering stores the event
    `entered <stage>`, on which touches may be triggered.
    """
    effect = effect if effect is not None else Effect()
    here = plans.current_stage(conn, campaign.id, campaign.edition, contact)
    target = campaign.position(stage)
    if here is not None and (here == stage or (campaign.position(here) > target and not back)):
        return False
    if back:
        for run in plans.open_runs(conn, contact, campaign=campaign.id, edition=campaign.edition):
            if run.id != spare_run and campaign.position(run.stage) > target:
                _end(conn, campaign, run, f"went back to {stage}", effect, now=now)
    entry = plans.enter_stage(conn, campaign.id, campaign.edition, contact, stage, at=at, reason=reason)
    effect.moved.append(f"{campaign.id}/{stage}")
    name = f"entered {stage}"
    if any(touch.on == name for _, touch in campaign.campaign.touches()) and moves < MOVES_AT_ONCE:
        key = f"campaign:entered:{entry}"
        stored = events.insert(conn, key=key, contact=contact, name=name, at=at, facts={}, now=now)
        happening = Happening(stored.id, key, contact, name, at, {})
        _start_runs(conn, campaign, happening, effect, now=now, moves=moves + 1)
    return True


def after_sent(conn: Connection, campaign: InForce, claim: ledger.Claim, *, now: datetime) -> None:
    """Let a person enter the stage whose touch reached them; one that sends them elsewhere is no step into its own.

    A calendar touch sends them elsewhere when it reached them, an event touch did so when the event came.
    """
    found = campaign.find(claim.touch)
    if claim.contact is None or found is None:
        return
    stage, touch = found
    if touch.go_to is not None:
        if touch.on is None:
            enter(conn, campaign, claim.contact, touch.go_to, at=now, reason=touch.id, now=now, back=True)
        return
    enter(conn, campaign, claim.contact, stage.id, at=now, reason=claim.touch, now=now)


def after_sent_together(conn: Connection, sent: Sequence[tuple[InForce, ledger.Claim]], *, now: datetime) -> None:
    """Do `after_sent` for many messages; where entering a stage has no further effect, for all of them at once."""
    together: dict[tuple[InForce, str], dict[int, str]] = {}
    for campaign, claim in sent:
        found = campaign.find(claim.touch)
        if claim.contact is None or found is None:
            continue
        stage, touch = found
        if touch.go_to is not None or _starts_by_entering(campaign, stage):
            after_sent(conn, campaign, claim, now=now)
        else:
            together.setdefault((campaign, stage.id), {}).setdefault(claim.contact, claim.touch)
    for (campaign, name), people_of_it in together.items():
        here = plans.current_stages(conn, campaign.id, campaign.edition, people_of_it)
        target = campaign.position(name)
        new = {
            contact: reason
            for contact, reason in people_of_it.items()
            if contact not in here or campaign.position(here[contact]) < target
        }
        plans.enter_stages(conn, campaign.id, campaign.edition, new, name, at=now)


def _starts_by_entering(campaign: InForce, stage: Stage) -> bool:
    return any(touch.on == f"entered {stage.id}" for _, touch in campaign.campaign.touches())


def after_end(conn: Connection, catalog: Catalog, claim: ledger.Claim, *, now: datetime) -> None:
    """Carry a run on after one of its messages ended, sent or not: plan the next repetition, else end the run.

    By the definition the run follows now: an edit may have come while the message was on its way.
    """
    run = plans.run(conn, claim.run) if claim.run is not None else None
    if run is None or run.state != "open":
        return
    campaign = catalog.get(conn, run.campaign, run.edition, run.revision)
    found = campaign.find(run.touch) if campaign is not None else None
    if campaign is None or found is None:
        return
    stage, touch = found
    number = dues.number_of(claim.occurrence, run.key) + 1
    if touch.repeat is not None and _plan_run(conn, campaign, stage, touch, run, number, now=now):
        return
    if touch.until is None:
        plans.end_run(conn, run.id, reason="done", now=now)


def _end_runs(conn: Connection, catalog: Catalog, happening: Happening, effect: Effect, *, now: datetime) -> None:
    """End the runs for which this event is the goal, or the second event of `between`; then follow `loop:`.

    Runs of an earlier edition too: last year's reminder stops at this year's purchase.
    """
    for run in plans.open_runs(conn, happening.contact):
        campaign = catalog.get(conn, run.campaign, run.edition, run.revision)
        found = campaign.find(run.touch) if campaign is not None else None
        if campaign is None or found is None or run.event == happening.id or _came_before(conn, happening, run):
            continue
        stage, touch = found
        if (reason := _ending(touch, run.key, happening)) is None:
            continue
        _end(conn, campaign, run, reason, effect, now=now)
        if touch.until == happening.name and stage.loop is not None:
            enter(
                conn,
                campaign,
                happening.contact,
                stage.loop,
                at=happening.at,
                reason=f"loop after {happening.name}",
                now=now,
                back=True,
                effect=effect,
            )


def _ending(touch: Touch, run_key: str, event: Happening | events.EventRecord) -> str | None:
    """Return why an event ends a run that it came after, else None.

    It is the goal, the second of `between`, or the one that the run expected.
    """
    if not _concerns(touch, run_key, event):
        return None
    if touch.until == event.name:
        return f"goal reached: {event.name}"
    return f"{event.name} came first" if event.name in (_second_event(touch), planner.awaited_event(touch)) else None


def _ended_before(conn: Connection, touch: Touch, run: plans.RunRecord) -> str | None:
    """Return why a run is over as it starts: its event is told late, and what ends it was told before.

    Where a run is ended by its own event come again, another one of the same moment is none that came after it.
    """
    ends = (touch.until, _second_event(touch), planner.awaited_event(touch))
    names = {name for name in ends if name is not None}
    if not names:
        return None
    for event in events.since(conn, run.contact, names, run.started_at):
        if event.id == run.event or (event.name == touch.on and event.at == run.started_at):
            continue
        if (reason := _ending(touch, run.key, event)) is not None:
            return reason
    return None


def _came_before(conn: Connection, happening: Happening, run: plans.RunRecord) -> bool:
    """Whether an event happened before the one that started the run, whatever moment an edit lets it count from."""
    return happening.at < run.started_at and happening.at < events.get(conn, run.event).at


def _concerns(touch: Touch, run_key: str, happening: Happening | events.EventRecord) -> bool:
    """Whether an event may end a keyed run: another cart's purchase does not, one that names no cart does.

    Where the goal is the starting event come again, it always brings a key of its own, and always ends the old run.
    """
    key = touch.again.key if touch.again is not None else ""
    if not key or key not in happening.facts or touch.on == happening.name:
        return True
    return run_key == f"{key}={happening.facts[key]}" or not run_key.startswith(f"{key}=")


def _second_event(touch: Touch) -> str | None:
    if touch.when is not None and touch.when.relation is Relation.BETWEEN and isinstance(touch.when.second, Event):
        return touch.when.second.name
    return None


def _end(
    conn: Connection, campaign: InForce, run: plans.RunRecord, reason: str, effect: Effect, *, now: datetime
) -> None:
    plans.end_run(conn, run.id, reason=reason, now=now)
    if ledger.settle_many(conn, target=State.CANCELLED, reason=reason, now=now, run=run.id):
        effect.cancelled.append(f"{campaign.id}/{campaign.name_of(run.touch)}")


def _start_runs(
    conn: Connection, campaign: InForce, happening: Happening, effect: Effect, *, now: datetime, moves: int
) -> None:
    for stage, touch in campaign.campaign.touches():
        if touch.on != happening.name or touch.in_flight == "drain":
            continue
        run = _start(conn, campaign, stage, touch, happening)
        if run is None:
            continue
        is_planned = _plan_run(conn, campaign, stage, touch, run, 1, now=now)
        if (reason := _ended_before(conn, touch, run)) is not None:
            # Nobody is brought back by `loop:`: since the goal was reached they may have gone on.
            _end(conn, campaign, run, reason, effect, now=now)
        elif is_planned:
            effect.started.append(f"{campaign.id}/{campaign.name_of(touch.id)}")
        if touch.go_to is not None:
            enter(
                conn,
                campaign,
                happening.contact,
                touch.go_to,
                at=happening.at,
                reason=happening.name,
                now=now,
                back=True,
                spare_run=run.id,
                effect=effect,
                moves=moves,
            )


def _start(
    conn: Connection, campaign: InForce, stage: Stage, touch: Touch, happening: Happening
) -> plans.RunRecord | None:
    """Start a run unless the re-entry rule or the run's unique key says there is one already."""
    again = touch.again
    key = happening.key
    if again is not None and again.rule == "never":
        key = "once"
    elif again is not None and again.rule == "after" and again.span is not None:
        last = plans.last_run(conn, campaign.id, campaign.edition, touch.id, happening.contact)
        if last is not None and happening.at < resolver.add_span(last.started_at, again.span, campaign.campaign.zone):
            return None
    elif again is not None and again.key and again.key in happening.facts:
        key = f"{again.key}={happening.facts[again.key]}"
    return plans.start_run(
        conn,
        campaign=campaign.id,
        edition=campaign.edition,
        touch=touch.id,
        stage=stage.id,
        contact=happening.contact,
        key=key,
        event=happening.id,
        at=happening.at,
    )


def _plan_run(
    conn: Connection,
    campaign: InForce,
    stage: Stage,
    touch: Touch,
    run: plans.RunRecord,
    number: int,
    *,
    now: datetime,
) -> bool:
    """Plan the `number`-th message of a run; return False when the repetition has come to its end."""
    started = events.get(conn, run.event)
    zone = campaign.contact_zone(people.timezone(conn, run.contact))
    timeline = campaign.timeline(plans.first_sent(conn, campaign.id, campaign.edition))
    awaited = first = None
    if (name := planner.awaited_event(touch)) is not None and number == 1:
        forecast = nudges.forecast(conn, campaign.habits, run.contact, name, started.facts, at=run.started_at, now=now)
        if forecast is None:
            plans.end_run(conn, run.id, reason=nudges.NOTHING_TO_GO_BY, now=now)
            return False
        awaited = forecast.awaited
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
