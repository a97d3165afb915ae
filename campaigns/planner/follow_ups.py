"""The steps of a calendar touch: when they go to those whom its first message reaches on its date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from campaigns.definition import Campaign, Reached, Sequence, Touch
from campaigns.errors import CampaignError, UnresolvedError
from campaigns.planner.awaited import awaited_event
from campaigns.planner.triggered import due_after_event
from campaigns.timeline import PlannedOccurrence, Timeline
from campaigns.timing import resolver, zones
from campaigns.timing.model import Event

Unresolved = Callable[[Touch, CampaignError], None]


def expected(
    campaign: Campaign, timeline: Timeline, sequence: Sequence, *, unresolved: Unresolved
) -> dict[str, tuple[PlannedOccurrence, ...]]:
    """Return the moments of each step of a calendar touch, by its id and under the keys of the touch's own dates.

    They are counted in the campaign's zone from the dates of the first message, or from when it really went. Nobody
    knows when a step goes that waits for an event, nor what comes after it: these have none. A date has `expired` for a
    step that was first planned when the first message had gone. `unresolved` is told of words that no moment follows
    from.
    """
    opening = sequence.opening
    if opening is None or not sequence.follow_ups:
        return {}
    first = timeline.touch(opening.id)
    found: dict[str, list[PlannedOccurrence]] = {touch.id: [] for touch in sequence.follow_ups}
    failed: set[str] = set()
    for date in first.occurrences:
        began = first.sent_at if first.sent_at is not None and len(first.occurrences) == 1 else date.due_at
        for touch, planned in _run(campaign, timeline, sequence, began):
            if isinstance(planned, CampaignError):
                if touch.id not in failed:
                    unresolved(touch, planned)
                failed.add(touch.id)
            else:
                applied_at = timeline.touch(touch.id).applied_at
                too_late = applied_at is not None and (date.window.latest or date.due_at) < applied_at
                state = "expired" if too_late else date.state
                found[touch.id].append(replace(planned, key=date.key, state=state))
    return {name: tuple(dates) for name, dates in found.items()}


def _run(
    campaign: Campaign, timeline: Timeline, sequence: Sequence, began: datetime
) -> Iterator[tuple[Touch, PlannedOccurrence | CampaignError]]:
    """Yield the steps of one run whose moments are known, and those whose words have none."""
    assert sequence.opening is not None
    went: dict[str, datetime | None] = {sequence.opening.id: began}
    for touch in sequence.follow_ups:
        reached = sequence.reached(touch.id)
        before = after = went[reached.after]
        if reached.wait is not None and before is not None:
            after = resolver.add_span(before, reached.wait.within, campaign.zone)
        is_known = before is not None and (reached.wait is None or reached.timed_out)
        went[touch.id] = None
        if awaited_event(touch) is not None:
            continue
        try:
            _counts_from_what_is_known(touch, reached)
            planned = due_after_event(
                campaign,
                touch,
                event_at=began,
                zone=campaign.zone,
                after=after,
                reference=timeline.reference,
                timeline=timeline,
            )
        except CampaignError as error:
            yield touch, error
            continue
        if is_known:
            went[touch.id] = planned.due_at
            yield touch, replace(planned, due_at=zones.local(planned.due_at, campaign.zone))


def _counts_from_what_is_known(touch: Touch, reached: Reached) -> None:
    """Raise UnresolvedError for words that count from an event, other than the one the step waits for."""
    anchor = touch.when.anchor if touch.when is not None else None
    if not isinstance(anchor, Event) or anchor.expected or anchor.late:
        return
    waited = reached.wait.event if reached.wait is not None and not reached.timed_out else None
    if anchor.name not in (None, "", waited):
        raise UnresolvedError(
            f"it counts from {anchor.name}, and the calendar starts its touch",
            remedy="write e.g. '3 days later', wait for the event with `wait_for`, or give it a touch with `on:`",
        )
