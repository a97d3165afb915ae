"""A plan saved to be applied exactly as it was looked at, with what tells whether it still holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scheduler.cli import plan_document
from scheduler.cli.output import to_json
from scheduler.cli.plan_rows import Selection
from scheduler.cli.review import Review
from scheduler.errors import SchedulerError, StalePlanError

FORMAT = "campaign-plan/1"
_KEYS = frozenset({"campaign", "file", "file_hash", "generation", "tzdata", "hash", "now", "next_due_at"})


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What was looked at: `next_due_at` is the first moment that was still to come, None when there was none."""

    campaign: str
    file: Path
    file_hash: str
    generation: str
    tzdata: str
    hash: str
    now: datetime
    next_due_at: datetime | None


def write(reviews: Sequence[Review]) -> str:
    """Return the saved plans as the text of a file: the fingerprint of each, and the plan itself to read."""
    return to_json({"format": FORMAT, "plans": [_entry(review) for review in reviews]}, indent=2) + "\n"


def _entry(review: Review) -> dict[str, object]:
    coming = [
        moment.due_at
        for touch in review.timeline.touches
        for moment in touch.occurrences
        if moment.state == "planned" and moment.due_at >= review.now
    ]
    return {
        "campaign": review.timeline.campaign,
        "file": str(review.choice.path.resolve()),
        "file_hash": review.loaded.text_hash,
        "generation": review.generation,
        "tzdata": review.timeline.tzdata,
        "hash": review.timeline.hash,
        "now": review.now,
        "next_due_at": min(coming, default=None),
        "plan": plan_document.document(review, Selection(every=True)),
    }


def is_saved_plan(path: Path) -> bool:
    """Whether an argument names a saved plan rather than a campaign file."""
    return path.suffix == ".json" and path.is_file()


def read(path: Path) -> tuple[SavedPlan, ...]:
    """Read the plans of a file that `campaign plan -o` wrote.

    Raises: SchedulerError when it is none.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise KeyError("format")
        return tuple(_plan({name: entry[name] for name in _KEYS}) for entry in document["plans"])
    except OSError as error:
        raise SchedulerError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SchedulerError(
            f"{path} is not a saved plan", remedy="make one: campaign plan FILE -o PLAN.json"
        ) from None


def _plan(entry: dict[str, str]) -> SavedPlan:
    return SavedPlan(
        campaign=entry["campaign"],
        file=Path(entry["file"]),
        file_hash=entry["file_hash"],
        generation=entry["generation"],
        tzdata=entry["tzdata"],
        hash=entry["hash"],
        now=datetime.fromisoformat(entry["now"]),
        next_due_at=datetime.fromisoformat(entry["next_due_at"]) if entry["next_due_at"] else None,
    )


def refuse_stale(saved: SavedPlan, review: Review) -> None:
    """Check that a saved plan still says what its campaign, looked at again, would do.

    Raises: StalePlanError naming what changed: the file, the database, the time zone data, the plan, or the time.
    """
    reason = ""
    if saved.file_hash != review.loaded.text_hash:
        reason = f"{review.choice.path} was edited since"
    elif saved.generation != review.generation:
        reason = "the database changed since"
    elif saved.tzdata != review.timeline.tzdata:
        reason = f"it was made with time zone data {saved.tzdata}, here is {review.timeline.tzdata}"
    elif saved.next_due_at is not None and saved.next_due_at < review.now:
        reason = f"its first moment, {saved.next_due_at.isoformat()}, has passed"
    elif saved.hash != review.timeline.hash:
        reason = "templates or dates changed since"
    if reason:
        raise StalePlanError(
            f"the saved plan of {saved.campaign} no longer holds: {reason}",
            remedy=f"look again: campaign plan {review.choice.path}",
        )
