"""What a plan counts from: the edition, its occasion, the start, and the year that a date without a year belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from campaigns.definition import Campaign
from campaigns.errors import CampaignError, TimingError
from campaigns.planner.anchors import is_calendar, year_of
from campaigns.timing import occasions, resolver, zones
from campaigns.timing.model import (
    Anchor,
    Beside,
    CampaignStart,
    Moments,
    Occasion,
    Rules,
    Timing,
)

# How long before its occasion an edition begins when the file names no start.
_RUN_UP = timedelta(days=182)
_YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Setting:
    """One edition of one campaign, seen from its reference moment.

    `start` is where dates without a year are looked for from; `opens` is the campaign's `starts:`, else the reference
    moment. Both aware, in the campaign's zone.
    """

    campaign: Campaign
    reference: datetime
    edition: str
    zone: str
    start: datetime
    opens: datetime
    closes: datetime | None
    occasion: str | None
    occasion_on: date | None
    problems: Mapping[str, CampaignError] = field(default_factory=dict)

    def moments(
        self, timing: Timing, *, zone: str | None = None, floor: datetime | None = None, **known: object
    ) -> Moments:
        """Return the moments `timing` is resolved from; `floor` is the earliest the previous stage may have begun.

        A calendar date without a year is looked for from the start of the edition, everything else from the reference
        moment (from the start of the campaign where that comes later).
        """
        base = max(self.reference, self.opens)
        if is_calendar(timing.anchor):
            base = self.start if floor is None else max(self.start, floor)
        elif (year := year_of(timing.anchor)) is not None:
            base = min(base, zones.local(zones.start_of_day(date(year - 1, 1, 1), self.zone), self.zone))
        return Moments(
            now=base,
            zone=zone or self.zone,
            country=self.campaign.country,
            start=self.opens if isinstance(timing.anchor, CampaignStart) else base,
            end=self.closes,
            occasions=self.campaign.occasions,
            **known,  # type: ignore[arg-type]  # named like the fields of Moments
        )

    def of_edition(self, timing: Timing) -> Timing:
        """Pin the campaign's own occasion to this edition's year, so that "after" it never means last year's."""

        def pinned(anchor: Anchor | None) -> Anchor | None:
            if isinstance(anchor, Beside):
                return replace(anchor, anchor=pinned(anchor.anchor) or anchor.anchor)
            if self.occasion is None or self.occasion_on is None or not isinstance(anchor, Occasion):
                return anchor
            if anchor.name in (self.occasion, occasions.THE_DAY) and anchor.year is None:
                return Occasion(self.occasion, self.occasion_on.year)
            return anchor

        anchor, second = pinned(timing.anchor), pinned(timing.second)
        if anchor is timing.anchor and second is timing.second:
            return timing
        assert anchor is not None
        return replace(timing, anchor=anchor, second=second)


def edition(campaign: Campaign, now: datetime) -> str:
    """Return the edition a plan made at `now` belongs to: the year of the next occasion, else of the start.

    The occasion's own day still belongs to its edition. Raises: TimingError when the occasion cannot be found.
    """
    return setting(campaign, now).edition


def span(campaign: Campaign, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when the campaign's own `starts:` and `ends:` are, seen from `now`; None where the file says nothing.

    Both aware, in the campaign's zone. Raises: TimingError when the occasion or one of them cannot be resolved.
    """
    found = setting(campaign, now)
    for problem in found.problems.values():
        raise problem
    return (found.opens if campaign.starts is not None else None), found.closes


def occasion_name(campaign: Campaign) -> str | None:
    """Return the occasion by its name in the timing model: the file's own day, or the canonical id of a known one."""
    if campaign.occasion is None or campaign.occasion in campaign.occasions:
        return campaign.occasion
    return occasions.find(campaign.occasion, campaign.language) or campaign.occasion


def setting(campaign: Campaign, reference: datetime) -> Setting:
    """Find the edition that is planned from `reference` (aware).

    A start without a year is the last one before the occasion (or before `ends:`), so that planning in the middle of a
    campaign still means this one. Raises: TimingError when the occasion cannot be found.
    """
    zone = campaign.zone
    here = zones.local(reference, zone)
    name = occasion_name(campaign)
    occasion_on = None if name is None else _next_occasion(campaign, name, here)
    begin = here if occasion_on is None else _run_up(campaign, occasion_on, here)
    bare = Setting(campaign, here, "", zone, begin, here, None, name, occasion_on)
    problems: dict[str, CampaignError] = {}
    closes = opens = None
    try:
        closes = _end(bare)
    except CampaignError as error:
        problems["ends"] = error
    try:
        opens = _start(bare, closes)
    except CampaignError as error:
        problems["starts"] = error
    year = occasion_on.year if occasion_on else (opens or here).year
    return replace(bare, edition=str(year), start=opens or begin, opens=opens or here, closes=closes, problems=problems)


def _next_occasion(campaign: Campaign, name: str, here: datetime) -> date:
    moments = Moments(now=here, start=here, zone=campaign.zone, country=campaign.country, occasions=campaign.occasions)
    try:
        return resolver.resolve(Timing(Occasion(name)), moments, Rules()).earliest.date()
    except CampaignError as error:
        raise TimingError(
            f"occasion {campaign.occasion!r}: {error.message}", place=campaign.place("occasion"), remedy=error.remedy
        ) from error


def _run_up(campaign: Campaign, occasion_on: date, here: datetime) -> datetime:
    """Return where the dates of an edition begin: half a year before its occasion, earlier when planned earlier."""
    return zones.local(min(here, zones.start_of_day(occasion_on - _RUN_UP, campaign.zone)), campaign.zone)


def _end(bare: Setting) -> datetime | None:
    timing = bare.campaign.ends
    if timing is None:
        return None
    timing = bare.of_edition(timing)
    window = resolver.resolve(timing, bare.moments(timing), Rules())
    return window.latest or window.target


def _start(bare: Setting, closes: datetime | None) -> datetime | None:
    timing = bare.campaign.starts
    if timing is None:
        return None
    timing = bare.of_edition(timing)
    goal = closes
    if bare.occasion_on is not None:
        goal = zones.end_of_day(bare.occasion_on, bare.zone)
    moments = bare.moments(timing)
    if goal is not None and is_calendar(timing.anchor):
        moments = replace(moments, now=goal - _YEAR, start=goal - _YEAR)
    return resolver.resolve(timing, moments, Rules()).earliest
