"""Apply: what a plan would change for people, and the one transaction that puts a revision in force."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns import diff, planner
from campaigns.definition import Campaign, Touch, renamed
from campaigns.diff import AppliedPlan, Changes, Identities
from campaigns.finding import Finding, Level
from campaigns.timeline import PlannedOccurrence, Timeline
from scheduler import fanout, flights
from scheduler.catalog import FIRST_APPLIES, Catalog, InForce, first_applies
from scheduler.delivery import State
from scheduler.errors import SchedulerError, StalePlanError
from scheduler.operations import ended, forecasting, holding
from scheduler.project import LoadedCampaign
from scheduler.store import corrections, ledger, people, plans, reach, reader
from scheduler.store.database import Connection, Store, bump, generation
from scheduler.store.ledger import KEEP, Keep
from scheduler.verdicts import NO_ACCOUNT


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan held against the database: the timeline as it would be applied, its changes, and who is there.

    `revision` is the revision in force (0: never applied); `generation` names the state of the database, so that a
    saved plan can be known as stale; `approved` are the touches approved with exactly the content they have now,
    `cancelled` those that a person cancelled or rejected, `paused` those that wait until they are resumed. `standing`
    is the campaign on the schedule (None: never applied), which may be paused or cancelled as a whole. `recipients` are
    the people that each touch would reach; `spent` are touches that reach nobody, for their messages have ended.
    `identities` say which touch of history each of the file's is, and `planned` is the same plan under those ids.
    `budget` is what was authorised for the edition so far, None without a limit.
    """

    timeline: Timeline
    changes: Changes
    people: people.Counts
    recipients: Mapping[str, int]
    personas: Mapping[str, int]
    generation: str
    revision: int
    approved: frozenset[str]
    cancelled: frozenset[str]
    identities: Identities
    planned: Timeline
    budget: plans.Budget | None
    standing: plans.CampaignRecord | None = None
    paused: frozenset[str] = frozenset()
    spent: frozenset[str] = frozenset()
    fatigue: planner.Fatigue | None = None  # who would be over a cap; None where nobody asked


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did."""

    campaign: str
    revision: int
    counts: Mapping[str, int]
    cancelled_messages: int
    released_messages: int = 0  # held by a budget that was used up, on their way again


def preview(store: Store, loaded: LoadedCampaign, *, now: datetime, catalog: Catalog | None = None) -> Preview:
    """Plan a campaign against what is in force; reads only."""
    with store.read() as conn:
        return _preview(conn, loaded, now, catalog or Catalog())


def _preview(
    conn: Connection, loaded: LoadedCampaign, now: datetime, catalog: Catalog, *, in_words: bool = True
) -> Preview:
    """Look at a campaign against the database; what an edit does to single people is only worked out to be told."""
    campaign = loaded.campaign
    row = plans.campaign(conn, campaign.id)
    edition = _edition(conn, campaign, row, now)
    newest = plans.load_revision(conn, row.id, row.revision) if row is not None else None
    record = newest if newest is not None and newest.edition == edition else None
    contents = {touch.id: planner.content_hash(campaign, touch, loaded.templates) for _, touch in campaign.touches()}
    identities = diff.identify(campaign, contents, newest.timeline if newest is not None else None)
    sent = plans.first_sent(conn, campaign.id, edition)
    known = first_applies(record) if record is not None else None

    def planned(file: Campaign, names: Identities | None) -> Timeline:
        return planner.plan(
            file,
            now=now,
            reference=plans.reference(conn, campaign.id, edition),
            templates=loaded.templates,
            sent=sent if names is None else names.by_name(sent),
            known=known if names is None or known is None else names.by_name(known),
            keys=None if names is None else names.keys,
        )

    timeline = keyed = planned(campaign, identities)
    file = campaign
    if not identities.are_plain:
        file = renamed(campaign, identities.keys)
        keyed = planned(file, None)
    states = identities.by_name(plans.touch_states(conn, campaign.id, edition))
    cancelled = tuple(_cancelled(campaign, touch) for touch, state in states.items() if state.rejected)
    counts = reader.message_counts(conn, campaign.id, edition) if row is not None else {}
    recipients, gone = _recipients(conn, file, keyed, identities, counts if in_words else {}, now)
    lost = tuple(
        ended.finding(campaign, touch, one, personal=touch in recipients)
        for touch, one in gone.items()
        if touch not in states or not states[touch].rejected
    )
    own = replace(timeline, findings=(*identities.findings, *cancelled, *lost, *timeline.findings))
    applied = None
    if record is not None:
        before = catalog.get(conn, campaign.id, edition)
        effects = flights.outlook(conn, before, file, keyed, now=now) if in_words else {}
        applied = _applied_plan(conn, record, counts, identities, effects)
    return Preview(
        timeline=own,
        changes=diff.compare(own, campaign, applied, templates=loaded.templates),
        people=people.counts(conn),
        recipients=recipients,
        personas=reach.personas(conn, campaign, now=now) if in_words else {},
        generation=generation_of(conn),
        revision=row.revision if row is not None else 0,
        approved=frozenset(
            touch.id for touch in own.touches if touch.id in states and states[touch.id].approves(touch.content_hash)
        ),
        cancelled=frozenset(touch for touch, state in states.items() if state.rejected),
        identities=identities,
        planned=keyed,
        budget=plans.budget(conn, campaign.id, edition),
        standing=row,
        paused=frozenset(touch for touch, state in states.items() if state.is_paused(now)),
        spent=frozenset(touch for touch in gone if not recipients.get(touch)),
        fatigue=forecasting.fatigue(conn, catalog, file, keyed, now=now) if in_words else None,
    )


def _recipients(
    conn: Connection,
    campaign: Campaign,
    timeline: Timeline,
    identities: Identities,
    counts: Mapping[str, reader.MessageCount],
    now: datetime,
) -> tuple[dict[str, int], dict[str, reach.Ended]]:
    """Return how many people each touch would reach, and whom it reaches no more, by the names of the file."""
    wrong = corrections.of_plan(conn, campaign, timeline)
    counted = reach.recipients(conn, campaign, now=now, wrong=wrong)
    gone = ended.ended(conn, campaign, timeline, counts, now=now, wrong=wrong)
    for touch in gone.keys() & counted.keys():
        counted[touch] = ended.left(timeline.touch(touch), counted[touch], gone[touch], now)
    return identities.by_name(counted), identities.by_name(gone)


def _cancelled(campaign: Campaign, touch: str) -> Finding:
    message = f"{touch} was cancelled by a person and stays so"
    remedy = f"to put it back: campaign approve {campaign.id}/{touch}"
    return Finding("cancelled", Level.WARNING, message, campaign.place(*campaign.touch_path(touch), "id"), remedy)


def generation_of(conn: Connection) -> str:
    """Return the database's generation as text, as saved plans carry it."""
    return str(generation(conn))


def _edition(conn: Connection, campaign: Campaign, row: plans.CampaignRecord | None, now: datetime) -> str:
    """Return the edition an apply at `now` belongs to: the one in force until its calendar is over, then the next.

    A campaign that names neither an occasion nor a start began with its first apply, and that does not come again.
    """
    if row is None or (reference := plans.reference(conn, row.id, row.edition)) is None:
        return planner.edition(campaign, now)
    if campaign.occasion is None and campaign.starts is None:
        return row.edition
    over = planner.over_at(campaign, reference)
    return row.edition if over is None or now <= over else planner.edition(campaign, now)


def _applied_plan(
    conn: Connection,
    record: plans.RevisionRecord,
    counts: Mapping[str, reader.MessageCount],
    identities: Identities,
    effects: Mapping[str, diff.Flight],
) -> AppliedPlan:
    return AppliedPlan.from_snapshot(
        record.timeline,
        revision=record.number,
        sent={touch: count.sent for touch, count in counts.items()},
        open_messages={touch: count.open for touch, count in counts.items()},
        sent_at=plans.first_sent(conn, record.campaign, record.edition),
        templates=record.templates,
        flights=effects,
        identities=identities,
    )


def _first_applies_of(timeline: Timeline) -> dict[str, str]:
    return {touch.id: touch.applied_at.isoformat() for touch in timeline.touches if touch.applied_at is not None}


def refusals(campaign: Campaign, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the findings that forbid to apply or rehearse: errors, and keys whose behaviour is not built."""
    errors = tuple(finding for finding in findings if finding.level is Level.ERROR)
    return errors + tuple(finding for finding in planner.unbuilt(campaign) if finding not in errors)


def apply(
    store: Store,
    loaded: LoadedCampaign,
    *,
    now: datetime,
    catalog: Catalog,
    expected_generation: str | None = None,
    expected_hash: str | None = None,
    budget: int | Keep | None = KEEP,
) -> Applied:
    """Put a campaign in force in one transaction: revision, occurrences, and the messages an edit moves or cancels.

    Sent messages are never touched. The first apply of an edition fixes its reference moment. `budget` is how many
    messages may be begun in the edition in all (None: no limit; without it the present limit stays). Raises
    StalePlanError when the database or the plan is no longer the one the caller looked at, and AttentionError while
    nobody knows what a restored database has sent.
    """
    campaign = loaded.campaign
    with store.begin() as conn:
        plans.lock_campaign(conn, campaign.id)
        holding.refuse_in_doubt(conn)
        seen = _preview(conn, loaded, now, catalog, in_words=False)
        if expected_generation is not None and expected_generation != seen.generation:
            raise StalePlanError("the database changed since the plan was made", remedy="plan again, then apply")
        if expected_hash is not None and expected_hash != seen.timeline.hash:
            raise StalePlanError("the plan is no longer what the file says", remedy="plan again, then apply")
        if refused := refusals(campaign, seen.timeline.findings):
            raise SchedulerError(refused[0].message, place=refused[0].place, remedy=refused[0].remedy)
        timeline = seen.planned
        edition = timeline.edition
        named = renamed(campaign, seen.identities.keys)
        before = catalog.get(conn, campaign.id, edition)
        plans.fix_reference(conn, campaign.id, edition, now)
        number = plans.add_revision(
            conn,
            campaign=campaign.id,
            edition=edition,
            definition=named.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            timeline={**diff.snapshot(timeline, named, seen.identities), FIRST_APPLIES: _first_applies_of(timeline)},
            templates=dict(loaded.templates),
            source=loaded.path.name,
            source_hash=loaded.text_hash,
            plan_hash=seen.timeline.hash,
            tzdata=timeline.tzdata,
            project=str(loaded.folder),
            now=now,
        )
        in_force = catalog.get(conn, campaign.id, edition)
        assert in_force is not None
        spared = flights.carry_out(conn, before, named, timeline, now=now)
        cancelled = _cancel_removed(conn, campaign, timeline, spared, now)
        flights.carry_on(conn, before, in_force, now=now)
        for planned in timeline.touches:
            found = in_force.find(planned.id)
            assert found is not None
            for occurrence in planned.occurrences:
                _put(conn, in_force, timeline, found[1], occurrence, now)
            was = before.find(planned.id) if before is not None else None
            # What was held for want of an account needs none any more, or another one.
            if found[1].is_by_hand or (was is not None and was[1].channel != found[1].channel):
                ledger.release(
                    conn, now=now, reason_prefix=NO_ACCOUNT, campaign=campaign.id, edition=edition, touch=planned.id
                )
        released = 0 if isinstance(budget, Keep) else _authorise(conn, campaign.id, edition, budget, now)
        said = {"revision": number, "edition": edition, "plan": seen.timeline.hash}
        if not isinstance(budget, Keep):
            said["budget"] = budget
        plans.audit(conn, at=now, who=_who(), action="apply", subject=campaign.id, detail=json.dumps(said))
        bump(conn)
        return Applied(campaign.id, number, seen.changes.counts(), cancelled, released)


def authorise(store: Store, campaign: str, *, budget: int | None, now: datetime) -> int:
    """Set how many messages the edition in force may send in all (None: no limit); return how many are released by it.

    What was held because the budget was used up is on its way again, and is checked anew. Raises: SchedulerError when
    the campaign was never applied.
    """
    with store.begin() as conn:
        plans.lock_campaign(conn, campaign)
        row = plans.campaign(conn, campaign)
        if row is None:
            raise SchedulerError(f"{campaign!r} was never applied", remedy="campaign apply puts it on the schedule")
        released = _authorise(conn, campaign, row.edition, budget, now)
        detail = json.dumps({"edition": row.edition, "budget": budget})
        plans.audit(conn, at=now, who=_who(), action="budget", subject=campaign, detail=detail)
        bump(conn)
    return released


def _authorise(conn: Connection, campaign: str, edition: str, budget: int | None, now: datetime) -> int:
    plans.authorise(conn, campaign, edition, budget)
    return ledger.release(conn, now=now, reason_prefix=plans.USED_UP, campaign=campaign, edition=edition)


def _cancel_removed(
    conn: Connection, campaign: Campaign, timeline: Timeline, spared: frozenset[str], now: datetime
) -> int:
    """Cancel what the new revision no longer plans: removed touches, and dates a repetition no longer has.

    Messages of the touches in `spared` stay: only people who would join are kept out.
    """
    edition = timeline.edition
    keys = {touch.id: {occurrence.key for occurrence in touch.occurrences} for touch in timeline.touches}
    cancelled = 0
    for row in plans.occurrences(conn, campaign.id, edition, states=("planned", "open")):
        if row.key in keys.get(row.touch, set()):
            continue
        reason = "removed from the campaign" if row.touch not in keys else "no longer on this day"
        if row.touch in spared:
            plans.set_occurrence_state(conn, row.id, "closed" if row.state == "open" else "cancelled", reason)
            continue
        plans.set_occurrence_state(conn, row.id, "cancelled", reason)
        cancelled += ledger.settle_many(
            conn,
            target=State.CANCELLED,
            reason=reason,
            now=now,
            campaign=campaign.id,
            edition=edition,
            touch=row.touch,
            occurrence=row.key,
        )
    for touch in sorted(plans.touches_with_open_messages(conn, campaign.id, edition) - keys.keys()):
        plans.end_runs_of_touch(conn, campaign.id, edition, touch, reason="removed from the campaign", now=now)
        cancelled += ledger.settle_many(
            conn,
            target=State.CANCELLED,
            reason="removed from the campaign",
            now=now,
            campaign=campaign.id,
            edition=edition,
            touch=touch,
        )
    return cancelled


_OVER = "its time was over before the first apply"


def _put(
    conn: Connection, campaign: InForce, timeline: Timeline, touch: Touch, planned: PlannedOccurrence, now: datetime
) -> None:
    """Put an occurrence on the calendar, or move the one that is there; what was sent stays sent."""
    expired = planned.state == "expired"
    moments = fanout.moments(campaign, timeline, touch, planned)
    row = plans.occurrence(conn, timeline.campaign, timeline.edition, touch.id, planned.key)
    rejected = _is_rejected(conn, timeline, touch)  # a person took it out, and a person puts it back
    if row is None:
        plans.add_occurrence(
            conn,
            campaign=timeline.campaign,
            edition=timeline.edition,
            touch=touch.id,
            key=planned.key,
            zone=timeline.timezone,
            state="expired" if expired else "cancelled" if rejected else "planned",
            reason=_OVER if expired else "cancelled by a person" if rejected else "",
            **moments,
        )
        return
    if row.state == "cancelled" and rejected:
        plans.retime_occurrence(conn, row.id, **moments)
        return
    if row.state not in ("planned", "open"):
        # It came and went without reaching anybody, or was taken out: a date still to come is for those who have no
        # message of it. Whose message has ended gets nothing more, which the preview tells (`ended`).
        went = reader.any_sent(conn, timeline.campaign, timeline.edition, touch.id, planned.key)
        if went or expired or planned.due_at <= now:
            return
        plans.set_occurrence_state(conn, row.id, "planned", "")
    plans.retime_occurrence(conn, row.id, **moments)
    fanout.move(conn, campaign, timeline, touch, planned, now)


def _is_rejected(conn: Connection, timeline: Timeline, touch: Touch) -> bool:
    return plans.touch_state(conn, timeline.campaign, timeline.edition, touch.id).rejected


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
