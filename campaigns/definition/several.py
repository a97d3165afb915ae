"""A touch that is several: one for each of its channels, and one for each post that hangs on it.

Each has an id, words and a history of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.definition.campaign import Campaign
from campaigns.definition.hanging import has_hanging, hung
from campaigns.definition.renamed import renamed
from campaigns.definition.touch import ChannelWording, Touch
from campaigns.definition.values import OF_CHANNEL
from campaigns.definition.vocabulary import POSTS

_WORDS = ("text", "html", "template")  # who says one of them says all of it
_HANGING = ("first_comment", "thread")
_OF_A_PERSON: dict[str, object] = {"audience": None, "until": None, "min_gap": None}  # a post is for everybody


def apart(campaign: Campaign) -> Campaign:
    """Return the campaign with every touch for several channels as one for each, called `teaser.instagram`.

    So it is with posts that hang on others: `teaser.comment`, `teaser.instagram.2`. What counts from such a touch
    counts from the first of them.
    """
    if all(len(touch.channel) == 1 and not has_hanging(touch) for stage in campaign.stages for touch in stage.touches):
        return campaign
    stages = tuple(
        stage.model_copy(update={"touches": tuple(one for touch in stage.touches for one in _apart(touch))})
        for stage in campaign.stages
    )
    written = {touch.id for stage in campaign.stages for touch in stage.touches}
    names = {touch.id: touch.id for stage in stages for touch in stage.touches}
    firsts = {
        touch.id: _name(touch.id, touch.channel[0])
        for stage in campaign.stages
        for touch in stage.touches
        if len(touch.channel) > 1
    }
    several = renamed(campaign.model_copy(update={"stages": stages}), {**names, **firsts})
    several = _correcting(several, {touch.id: touch for stage in stages for touch in stage.touches})
    for stage in several.stages:
        for touch in stage.touches:
            if touch.hangs_on is not None:
                several.place_hanging(touch.id, touch.channel[0])
            elif touch.id not in written:
                several.place_apart(touch.id, touch.channel[0])
    return several


def _correcting(campaign: Campaign, written: dict[str, Touch]) -> Campaign:
    """Let corrections name what the file names: which of its parts they mean depends on their own channel."""
    stages = tuple(
        stage.model_copy(
            update={
                "touches": tuple(
                    touch.model_copy(update={"corrects": written[touch.id].corrects}) for touch in stage.touches
                )
            }
        )
        for stage in campaign.stages
    )
    return campaign.model_copy(update={"stages": stages})


def _apart(touch: Touch) -> Iterator[Touch]:
    for one in _on_channels(touch):
        yield from hung(one)


def _on_channels(touch: Touch) -> Iterator[Touch]:
    if len(touch.channel) == 1:
        yield touch
        return
    for channel in touch.channel:
        changes = {
            **(_OF_A_PERSON if channel in POSTS else {}),
            **_said(touch.by_channel.get(channel)),
            "id": _name(touch.id, channel),
            "moved": None if touch.moved is None else _name(touch.moved, channel),
            "channel": (channel,),
            "by_channel": {},
        }
        yield touch.model_copy(update=changes)


def _said(wording: ChannelWording | None) -> dict[str, object]:
    """Return what a channel says otherwise."""
    if wording is None:
        return {}
    own = {name: value for name in ChannelWording.model_fields if _is_said(value := getattr(wording, name))}
    own |= {name: getattr(wording, name) for name in _HANGING if name in wording.model_fields_set}  # `[]` is none
    return {**(dict.fromkeys(_WORDS) if any(name in own for name in _WORDS) else {}), **own}


def _is_said(value: object) -> bool:
    return value is not None and value != ()


def _name(touch: str, channel: str) -> str:
    return f"{touch}{OF_CHANNEL}{channel}"
