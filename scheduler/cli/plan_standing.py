"""How a campaign stands that was applied: what comes next by its plan, or that somebody cancelled or paused it."""

from __future__ import annotations

from campaigns.timing import zones
from scheduler.cli import wording
from scheduler.cli.output import Screen, Span
from scheduler.cli.review import Review


def show(screen: Screen, review: Review) -> None:
    """Write what keeps it from going: that it is cancelled or paused, and which of its touches are paused."""
    campaign = review.timeline.campaign
    if review.is_cancelled:
        screen.line(Span("! ", "warning"), f"{campaign} was cancelled by a person: nothing of it goes")
        screen.line(f"    to put it back: campaign apply {review.choice.argument} --confirm {campaign}")
    elif review.is_paused:
        screen.line(Span("! ", "warning"), f"{campaign} is {_paused(review)}: nothing of it goes")
        screen.line(f"    to let it go on: campaign resume {campaign}")
    for touch in review.timeline.touches:
        if touch.id in review.paused:
            screen.line(Span("! ", "warning"), f"{touch.id} is paused: campaign resume {campaign}/{touch.id}")


def unchanged(review: Review) -> str:
    """Return what a plan without changes says: that the schedule holds, and what comes next or why nothing does."""
    text = f"No changes. {review.timeline.campaign} matches its schedule"
    if review.is_cancelled:
        return f"{text}; cancelled by a person."
    if review.is_paused:
        return f"{text}; {_paused(review)}."
    coming = [
        (moment.due_at, touch)
        for touch in review.timeline.touches
        if touch.id not in review.cancelled | review.paused | review.spent
        for moment in touch.occurrences
        if moment.state == "planned" and moment.due_at >= review.now
    ]
    if not coming:
        return f"{text}; nothing more is due by the calendar."
    due_at, touch = min(coming, key=lambda pair: pair[0])
    when = wording.moment(zones.local(due_at, review.loaded.campaign.zone))
    return f"{text}; next: {touch.id}, {when} ({wording.distance(review.now, due_at)})."


def document(review: Review) -> dict[str, object]:
    """Return the same as JSON has it; the state is null for a campaign that was never applied."""
    standing = review.standing
    until = standing.paused_until if standing is not None and review.is_paused else None
    state = None
    if standing is not None:
        state = "cancelled" if review.is_cancelled else "paused" if review.is_paused else "running"
    return {
        "state": state,
        "paused_until": None if until is None else zones.local(until, review.loaded.campaign.zone),
        "paused_touches": sorted(review.paused),
    }


def _paused(review: Review) -> str:
    until = review.standing.paused_until if review.standing is not None else None
    if until is None:
        return "paused"
    return f"paused until {wording.moment(zones.local(until, review.loaded.campaign.zone))}"
