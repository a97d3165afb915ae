"""Facebook Pages."""

from __future__ import annotations

from datetime import date

from campaigns.limits.model import Applies, Limit, Measure, formats, most

_SEEN = date(2026, 11, 22)
_TEXT = "https://www.ayrshare.com/facebook-api/"  # Meta's own pages name no number
_PHOTO = "https://developers.facebook.com/docs/graph-api/reference/page/photos"
_POSTS = "https://docs.getlate.dev/resources/media-guidelines/facebook"

LIMITS: tuple[Limit, ...] = (
    most("facebook.text.length", Measure.CHARACTERS, 63_206, _TEXT, _SEEN),
    formats("facebook.image.format", ("JPEG", "PNG", "GIF", "WEBP"), _POSTS, _SEEN, strict=False),
    most("facebook.image.size", Measure.SIZE, 4_000_000, _PHOTO, _SEEN, applies=Applies.IMAGES, strict=False),
    most("facebook.video.duration", Measure.DURATION, 14_400, _POSTS, _SEEN, applies=Applies.VIDEOS),
    most("facebook.video.size", Measure.SIZE, 4_000_000_000, _POSTS, _SEEN, applies=Applies.VIDEOS),
)
