"""Instagram, professional accounts: a picture, a carousel, a reel or a story.

Sources: https://developers.facebook.com/docs/instagram-platform/content-publishing and .../reference/ig-user/media.
"""

from __future__ import annotations

from collections.abc import Mapping

from scheduler.channels.base import Attempted, Evidence, Mark, Message, Receipt
from scheduler.channels.platforms import graph_comments
from scheduler.channels.platforms.containers import Containers, Edges, Part
from scheduler.channels.platforms.graph import Graph
from scheduler.channels.platforms.renewal import Grant
from scheduler.errors import Refused


class InstagramChannel(Containers):
    """Publishes for accounts that logged in at Instagram, or at Facebook with `endpoint` https://graph.facebook.com."""

    name = "instagram"
    platform = "Instagram"
    endpoint = "https://graph.instagram.com"
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

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Publish one post, or a comment below one."""
        if message.above is None:
            return await super().send(message, mark)
        graph = await self._access(message)
        return await graph_comments.send(graph, message, message.above, mark, graph_comments.INSTAGRAM)

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look what became of the container, or below the post for a comment."""
        if (above := attempted.message.above) is None:
            return await super().settle(attempted)
        graph = await self._access(attempted.message)
        return await graph_comments.settle(graph, attempted, above, self._clock.now(), graph_comments.INSTAGRAM)

    def renews(self, graph: Graph) -> bool:
        """Whether the token is of Instagram's own log-in; those of Facebook's are renewed by nobody but Facebook."""
        return graph.host != "graph.facebook.com"

    def single(self, part: Part | None) -> Mapping[str, str]:
        """Return the parameters of a picture or, of a video, a reel."""
        if part is None:
            raise Refused("Instagram takes no post without a picture or video", remedy="give the touch `media:`")
        return {"media_type": "REELS", "video_url": part.url} if part.is_video else _picture(part)

    def story(self, part: Part) -> Mapping[str, str]:
        """Return the parameters of a story; it takes neither words nor alternative text."""
        return {"media_type": "STORIES", ("video_url" if part.is_video else "image_url"): part.url}

    def item(self, part: Part) -> Mapping[str, str]:
        """Return the parameters of a part of a carousel."""
        return {"media_type": "VIDEO", "video_url": part.url} if part.is_video else _picture(part)


def _picture(part: Part) -> Mapping[str, str]:
    """Return the parameters of a picture; videos take no alternative text."""
    return {"image_url": part.url, **({"alt_text": part.alt} if part.alt else {})}
