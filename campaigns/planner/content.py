"""Fingerprints: of what a touch says, and of a whole plan; equal bytes mean nothing to do."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime

from campaigns.definition import Campaign, Touch
from campaigns.planner.anchors import anchors
from campaigns.timeline import PlannedOccurrence, Timeline
from campaigns.timing.model import Anchor, CampaignStart, Here, Now, Nth, OfferEnd, Period, Previous, Timing, Weekday
from campaigns.timing.model import Stage as Stage_
from campaigns.timing.model import Touch as Touch_

# Templates named by a text in quotes in extends, include, import and from; a computed name counts as all of them.
_REFERENCE = re.compile(
    r"{%-?\s*(?:extends|include|import|from)\s+(?:(?P<quote>['\"])(?P<path>.+?)(?P=quote)|(?P<other>\S))"
)

_CONTENT = (
    "subject",
    "preheader",
    "text",
    "html",
    "template",
    "layout",
    "variants",
    "by_channel",
    "steps",
    "first_comment",
    "post_as",
)


def fingerprint(value: object) -> str:
    """Return the SHA-256 (hex) of a JSON-able value in its canonical form; moments are taken as ISO 8601 in UTC."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)


def content_hash(campaign: Campaign, touch: Touch, templates: Mapping[str, str]) -> str:
    """Return the fingerprint of what the touch says: words, templates and all they include, offer, sender."""
    offer = campaign.offers.get(touch.offer) if touch.offer else None
    return fingerprint(
        {
            "content": {name: value for name in _CONTENT if (value := getattr(touch, name))},
            "channel": touch.channel,
            "media": [[item.file, item.alt] for item in touch.media],
            "offer": None if offer is None else [touch.offer, offer.code, offer.terms],
            "sender": campaign.senders.model_dump(mode="json") if touch.channel[0] in ("email", "sms") else None,
            "templates": {path: templates[path] for path in sorted(used_templates(touch, templates))},
        }
    )


def used_templates(touch: Touch, templates: Mapping[str, str]) -> frozenset[str]:
    """Return the paths, among `templates`, of everything the touch's template and layout extend, include or import."""
    found: set[str] = set()
    waiting = [path for path in (touch.template, touch.layout) if path]
    waiting += list(_references((touch.text, touch.html, touch.subject), templates))
    while waiting:
        path = waiting.pop()
        if path in templates and path not in found:
            found.add(path)
            waiting += list(_references((templates[path],), templates))
    return frozenset(found)


def _references(sources: Iterable[str | None], templates: Mapping[str, str]) -> Iterator[str]:
    for source in sources:
        for match in _REFERENCE.finditer(source or ""):
            if match["path"]:
                yield match["path"]
            else:
                yield from templates


def plan_hash(campaign: Campaign, timeline: Timeline) -> str:
    """Return the fingerprint of a plan: what the file and its templates say and the days that follow from them.

    The present takes no part (nor what it closes or clips), and moments that float with the first apply, such as
    "as soon as possible", only through the words that ask for them.
    """
    floating = floats(campaign)
    return fingerprint(
        {
            "campaign": campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            "edition": timeline.edition,
            "touches": [
                [
                    touch.id,
                    touch.content_hash,
                    [] if touch.id in floating else [_moment(one) for one in touch.occurrences],
                ]
                for touch in timeline.touches
            ],
        }
    )


def _moment(occurrence: PlannedOccurrence) -> list[object]:
    latest = occurrence.window.latest
    return [occurrence.key, occurrence.window.on, None if latest is None else latest.astimezone(UTC)]


def floats(campaign: Campaign) -> frozenset[str]:
    """Return the ids of the calendar touches whose moments move with the reference moment."""
    found: set[str] = set()
    before = True
    for stage in campaign.stages:
        own = _floats(campaign, stage.when, before) if stage.when is not None else before
        for touch in (touch for own, touch in campaign.touches() if own is stage and touch.on is None):
            timing = touch.when or stage.when or touch.repeat
            if timing is not None and _floats(campaign, timing, own if touch.when is not None else before):
                found.add(touch.id)
        before = own
    return frozenset(found)


def _floats(campaign: Campaign, timing: Timing, before: bool) -> bool:
    def floating(anchor: Anchor) -> bool:
        match anchor:
            case Now() | Weekday() | Touch_() | OfferEnd() | Period(number=None) | Nth(month=None):
                return True
            case CampaignStart():
                return campaign.starts is None or _floats(campaign, campaign.starts, False)
            case Previous() | Here() | Stage_():
                return before
            case _:
                return False

    return any(floating(anchor) for anchor in anchors(timing))
