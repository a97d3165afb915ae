"""The wordings of a touch, told apart: a short fingerprint of what its message says, its offer's dates included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from campaigns.definition import VERSION_LENGTH, Campaign, Corrects, Touch
from campaigns.planner.content import fingerprint

_DATES = ("from", "until")
_AS_WRITTEN = ("phrase", "language")


def version(campaign: Campaign, touch: Touch, content_hash: str) -> str:
    """Return the version of a touch whose content has this hash: 8 hexadecimal digits."""
    offer = campaign.offers.get(touch.offer) if touch.offer else None
    dates = None if offer is None else offer.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return _version(content_hash, dates)


def versions(definition: Mapping[str, Any], snapshot: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of every touch of a stored revision, by the touch's key."""
    found = {}
    for key, touch in snapshot["touches"].items():
        code = touch["settings"].get("offer")
        offers = definition.get("offers", {})
        found[key] = _version(touch["content"], offers.get(code) if code else None)
    return found


def is_wrong(corrects: Corrects, touch: str, sent: Mapping[str, str], right: Mapping[str, str] | None) -> bool:
    """Whether a revision's words of a touch are those that are corrected, as far as they tell it.

    `sent` are the versions of that revision, `right` those of the revision that brought the correction; where that one
    is not known, no words are right.
    """
    if touch not in sent:
        return False
    if corrects.version:
        return sent[touch] in corrects.version
    return corrects.names_words or right is None or sent[touch] != right.get(touch)


def _version(content_hash: str, offer: Mapping[str, Any] | None) -> str:
    dates = None if offer is None else {name: _meaning(offer.get(name)) for name in _DATES}
    return fingerprint([content_hash, dates])[:VERSION_LENGTH]


def _meaning(value: Any) -> Any:
    """Return a stored moment without the words in which it was written."""
    if isinstance(value, Mapping):
        return {name: _meaning(one) for name, one in value.items() if name not in _AS_WRITTEN}
    return [_meaning(one) for one in value] if isinstance(value, list) else value
