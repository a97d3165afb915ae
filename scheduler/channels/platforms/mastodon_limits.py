"""What one Mastodon server takes, as it says itself; a post is measured by it before anything leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.limits.text import SHORT_LINK, urls, with_short_links
from campaigns.rendering import Content
from scheduler.channels.platforms.media import Medium, as_jpeg
from scheduler.errors import Refused


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server takes; the numbers are those of Mastodon as it comes."""

    characters: int = 500
    a_link: int = SHORT_LINK
    media: int = 4
    description: int = 1_500
    image_bytes: int = 16 << 20
    image_pixels: int = 33_177_600
    video_bytes: int = 99 << 20
    kinds: frozenset[str] = frozenset()  # MIME types; empty: the server does not say


def read(fields: Mapping[str, object]) -> Limits:
    """Return the limits in what a server says of itself (/api/v2/instance or /api/v1), the usual where it is silent."""
    configuration = _part(fields, "configuration")
    statuses, media = _part(configuration, "statuses"), _part(configuration, "media_attachments")
    usual = Limits()
    kinds = media.get("supported_mime_types")
    return Limits(
        _number(statuses, "max_characters", _number(fields, "max_toot_chars", usual.characters)),
        _number(statuses, "characters_reserved_per_url", usual.a_link),
        _number(statuses, "max_media_attachments", usual.media),
        _number(media, "description_limit", _number(fields, "description_limit", usual.description)),
        _number(media, "image_size_limit", _number(fields, "upload_limit", usual.image_bytes)),
        _number(media, "image_matrix_limit", usual.image_pixels),
        _number(media, "video_size_limit", _number(fields, "upload_limit", usual.video_bytes)),
        frozenset(kind for kind in kinds if isinstance(kind, str)) if isinstance(kinds, list) else frozenset(),
    )


def _part(fields: Mapping[str, object], name: str) -> dict[str, object]:
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def _number(fields: Mapping[str, object], name: str, usual: int) -> int:
    found = fields.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else usual


def check(content: Content, limits: Limits) -> None:
    """Raise Refused, with the numbers, where the server would refuse the post."""
    found = urls(content.text)
    length = with_short_links(content.text) + (limits.a_link - SHORT_LINK) * len(found)
    if length > limits.characters:
        raise Refused(
            f"the text has {length} characters as this server counts them: expected at most {limits.characters}",
            remedy=f"shorten it by {length - limits.characters}; a link counts as {limits.a_link}",
        )
    if len(content.media) > limits.media:
        raise Refused(f"the post has {len(content.media)} media: this server takes at most {limits.media}")
    for file, alt in content.media:
        if len(alt) > limits.description:
            raise Refused(
                f"the description of {file} has {len(alt)} characters: this server takes at most {limits.description}"
            )


def fitted(medium: Medium, limits: Limits) -> Medium:
    """Return a medium such as the server takes: of a picture that is too large, or of another kind, a smaller JPEG.

    Raises: Refused for a video that is too large.
    """
    if medium.is_video:
        if len(medium.data) > limits.video_bytes:
            raise Refused(f"{medium.name} has {len(medium.data)} bytes: this server takes at most {limits.video_bytes}")
        return medium
    pixels = medium.width * medium.height
    known = not limits.kinds or medium.mime in limits.kinds
    if known and len(medium.data) <= limits.image_bytes and pixels <= limits.image_pixels:
        return medium
    width = medium.width
    if pixels > limits.image_pixels:
        width = max(1, math.floor(width * math.sqrt(limits.image_pixels / pixels)))
    return as_jpeg(medium, most_bytes=limits.image_bytes, most_width=width)
