"""Facebook Pages."""

from __future__ import annotations

from datetime import date

from campaigns.limits.forms import COMMENT, POST, REEL, STORY, only
from campaigns.limits.model import Applies, Limit, Measure, between, formats, least, most

_SEEN = date(2026, 11, 22)
_TEXT = "https://www.ayrshare.com/facebook-api/"  # Meta's own pages name no number
_COMMENT = "https://www.purplecowbranding.com/social-media-post-lengths/"  # nor for comments
_PHOTO = "https://developers.facebook.com/docs/graph-api/reference/page/photos"
_STORY = "https://developers.facebook.com/docs/page-stories-api"
_REELS = "https://developers.facebook.com/docs/video-api/guides/reels-publishing"
_POSTS = "https://docs.getlate.dev/resources/media-guidelines/facebook"

LIMITS: tuple[Limit, ...] = (
    *only(frozenset({POST, REEL}), most("facebook.text.length", Measure.CHARACTERS, 63_206, _TEXT, _SEEN)),
    *only(frozenset({COMMENT}), most("facebook.comment.length", Measure.CHARACTERS, 8_000, _COMMENT, _SEEN)),
    formats("facebook.image.format", ("JPEG", "PNG", "GIF", "WEBP"), _POSTS, _SEEN, strict=False),
    most("facebook.image.size", Measure.SIZE, 4_000_000, _PHOTO, _SEEN, applies=Applies.IMAGES, strict=False),
    *only(
        frozenset({POST}),
        most("facebook.video.duration", Measure.DURATION, 14_400, _POSTS, _SEEN, applies=Applies.VIDEOS),
    ),
    most("facebook.video.size", Measure.SIZE, 4_000_000_000, _POSTS, _SEEN, applies=Applies.VIDEOS),
    *only(
        frozenset({STORY}),
        between("facebook.story.media", Measure.MEDIA, 1, 1, _STORY, _SEEN, remedy="a story has one picture or video"),
        between(
            "facebook.story.image.aspect",
            Measure.ASPECT,
            "0.56",
            "0.565",
            _STORY,
            _SEEN,
            applies=Applies.IMAGES,
            strict=False,
        ),
        between("facebook.story.video.duration", Measure.DURATION, 3, 60, _STORY, _SEEN, applies=Applies.VIDEOS),
        between("facebook.story.video.aspect", Measure.ASPECT, "0.56", "0.565", _STORY, _SEEN, applies=Applies.VIDEOS),
        least("facebook.story.video.width", Measure.WIDTH, 540, _STORY, _SEEN, applies=Applies.VIDEOS),
    ),
    *only(
        frozenset({REEL}),
        between("facebook.reel.video.duration", Measure.DURATION, 3, 90, _REELS, _SEEN, applies=Applies.VIDEOS),
        between("facebook.reel.video.aspect", Measure.ASPECT, "0.56", "0.565", _REELS, _SEEN, applies=Applies.VIDEOS),
        least("facebook.reel.video.width", Measure.WIDTH, 540, _REELS, _SEEN, applies=Applies.VIDEOS),
    ),
)
