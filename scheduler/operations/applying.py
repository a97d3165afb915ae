"""Apply: what a plan would change for people, and the one transaction that puts a revision in force."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from campaigns import diff, planner
from campaigns.definition import Campaign, Touch
from campaigns.diff import AppliedPlan, Changes
from campaigns.finding import Finding, Level
from campaigns.timeline import PlannedOccurrence, Timeline
from scheduler import fanout
from scheduler.catalog import FIRST_APPLIES, Catalog, InForce, first_applies
from scheduler.delivery import State
from scheduler.errors import SchedulerError, StalePlanError
from scheduler.project import LoadedCampaign
from scheduler.store import ledger, people, plans, reader
from scheduler.store.database import Connection, Store, bump, generation


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan held against the database: the timeline as it would be applied, its changes, and who is there.

    `revision` is the revision in force (0: never applied); `generation` names the state of the database, so that a
    saved plan can be known as stale; `approved` are the touches approved with exactly the content they have now.
    """

    timeline: Timeline
    changes: Changes
    people: people.Counts
    recipients: Mapping[str, int]
    generation: str
    revision: int
    approved: frozenset[str]


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did."""

    campaign: str
    revision: int
    counts: Mapping[str, int]
    cancelled_messages: int


def preview(store: Store, loaded: LoadedCampaign, *, now: datetime) -> Preview:
    """Plan a campaign against what is in force; reads only."""
    with store.read() as conn:
        return _preview(conn, loaded, now)


def _preview(conn: Connection, loaded: LoadedCampaign, now: datetime) -> Preview:
    campaign = loaded.campaign
    row = plans.campaign(conn, campaign.id)
    edition = _edition(conn, campaign, row, now)
    record = None
    if row is not None and row.edition == edition:
        record = plans.load_revision(conn, row.id, row.revision)
    timeline = planner.plan(
        campaign,
        now=now,
        reference=plans.reference(conn, campaign.id, edition),
        templates=loaded.templates,
        sent=plans.first_sent(conn, campaign.id, edition),
        known=first_applies(record) if record is not None else None,
    )
    applied = _applied_plan(conn, record) if record is not None else None
    decided = {touch: state.approved_hash for touch, state in plans.touch_states(conn, campaign.id, edition).items()}
    return Preview(
        timeline=timeline,
        changes=diff.compare(timeline, campaign, applied, templates=loaded.templates),
        people=people.counts(conn),
        recipients=reader.recipients(conn, campaign, now=now),
        generation=generation_of(conn),
        revision=row.revision if row is not None else 0,
        approved=frozenset(
            touch.id for touch in timeline.touches if touch.id in decided and decided[touch.id] == touch.content_hash
        ),
    )


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


def _applied_plan(conn: Connection, record: plans.RevisionRecord) -> AppliedPlan:
    campaign, edition = record.campaign, record.edition
    counts = reader.message_counts(conn, campaign, edition)
    return AppliedPlan.from_snapshot(
        record.timeline,
        revision=record.number,
        sent={touch: count.sent for touch, count in counts.items()},
        open_messages={touch: count.open for touch, count in counts.items()},
        sent_at=plans.first_sent(conn, campaign, edition),
        templates=record.templates,
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
) -> Applied:
    """Put a campaign in force in one transaction: revision, occurrences, and the messages an edit moves or cancels.

    Sent messages are never touched. The first apply of an edition fixes its reference moment. Raises StalePlanError
    when the database or the plan is no longer the one the caller looked at.
    """
    campaign = loaded.campaign
    with store.begin() as conn:
        plans.lock_campaign(conn, campaign.id)
        seen = _preview(conn, loaded, now)
        if expected_generation is not None and expected_generation != seen.generation:
            raise StalePlanError("the database changed since the plan was made", remedy="plan again, then apply")
        if expected_hash is not None and expected_hash != seen.timeline.hash:
            raise StalePlanError("the plan is no longer what the file says", remedy="plan again, then apply")
        if refused := refusals(campaign, seen.timeline.findings):
            raise SchedulerError(refused[0].message, place=refused[0].place, remedy=refused[0].remedy)
        timeline = seen.timeline
        edition = timeline.edition
        plans.fix_reference(conn, campaign.id, edition, now)
        number = plans.add_revision(
            conn,
            campaign=campaign.id,
            edition=edition,
            definition=campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            timeline={**diff.snapshot(timeline, campaign), FIRST_APPLIES: _first_applies_of(timeline)},
            templates=dict(loaded.templates),
            source=loaded.path.name,
            source_hash=loaded.text_hash,
            plan_hash=timeline.hash,
            tzdata=timeline.tzdata,
            project=str(loaded.folder),
            now=now,
        )
        in_force = catalog.get(conn, campaign.id, edition)
        assert in_force is not None
        cancelled = _cancel_removed(conn, campaign, timeline, now)
        for planned in timeline.touches:
            found = in_force.find(planned.id)
            assert found is not None
            for occurrence in planned.occurrences:
                _put(conn, in_force, timeline, found[1], occurrence, now)
        detail = json.dumps({"revision": number, "edition": edition, "plan": timeline.hash})
        plans.audit(conn, at=now, who=_who(), action="apply", subject=campaign.id, detail=detail)
        bump(conn)
        return Applied(campaign.id, number, seen.changes.counts(), cancelled)


def _cancel_removed(conn: Connection, campaign: Campaign, timeline: Timeline, now: datetime) -> int:
    """Cancel what the new revision no longer plans: removed touches, and dates a repetition no longer has."""
    edition = timeline.edition
    keys = {touch.id: {occurrence.key for occurrence in touch.occurrences} for touch in timeline.touches}
    cancelled = 0
    for row in plans.occurrences(conn, campaign.id, edition, states=("planned", "open")):
        if row.key in keys.get(row.touch, set()):
            continue
        reason = "removed from the campaign" if row.touch not in keys else "no longer on this day"
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


def _put(
    conn: Connection, campaign: InForce, timeline: Timeline, touch: Touch, planned: PlannedOccurrence, now: datetime
) -> None:
    """Put an occurrence on the calendar, or move the one that is there; what was sent stays sent."""
    expired = planned.state == "expired"
    moments = fanout.moments(campaign, timeline, touch, planned)
    row = plans.occurrence(conn, timeline.campaign, timeline.edition, touch.id, planned.key)
    if row is None:
        plans.add_occurrence(
            conn,
            campaign=timeline.campaign,
            edition=timeline.edition,
            touch=touch.id,
            key=planned.key,
            zone=timeline.timezone,
            state="expired" if expired else "planned",
            reason="its time was over before the first apply" if expired else "",
            **moments,
        )
        return
    if row.state not in ("planned", "open"):
        # It came and went without reaching anybody, or was taken out: a date still to come gives it another chance.
        went = reader.any_sent(conn, timeline.campaign, timeline.edition, touch.id, planned.key)
        if went or expired or planned.due_at <= now:
            return
        plans.set_occurrence_state(conn, row.id, "planned", "")
    plans.retime_occurrence(conn, row.id, **moments)
    fanout.move(conn, campaign, timeline, touch, planned, now)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
