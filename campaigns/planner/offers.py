"""How long an offer holds: from the planned, then the real moment of the touch or stage it starts with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from campaigns.definition import Campaign, Offer
from campaigns.errors import CampaignError, UnresolvedError
from campaigns.planner.anchors import anchors
from campaigns.planner.setting import Setting
from campaigns.timeline import PlannedOffer
from campaigns.timing import model, resolver, zones
from campaigns.timing.model import Timing


class Known(Protocol):
    """What an offer needs to know: when stages and touches went, or are planned to."""

    @property
    def setting(self) -> Setting:
        """Return the edition."""

    def stage_moment(self, name: str) -> datetime:
        """Return when the stage began or will; UnresolvedError when nobody knows."""

    def touch_moment(self, touch_id: str) -> datetime:
        """Return when the touch went or will; UnresolvedError when nobody knows."""


def offer_of(known: Known, code: str) -> PlannedOffer:
    """Return the validity of the offer; a bound that nobody knows yet, or that is not limited, is None.

    `until` in words such as "48 hours later" counts from `from:`, without it from the first calendar touch that quotes
    the offer. A day as the end means its last second. Raises: CampaignError when a phrase cannot be resolved at all.
    """
    campaign = known.setting.campaign
    offer = campaign.offers[code]
    try:
        starts_at = _starts(known, offer) if offer.starts is not None else None
    except UnresolvedError:
        starts_at = None
    if starts_at is None and offer.starts is None and offer.until is not None and counts_from_here(offer.until):
        starts_at = _quoted(known, campaign, code)
    try:
        ends_at = _ends(known, offer, starts_at) if offer.until is not None else None
    except UnresolvedError:
        ends_at = None
    return PlannedOffer(code, starts_at, ends_at, _says(starts_at, ends_at))


def counts_from_here(timing: Timing) -> bool:
    """Whether the words count from where they stand ("48 hours later"), not from a day of their own."""
    here = (model.Previous, model.Here, model.Now)
    return any(isinstance(anchor, here) or anchor == model.Stage() for anchor in anchors(timing))


def _quoted(known: Known, campaign: Campaign, code: str) -> datetime | None:
    """Return when the first touch that quotes the offer goes; of event touches only what is known of one person."""
    moments = []
    for _stage, touch in campaign.touches():
        if touch.offer == code:
            try:
                moments.append(known.touch_moment(touch.id))
            except CampaignError:
                continue
    return min(moments, default=None)


def _starts(known: Known, offer: Offer) -> datetime:
    assert offer.starts is not None
    match offer.starts:
        case Timing(anchor=model.Stage(name=str() as name), offset=None, relation=model.Relation.ON):
            return known.stage_moment(name)
        case Timing(anchor=model.Touch(name=name), offset=None, relation=model.Relation.ON):
            return known.touch_moment(name)
        case timing:
            pinned = known.setting.of_edition(timing)
            return resolver.resolve(pinned, _moments(known, pinned, None)).earliest


def _ends(known: Known, offer: Offer, anchor: datetime | None) -> datetime:
    assert offer.until is not None
    timing = known.setting.of_edition(offer.until)
    window = resolver.resolve(timing, _moments(known, timing, anchor))
    exact = timing.offset is not None and timing.offset.unit.exact
    if window.latest is None or exact:
        return window.latest or window.target
    zone = known.setting.zone
    return zones.local(zones.end_of_day(zones.local(window.latest, zone).date(), zone), zone)


def _moments(known: Known, timing: Timing, anchor: datetime | None) -> model.Moments:
    if anchor is None and counts_from_here(timing):
        raise UnresolvedError("nobody knows yet what the offer counts from")
    stages: dict[str, datetime] = {}
    touches: dict[str, datetime] = {}
    for needed in anchors(timing):
        if isinstance(needed, model.Stage) and needed.name is not None:
            stages[needed.name] = known.stage_moment(needed.name)
        elif isinstance(needed, model.Touch):
            touches[needed.name] = known.touch_moment(needed.name)
    moments = known.setting.moments(timing, floor=None, previous=anchor, stage=anchor, stages=stages, touches=touches)
    if anchor is not None and isinstance(timing.anchor, model.Now):
        moments = replace(moments, now=anchor, start=anchor)
    return moments


def _says(starts_at: datetime | None, ends_at: datetime | None) -> str:
    if ends_at is None:
        return "no end" if starts_at is None else f"from {_moment(starts_at)}"
    if starts_at is None:
        return f"until {_moment(ends_at)}"
    return f"{_moment(starts_at)} to {_moment(ends_at)}"


def _moment(moment: datetime) -> str:
    day = f"{moment:%a} {moment.day} {moment:%b}"
    return day if (moment.hour, moment.minute) == (23, 59) else f"{day} {moment:%H:%M}"
