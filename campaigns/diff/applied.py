"""What was applied, as it is kept beside a revision: the plan in plain data, and how far it has been carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.definition import Campaign, Stage, Touch
from campaigns.planner.content import fingerprint
from campaigns.planner.wording import every, words
from campaigns.timeline import PlannedTouch, Timeline

# What a person reads of a touch, compared word by word.
WORDING = ("subject", "preheader", "text", "html", "template", "layout", "first_comment")

# Keys that have a section of their own in the snapshot; the rest of a touch are its settings.
_ELSEWHERE = {
    *WORDING,
    "id",
    "when",
    "at",
    "pick",
    "repeat",
    "on_blocked",
    "on",
    "audience",
    "channel",
    "media",
    "moved",
}


@dataclass(frozen=True, slots=True)
class AppliedTouch:
    """A touch as it was applied. `sent` counts messages that went, `open` those planned and not yet sent."""

    id: str
    planned: Mapping[str, Any]
    sent: int = 0
    open: int = 0
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AppliedPlan:
    """A plan as it was applied, with what has become of it."""

    revision: int
    edition: str
    tzdata: str
    touches: Mapping[str, AppliedTouch]
    templates: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_snapshot(
        cls,
        snapshot: Mapping[str, Any],
        *,
        revision: int = 0,
        sent: Mapping[str, int] | None = None,
        open_messages: Mapping[str, int] | None = None,
        sent_at: Mapping[str, datetime] | None = None,
        templates: Mapping[str, str] | None = None,
    ) -> AppliedPlan:
        """Put a stored snapshot together with its history, both by touch id."""
        touches = {
            name: AppliedTouch(
                id=name,
                planned=planned,
                sent=(sent or {}).get(name, 0),
                open=(open_messages or {}).get(name, 0),
                sent_at=(sent_at or {}).get(name),
            )
            for name, planned in snapshot["touches"].items()
        }
        return cls(revision, snapshot["edition"], snapshot["tzdata"], touches, templates or {})


def snapshot(timeline: Timeline, campaign: Campaign) -> dict[str, Any]:
    """Return the plan as plain JSON-able data, enough to tell later what an edit changes."""
    return {
        "version": 1,
        "edition": timeline.edition,
        "tzdata": timeline.tzdata,
        "touches": {
            touch.id: planned_touch(campaign, stage, touch, timeline.touch(touch.id))
            for stage, touch in campaign.touches()
        },
    }


def planned_touch(campaign: Campaign, stage: Stage, touch: Touch, planned: PlannedTouch) -> dict[str, Any]:
    """Return one touch of a snapshot."""
    data = touch.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {
        "stage": stage.id,
        "channel": list(touch.channel),
        "trigger": planned.trigger,
        "delay": planned.delay,
        "when": words(touch.when or stage.when),
        "at": data.get("at"),
        "pick": data.get("pick"),
        "repeat": every(touch.repeat),
        "timing": timing_fingerprint(campaign, stage, touch),
        "audience": " and ".join(text for text in (campaign.audience, stage.audience, touch.audience) if text),
        "content": planned.content_hash,
        "wording": {name: data[name] for name in WORDING if name in data},
        "media": [item.file for item in touch.media],
        "settings": {name: value for name, value in data.items() if name not in _ELSEWHERE},
        "moments": {
            one.key: {
                "due": one.due_at.isoformat(),
                "latest": None if one.window.latest is None else one.window.latest.isoformat(),
                "expires": None if one.expires_at is None else one.expires_at.isoformat(),
                "state": one.state,
            }
            for one in planned.occurrences
        },
    }


def timing_fingerprint(campaign: Campaign, stage: Stage, touch: Touch) -> str:
    """Return the fingerprint of every word of the file that the touch's dates follow from.

    When it is equal and the dates are not, something outside the file moved them: real dates, or new zone data. The
    dates of an event touch follow from its own words alone.
    """
    own = touch.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if touch.on is not None:
        return fingerprint(_data(own, ("when", "at", "repeat")))
    earlier = []
    for one in campaign.stages:
        earlier.append([one.id, _data(one.model_dump(mode="json", by_alias=True, exclude_defaults=True), _STAGE)])
        if one.id == stage.id:
            break
    whole = campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return fingerprint([_data(whole, _CAMPAIGN), earlier, _data(own, _TOUCH)])


_CAMPAIGN: tuple[str, ...] = (
    "country",
    "timezone",
    "fallback_timezone",
    "occasion",
    "starts",
    "ends",
    "courtesy",
    "closed_days",
)
_CAMPAIGN += ("occasions", "feb29", "offers")
_STAGE = ("when", "at", "pick", "courtesy")
_TOUCH = (
    "when",
    "at",
    "pick",
    "repeat",
    "on_blocked",
    "courtesy",
    "purpose",
    "channel",
    "max_late",
    "on_late",
    "expires",
)


def _data(data: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}
