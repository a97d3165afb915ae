"""The plan: a whole campaign resolved from one reference moment into a frozen timeline with what is wrong about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from campaigns.definition import Campaign, Stage, Touch
from campaigns.errors import CampaignError
from campaigns.finding import Finding
from campaigns.planner import content, judgement
from campaigns.planner.feasibility import feasibility
from campaigns.planner.reasons import reason
from campaigns.planner.schedule import Schedule
from campaigns.planner.setting import setting
from campaigns.planner.triggered import delay
from campaigns.timeline import Feasibility, PlannedOccurrence, PlannedOffer, PlannedStage, PlannedTouch, Timeline
from campaigns.timing import zones

# Where people have zones of their own, a window opens in the first zone on earth and closes in the last.
FIRST_ZONE, LAST_ZONE = "Pacific/Kiritimati", "Etc/GMT+12"


def plan(
    campaign: Campaign,
    *,
    now: datetime,
    reference: datetime | None = None,
    templates: Mapping[str, str] | None = None,
    sent: Mapping[str, datetime] | None = None,
    known: Collection[str] | None = None,
) -> Timeline:
    """Return what the campaign would do: same campaign and moments in, same timeline out.

    `reference` is the moment of the edition's first apply, from which every phrase is resolved (DECISIONS 21); without
    it there was none and `now` takes its place. `now` decides only what is past. `templates` maps paths to sources, for
    the content hashes; `sent` maps touch ids to when they first really went; `known` names the touches that were
    applied before (None: all, once there is a reference). All moments are aware. What is wrong becomes findings; only
    an occasion that cannot be found raises TimingError.
    """
    if known is None and reference is None:
        known = ()
    edition = setting(campaign, reference or now)
    schedule = Schedule(edition, now=zones.local(now, edition.zone), sent=sent or {}, known=known)
    findings: list[Finding] = [*judgement.of_setting(edition)]
    stages = tuple(_stage(schedule, number, stage, findings) for number, stage in enumerate(campaign.stages))
    touches = tuple(_touch(schedule, stage, touch, templates or {}, findings) for stage, touch in campaign.touches())
    offers = tuple(_offer(schedule, code, findings) for code in campaign.offers)
    findings += judgement.of_order(campaign, stages)
    findings += judgement.of_offers(campaign, touches, offers)
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
        findings=tuple(findings),
        hash="",
    )
    return replace(timeline, hash=content.plan_hash(campaign, timeline))


def _stage(schedule: Schedule, number: int, stage: Stage, findings: list[Finding]) -> PlannedStage:
    if stage.when is None:
        entered = f"entered on {stage.enter_on}" if stage.enter_on else ""
        return PlannedStage(stage.id, stage.kind.value, None, entered, None)
    try:
        placed = schedule.stage(stage.id)
    except CampaignError as error:
        findings.append(
            judgement.unresolved(schedule.campaign, ("stages", number, "when"), f"stage {stage.id!r}", error)
        )
        return PlannedStage(stage.id, stage.kind.value, None, "", None)
    findings += judgement.of_stage(schedule, number, stage, placed.window)
    return PlannedStage(stage.id, stage.kind.value, placed.window, placed.window.says, placed.moment)


def _touch(
    schedule: Schedule, stage: Stage, touch: Touch, templates: Mapping[str, str], findings: list[Finding]
) -> PlannedTouch:
    campaign = schedule.campaign
    occurrences: tuple[PlannedOccurrence, ...] = ()
    if touch.on is None:
        try:
            occurrences = _occurrences(schedule, touch)
        except CampaignError as error:
            if not _told_already(schedule, stage, touch):
                path = (*campaign.touch_path(touch.id), "when")
                findings.append(judgement.unresolved(campaign, path, f"touch {touch.id!r}", error))
        else:
            findings += judgement.of_touch(schedule, stage, touch, occurrences)
    return PlannedTouch(
        id=touch.id,
        stage=stage.id,
        channel=touch.channel[0],
        occurrences=occurrences,
        trigger=touch.on,
        delay=delay(touch) if touch.on is not None else "",
        reason=reason(campaign, stage, touch, occurrences),
        content_hash=content.content_hash(campaign, touch, templates),
        sent_at=schedule.sent.get(touch.id),
    )


def _told_already(schedule: Schedule, stage: Stage, touch: Touch) -> bool:
    """Whether the stage's own finding already says why its touch has no moment."""
    if stage.when is None:
        return False
    try:
        schedule.stage(stage.id)
    except CampaignError:
        return touch.when is None
    return False


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


def _offer(schedule: Schedule, code: str, findings: list[Finding]) -> PlannedOffer:
    try:
        return schedule.offer(code)
    except CampaignError as error:
        findings.append(judgement.unresolved(schedule.campaign, ("offers", code, "until"), f"offer {code}", error))
        return PlannedOffer(code, None, None, "")


def _feasibility(campaign: Campaign, schedule: Schedule, touches: tuple[PlannedTouch, ...]) -> Feasibility | None:
    going = [one.due_at for touch in touches for one in touch.occurrences if one.state == "planned"]
    first_at = min([*going, *schedule.sent.values()], default=None)
    return feasibility(campaign, first_at, schedule.setting.occasion_on)
