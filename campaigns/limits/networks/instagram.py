"""Instagram, professional accounts."""

from __future__ import annotations

from datetime import date

from campaigns.limits.forms import COMMENT, POST, REEL, STORY, only
from campaigns.limits.model import Applies, Limit, Measure, between, formats, least, most

_SEEN = date(2026, 11, 22)
_MEDIA = "https://developers.facebook.com/docs/instagram-api/reference/ig-user/media"
_COMMENT = "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-media/comments"
_PUBLISHING = "https://developers.facebook.com/docs/instagram-platform/content-publishing"
# Announced on 19 December 2025 in place of 30; the reference of the API had not followed when it was read.
_FIVE = "https://en.shiftdelete.net/an-era-is-ending-on-instagram-hashtag-limit-imposed"

_LASTING = frozenset({POST, REEL})
_STORIES = frozenset({STORY})

LIMITS: tuple[Limit, ...] = (
    *only(
        _LASTING,
        most("instagram.caption.length", Measure.CHARACTERS, 2_200, _MEDIA, _SEEN),
        most("instagram.hashtags.max", Measure.HASHTAGS, 5, _FIVE, _SEEN),
        most("instagram.mentions.max", Measure.MENTIONS, 20, _MEDIA, _SEEN),
    ),
    # Meta's pages name no number; what its apps take is what a caption may have.
    *only(
        frozenset({COMMENT}),
        most("instagram.comment.length", Measure.CHARACTERS, 2_200, _COMMENT, _SEEN, strict=False),
    ),
    least("instagram.media.min", Measure.MEDIA, 1, _PUBLISHING, _SEEN, remedy="give it a picture or a video"),
    most("instagram.media.max", Measure.MEDIA, 10, _PUBLISHING, _SEEN),
    formats("instagram.image.format", ("JPEG",), _PUBLISHING, _SEEN),
    most("instagram.image.size", Measure.SIZE, 8_000_000, _MEDIA, _SEEN, applies=Applies.IMAGES),
    *only(
        _LASTING,
        between("instagram.image.aspect", Measure.ASPECT, "0.8", "1.91", _MEDIA, _SEEN, applies=Applies.IMAGES),
    ),
    least(
        "instagram.image.width",
        Measure.WIDTH,
        320,
        _MEDIA,
        _SEEN,
        applies=Applies.IMAGES,
        strict=False,
        remedy="take a larger picture: this one is blown up",
    ),
    *only(
        _LASTING,
        between("instagram.video.duration", Measure.DURATION, 3, 900, _MEDIA, _SEEN, applies=Applies.VIDEOS),
        # The pages name 300 MB and 1 GB.
        most("instagram.video.size", Measure.SIZE, 300_000_000, _MEDIA, _SEEN, applies=Applies.VIDEOS, strict=False),
        between("instagram.video.aspect", Measure.ASPECT, "0.01", 10, _MEDIA, _SEEN, applies=Applies.VIDEOS),
    ),
    *only(
        _STORIES,
        most("instagram.story.media", Measure.MEDIA, 1, _MEDIA, _SEEN, remedy="write a touch for each"),
        # What has another shape is cropped, or stands between empty bands.
        between(
            "instagram.story.image.aspect",
            Measure.ASPECT,
            "0.56",
            "0.565",
            _MEDIA,
            _SEEN,
            applies=Applies.IMAGES,
            strict=False,
        ),
        between("instagram.story.video.duration", Measure.DURATION, 3, 60, _MEDIA, _SEEN, applies=Applies.VIDEOS),
        most("instagram.story.video.size", Measure.SIZE, 100_000_000, _MEDIA, _SEEN, applies=Applies.VIDEOS),
        between(
            "instagram.story.video.aspect",
            Measure.ASPECT,
            "0.56",
            "0.565",
            _MEDIA,
            _SEEN,
            applies=Applies.VIDEOS,
            strict=False,
        ),
    ),
    # The pages name 25, 50 and 100; the account itself answers which it is.
    most("instagram.posts.day", Measure.POSTS_A_DAY, 50, _PUBLISHING, _SEEN, strict=False),
)
