"""Bluesky: the lexicon of a post, and of what is embedded in it."""

from __future__ import annotations

from datetime import date

from campaigns.limits.model import Applies, Limit, Measure, most

_SEEN = date(2026, 11, 1)
_READ = date(2026, 11, 22)
_LEXICONS = "https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky"
_POST = f"{_LEXICONS}/feed/post.json"
_IMAGES = f"{_LEXICONS}/embed/images.json"
_VIDEO = f"{_LEXICONS}/embed/video.json"

LIMITS: tuple[Limit, ...] = (
    most("bluesky.text.graphemes", Measure.GRAPHEMES, 300, _POST, _READ),
    most("bluesky.text.bytes", Measure.BYTES, 3_000, _POST, _READ),
    most("bluesky.media.max", Measure.MEDIA, 4, _IMAGES, _READ),
    # 1,000,000 on servers before 0.5.
    most("bluesky.image.size", Measure.SIZE, 2_000_000, _IMAGES, _SEEN, applies=Applies.IMAGES, strict=False),
    most("bluesky.video.size", Measure.SIZE, 100_000_000, _VIDEO, _SEEN, applies=Applies.VIDEOS),
)
