"""X on loopback: takes pictures and posts, refuses a repeat, shortens links, and trades one token for the next."""

from __future__ import annotations

import html
from base64 import b64encode
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from platform_peers import PlatformPeer
from support.http_peer import Reply, Request

from campaigns.limits.text import urls
from scheduler.channels.platforms.x import XChannel

TOKEN, REFRESH = "canary-of-the-x-token-0", "canary-of-the-x-refresh-0"
CLIENT, SECRET = "client-of-the-shop", "canary-of-the-client-secret"
BASIC = b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
USER = "2244994945"


class XPeer(PlatformPeer):
    """The far end of the channel `x`. `token` and `refresh` are those it takes now; the ones before are worth nothing."""

    name = "x"
    commit = "POST /2/tweets"
    secrets = (TOKEN, REFRESH, SECRET, BASIC)
    platform = XChannel
    account: ClassVar[dict[str, str]] = {
        "token": TOKEN,
        "refresh_token": REFRESH,
        "client_id": CLIENT,
        "client_secret": SECRET,
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.taken: list[dict[str, Any]] = []
        self.uploaded: dict[str, dict[str, bytes]] = {}
        self.described: dict[str, str] = {}
        self.requests: list[Request] = []
        self.token, self.refresh, self.trades = TOKEN, REFRESH, 0
        self.may_read = True
        self.page = 100

    def published(self) -> list[str]:
        """Return the texts as they were written."""
        return [one["written"] for one in self.taken]

    def hanging(self) -> list[tuple[str, str]]:
        """Return the texts of replies, each with that of the post it answers."""
        texts = {one["id"]: one["written"] for one in self.taken}
        return [(one["written"], texts[one["above"]]) for one in self.taken if one.get("above")]

    def emptied(self) -> None:
        """Take every post away."""
        self.taken.clear()

    def add(self, text: str, *, after: timedelta = timedelta(0), pictures: int = 0) -> dict[str, Any]:
        """Keep a post as if it had been published so long after now; shown as X shows it."""
        number = str(1_900_000_000_000_000_000 + len(self.taken))
        shown, links = html.escape(text, quote=False), []
        for place, url in enumerate(urls(text)):
            short = f"https://t.co/{place:010d}"
            shown = shown.replace(html.escape(url, quote=False), short, 1)
            links.append({"url": short, "expanded_url": url, "display_url": url.removeprefix("https://")})
        more: dict[str, Any] = {}
        if pictures:
            shown = f"{shown} https://t.co/picture001".strip()
            keys = [f"3_{number}{place}" for place in range(pictures)]
            links += [
                {"url": "https://t.co/picture001", "display_url": "pic.x.com/1", "media_key": key} for key in keys
            ]
            more["attachments"] = {"media_keys": keys}
        at = (self.clock.now() + after).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        one = {"id": number, "text": shown, "created_at": at, "entities": {"urls": links}, "written": text, **more}
        self.taken.append(one)
        return one

    def answer(self, request: Request) -> Reply:
        """Trade tokens, take a picture or a post, or list posts."""
        self.requests.append(request)
        if request.route == "/2/oauth2/token":
            return self._traded(request)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return no(401, "Unauthorized")
        match (request.method, request.route):
            case ("POST", "/2/media/upload"):
                number = str(1_800_000_000_000_000_000 + len(self.uploaded))
                self.uploaded[number] = request.parts
                return Reply(200, {"data": {"id": number, "media_key": f"3_{number}", "expires_after_secs": 86400}})
            case ("POST", "/2/media/metadata"):
                assert request.json["id"] in self.uploaded
                self.described[request.json["id"]] = request.json["metadata"]["alt_text"]["text"]
                return Reply(200, {"data": {"id": request.json["id"]}})
            case ("POST", "/2/tweets"):
                return self._posted(request.json)
            case ("GET", "/2/users/me"):
                return Reply(200, {"data": {"id": USER, "username": "biksouv", "name": "BikSouv"}})
            case ("GET", route) if route == f"/2/users/{USER}/tweets":
                return self._listed(request.query)
        return no(404, "Not Found")

    def _traded(self, request: Request) -> Reply:
        fields = dict(request.form)
        if request.headers.get("authorization") != f"Basic {BASIC}" or fields["client_id"] != CLIENT:
            return Reply(
                401, {"error": "unauthorized_client", "error_description": "Missing valid authorization header"}
            )
        if fields["grant_type"] != "refresh_token" or fields["refresh_token"] != self.refresh:
            return Reply(
                400, {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}
            )
        self.trades += 1
        self.token, self.refresh = (f"canary-of-the-x-{word}-{self.trades}" for word in ("token", "refresh"))
        given = {"access_token": self.token, "refresh_token": self.refresh, "expires_in": 7200, "token_type": "bearer"}
        return Reply(200, given)

    def _posted(self, post: dict[str, Any]) -> Reply:
        ids = post.get("media", {}).get("media_ids", [])
        assert set(ids) <= set(self.uploaded)
        if post.get("text") in self.published():
            return no(403, "You are not allowed to create a Tweet with duplicate content.")
        above = post.get("reply", {}).get("in_reply_to_tweet_id")
        if above and above not in [one["id"] for one in self.taken]:
            return no(403, "You attempted to reply to a Tweet that is deleted or not visible to you.")
        one = self.add(post.get("text", ""), pictures=len(ids))
        one["above"] = above
        return Reply(201, {"data": {"id": one["id"], "text": one["text"]}})

    def _listed(self, query: dict[str, str]) -> Reply:
        if not self.may_read:
            return no(403, "You are not permitted to perform this action.")
        since = datetime.fromisoformat(query["start_time"])
        posts = [one for one in reversed(self.taken) if datetime.fromisoformat(one["created_at"]) >= since]
        begin = int(query.get("pagination_token", "0"))
        wanted = {"id", "text", *query["tweet.fields"].split(",")}
        shown = [{key: one[key] for key in one if key in wanted} for one in posts[begin : begin + self.page]]
        meta: dict[str, object] = {"result_count": len(shown)}
        if posts[begin + self.page :]:
            meta["next_token"] = str(begin + self.page)
        return Reply(200, {"meta": meta, **({"data": shown} if shown else {})})


def no(status: int, detail: str, **headers: str) -> Reply:
    """Return an error as X says it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"title": "No", "detail": detail, "type": "about:blank", "status": status}, headers=named)
