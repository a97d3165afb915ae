"""What was applied, as it is kept beside a revision: the plan in plain data, and how far it has been carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.definition import RECEIVED, Campaign, Stage, Touch
from campaigns.diff.identity import HISTORY, NAMES, SEQUENCES, Identities, name_of, silent
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
    "hangs_on",
}


@dataclass(frozen=True, slots=True)
class Flight:
    """People in the middle of a touch that an edit changes, and what the edit does to them by its rule (`in_flight`).

    `people` have messages of it that have not gone. Of them `moved` get another moment, `late` are past the new one by
    more than the touch allows, and `dropped` get nothing more, since it no longer answers what they did.
    """

    rule: str
    people: int = 0
    moved: int = 0
    late: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class AppliedTouch:
    """A touch as it was applied. `sent` counts messages that went, `open` those planned and not yet sent.

    `id` is what the file at hand calls it, `former` what it was called when it was applied, where that differs.
    `flight` says what the edit at hand does to the people in the middle of it; None where it changes nothing for them.
    """

    id: str
    planned: Mapping[str, Any]
    sent: int = 0
    open: int = 0
    sent_at: datetime | None = None
    flight: Flight | None = None
    former: str | None = None


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
        flights: Mapping[str, Flight] | None = None,
        identities: Identities | None = None,
    ) -> AppliedPlan:
        """Put a stored snapshot together with its history, both by the touches' keys.

        `identities` are those of the file at hand: its touches are named as it names them.
        """
        present = {key: name for name, key in identities.keys.items()} if identities is not None else {}
        touches = {}
        for key, planned in snapshot["touches"].items():
            called = name_of(snapshot, key)
            name = present.get(key, called)
            while name in touches or (key not in present and name in present.values()):
                name = f"{name} (removed)"  # its id has gone to another touch
            touches[name] = AppliedTouch(
                id=name,
                planned=_told(planned, present),
                sent=(sent or {}).get(key, 0),
                open=(open_messages or {}).get(key, 0),
                sent_at=(sent_at or {}).get(key),
                flight=(flights or {}).get(key),
                former=called if called != name and key in present else None,
            )
        return cls(revision, snapshot["edition"], snapshot["tzdata"], touches, templates or {})


def _told(planned: Mapping[str, Any], present: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a touch with the other steps of its sequence named as the file at hand names them."""
    after, trigger, settings = planned.get("after", ""), planned["trigger"], planned["settings"]
    told = {**planned, "after": present.get(after, after)}
    if trigger is not None and trigger.startswith(RECEIVED):
        touch = trigger.removeprefix(RECEIVED)
        told["trigger"] = RECEIVED + present.get(touch, touch)
    wait = settings.get("wait_for")
    if wait is not None and "else" in wait:
        named = {**wait, "else": present.get(wait["else"], wait["else"])}
        told["settings"] = {**settings, "wait_for": named}
    return told


def snapshot(timeline: Timeline, campaign: Campaign, identities: Identities | None = None) -> dict[str, Any]:
    """Return the plan as plain JSON-able data, enough to tell later what an edit changes.

    Timeline and campaign name the touches by their keys (`keyed`); `identities` says what they are called.
    """
    known = identities or Identities({})
    return {
        "version": 1,
        NAMES: dict(known.names),
        HISTORY: dict(known.history) or {touch.id: touch.id for _, touch in campaign.touches()},
        "edition": timeline.edition,
        "tzdata": timeline.tzdata,
        SEQUENCES: silent(campaign),
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
        "after": planned.after,
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
        "moved": touch.moved,
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
    if touch.on is not None:
        own = touch.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return fingerprint(_data(own, ("when", "at", "repeat")))
    return dates_fingerprint(campaign, stage, touch)


def dates_fingerprint(campaign: Campaign, stage: Stage, touch: Touch) -> str:
    """Return the fingerprint of all that may decide when single people get the touch: its words and what binds it."""
    own = touch.model_dump(mode="json", by_alias=True, exclude_defaults=True)
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
    "on",
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


def same_for_people(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two snapshots of a touch say the same of what people get and when; `in_flight` itself is no part of it.

    Dates alone are none either: they follow real ones.
    """
    names = ("stage", "channel", "trigger", "delay", "timing", "audience", "content")
    if any(old[name] != new[name] for name in names) or old.get("after", "") != new["after"]:
        return False
    return _rules(old["settings"]) == _rules(new["settings"])


def _rules(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "in_flight"}


def _data(data: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}
