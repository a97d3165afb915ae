"""What an event does to a person's journey: stages entered, runs started and ended, messages planned and dropped.

Every function works inside the caller's transaction and is idempotent by the keys of the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Listed
from datetime import datetime

from campaigns.definition import START, Sequence, Stage, Touch
from campaigns.timing import resolver
from scheduler import courses, dues, sequences
from scheduler.catalog import Catalog, InForce
from scheduler.courses import Effect, Happening, is_marketing
from scheduler.delivery import State
from scheduler.store import events, ledger, people, plans
from scheduler.store.database import Connection

# An entered stage may trigger a touch that sends the person to another stage; a file whose stages chase one another
# stops here instead of looping for ever.
MOVES_AT_ONCE = 8

__all__ = [
    "Effect",
    "Happening",
    "accept",
    "after_end",
    "after_sent",
    "after_sent_together",
    "carry_on",
    "enter",
    "is_marketing",
    "rejoin",
]


def accept(conn: Connection, catalog: Catalog, happening: Happening, *, now: datetime) -> Effect:
    """Let every campaign in force answer a stored event: goals and waits first, then stages, then new runs."""
    effect = Effect()
    _answer_runs(conn, catalog, happening, effect, now=now)
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
                courses.end(conn, campaign, run, f"went back to {stage}", effect, now=now)
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
    """Do what follows from a touch that reached a person: the stage they enter, and the run of the steps after it."""
    found = campaign.find(claim.touch)
    if claim.contact is None or found is None:
        return
    _enter_reached(conn, campaign, claim, claim.contact, found, now=now)
    courses.open_run(conn, campaign, claim, claim.contact, now=now)


def _enter_reached(
    conn: Connection,
    campaign: InForce,
    claim: ledger.Claim,
    contact: int,
    found: tuple[Stage, Touch],
    *,
    now: datetime,
) -> None:
    """Let a person enter the stage whose touch reached them; one that sends them elsewhere is no step into its own.

    A calendar touch sends them elsewhere when it reached them, an event touch did so when the event came.
    """
    stage, touch = found
    if touch.go_to is not None:
        if touch.on is None:
            enter(conn, campaign, contact, touch.go_to, at=now, reason=touch.id, now=now, back=True)
        return
    enter(conn, campaign, contact, stage.id, at=now, reason=claim.touch, now=now)


def after_sent_together(conn: Connection, sent: Listed[tuple[InForce, ledger.Claim]], *, now: datetime) -> None:
    """Do `after_sent` for many messages; where entering a stage has no further effect, for all of them at once."""
    together: dict[tuple[InForce, str], dict[int, str]] = {}
    into: dict[tuple[InForce, str], dict[int, str] | None] = {}  # where each touch's people go; None: one by one
    for campaign, claim in sent:
        if claim.contact is None:
            continue
        key = (campaign, claim.touch)
        if key not in into:
            found = campaign.find(claim.touch)
            if found is None:
                continue
            stage, touch = found
            alone = touch.go_to is not None or _starts_by_entering(campaign, stage)
            alone = alone or courses.opened_by(campaign, claim.touch) is not None
            into[key] = None if alone else together.setdefault((campaign, stage.id), {})
        people_of_it = into[key]
        if people_of_it is None:
            after_sent(conn, campaign, claim, now=now)
        else:
            people_of_it.setdefault(claim.contact, claim.touch)
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
    """Carry a run on after one of its messages ended, sent or not: plan what comes next, else end the run.

    By the definition the run follows now: an edit may have come while the message was on its way. A touch that a
    person took out repeats itself no more, and a campaign that is cancelled carries nobody on.
    """
    run = plans.run(conn, claim.run, lock=True) if claim.run is not None else None
    if run is None or run.state != "open":
        return
    if plans.campaign_state(conn, run.campaign) == "cancelled":
        plans.end_run(conn, run.id, reason="the campaign was cancelled", now=now)
        return
    campaign = catalog.get(conn, run.campaign, run.edition, run.revision)
    found = _sequence_of(campaign, run, claim.touch) if campaign is not None else None
    if campaign is None or found is None:
        return
    stage, sequence = found
    message = sequence.message(claim.touch)
    number = dues.number_of(claim.occurrence, run.key) + 1
    repeated = message if message is not None and message.repeat is not None else None
    if repeated is not None and plans.touch_state(conn, run.campaign, run.edition, claim.touch).rejected:
        repeated = None
    if repeated is not None and courses.plan_message(conn, campaign, stage, repeated, run, number, now=now):
        return
    courses.carry_on(conn, campaign, stage, sequence, run, now=now)


def carry_on(conn: Connection, catalog: Catalog, numbers: Iterable[int], *, now: datetime) -> None:
    """Carry runs on from which a message was taken, by a person or by a merge; idempotent."""
    for number in numbers:
        run = plans.run(conn, number, lock=True)
        if run is None or run.state != "open":
            continue
        campaign = catalog.readable(conn, run.campaign, run.edition, run.revision)
        found = _sequence_of(campaign, run) if campaign is not None else None
        if campaign is not None and found is not None:
            courses.carry_on(conn, campaign, found[0], found[1], run, now=now)


def rejoin(conn: Connection, catalog: Catalog, contact: int, *, now: datetime) -> None:
    """Let what one of two contacts did answer the runs of the other, now that they are one person; then carry on.

    Nobody is brought back by `loop:`: since the goal was reached they may have gone on.
    """
    mine = plans.open_runs(conn, contact)
    if not mine:
        return
    for event in events.since_all(conn, contact, min(_looks_back(conn, catalog, run) for run in mine)):
        happening = Happening(event.id, event.key, contact, event.name, event.at, event.facts)
        _answer_runs(conn, catalog, happening, Effect(), now=now, loops=False)
    carry_on(conn, catalog, [run.id for run in mine], now=now)


def _looks_back(conn: Connection, catalog: Catalog, run: plans.RunRecord) -> datetime:
    """Return since when what the person did may matter to a run."""
    campaign = catalog.readable(conn, run.campaign, run.edition, run.revision)
    found = _sequence_of(campaign, run) if campaign is not None else None
    return run.started_at if campaign is None or found is None else courses.goals_since(campaign, found[1], run)


def _sequence_of(campaign: InForce, run: plans.RunRecord, touch: str | None = None) -> tuple[Stage, Sequence] | None:
    """Return the sequence a run goes through; by its touch, or by a message of it that stands elsewhere now."""
    return campaign.sequence(run.touch) or (campaign.sequence(touch) if touch is not None else None)


def _answer_runs(
    conn: Connection, catalog: Catalog, happening: Happening, effect: Effect, *, now: datetime, loops: bool = True
) -> None:
    """End the runs for which this event is the goal, or the second event of `between`; then follow `loop:`.

    Runs of an earlier edition too: last year's reminder stops at this year's purchase. Runs that wait for it go on.
    """
    back: list[tuple[InForce, str]] = []
    for run in plans.open_runs(conn, happening.contact):
        campaign = catalog.readable(conn, run.campaign, run.edition, run.revision)
        found = _sequence_of(campaign, run) if campaign is not None else None
        if campaign is None or found is None or run.event == happening.id:
            continue
        stage, sequence = found
        is_earlier = _came_before(conn, happening, run)
        if is_earlier and happening.at < courses.goals_since(campaign, sequence, run):
            continue
        path = plans.passages(conn, run.id) if sequence.touch.steps else []
        here = sequences.stands_at(sequence, path)
        reason = courses.ending(sequence, here, run.key, happening)
        if is_earlier and not (reason or "").startswith(courses.GOAL):
            continue
        if reason is None:
            _answer_wait(conn, campaign, stage, sequence, run, happening, effect, now=now)
            continue
        courses.end(conn, campaign, run, reason, effect, now=now)
        if loops and reason.startswith(courses.GOAL) and stage.loop is not None:
            back.append((campaign, stage.loop))
    # Once every run is told why it ended: going back ends those of later stages, whose goal it may have been too.
    for campaign, loop in dict.fromkeys(back):
        why = f"loop after {happening.name}"
        contact, at = happening.contact, happening.at
        enter(conn, campaign, contact, loop, at=at, reason=why, now=now, back=True, effect=effect)


def _answer_wait(
    conn: Connection,
    campaign: InForce,
    stage: Stage,
    sequence: Sequence,
    run: plans.RunRecord,
    happening: Happening,
    effect: Effect,
    *,
    now: datetime,
) -> None:
    """Let a run that waits for this event go on; what would have gone without the event is dropped.

    An event that came after the end of the wait changes nothing: the other way was taken, or there is none.
    """
    if all(wait.event != happening.name for wait in sequence.waits.values()):
        return
    locked = plans.run(conn, run.id, lock=True)
    if locked is None or locked.state != "open":
        return
    zone = campaign.contact_zone(people.timezone(conn, run.contact))
    waits = sequences.waiting(sequence, run, plans.passages(conn, run.id), zone)
    if waits is None or sequence.waits[waits.passed].event != happening.name:
        return
    if not sequences.concerns(sequence.touch, run.key, happening.name, happening.facts):
        return
    if happening.at > waits.deadline:
        if waits.instead is None and sequence.touch.until is None:
            plans.end_run(conn, run.id, reason=f"{happening.name} came too late", now=now)
        return
    if waits.instead is not None:
        reason = f"{happening.name} came first"
        if not ledger.settle(conn, waits.instead.delivery, State.CANCELLED, reason, now=now):
            return  # it is on its way
        effect.cancelled.append(f"{campaign.id}/{campaign.name_of(waits.instead.touch)}")
    else:
        plans.note_run(conn, run.id, "")  # it says what was waited for
    courses.go_on(conn, campaign, stage, sequence, run, waits.passed, waits.since, effect, now=now)


def _came_before(conn: Connection, happening: Happening, run: plans.RunRecord) -> bool:
    """Whether an event happened before the one that started the run, whatever moment an edit lets it count from."""
    return happening.at < run.started_at and happening.at < events.get(conn, run.event).at


def _start_runs(
    conn: Connection, campaign: InForce, happening: Happening, effect: Effect, *, now: datetime, moves: int
) -> None:
    for stage, sequence in campaign.campaign.sequences():
        touch = sequence.touch
        if touch.on != happening.name or touch.in_flight == "drain":
            continue
        run = _start(conn, campaign, stage, touch, happening)
        if run is None:
            continue
        courses.go_on(conn, campaign, stage, sequence, run, START, run.started_at, effect, now=now)
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
