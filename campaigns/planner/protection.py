"""When people may be disturbed, and what becomes of late messages: the defaults, and what the file changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache

from campaigns.definition import Campaign, Cap, Courtesy, OnLate, Purpose, Stage, Touch
from campaigns.errors import CampaignError
from campaigns.timing import occasions, resolver
from campaigns.timing.model import Fixed, Hours, Moments, Occasion, Pick, Relation, Rules, Span, Timing, Unit

QUIET_HOURS = Hours(time(21), time(8))
PRIORITY = 50
CAPS = (Cap(1, 1), Cap(3, 7))
CLOCK = time(10)
EVERY_DAY = frozenset(range(7))

# Days on which the shop is closed are known for these years; a plan reaches ten years ahead at most.
_YEARS = range(2020, 2061)


@dataclass(frozen=True, slots=True)
class EffectiveCourtesy:
    """What binds one touch after inheritance; `None` and empty mean free. Hours are wall time in the person's zone."""

    quiet_hours: Hours | None
    send_hours: Hours | None
    weekdays: frozenset[int]
    avoid_holidays: bool
    caps: tuple[Cap, ...]
    closed_days: frozenset[date]
    min_gap: Span | None = None


def is_free(touch: Touch | None) -> bool:
    """Whether the touch is bound only by what it names: it answers the person, or is for the staff or a machine."""
    if touch is None or touch.is_post:
        return False
    return touch.is_task or touch.purpose is Purpose.TRANSACTIONAL or not touch.is_personal


def courtesy(campaign: Campaign, stage: Stage | None, touch: Touch | None) -> EffectiveCourtesy:
    """Return the courtesy that binds `touch`: its own lines, else its stage's, else the campaign's, else the defaults.

    Transactional messages, staff tasks and hooks are bound only by what stands on the touch itself; tasks also keep
    the days on which the shop is closed. Caps and gaps are about marketing to one person, so posts have none.
    """
    free = is_free(touch)
    lines: list[Courtesy] = [touch.courtesy] if touch is not None else []
    if not free:
        lines += [stage.courtesy] if stage is not None else []
        lines.append(campaign.courtesy)

    def first(name: str) -> object:
        return next((value for line in lines if (value := getattr(line, name)) is not None), None)

    quiet, send, weekdays, caps = first("quiet_hours"), first("send_hours"), first("weekdays"), first("caps")
    gap = touch.min_gap if touch is not None and touch.min_gap is not None else first("min_gap")
    capped = not free and (touch is None or not touch.is_post)
    bound_by_closing = not free or (touch is not None and touch.is_task)
    return EffectiveCourtesy(
        quiet_hours=quiet if isinstance(quiet, Hours) else None if free or quiet == "none" else QUIET_HOURS,
        send_hours=send if isinstance(send, Hours) else None,
        weekdays=weekdays if isinstance(weekdays, frozenset) and weekdays else EVERY_DAY,
        avoid_holidays=first("holidays") == "avoid",
        caps=() if not capped else caps if isinstance(caps, tuple) else CAPS,
        closed_days=closed_days(campaign, *lines) if bound_by_closing else frozenset(),
        min_gap=gap if capped and isinstance(gap, Span) else None,
    )


def priority(touch: Touch) -> int:
    """Return how much the touch counts where a cap leaves room for one message: 0 to 100, 50 where none is named."""
    return PRIORITY if touch.priority is None else touch.priority


def rules(campaign: Campaign, stage: Stage | None, touch: Touch | None) -> Rules:
    """Return what a moment of `touch` must satisfy and how it is chosen: 10:00 without a time, courtesy, `pick`."""
    bound = courtesy(campaign, stage, touch)
    return Rules(
        clock=CLOCK,
        pick=(touch.pick if touch else None) or (stage.pick if stage else None) or Pick.TARGET,
        send_hours=bound.send_hours,
        quiet_hours=bound.quiet_hours,
        weekdays=bound.weekdays,
        avoid_holidays=bound.avoid_holidays,
        closed_days=bound.closed_days,
        on_blocked=touch.on_blocked if touch else None,
        feb29=campaign.feb29,
        spread_key=f"{campaign.id}/{touch.id if touch else stage.id if stage else ''}",
    )


def max_late(campaign: Campaign, stage: Stage | None, touch: Touch) -> Span:  # noqa: ARG001 - the contract has all three
    """Return how much later than its window a message may still go: 24 h for marketing and posts, else 72 h."""
    if touch.max_late is not None:
        return touch.max_late
    return Span(72 if touch.is_task or touch.purpose is Purpose.TRANSACTIONAL else 24, Unit.HOUR)


def on_late(touch: Touch) -> OnLate:
    """Return what becomes of a message later than that: skip, but ask about a transactional one."""
    return touch.on_late or (OnLate.ASK if touch.purpose is Purpose.TRANSACTIONAL else OnLate.SKIP)


def closed_days(campaign: Campaign, *lines: Courtesy) -> frozenset[date]:
    """Return the days on which the shop is closed, of every year from 2020 to 2060 where none is named.

    Closed days add up: the campaign's own, those of its courtesy and those of the courtesy `lines` given.
    """
    timings = [*campaign.closed_days, *(day for line in (campaign.courtesy, *lines) for day in line.closed_days or ())]
    if not timings:
        return frozenset()
    own = tuple(sorted(campaign.occasions.items()))
    return _closed(tuple(dict.fromkeys(timings)), campaign.country, own)


@lru_cache(maxsize=64)
def _closed(timings: tuple[Timing, ...], country: str | None, own: tuple[tuple[str, Timing], ...]) -> frozenset[date]:
    return frozenset(day for timing in timings for year in _YEARS for day in _days(timing, year, country, dict(own)))


def _days(timing: Timing, year: int, country: str | None, own: dict[str, Timing]) -> tuple[date, ...]:
    """Return the days of `year` (and the year after, for spans across the turn) that the timing names."""
    plain = timing.relation is Relation.ON and timing.offset is None and timing.repeat is None
    if plain and isinstance(timing.anchor, Fixed):
        try:
            return (date(timing.anchor.year or year, timing.anchor.month, timing.anchor.day),)
        except ValueError:
            return ()
    try:
        if plain and isinstance(timing.anchor, Occasion) and timing.anchor.name not in own:
            return (occasions.on(timing.anchor.name, timing.anchor.year or year, country),)
        moment = datetime(year, 1, 1, tzinfo=UTC)
        window = resolver.resolve(timing, Moments(now=moment, start=moment, country=country, occasions=own))
    except CampaignError:
        return ()
    first, last = (moment.date().toordinal() for moment in (window.earliest, window.latest or window.earliest))
    return tuple(date.fromordinal(day) for day in range(first, min(last, first + 366) + 1))
