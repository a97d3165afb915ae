"""Touches that count from an event still to come: which one, and when it is expected and late for one person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.definition import Touch
from campaigns.timing import constraints, zones
from campaigns.timing.model import Event, Moments, Relation, Rules, Timing, Window


@dataclass(frozen=True, slots=True)
class Awaited:
    """When an event is expected of one person, and from when on it is late; aware."""

    expected_at: datetime
    late_at: datetime


def awaited_event(touch: Touch) -> str | None:
    """Return the event that the touch counts from before it happens ("the expected order"), None where it does not."""
    anchor = _anchor(touch.when) if touch.when is not None else None
    return None if anchor is None else anchor.name or touch.on


def repeat_awaits(touch: Touch) -> str | None:
    """Return the event that ends the touch's repetition when it is expected ("until the expected order"), else None."""
    repeat = touch.repeat.repeat if touch.repeat is not None else None
    anchor = _anchor(repeat.until) if repeat is not None and repeat.until is not None else None
    return None if anchor is None else anchor.name or touch.on


def awaiting(moments: Moments, timing: Timing, awaited: Awaited | None) -> Moments:
    """Return the moments with those of the awaited event among them."""
    anchor = _anchor(timing)
    if anchor is None or awaited is None:
        return moments
    name, zone = anchor.name or "event", moments.zone
    return replace(
        moments,
        expected={**moments.expected, name: zones.local(awaited.expected_at, zone)},
        late={**moments.late, name: zones.local(awaited.late_at, zone)},
    )


def not_at_once(
    window: Window, timing: Timing, awaited: Awaited | None, here: datetime, rules: Rules, country: str | None
) -> Window:
    """Return the window moved halfway to the awaited event where it would open before the run has begun.

    Who orders every four days is not told "5 days before the expected order" the moment they have ordered.
    """
    anchor = _anchor(timing)
    if anchor is None or awaited is None or window.target > here:
        return window
    event_at = awaited.late_at if anchor.late else awaited.expected_at
    if event_at <= here:
        return window
    zone = str(here.tzinfo)
    halfway = here + (event_at - here) / 2
    target = zones.local(constraints.next_allowed(halfway, zone, rules, country) or halfway, zone)
    latest = None if window.latest is None else max(window.latest, target)
    return replace(window, earliest=target, latest=latest, target=target, moved="halfway, as the gap is short")


def _anchor(timing: Timing) -> Event | None:
    if timing.relation is Relation.BETWEEN:
        return None
    found = (one for one in timing.anchors() if isinstance(one, Event) and (one.expected or one.late))
    return next(found, None)
