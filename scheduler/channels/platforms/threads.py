"""Threads: text, a picture, a video or a carousel.

Source: https://developers.facebook.com/docs/threads/reference/publishing. Publishing a text in one step
(`auto_publish_text`) is not used: nothing would tell afterwards whether it went.
"""

from __future__ import annotations

from collections.abc import Mapping

from scheduler.channels.platforms.containers import Containers, Edges, Part
from scheduler.channels.platforms.renewal import Grant


class ThreadsChannel(Containers):
    """Publishes for profiles on Threads. Media are waited for by their status; a text is ready at once."""

    name = "threads"
    platform = "Threads"
    endpoint = "https://graph.threads.net"
    version = "v1.0"
    edges = Edges(
        containers="threads",
        publish="threads_publish",
        limit="threads_publishing_limit",
        posts="threads",
        words="text",
        status="status",
        reason="error_message",
        replies="replies",
    )
    grant = Grant("/refresh_access_token", "th_refresh_token")
    most = 20

    def single(self, part: Part | None) -> Mapping[str, str]:
        """Return the parameters of a text, a picture or a video."""
        return {"media_type": "TEXT"} if part is None else self.item(part)

    def item(self, part: Part) -> Mapping[str, str]:
        """Return the parameters of a picture or video, alone or in a carousel."""
        kind = {"media_type": "VIDEO", "video_url": part.url}
        if not part.is_video:
            kind = {"media_type": "IMAGE", "image_url": part.url}
        return {**kind, **({"alt_text": part.alt} if part.alt else {})}
