"""LinkedIn on loopback: takes pictures and posts, refuses a repeat, and lists the posts of an author, newest first."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

from platform_peers import PlatformPeer
from support.http_peer import Reply, Request

from scheduler.channels.platforms.linkedin import LinkedInChannel

TOKEN = "canary-of-the-linkedin-token"
AUTHOR = "urn:li:organization:7654321"


class LinkedInPeer(PlatformPeer):
    """The far end of the channel `linkedin`; `lag` is how long a new post is not listed yet."""

    name = "linkedin"
    commit = "POST /rest/posts"
    secrets = (TOKEN,)
    platform = LinkedInChannel
    account: ClassVar[dict[str, str]] = {"token": TOKEN, "author": AUTHOR}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.taken: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.uploaded: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.upload_host = ""
        self.may_read = True
        self.lag = timedelta(0)

    def published(self) -> list[str]:
        """Return the texts as their readers see them: what is escaped stands there plainly."""
        return [*(seen(one["commentary"]) for one in self.taken), *(one["message"]["text"] for one in self.comments)]

    @property
    def commit_of_reply(self) -> str:
        """The match of the request that writes a comment."""
        return "POST /rest/socialActions/*"

    def hanging(self) -> list[tuple[str, str]]:
        """Return the texts of comments, each with that of its post."""
        texts = {one["id"]: seen(one["commentary"]) for one in self.taken}
        return [(one["message"]["text"], texts[one["object"]]) for one in self.comments]

    def emptied(self) -> None:
        """Take every post away."""
        self.taken.clear()

    def add(
        self, commentary: str, *, after: timedelta = timedelta(0), pictures: int = 0, **more: object
    ) -> dict[str, Any]:
        """Keep a post as if it had been published so long after now."""
        made = round((self.clock.now() + after).timestamp() * 1000)
        urn = f"urn:li:share:{7_400_000_000_000_000_000 + len(self.taken)}"
        if pictures == 1:
            more["content"] = {"media": {"id": "urn:li:image:C1"}}
        elif pictures:
            images = [{"id": f"urn:li:image:C{number}"} for number in range(1, pictures + 1)]
            more["content"] = {"multiImage": {"images": images}}
        one = {"id": urn, "author": AUTHOR, "commentary": commentary, "createdAt": made, "publishedAt": made, **more}
        self.taken.append(one)
        return one

    def answer(self, request: Request) -> Reply:
        """Take a picture or a post, or list posts."""
        self.requests.append(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return no(401, "Invalid access token", serviceErrorCode=65600)
        if request.method == "PUT" and request.route.startswith("/dms-uploads/"):
            self.uploaded[request.route.rpartition("/")[2]] = request.body
            return Reply(201)
        if "linkedin-version" not in request.headers or request.headers["x-restli-protocol-version"] != "2.0.0":
            return no(400, "A version must be present", code="VERSION_MISSING")
        if request.route == "/rest/images" and request.query == {"action": "initializeUpload"}:
            return self._place(request)
        if request.route.startswith("/rest/socialActions/"):
            return self._commented(request)
        if request.route != "/rest/posts":
            return no(404, "Resource not found")
        return self._listed(request.query) if request.method == "GET" else self._posted(request.json)

    def _place(self, request: Request) -> Reply:
        assert request.json == {"initializeUploadRequest": {"owner": AUTHOR}}
        image = f"C{len(self.requests):05d}"
        where = f"{self.upload_host or 'http://' + request.headers['host']}/dms-uploads/{image}?ca=vector_ads"
        return Reply(200, {"value": {"image": f"urn:li:image:{image}", "uploadUrl": where, "uploadUrlExpiresAt": 0}})

    def _posted(self, post: dict[str, Any]) -> Reply:
        content = post.get("content", {})
        images = content.get("multiImage", {}).get("images") or ([content["media"]] if content else [])
        assert post["lifecycleState"] == "PUBLISHED"
        assert all(image["id"].removeprefix("urn:li:image:") in self.uploaded for image in images)
        same = [one["id"] for one in self.taken if one["commentary"] == post["commentary"]]
        if same:
            return repeat(same[-1])
        one = self.add(post["commentary"], content=content)
        return Reply(201, headers={"x-restli-id": one["id"]})

    def _commented(self, request: Request) -> Reply:
        """Take a comment below a post, or list those there, the oldest first."""
        post = unquote(request.route.removeprefix("/rest/socialActions/").removesuffix("/comments"))
        if post not in [one["id"] for one in self.taken]:
            return no(404, "Not found")
        if request.method == "GET":
            if not self.may_read:
                return no(403, "Not enough permissions to access: partnerApiSocialActions.GET_ALL")
            below = [one for one in self.comments if one["object"] == post]
            begin = int(request.query["start"])
            return Reply(200, {"elements": below[begin : begin + int(request.query["count"])]})
        body = request.json
        assert (body["object"], body["actor"]) == (post, AUTHOR)
        number = str(7_500_000_000_000_000_000 + len(self.comments))
        made = {"time": round(self.clock.now().timestamp() * 1000)}
        urn = f"urn:li:comment:({post},{number})"
        self.comments.append({**body, "id": number, "created": made, "commentUrn": urn})
        return Reply(201, self.comments[-1], headers={"x-restli-id": number})

    def _listed(self, query: dict[str, str]) -> Reply:
        if not self.may_read:
            return no(403, "Not enough permissions to access: partnerApiPosts.FINDER-author", serviceErrorCode=100)
        assert (query["q"], query["author"], query["sortBy"]) == ("author", AUTHOR, "CREATED")
        known = round((self.clock.now() - self.lag).timestamp() * 1000)
        shown = sorted((one for one in self.taken if one["createdAt"] <= known), key=lambda one: -one["createdAt"])
        begin = int(query["start"])
        return Reply(200, {"elements": shown[begin : begin + int(query["count"])], "paging": {"start": begin}})


def no(status: int, message: str, **more: object) -> Reply:
    """Return an error as LinkedIn says it."""
    return Reply(status, {"status": status, "message": message, **more})


def repeat(urn: str) -> Reply:
    """Return the refusal of a repeat, which names a post."""
    errors = [{"description": "Duplicate post is detected", "input": {}, "code": "DUPLICATE_POST"}]
    return no(422, f"Content is a duplicate of {urn}", errorDetails={"inputErrors": errors})


def seen(commentary: str) -> str:
    """Return what a reader sees; written apart from the channel's own reading. A sign that is not escaped ends it."""
    out, signs = "", iter(commentary)
    for sign in signs:
        if sign == "\\":
            out += next(signs)
        elif sign in "|{}@[]()<>*_~":
            break
        else:
            out += sign
    return out
