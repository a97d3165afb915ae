"""Threads."""

from __future__ import annotations

from datetime import date

from campaigns.limits.model import Applies, Limit, Measure, between, formats, least, most

_SEEN = date(2026, 11, 1)
_READ = date(2026, 11, 22)
_POSTS = "https://developers.facebook.com/documentation/threads/posts"
_LIMITS = "https://developers.facebook.com/documentation/threads/overview"
_PUBLISHING = "https://developers.facebook.com/docs/threads/reference/publishing"
_REPLIES = "https://developers.facebook.com/docs/threads/retrieve-and-manage-replies"
_OVERVIEW = "https://developers.facebook.com/docs/threads/overview"

LIMITS: tuple[Limit, ...] = (
    most("threads.text.length", Measure.WITH_EMOJI_AS_BYTES, 500, _POSTS, _READ),
    most(
        "threads.hashtags.max",
        Measure.HASHTAGS,
        1,
        _PUBLISHING,
        _SEEN,
        strict=False,
        remedy="keep the one that matters: only one becomes the topic",
    ),
    most("threads.media.max", Measure.MEDIA, 20, _PUBLISHING, _SEEN),
    most("threads.alt.length", Measure.ALT, 1_000, _PUBLISHING, _SEEN),
    formats("threads.image.format", ("JPEG", "PNG"), _OVERVIEW, _SEEN),
    most("threads.image.size", Measure.SIZE, 8_000_000, _OVERVIEW, _SEEN, applies=Applies.IMAGES),
    between("threads.image.aspect", Measure.ASPECT, "0.1", 10, _OVERVIEW, _SEEN, applies=Applies.IMAGES),
    least(
        "threads.image.width",
        Measure.WIDTH,
        320,
        _OVERVIEW,
        _SEEN,
        applies=Applies.IMAGES,
        strict=False,
        remedy="take a larger picture: this one is blown up",
    ),
    most("threads.video.duration", Measure.DURATION, 300, _OVERVIEW, _SEEN, applies=Applies.VIDEOS),
    most("threads.video.size", Measure.SIZE, 1_000_000_000, _OVERVIEW, _SEEN, applies=Applies.VIDEOS),
    between("threads.video.aspect", Measure.ASPECT, "0.01", 10, _OVERVIEW, _SEEN, applies=Applies.VIDEOS),
    most("threads.replies.day", Measure.REPLIES_A_DAY, 1_000, _REPLIES, date(2026, 11, 22), strict=False),
    most("threads.posts.day", Measure.POSTS_A_DAY, 250, _LIMITS, _READ, strict=False),
)
