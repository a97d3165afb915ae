"""The strip over the plan: a row a stage, time from left to right, a dot for each touch and a bar for the occasion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from campaigns.definition import RECEIVED
from campaigns.timeline import PlannedStage, Timeline
from campaigns.timing import zones
from scheduler.cli.output import WIDTH, Piece, Span, clipped, display_width
from scheduler.cli.wording import MONTHS, day

CELL = 4  # columns a cell takes
LABEL = 22
LONGEST_NOTE = 30
MOST_CELLS = 14


@dataclass(frozen=True, slots=True)
class Scale:
    """How days fall into cells: `starts` holds the first day of each cell and, last, the day after the end."""

    starts: tuple[date, ...]
    above: Callable[[date], str]
    below: Callable[[date], str]

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return len(self.starts) - 1

    def column(self, on: date) -> int | None:
        """Return the column a day falls on, or None when it lies outside."""
        for cell, (first, after) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            if first <= on < after:
                return cell * CELL + (on - first).days * CELL // (after - first).days
        return None


def draw(timeline: Timeline, zone: str) -> list[list[Piece]]:
    """Return the lines of the strip, at most 88 columns; none when nothing of the campaign has a date of its own."""
    moments = [zones.local(moment.due_at, zone) for touch in timeline.touches for moment in touch.dates]
    if not moments:
        return []
    days = [moment.date() for moment in moments]
    if timeline.occasion_on is not None:
        days.append(timeline.occasion_on)
    label = min(LABEL, max(display_width(stage.id) for stage in timeline.stages))
    extra = {stage.id: _triggered(timeline, stage) for stage in timeline.stages}
    room = WIDTH - 2 - label - 2 - max(map(len, extra.values())) - 2
    scale = _scale(min(days), max(days), max(4, min(MOST_CELLS, room // CELL)))
    indent = " " * (label + 4)
    lines: list[list[Piece]] = [
        [indent, Span(text, "faint")] for text in (_ruler(scale, scale.above), _ruler(scale, scale.below))
    ]
    bar = scale.column(timeline.occasion_on) if timeline.occasion_on is not None else None
    lines += [
        _row(timeline, stage, scale, zone, bar=bar, label=label, extra=extra[stage.id]) for stage in timeline.stages
    ]
    if bar is not None and timeline.occasion_on is not None:
        lines.append([indent, " " * max(0, bar - 4), Span(day(timeline.occasion_on), "strong")])
    return lines


def _row(
    timeline: Timeline, stage: PlannedStage, scale: Scale, zone: str, *, bar: int | None, label: int, extra: str
) -> list[Piece]:
    marks: list[Piece] = list(" " * (scale.cells * CELL))
    for column in range(0, len(marks), CELL):
        marks[column] = Span("·", "faint")
    for column in _window(stage, scale, zone):
        marks[column] = Span("─", "faint")
    if bar is not None:
        marks[bar] = Span("┃", "strong")
    days = Counter(
        scale.column(zones.local(moment.due_at, zone).date())
        for touch in timeline.touches
        if touch.stage == stage.id
        for moment in touch.dates
    )
    for at, touches in days.items():
        if at is not None:
            marks[at] = Span("●" if touches == 1 else str(touches) if touches < 10 else "+", "add")
    name = clipped(stage.id, label)
    padding = " " * (label - display_width(name) + 2)
    note: list[Piece] = ["  ", Span(extra, "faint")] if extra else []
    return ["  ", name, padding, *marks, *note]


def _window(stage: PlannedStage, scale: Scale, zone: str) -> range:
    """Return the columns the window of a stage covers; an open window covers none."""
    if stage.window is None or stage.window.latest is None:
        return range(0)
    first = scale.column(_day(stage.window.earliest, zone))
    last = scale.column(_day(stage.window.latest, zone))
    if first is None or last is None:
        return range(0)
    return range(first, last + 1)


def _day(moment: datetime, zone: str) -> date:
    return zones.local(moment, zone).date()


def _triggered(timeline: Timeline, stage: PlannedStage) -> str:
    """Return `+ 2 on purchase, 1 on delivered` for the touches of a stage that wait for an event."""
    waiting = (touch for touch in timeline.touches if touch.stage == stage.id and not touch.dates)
    events = Counter(
        touch.after if touch.trigger.startswith(RECEIVED) else touch.trigger for touch in waiting if touch.trigger
    )
    if not events:
        return ""
    text = "+ " + ", ".join(f"{number} on {event}" for event, number in events.items())
    if len(text) <= LONGEST_NOTE:
        return text
    if len(events) > 1:
        return f"+ {sum(events.values())} on {len(events)} events"
    return clipped(text, LONGEST_NOTE)


def _ruler(scale: Scale, name: Callable[[date], str]) -> str:
    """Write a name above the first cell it holds for; equal names are not repeated."""
    text, last = "", ""
    for cell in range(scale.cells):
        word = name(scale.starts[cell])
        if word != last and len(text) <= cell * CELL:
            text = text.ljust(cell * CELL) + word + " "
        last = word
    return text.rstrip()


def _scale(first: date, last: date, most: int) -> Scale:
    """Choose the finest of days, weeks, months, quarters and years that shows `first` to `last` in `most` cells."""
    for start, step, above, below in _UNITS:
        starts = [start(first)]
        while starts[-1] <= last and len(starts) <= most + 1:
            starts.append(step(starts[-1]))
        if len(starts) - 1 <= most:
            while len(starts) - 1 < min(most, 6):
                starts.append(step(starts[-1]))
            return Scale(tuple(starts), above, below)
    return Scale((first, last + timedelta(days=1)), _nothing, lambda on: str(on.year))


def _nothing(_: date) -> str:
    return ""


def _month_after(on: date, months: int) -> date:
    index = on.month - 1 + months
    return date(on.year + index // 12, index % 12 + 1, 1)


_UNITS: Sequence[
    tuple[Callable[[date], date], Callable[[date], date], Callable[[date], str], Callable[[date], str]]
] = (
    (lambda on: on, lambda on: on + timedelta(days=1), lambda on: MONTHS[on.month - 1], lambda on: str(on.day)),
    (
        lambda on: on - timedelta(days=on.weekday()),
        lambda on: on + timedelta(days=7),
        lambda on: MONTHS[on.month - 1],
        lambda on: str(on.day),
    ),
    (
        lambda on: on.replace(day=1),
        lambda on: _month_after(on, 1),
        lambda on: f"'{on.year % 100:02}",
        lambda on: MONTHS[on.month - 1],
    ),
    (
        lambda on: date(on.year, (on.month - 1) // 3 * 3 + 1, 1),
        lambda on: _month_after(on, 3),
        lambda on: f"'{on.year % 100:02}",
        lambda on: f"Q{(on.month + 2) // 3}",
    ),
    (lambda on: date(on.year, 1, 1), lambda on: date(on.year + 1, 1, 1), _nothing, lambda on: str(on.year)),
)
