"""Mastodon as it comes; a server of its own answers its own numbers, to be set under `limits:`."""

from __future__ import annotations

from datetime import date

from campaigns.limits.model import Applies, Limit, Measure, formats, most

_SEEN = date(2026, 11, 1)
_READ = date(2026, 11, 22)
_INSTANCE = "https://docs.joinmastodon.org/entities/Instance/"

LIMITS: tuple[Limit, ...] = (
    most("mastodon.text.length", Measure.WITH_SHORT_LINKS, 500, _INSTANCE, _READ),
    most("mastodon.media.max", Measure.MEDIA, 4, _INSTANCE, _READ),
    most("mastodon.alt.length", Measure.ALT, 1_500, _INSTANCE, _SEEN),
    formats("mastodon.image.format", ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIC"), _INSTANCE, _SEEN),
    most("mastodon.image.size", Measure.SIZE, 16_777_216, _INSTANCE, _SEEN, applies=Applies.IMAGES, strict=False),
    most("mastodon.image.pixels", Measure.PIXELS, 33_177_600, _INSTANCE, _SEEN, applies=Applies.IMAGES, strict=False),
    most("mastodon.video.size", Measure.SIZE, 103_809_024, _INSTANCE, _SEEN, applies=Applies.VIDEOS),
)
