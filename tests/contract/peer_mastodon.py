"""A Mastodon server in memory: what its documentation and its issues say, the awkward parts too."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from platform_peers import PlatformPeer
from support.http_peer import Reply, Request

from scheduler.channels.platforms.mastodon import MastodonChannel

TOKEN = "canary-of-mastodon-Zq81hX"


@dataclass
class Post:
    id: str
    text: str
    media: list[str]
    created_at: datetime
    fields: dict[str, Any] = field(default_factory=dict)


class MastodonPeer(PlatformPeer):
    """Keeps an Idempotency-Key for an hour; makes media ready at the third look; gives ids that grow."""

    name = "mastodon"
    commit = "POST /api/v1/statuses"
    secrets = (TOKEN,)
    platform = MastodonChannel
    account: ClassVar[dict[str, str]] = {"token": TOKEN}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.posts: list[Post] = []
        self.media: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[datetime, Post]] = {}
        self.limits: dict[str, Any] = {
            "statuses": {"max_characters": 500, "max_media_attachments": 4, "characters_reserved_per_url": 23},
            "media_attachments": {
                "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4"],
                "image_size_limit": 16_777_216,
                "image_matrix_limit": 33_177_600,
                "video_size_limit": 103_809_024,
                "description_limit": 1_500,
            },
        }
        self.old = False  # a server that has no /api/v2/instance
        self.page = 20  # posts on a page at most, whatever was asked
        self.slow = 2  # looks until media are ready

    def channel(self, port: int, *, seconds: float = 5, **fields: str) -> MastodonChannel:
        found = super().channel(port, seconds=seconds, **fields)
        assert isinstance(found, MastodonChannel)
        found.pauses = (0, 0, 0)
        return found

    def published(self) -> list[str]:
        return [post.text for post in self.posts]

    def hanging(self) -> list[tuple[str, str]]:
        """Return the texts of replies, each with that of the post it answers."""
        texts = {post.id: post.text for post in self.posts}
        return [(one.text, texts[one.fields["in_reply_to_id"]]) for one in self.posts if "in_reply_to_id" in one.fields]

    def emptied(self) -> None:
        """Take every post away."""
        self.posts.clear()

    def posted(self, text: str, *media: str, **fields: Any) -> Post:
        """Publish, as somebody at the server's own page would."""
        post = Post(str(109_000_000_000_000_000 + len(self.posts)), text, list(media), self.clock.now(), fields)
        self.posts.append(post)
        return post

    def answer(self, request: Request) -> Reply:
        if request.route == "/api/v2/instance":
            return Reply(404, {"error": "Record not found"}) if self.old else Reply(json={"configuration": self.limits})
        if request.route == "/api/v1/instance":
            return Reply(json={"version": "2.7.2 (compatible; Pleroma 2.6.0)", "max_toot_chars": 5000})
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"error": "The access token is invalid"})
        match request.method, request.route:
            case "GET", "/api/v1/accounts/verify_credentials":
                return Reply(json={"id": "7", "acct": "biksouv"})
            case "GET", "/api/v1/accounts/7/statuses":
                return Reply(json=[self._seen(post) for post in self._page(request.query)])
            case "POST", "/api/v2/media":
                return self._upload(request)
            case "GET", route if route.startswith("/api/v1/media/"):
                return self._look(route.rpartition("/")[2])
            case "POST", "/api/v1/statuses":
                return self._post(request)
        return Reply(404, {"error": "Record not found"})

    def _page(self, query: dict[str, str]) -> list[Post]:
        found = [
            post
            for post in reversed(self.posts)
            if int(post.id) > int(query.get("since_id", "0")) and int(post.id) < int(query.get("max_id", str(2**62)))
        ]
        return found[: min(self.page, int(query.get("limit", "20")))]

    def _upload(self, request: Request) -> Reply:
        given = str(500 + len(self.media))
        description = request.parts.get("description", b"").decode()
        self.media[given] = {"looks": 0, "description": description, "data": request.parts["file"]}
        return Reply(202 if self.slow else 200, {"id": given, "url": None, "description": description})

    def _look(self, given: str) -> Reply:
        if given not in self.media:
            return Reply(404, {"error": "Record not found"})
        self.media[given]["looks"] += 1
        ready = self.media[given]["looks"] >= self.slow
        return Reply(200 if ready else 206, {"id": given, "url": f"https://m.example/{given}" if ready else None})

    def _post(self, request: Request) -> Reply:
        key, fields = request.headers.get("idempotency-key", ""), request.json
        if key in self.keys and self.clock.now() - self.keys[key][0] < timedelta(hours=1):
            return Reply(json=self._seen(self.keys[key][1]))
        if len(fields["status"]) > 500:
            words = "Validation failed: Text character limit of 500 exceeded"
            return Reply(422, {"error": words})
        for given in fields.get("media_ids", []):
            if self.media[given]["looks"] < self.slow:
                return Reply(422, {"error": "Cannot attach files that have not finished processing"})
        if fields.get("in_reply_to_id") and fields["in_reply_to_id"] not in [post.id for post in self.posts]:
            return Reply(404, {"error": "The post you are trying to reply to does not appear to exist."})
        post = self.posted(fields.pop("status"), *fields.pop("media_ids", []), **fields)
        self.keys[key] = (self.clock.now(), post)
        return Reply(json=self._seen(post))

    def _seen(self, post: Post) -> dict[str, Any]:
        return {
            "id": post.id,
            "created_at": post.created_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "url": f"https://mastodon.example/@biksouv/{post.id}",
            "content": as_html(post.text),
            "reblog": None,
            "in_reply_to_id": post.fields.get("in_reply_to_id"),
            "media_attachments": [{"id": given, "type": "image"} for given in post.media],
        }


def as_html(text: str) -> str:
    """Write a text as Mastodon's formatter does: paragraphs, links whose ends are hidden, tags, mentions without server."""

    def link(match: re.Match[str]) -> str:
        url = match.group()
        shown, rest = url.removeprefix("https://")[:30], url.removeprefix("https://")[30:]
        return (
            f'<a href="{url}" target="_blank" rel="nofollow noopener" translate="no"><span class="invisible">https://</span>'
            f'<span class="{"ellipsis" if rest else ""}">{shown}</span><span class="invisible">{rest}</span></a>'
        )

    out = html.escape(text)
    out = re.sub(r"https://[^\s<]+", link, out)
    out = re.sub(
        r"(?<![\w&/])#(\w+)",
        r'<a href="https://mastodon.example/tags/\1" class="mention hashtag">#<span>\1</span></a>',
        out,
    )
    out = re.sub(
        r"(?<!\w)@(\w+)@[\w.]+\w",
        r'<span class="h-card" translate="no"><a href="https://other.example/@\1" class="u-url mention">@<span>\1</span></a></span>',
        out,
    )
    return "".join(f"<p>{part}</p>" for part in out.replace("\r", "").split("\n\n")).replace("\n", "<br />")
