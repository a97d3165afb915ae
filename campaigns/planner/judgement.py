"""What is wrong about the dates of a plan, as findings; what is wrong about its words is lint's business."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from campaigns.definition import Campaign, Sequence, Stage, Touch
from campaigns.errors import CampaignError, Place
from campaigns.finding import Finding, Level
from campaigns.planner import protection
from campaigns.planner.anchors import is_calendar, year_of
from campaigns.planner.reasons import moment
from campaigns.planner.schedule import Schedule
from campaigns.planner.setting import Setting
from campaigns.planner.wording import words
from campaigns.timeline import PlannedOccurrence, PlannedOffer, PlannedStage, PlannedTouch
from campaigns.timing import resolver
from campaigns.timing.constraints import BlockedError
from campaigns.timing.model import Timing, Window

_YEAR = timedelta(days=366)
_JUST_OVER = timedelta(days=62)


def unresolved(campaign: Campaign, path: tuple[str | int, ...], what: str, error: CampaignError) -> Finding:
    """Return the finding for a moment that cannot be found; left out as the author asked (`on_blocked: skip`) warns."""
    place = error.place or campaign.place(*path)
    if isinstance(error, BlockedError) and error.skipped:
        return Finding("left-out", Level.WARNING, f"{what} is {error.message}", place, "choose another day to have it")
    return Finding("unresolved", Level.ERROR, f"{what}: {error.message}", place, error.remedy)


def follows_left_out(campaign: Campaign, path: tuple[str | int, ...], what: str, error: CampaignError) -> Finding:
    """Return the finding for a moment that counts from one that is left out."""
    message = f"{what} counts from a day that is {error.message}"
    return Finding("unresolved", Level.ERROR, message, campaign.place(*path), "count from another moment")


def of_setting(edition: Setting) -> Iterator[Finding]:
    """Yield what is wrong with the start and the end of the campaign."""
    for key, error in edition.problems.items():
        yield unresolved(edition.campaign, (key,), f"`{key}:`", error)


def of_stage(schedule: Schedule, number: int, stage: Stage, window: Window) -> Iterator[Finding]:
    """Yield a warning when the words just missed this year and therefore mean the next one."""
    assert stage.when is not None
    path = ("stages", number, "when")
    yield from _next_year(schedule, stage.when, window, schedule.floor(stage.id), path=path, what=f"stage {stage.id!r}")


def of_touch(
    schedule: Schedule, stage: Stage, touch: Touch, occurrences: tuple[PlannedOccurrence, ...]
) -> Iterator[Finding]:
    """Yield what is wrong with the moments of a calendar touch: past, expired, none at all."""
    campaign = schedule.campaign
    path = campaign.touch_path(touch.id)
    place = campaign.place(*path, *(() if touch.when is None else ("when",)))
    if not occurrences:
        yield Finding(
            "no-moment", Level.ERROR, f"{touch.id} never comes: no day is left for it", place, "change its `when:`"
        )
        return
    if touch.when is not None:
        window = occurrences[0].window
        yield from _next_year(
            schedule, touch.when, window, schedule.floor(stage.id), path=(*path, "when"), what=touch.id
        )
    first = schedule.first_plan(touch.id)
    over = [one for one in occurrences if one.state == "expired"]
    if over and not (schedule.is_known(touch.id) and _end(over[-1]) >= first):
        yield _over(touch, touch.when or stage.when, occurrences, over, first=first, place=place)


def _end(occurrence: PlannedOccurrence) -> datetime:
    return occurrence.window.latest or occurrence.window.target


def _over(
    touch: Touch,
    timing: Timing | None,
    occurrences: tuple[PlannedOccurrence, ...],
    over: list[PlannedOccurrence],
    *,
    first: datetime,
    place: Place,
) -> Finding:
    """Return the finding about a touch whose time had passed before it was first applied."""
    last = _end(over[-1])
    if timing is not None and year_of(timing.anchor) is not None and len(over) == len(occurrences):
        message = f"{touch.id} is planned for {moment(last)} {last.year}, which is past"
        return Finding("past-date", Level.ERROR, message, place, "change the date, or leave the year out")
    remedy = "give it a later `when:` if it should still go"
    if len(occurrences) > 1:
        message = f"{touch.id}: {len(over)} of its {len(occurrences)} dates are over; they will not be sent"
        return Finding("expired", Level.WARNING, message, place, remedy)
    said = f"{words(timing)!r}" if timing is not None else "its time"
    ended = "was over on" if last < first else "has no allowed moment left until"
    message = f"{touch.id}: {said} {ended} {last.day} {last:%b %Y}; it will not be sent"
    return Finding("expired", Level.WARNING, message, place, remedy)


def of_order(campaign: Campaign, stages: tuple[PlannedStage, ...]) -> Iterator[Finding]:
    """Yield an error for a stage that ends before the one before it begins; overlapping is allowed."""
    before: PlannedStage | None = None
    for number, stage in enumerate(stages):
        if stage.window is None:
            continue
        latest = stage.window.latest
        if before is not None and before.window is not None and latest is not None and latest < before.window.earliest:
            began = before.window.earliest
            yield Finding(
                "stage-order",
                Level.ERROR,
                f"stage {stage.id!r} ends {moment(latest)}, before {before.id!r} begins {moment(began)}",
                campaign.place("stages", number, "when"),
                "put the stages in the order of their dates, or change one of them",
            )
        before = stage


def of_offers(
    campaign: Campaign, touches: tuple[PlannedTouch, ...], offers: tuple[PlannedOffer, ...]
) -> Iterator[Finding]:
    """Yield an error for every touch that would go after the end of the offer it quotes."""
    ends = {offer.code: offer.ends_at for offer in offers}
    for _stage, touch in campaign.touches():
        ends_at = ends.get(touch.offer) if touch.offer is not None else None
        planned = next(one for one in touches if one.id == touch.id)
        late = [
            one
            for one in (*planned.occurrences, *planned.expected)
            if ends_at is not None and one.due_at > ends_at and one.state == "planned"
        ]
        if late and ends_at is not None:
            yield Finding(
                "offer-ended",
                Level.ERROR,
                f"{touch.id} goes {moment(late[0].due_at)}, after {touch.offer} has ended ({moment(ends_at)})",
                campaign.place(*campaign.touch_path(touch.id)),
                "let the offer run longer, or the touch go earlier",
            )


def of_follow_ups(
    campaign: Campaign,
    sequence: Sequence,
    dates: tuple[PlannedOccurrence, ...],
    expected: Mapping[str, tuple[PlannedOccurrence, ...]],
) -> Iterator[Finding]:
    """Yield a warning for every step of a calendar touch that was added when all `dates` of the touch had passed."""
    opening = sequence.opening
    if opening is None or all(one.state == "expired" for one in dates):
        return
    for touch in sequence.follow_ups:
        if not (moments := expected.get(touch.id, ())) or any(one.state != "expired" for one in moments):
            continue
        yield Finding(
            "expired",
            Level.WARNING,
            f"{touch.id} follows {opening.id}, which had no date left when this step was added; nobody gets it",
            campaign.place(*campaign.touch_path(touch.id)),
            "write it as a touch of its own, with a `when:` to come",
        )


def _next_year(
    schedule: Schedule,
    timing: Timing,
    window: Window,
    floor: datetime | None,
    *,
    path: tuple[str | int, ...],
    what: str,
) -> Iterator[Finding]:
    """Yield a warning when a date without a year was over a short while ago, so that it now means next year."""
    setting = schedule.setting
    if not is_calendar(timing.anchor) or setting.occasion_on is not None or setting.campaign.starts is not None:
        return
    moments = setting.moments(timing, floor=floor)
    if floor is not None and floor > setting.start:
        return
    earlier = replace(moments, now=moments.now - _YEAR, start=moments.now - _YEAR)
    try:
        last = resolver.resolve(timing, earlier, protection.rules(setting.campaign, None, None))
    except CampaignError:
        return
    closed = last.latest or last.target
    if closed < moments.now <= closed + _JUST_OVER and window.earliest > closed:
        yield Finding(
            "next-year",
            Level.WARNING,
            f"{what}: {words(timing)!r} was over on {closed.day} {closed:%b %Y}, so it means {window.earliest:%B %Y}",
            setting.campaign.place(*path),
            "name another time if that is too late",
        )
