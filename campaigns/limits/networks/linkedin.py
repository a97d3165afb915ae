"""LinkedIn, organic posts."""

from __future__ import annotations

from datetime import date

from campaigns.limits.forms import COMMENT, only
from campaigns.limits.model import Applies, Limit, Measure, between, formats, most

_SEEN = date(2026, 11, 22)
_POSTS = "https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api"
_COMMENT = "https://vulse.co/blog/the-complete-guide-to-linkedin-character-limits"  # LinkedIn's pages name no number
_MEDIA = "https://www.ayrshare.com/docs/media-guidelines/linkedin.md"

LIMITS: tuple[Limit, ...] = (
    most("linkedin.text.length", Measure.CHARACTERS, 3_000, _POSTS, _SEEN),
    *only(frozenset({COMMENT}), most("linkedin.comment.length", Measure.CHARACTERS, 1_250, _COMMENT, _SEEN)),
    formats("linkedin.image.format", ("JPEG", "PNG", "GIF"), _MEDIA, _SEEN, strict=False),
    most("linkedin.image.size", Measure.SIZE, 5_000_000, _MEDIA, _SEEN, applies=Applies.IMAGES, strict=False),
    most("linkedin.image.pixels", Measure.PIXELS, 36_152_319, _MEDIA, _SEEN, applies=Applies.IMAGES, strict=False),
    between("linkedin.video.duration", Measure.DURATION, 3, 1_800, _MEDIA, _SEEN, applies=Applies.VIDEOS),
    most("linkedin.video.size", Measure.SIZE, 500_000_000, _MEDIA, _SEEN, applies=Applies.VIDEOS),
    between("linkedin.video.aspect", Measure.ASPECT, "0.4166", "2.4", _MEDIA, _SEEN, applies=Applies.VIDEOS),
)
