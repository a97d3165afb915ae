"""Instagram, professional accounts: a picture, a carousel or a reel.

Sources: https://developers.facebook.com/docs/instagram-platform/content-publishing and .../reference/ig-user/media.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from scheduler.channels.account import Account
from scheduler.channels.platforms.containers import Containers, Edges, Part
from scheduler.channels.platforms.graph import Graph
from scheduler.channels.platforms.renewal import Grant
from scheduler.errors import Refused


class InstagramChannel(Containers):
    """Publishes for accounts that logged in at Instagram, or at Facebook with `endpoint` https://graph.facebook.com."""

    name = "instagram"
    fields: ClassVar[tuple[str, ...]] = ("token", "user", "app_secret", "version", "endpoint")
    edges = Edges(
        containers="media",
        publish="media_publish",
        limit="content_publishing_limit",
        posts="media",
        words="caption",
        status="status_code",
        reason="status",
    )
    grant = Grant("/refresh_access_token", "ig_refresh_token")
    most = 10

    def connect(self, fields: Account, name: str) -> Graph:
        """Return the access to one account."""
        return Graph(
            name,
            "Instagram",
            fields,
            self._clock,
            self._tls,
            node="user",
            endpoint="https://graph.instagram.com",
            seconds=self._seconds,
        )

    def renews(self, graph: Graph) -> bool:
        """Whether the token is of Instagram's own log-in; those of Facebook's are renewed by nobody but Facebook."""
        return graph.host != "graph.facebook.com"

    def single(self, part: Part | None) -> Mapping[str, str]:
        """Return the parameters of a picture or, of a video, a reel."""
        if part is None:
            raise Refused("Instagram takes no post without a picture or video", remedy="give the touch `media:`")
        return {"media_type": "REELS", "video_url": part.url} if part.is_video else _picture(part)

    def item(self, part: Part) -> Mapping[str, str]:
        """Return the parameters of a part of a carousel."""
        return {"media_type": "VIDEO", "video_url": part.url} if part.is_video else _picture(part)


def _picture(part: Part) -> Mapping[str, str]:
    """Return the parameters of a picture; videos take no alternative text."""
    return {"image_url": part.url, **({"alt_text": part.alt} if part.alt else {})}
