"""Touches that a person's event starts: when they are due after it, and how often they come again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from campaigns.definition import START, Campaign, Stage, Touch
from campaigns.errors import CampaignError
from campaigns.planner import protection
from campaigns.planner.awaited import Awaited, awaited_event, awaiting, not_at_once, repeat_awaits
from campaigns.planner.opening import expiry
from campaigns.planner.recurrence import repetition
from campaigns.planner.schedule import at_clock
from campaigns.planner.wording import words
from campaigns.timeline import PlannedOccurrence, Timeline
from campaigns.timing import constraints, resolver, zones
from campaigns.timing.model import Event, Here, Moments, Relation, Rules, Timing, Unit

_SHORT = {Unit.MINUTE: "min", Unit.HOUR: "h", Unit.DAY: "d", Unit.BUSINESS_DAY: "business d"}
_KEY = "run"


def due_after_event(
    campaign: Campaign,
    touch: Touch,
    *,
    event_at: datetime,
    zone: str,
    expected: datetime | None = None,
    awaited: Awaited | None = None,
    after: datetime | None = None,
    reference: datetime,
    timeline: Timeline,
) -> PlannedOccurrence:
    """Return when an event touch goes to one person in `zone` after the event that happened at `event_at` (aware).

    `expected` is when the second event of "between A and B" is expected, `awaited` the forecast of what "the expected
    order" counts from; a moment that lies before the event by it is halfway between the two. `after` is when the step
    before went, or when the wait for an event ended: "later" counts from there, without it from the event. Whole days
    count from the local date and keep the time of day. The key of the occurrence is the caller's to choose (DECISIONS
    20). Pure: the present plays no part. Raises: UnresolvedError when the words wait for something else than the event.
    """
    stage = stage_of(campaign, touch)
    rules = protection.rules(campaign, stage, touch)
    timing = at_clock(touch.when or Timing(Here()), touch.at)
    happened = zones.local(event_at, zone)
    here = happened if after is None else zones.local(after, zone)
    moments = _moments(campaign, stage, touch, timeline, here=here, happened=happened, zone=zone, reference=reference)
    if expected is not None and expected > here and isinstance(timing.second, Event):
        moments = replace(moments, expected={timing.second.name or "event": zones.local(expected, zone)})
    moments = awaiting(moments, timing, awaited)
    window = resolver.resolve(timing, moments, rules)
    window = not_at_once(window, timing, awaited, here, rules, campaign.country)
    offer = timeline.offer(touch.offer) if touch.offer is not None else None
    expires_at = expiry(campaign, stage, touch, window, offer.ends_at if offer is not None else None)
    return PlannedOccurrence(_KEY, window, window.target, expires_at)


def repeat_due(
    campaign: Campaign, touch: Touch, first_due: datetime, number: int, zone: str, *, awaited: Awaited | None = None
) -> datetime | None:
    """Return when the `number`-th message (1 is the first) of a repeated event touch goes; None after the last.

    Days count on the local calendar of `zone` and keep the time of day of `first_due` (aware). `awaited` is the
    forecast that "until the expected order" counts from; without it there is nothing to wait for, and no repetition.
    """
    if number == 1:
        return first_due
    repeat = touch.repeat.repeat if touch.repeat is not None else None
    if repeat is None:
        return None
    moment = repetition(repeat, first_due, number, zone)
    if moment is None:
        return None
    if repeat.until is not None:
        if awaited is None and repeat_awaits(touch) is not None:
            return None
        if moment > _end(campaign, repeat.until, zones.local(first_due, zone), zone, awaited):
            return None
    rules = protection.rules(campaign, stage_of(campaign, touch), touch)
    allowed = constraints.next_allowed(moment, zone, rules, campaign.country)
    return zones.local(allowed or moment, zone)


def delay(touch: Touch) -> str:
    """Write how long after its event a touch goes: `+1 d`, `+3-5 d`, `between`, else the author's words."""
    timing = touch.when
    if timing is None:
        return ""
    if timing.relation is Relation.BETWEEN:
        return "between"
    offset = timing.offset
    if offset is None or awaited_event(touch) is not None:
        return words(timing)
    amount = str(offset.low) if offset.low == offset.high else f"{offset.low}-{offset.high}"
    unit = _SHORT.get(offset.unit, offset.unit.value if offset.high != 1 else offset.unit.value.removesuffix("s"))
    sign = "≤" if timing.relation is Relation.WITHIN else "+" if offset.sign > 0 else "-"
    return f"{sign}{amount} {unit}"


def follows(campaign: Campaign, touch: Touch) -> str:
    """Write what a step follows: the step before, the event that was waited for, or that it did not come.

    Empty where it is the event that starts the touch.
    """
    found = next(one for _, one in campaign.sequences() if one.message(touch.id) is not None)
    reached = found.reached(touch.id)
    if reached.wait is None:
        return "" if reached.after == START else reached.after
    return f"no {reached.wait.event} in {reached.wait.within}" if reached.timed_out else reached.wait.event


def stage_of(campaign: Campaign, touch: Touch) -> Stage:
    """Return the stage a touch stands in."""
    for stage, candidate in campaign.touches():
        if candidate.id == touch.id:
            return stage
    raise CampaignError(f"no touch {touch.id!r} in campaign {campaign.id!r}")


def _moments(
    campaign: Campaign,
    stage: Stage,
    touch: Touch,
    timeline: Timeline,
    *,
    here: datetime,
    happened: datetime,
    zone: str,
    reference: datetime,
) -> Moments:
    event = touch.on or "event"
    offer = timeline.offer(touch.offer) if touch.offer is not None else None
    stages = {planned.id: planned.moment for planned in timeline.stages if planned.moment is not None}
    return Moments(
        now=here,
        zone=zone,
        country=campaign.country,
        start=max(here, reference),
        previous=here,
        previous_is_date=False,
        stage=stages.get(stage.id),
        stages=stages,
        touches={planned.id: planned.occurrences[0].due_at for planned in timeline.touches if planned.occurrences},
        events={event: happened, "event": here},
        offer_end=offer.ends_at if offer is not None else None,
        occasions=campaign.occasions,
    )


def _end(campaign: Campaign, until: Timing, first: datetime, zone: str, awaited: Awaited | None) -> datetime:
    moments = Moments(
        now=first, start=first, zone=zone, country=campaign.country, previous=first, occasions=campaign.occasions
    )
    window = resolver.resolve(until, awaiting(moments, until, awaited), Rules())
    return window.latest or window.target
