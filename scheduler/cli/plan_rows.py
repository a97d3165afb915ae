"""The rows of a plan: one a moment or trigger of a touch, with its sign, its people and the reason for its date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches

import click

from campaigns.definition import meant_by
from campaigns.timeline import PlannedTouch, Timeline
from campaigns.timing import zones
from scheduler.cli.review import Review

SHOWN_REPEATS = 3  # of a repeated touch, unless all are asked for


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are asked for: touches by id, days from `first` to `last` (inclusive), every repeat or some."""

    touches: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    every: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Whether less than the whole plan is asked for."""
        return bool(self.touches or self.first or self.last)

    def takes(self, touch: PlannedTouch) -> bool:
        """Whether the touch is asked for; with days given, one that waits for an event is not."""
        if self.touches and touch.id not in self.touches:
            return False
        return touch.trigger is None or bool(touch.dates) or not (self.first or self.last)

    def holds(self, on: date) -> bool:
        """Whether a local day lies between the first and the last."""
        return (self.first is None or on >= self.first) and (self.last is None or on <= self.last)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list: `due` is local; `more` counts the repeats that are not shown after this one."""

    sign: str
    touch: PlannedTouch
    due: datetime | None
    expired: bool
    people: int | None
    offer: str | None
    more: int = 0


def select(
    timelines: Sequence[Timeline], touches: Sequence[str], first: date | None, last: date | None, *, every: bool
) -> Selection:
    """Check the ids asked for (`offer-email` or `valentines/offer-email`) and return the selection.

    A touch is meant with all its channels and with what hangs on it.

    Raises: click.BadParameter with a near name for an id no campaign has.
    """
    known: dict[str, list[str]] = {}
    for line in timelines:
        for touch in line.touches:
            for called in meant_by(touch.id):
                for name in (called, f"{line.campaign}/{called}"):
                    known.setdefault(name, []).append(touch.id)
    for name in touches:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            known_ids = ", ".join(sorted({touch.id for line in timelines for touch in line.touches}))
            hint = f" - did you mean {near[0]!r}?" if near else f", expected one of {known_ids}"
            raise click.BadParameter(f"no touch {name!r}{hint}", param_hint="--touch")
    return Selection(tuple(touch for name in touches for touch in known[name]), first, last, every)


def recipients(review: Review, touch: PlannedTouch) -> int | None:
    """Return how many people a touch would reach, at most; None for posts and where nobody was counted."""
    return None if review.people is None else review.people.touches.get(touch.id)


def rows(review: Review, selection: Selection) -> list[Row]:
    """Return the rows in the order of their moments; what waits for an event follows in the order of the file."""
    zone = review.loaded.campaign.zone
    quoted = {touch.id: touch.offer for _, touch in review.loaded.campaign.touches()}
    dated: list[Row] = []
    waiting: list[Row] = []
    for touch in review.timeline.touches:
        if not selection.takes(touch):
            continue
        sign, people, offer = review.sign(touch.id), recipients(review, touch), quoted.get(touch.id)
        if touch.trigger is not None and not touch.dates:
            waiting.append(Row(sign, touch, None, False, people, offer))
            continue
        moments = [moment for moment in touch.dates if selection.holds(zones.local(moment.due_at, zone).date())]
        shown = moments if selection.every else moments[:SHOWN_REPEATS]
        for moment in shown:
            more = len(moments) - len(shown) if moment is shown[-1] else 0
            due = zones.local(moment.due_at, zone)
            dated.append(Row(sign, touch, due, moment.state == "expired", people, offer, more))
    return sorted(dated, key=lambda row: row.due or review.now) + waiting
