"""Questions about what a timing counts from; nothing is resolved here."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.timing.model import Anchor, Beside, Fixed, Here, Now, Nth, Occasion, Period, Relation, Timing


def anchors(timing: Timing) -> Iterator[Anchor]:
    """Yield the one or two anchors of the timing, and what a day beside another stands beside."""
    yield from timing.anchors()


def is_calendar(anchor: Anchor) -> bool:
    """Whether the anchor is a day of the calendar that comes again every year (no year is written)."""
    match anchor:
        case Beside(anchor=inner):
            return is_calendar(inner)
        case Fixed(year=None) | Occasion(year=None) | Period(number=int(), year=None) | Nth(month=int(), year=None):
            return True
        case _:
            return False


def year_of(anchor: Anchor | None) -> int | None:
    """Return the year written in the anchor, None where there is none."""
    if isinstance(anchor, Beside):
        return year_of(anchor.anchor)
    return anchor.year if isinstance(anchor, (Fixed, Occasion, Period, Nth)) else None


def keeps_instant(timing: Timing) -> bool:
    """Whether the timing names an instant rather than a day: as soon as possible, hours and minutes, a fixed clock."""
    if timing.at is not None:
        return False
    if timing.offset is not None:
        return timing.offset.unit.exact
    if isinstance(timing.anchor, Now):
        return True
    if isinstance(timing.anchor, Here):
        return timing.relation is Relation.ON
    return isinstance(timing.anchor, Fixed) and timing.anchor.clock is not None
