"""A calendar touch for one person: the same local day in their own zone, or their own place in a spread."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from campaigns.definition import Campaign
from campaigns.planner.offers import offer_of
from campaigns.planner.schedule import Schedule
from campaigns.planner.setting import setting
from campaigns.timeline import PlannedOccurrence, PlannedOffer, Timeline

# Schedules of the timelines asked about last: people are many, timelines few.
_KEPT: dict[tuple[object, ...], Schedule] = {}
_MOST_KEPT = 64


def due_in_zone(
    campaign: Campaign, timeline: Timeline, touch_id: str, key: str, zone: str, *, spread_key: str = ""
) -> PlannedOccurrence:
    """Return one occurrence of a calendar touch for a person in `zone`.

    Only a personal touch of a campaign with `timezone: contact` depends on the zone. `spread_key` names the person in a
    `pick: spread` touch (DECISIONS 41); the same key gives the same moment. Raises: KeyError for an unknown touch or
    key, TimingError for an unknown zone.
    """
    planned = timeline.touch(touch_id)
    known = next((one for one in planned.occurrences if one.key == key), None)
    if known is None:
        raise KeyError(key)
    touch = next(touch for _, touch in campaign.touches() if touch.id == touch_id)
    theirs = zone if campaign.timezone == "contact" and touch.is_personal else campaign.zone
    if theirs == campaign.zone and not spread_key and campaign.timezone != "contact":
        return known
    schedule = _schedule(campaign, timeline, _sent(timeline))
    for one in schedule.touch_in(touch_id, theirs, spread_key=spread_key):
        if one.key == key:
            return schedule.ended(touch_id, one)
    return known


def offer_window(
    campaign: Campaign,
    code: str,
    timeline: Timeline,
    sent: Mapping[str, datetime] | None = None,
    *,
    going: Mapping[str, datetime] | None = None,
) -> PlannedOffer:
    """Return the validity of an offer once the touches in `sent` have gone at these moments.

    `going` are the moments of touches that are about to go to one person. Event touches go to each person at another
    moment: they count by `going` alone, and an offer that starts with one is each person's own. Raises: KeyError.
    """
    own = {touch.id for _, touch in campaign.touches() if touch.on is not None}
    known = {**_sent(timeline), **{touch: moment for touch, moment in (sent or {}).items() if touch not in own}}
    return offer_of(_schedule(campaign, timeline, {**known, **(going or {})}), code)


def _sent(timeline: Timeline) -> dict[str, datetime]:
    """Return when the calendar touches first really went."""
    return {touch.id: touch.sent_at for touch in timeline.touches if touch.sent_at is not None and not touch.trigger}


def _schedule(campaign: Campaign, timeline: Timeline, sent: Mapping[str, datetime]) -> Schedule:
    known = {touch.id: touch.applied_at for touch in timeline.touches if touch.applied_at is not None}
    went, applied = tuple(sorted(sent.items())), tuple(sorted(known.items()))
    key = (timeline.campaign, timeline.hash, timeline.reference, timeline.now, went, applied)
    found = _KEPT.get(key)
    if found is None:
        found = Schedule(setting(campaign, timeline.reference), now=timeline.now, sent=sent, known=known)
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        _KEPT[key] = found
    return found
