"""The plan: a whole campaign resolved from one reference moment into a frozen timeline with what is wrong about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from campaigns.definition import Campaign, Stage, Touch
from campaigns.errors import CampaignError
from campaigns.finding import Finding
from campaigns.planner import content, judgement
from campaigns.planner.feasibility import feasibility
from campaigns.planner.follow_ups import expected
from campaigns.planner.reasons import reason
from campaigns.planner.schedule import Schedule
from campaigns.planner.setting import setting
from campaigns.planner.triggered import delay, follows
from campaigns.timeline import Feasibility, PlannedOccurrence, PlannedOffer, PlannedStage, PlannedTouch, Timeline
from campaigns.timing import zones
from campaigns.timing.constraints import BlockedError

# Where people have zones of their own, a window opens in the first zone on earth and closes in the last.
FIRST_ZONE, LAST_ZONE = "Pacific/Kiritimati", "Etc/GMT+12"


@dataclass(slots=True)
class _Report:
    """What was found wrong so far. A moment that is missing is told once, not by everything that waits for it."""

    campaign: Campaign
    findings: list[Finding]
    told: list[CampaignError] = field(default_factory=list)

    def unresolved(self, path: tuple[str | int, ...], what: str, error: CampaignError) -> None:
        if not any(error is earlier for earlier in self.told):
            self.told.append(error)
            self.findings.append(judgement.unresolved(self.campaign, path, what, error))
        elif isinstance(error, BlockedError) and error.skipped:  # a warning for what is left out, not for what follows
            self.findings.append(judgement.follows_left_out(self.campaign, path, what, error))


def plan(
    campaign: Campaign,
    *,
    now: datetime,
    reference: datetime | None = None,
    templates: Mapping[str, str] | None = None,
    sent: Mapping[str, datetime] | None = None,
    known: Mapping[str, datetime] | None = None,
    keys: Mapping[str, str] | None = None,
) -> Timeline:
    """Return what the campaign would do: same campaign and moments in, same timeline out.

    `reference` is the moment of the edition's first apply, from which every phrase is resolved (DECISIONS 21); without
    it there was none and `now` takes its place. `now` decides only what is past. `templates` maps paths to sources, for
    the content hashes; `sent` maps touch ids to when they first really went; `known` says when each
    touch that was applied before was first applied (None: all at the reference moment, once there is one), and `keys`
    names the id of its first apply, from which `pick: spread` follows. All moments are aware. What is wrong becomes
    findings; only an occasion that cannot be found raises TimingError.
    """
    if known is None and reference is None:
        known = {}
    edition = setting(campaign, reference or now)
    went = {touch: zones.local(moment, edition.zone) for touch, moment in (sent or {}).items()}
    calendar = {touch.id for _, touch in campaign.touches() if touch.on is None}
    of_calendar = {touch: moment for touch, moment in went.items() if touch in calendar}
    schedule = Schedule(edition, now=zones.local(now, edition.zone), sent=of_calendar, known=known, keys=keys)
    report = _Report(campaign, [*judgement.of_setting(edition)])
    stages = tuple(_stage(schedule, number, stage, report) for number, stage in enumerate(campaign.stages))
    touches = tuple(
        replace(
            _touch(schedule, stage, touch, templates or {}, report),
            sent_at=went.get(touch.id),
            applied_at=schedule.first_plan(touch.id),
        )
        for stage, touch in campaign.touches()
    )
    offers = tuple(_offer(schedule, code, report) for code in campaign.offers)
    timeline = Timeline(
        campaign=campaign.id,
        title=campaign.title or campaign.id,
        edition=edition.edition,
        timezone=edition.zone,
        now=schedule.now,
        reference=edition.reference,
        tzdata=zones.tzdata_version(),
        occasion_on=edition.occasion_on,
        stages=stages,
        touches=touches,
        offers=offers,
        feasibility=_feasibility(campaign, schedule, touches),
        findings=(),
        hash="",
    )
    touches = _with_follow_ups(campaign, timeline, report)
    report.findings += judgement.of_order(campaign, stages)
    report.findings += judgement.of_offers(campaign, touches, offers)
    timeline = replace(timeline, touches=touches, findings=tuple(report.findings))
    return replace(timeline, hash=content.plan_hash(campaign, timeline))


def over_at(campaign: Campaign, reference: datetime) -> datetime | None:
    """Return when the calendar of the edition planned from `reference` is over, in the campaign's zone.

    That is the latest of `ends:`, the occasion's day and the windows of its calendar touches; None when it has none of
    these. Until then a new plan still belongs to this edition, though the next occasion is a year away.
    """
    edition = setting(campaign, reference)
    timeline = plan(campaign, now=reference)
    ends = [one.window.latest or one.due_at for touch in timeline.touches for one in touch.occurrences]
    if edition.closes is not None:
        ends.append(edition.closes)
    if edition.occasion_on is not None:
        ends.append(zones.local(zones.end_of_day(edition.occasion_on, edition.zone), edition.zone))
    return max(ends, default=None)


def _stage(schedule: Schedule, number: int, stage: Stage, report: _Report) -> PlannedStage:
    if stage.when is None:
        entered = f"entered on {stage.enter_on}" if stage.enter_on else ""
        return PlannedStage(stage.id, stage.kind.value, None, entered, None)
    try:
        placed = schedule.stage(stage.id)
    except CampaignError as error:
        report.unresolved(("stages", number, "when"), f"stage {stage.id!r}", error)
        return PlannedStage(stage.id, stage.kind.value, None, "", None)
    report.findings += judgement.of_stage(schedule, number, stage, placed.window)
    return PlannedStage(stage.id, stage.kind.value, placed.window, placed.window.says, placed.moment)


def _touch(
    schedule: Schedule, stage: Stage, touch: Touch, templates: Mapping[str, str], report: _Report
) -> PlannedTouch:
    campaign = schedule.campaign
    occurrences: tuple[PlannedOccurrence, ...] = ()
    if touch.on is None and touch.in_flight != "drain":
        try:
            occurrences = _occurrences(schedule, touch)
        except CampaignError as error:
            report.unresolved((*campaign.touch_path(touch.id), "when"), f"touch {touch.id!r}", error)
        else:
            if touch.hangs_on is None:
                report.findings += judgement.of_touch(schedule, stage, touch, occurrences)
    return PlannedTouch(
        id=touch.id,
        stage=stage.id,
        channel=touch.channel[0],
        occurrences=occurrences,
        trigger=touch.on,
        delay=delay(touch) if touch.on is not None else "",
        after=follows(campaign, touch) if touch.on is not None else "",
        reason=reason(campaign, stage, touch, occurrences),
        content_hash=content.content_hash(campaign, touch, templates),
        by_hand=touch.is_by_hand,
    )


def _with_follow_ups(campaign: Campaign, timeline: Timeline, report: _Report) -> tuple[PlannedTouch, ...]:
    """Return the touches of a timeline with the moments of those that follow a message of the calendar."""
    found: dict[str, tuple[PlannedOccurrence, ...]] = {}
    for _, sequence in campaign.sequences():
        dates = expected(
            campaign,
            timeline,
            sequence,
            unresolved=lambda touch, error: report.unresolved(
                (*campaign.touch_path(touch.id), "when"), f"touch {touch.id!r}", error
            ),
        )
        if dates and sequence.opening is not None:
            own = timeline.touch(sequence.opening.id).occurrences
            report.findings += judgement.of_follow_ups(campaign, sequence, own, dates)
        found |= dates
    return tuple(replace(touch, expected=found.get(touch.id, ())) for touch in timeline.touches)


def _occurrences(schedule: Schedule, touch: Touch) -> tuple[PlannedOccurrence, ...]:
    """Return the moments of a calendar touch, ended by its offer, over all zones where people have their own."""
    found = tuple(schedule.ended(touch.id, occurrence) for occurrence in schedule.touch(touch.id))
    if schedule.campaign.timezone != "contact" or not touch.is_personal:
        return found
    first = {one.key: one for one in schedule.touch_in(touch.id, FIRST_ZONE)}
    last = {one.key: one for one in schedule.touch_in(touch.id, LAST_ZONE)}
    return tuple(schedule.ended(touch.id, _over_zones(one, first.get(one.key), last.get(one.key))) for one in found)


def _over_zones(
    occurrence: PlannedOccurrence, first: PlannedOccurrence | None, last: PlannedOccurrence | None
) -> PlannedOccurrence:
    window = occurrence.window
    zone = window.target.tzinfo
    earliest = min(window.earliest, first.window.earliest.astimezone(zone)) if first is not None else window.earliest
    latest = window.latest
    if latest is not None and last is not None and last.window.latest is not None:
        latest = max(latest, last.window.latest.astimezone(zone))
    return replace(occurrence, window=replace(window, earliest=earliest, latest=latest))


def _offer(schedule: Schedule, code: str, report: _Report) -> PlannedOffer:
    try:
        return schedule.offer(code)
    except CampaignError as error:
        report.unresolved(("offers", code, "until"), f"offer {code}", error)
        return PlannedOffer(code, None, None, "")


def _feasibility(campaign: Campaign, schedule: Schedule, touches: tuple[PlannedTouch, ...]) -> Feasibility | None:
    going = [
        one.due_at
        for touch in touches
        for one in touch.occurrences
        if one.state == "planned" and touch.id not in schedule.sent
    ]
    first_at = min([*going, *schedule.sent.values()], default=None)
    return feasibility(campaign, first_at, schedule.setting.occasion_on)
