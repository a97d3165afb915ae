"""Telegram, a bot's posts to a channel."""

from __future__ import annotations

from datetime import date

from campaigns.limits.model import Applies, Limit, Measure, between, most

_SEEN = date(2026, 11, 22)
_MESSAGE = "https://core.telegram.org/bots/api#sendmessage"
_PHOTO = "https://core.telegram.org/bots/api#sendphoto"
_VIDEO = "https://core.telegram.org/bots/api#sendvideo"
_GROUP = "https://core.telegram.org/bots/api#sendmediagroup"

LIMITS: tuple[Limit, ...] = (
    most("telegram.text.length", Measure.CHARACTERS, 4_096, _MESSAGE, _SEEN, applies=Applies.WITHOUT_MEDIA),
    most("telegram.caption.length", Measure.CHARACTERS, 1_024, _PHOTO, _SEEN, applies=Applies.WITH_MEDIA),
    most("telegram.media.max", Measure.MEDIA, 10, _GROUP, _SEEN),
    most("telegram.image.size", Measure.SIZE, 10_000_000, _PHOTO, _SEEN, applies=Applies.IMAGES, strict=False),
    most("telegram.image.sides", Measure.SIDES, 10_000, _PHOTO, _SEEN, applies=Applies.IMAGES, strict=False),
    between("telegram.image.aspect", Measure.ASPECT, "0.05", 20, _PHOTO, _SEEN, applies=Applies.IMAGES),
    most("telegram.video.size", Measure.SIZE, 50_000_000, _VIDEO, _SEEN, applies=Applies.VIDEOS),
)
