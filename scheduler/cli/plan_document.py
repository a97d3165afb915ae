"""The JSON of a plan, in the keys other programs depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from campaigns.planner import Fatigue
from campaigns.timeline import PlannedTouch
from campaigns.timing import zones
from scheduler.cli import findings, plan_costs, plan_standing, plan_tokens
from scheduler.cli.plan_rows import Selection, recipients
from scheduler.cli.review import Review

if TYPE_CHECKING:
    from scheduler.channels.horizon import TokenEnd


def document(review: Review, selection: Selection, ends: Sequence[TokenEnd] = ()) -> dict[str, object]:
    """Return the document of one campaign; a touch with several moments has an entry for each.

    Moments carry the offset of the campaign's zone; those of a touch that waits for an event are null, those of a step
    that follows the calendar the ones expected for whom its touch reaches on the date. `ends` are those of the
    accounts' tokens.
    """
    timeline = review.timeline
    zone = review.loaded.campaign.zone
    return {
        "campaign": timeline.campaign,
        "timezone": timeline.timezone,
        "now": zones.local(review.now, zone),
        "tzdata": timeline.tzdata,
        "stages": [
            {
                "id": stage.id,
                "kind": stage.kind,
                "earliest": stage.window.earliest if stage.window else None,
                "latest": stage.window.latest if stage.window else None,
            }
            for stage in timeline.stages
        ],
        "touches": [
            entry
            for touch in timeline.touches
            if selection.takes(touch)
            for entry in _entries(review, touch, selection)
        ],
        "changes": review.changes.counts(),
        "findings": [findings.as_json(finding) for finding in review.findings],
        "hash": timeline.hash,
        "in_flight": [
            {"touch": change.touch, **asdict(change.flight)} for change in review.changes if change.flight is not None
        ],
        "budget": None if review.budget is None else asdict(review.budget),
        "personas": {} if review.people is None else dict(review.people.personas),
        "fatigue": None if review.fatigue is None else _fatigue(review.fatigue),
        "costs": plan_costs.document(review),
        "tokens": plan_tokens.document(review, ends),
        **plan_standing.document(review),
    }


def _fatigue(found: Fatigue) -> dict[str, object]:
    """Return who would be over a cap, as numbers of the people looked at."""
    return {
        "looked_at": found.looked_at,
        "people": found.total,
        "over": found.over,
        "withheld": [
            {"touch": touch, "reason": reason, "people": people}
            for touch, reasons in found.touches.items()
            for reason, people in sorted(reasons.items())
        ],
        "others": [{"touch": touch, "people": people} for touch, people in sorted(found.others.items())],
        "without_zone": found.without_zone,
    }


def _entries(review: Review, touch: PlannedTouch, selection: Selection) -> list[dict[str, object]]:
    zone = review.loaded.campaign.zone
    people = recipients(review, touch)

    def entry(earliest: datetime | None, latest: datetime | None, due_at: datetime | None) -> dict[str, object]:
        return {
            "id": touch.id,
            "stage": touch.stage,
            "channel": touch.channel,
            "by_hand": touch.by_hand,
            "earliest": zones.local(earliest, zone) if earliest else None,
            "latest": zones.local(latest, zone) if latest else None,
            "due_at": zones.local(due_at, zone) if due_at else None,
            "local": zones.local(due_at, zone) if due_at else None,
            "trigger": touch.trigger,
            **({"after": touch.after} if touch.after else {}),
            "recipients": people,
            "reason": touch.reason,
        }

    if touch.trigger is not None and not touch.dates:
        return [entry(None, None, None)]
    return [
        entry(moment.window.earliest, moment.window.latest, moment.due_at)
        for moment in touch.dates
        if selection.holds(zones.local(moment.due_at, zone).date())
    ]
