"""Meta on loopback: a Page, an Instagram account and a Threads profile, judged by the tables of Meta's own client."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from graph_tables import PAGING, tables
from platform_peers import TEXT, PlatformPeer, picture
from support.http_peer import Reply, Request

from campaigns.rendering import Content
from scheduler.channels.base import Channel, Message
from scheduler.channels.platforms.containers import Containers
from scheduler.channels.platforms.facebook import FacebookChannel
from scheduler.channels.platforms.instagram import InstagramChannel
from scheduler.channels.platforms.threads import ThreadsChannel

TOKEN = "EAAcanaryOfTheGraphToken0123456789"
APP_SECRET = "canaryoftheappsecret0123456789abcd"
PAGE = "102030405060708"
USER = "17841400008460056"
CDN = "https://cdn.biksouv.example/media"
_FIRST_ID = 900_000_000_000_000


class NoError(Exception):
    """A refusal, in Meta's shape."""

    def __init__(self, code: int, subcode: int = 0, message: str = "no", status: int = 400) -> None:
        super().__init__(message)
        self.reply = error(code, subcode, message, status)


def error(code: int, subcode: int = 0, message: str = "no", status: int = 400, **more: object) -> Reply:
    """Return an error as the Graph API says it."""
    told: dict[str, object] = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "Az8or2yhqkZ"}
    if subcode:
        told["error_subcode"] = subcode
    return Reply(status, {"error": {**told, **more}})


@dataclass
class Thing:
    """Something with an id: a photo, video, post, container or published medium."""

    id: str
    kind: str
    given: dict[str, str]
    at: datetime
    shown: bool = False
    state: str = "FINISHED"
    reason: str = ""
    looks: int = 0  # how often it still says it is being worked on
    files: dict[str, bytes] = field(default_factory=dict)


class GraphPeer(PlatformPeer):
    """What all three have in common: the log-in, the tables, the things."""

    secrets = (TOKEN, APP_SECRET)
    version = "v26.0"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "bouquet.jpg").write_bytes(picture("JPEG"))
        self.things: dict[str, Thing] = {}
        self.tokens = [TOKEN]  # a renewed one leaves the former valid until that ends by itself
        self.app_secret = ""  # where it is set, every request has to prove itself
        self.headers: dict[str, str] = {}  # of every answer
        self.refused: list[str] = []  # what did not fit Meta's tables
        self.given: list[tuple[str, dict[str, str]]] = []  # what was asked for, and with which parameters

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        try:
            given, files = _given(request)
            self._let_in(request, given)
            for name in ("access_token", "appsecret_proof"):
                given.pop(name, None)
            found = self.asked(request.method, request.route.split("/")[1:], given, files)
        except NoError as refusal:
            return refusal.reply
        return Reply(200, found, headers=self.headers)

    def asked(self, method: str, path: list[str], given: dict[str, str], files: dict[str, bytes]) -> object:
        """Do what is asked for; `path` begins with the version."""
        if path[0] != self.version or len(path) not in (2, 3):
            raise NoError(2500, message="Unknown path components")
        return self.edge(method, path[1], path[2] if len(path) == 3 else "", given, files)

    def edge(self, method: str, node: str, edge: str, given: dict[str, str], files: dict[str, bytes]) -> object:
        """Do what is asked of a thing or of one of its edges."""
        raise NotImplementedError

    def judged(self, name: str, given: Mapping[str, str]) -> None:
        """Refuse what Meta's tables do not know."""
        more = PAGING if name.startswith("GET") else frozenset({"source"}) if name.endswith("photos") else frozenset()
        if wrong := tables()[name].wrong(given, more):
            self.refused.append(f"{name}: {wrong}")
            raise NoError(100, message=f"(#100) {wrong}")
        self.given.append((name, dict(given)))

    def made(self, kind: str, given: dict[str, str], **more: Any) -> Thing:
        """Keep a new thing."""
        number = str(_FIRST_ID + len(self.things))
        thing = Thing(f"{PAGE}_{number}" if kind == "post" else number, kind, given, self.clock.now(), **more)
        self.things[thing.id] = thing
        return thing

    @property
    def commit_of_reply(self) -> str:
        """The match of the request that writes a comment."""
        return f"POST /{self.version}/*/comments"

    def texts(self) -> dict[str, str]:
        """Return the words of what can be commented on, by its id."""
        raise NotImplementedError

    def comments(self) -> list[Thing]:
        """Return the comments, oldest first."""
        return [thing for thing in self.things.values() if thing.kind == "comment"]

    def hanging(self) -> list[tuple[str, str]]:
        """Return the texts of comments, each with that of its post."""
        texts = self.texts()
        return [(one.given["message"], texts[one.given["below"]]) for one in self.comments()]

    def commented(self, method: str, post: Thing, given: dict[str, str], words: str, at: str) -> object:
        """Take a comment below a post, or list those there, the newest first."""
        if method == "POST":
            if not given.get("message", "").strip():
                raise NoError(100, message="(#100) Missing message")
            return {"id": self.made("comment", {**given, "below": post.id}).id}
        names = ["id", *filter(None, given.get("fields", "").split(","))]
        below = [one for one in reversed(self.comments()) if one.given["below"] == post.id]
        known = [
            {"id": one.id, words: one.given["message"], at: one.at.strftime("%Y-%m-%dT%H:%M:%S+0000")} for one in below
        ]
        return {"data": [{name: one[name] for name in names} for one in known[: int(given.get("limit", "25"))]]}

    def emptied(self) -> None:
        """Take every post away."""
        self.things.clear()

    def thing(self, name: str, *kinds: str) -> Thing:
        """Return a thing of one of these kinds, or say that there is none, as Meta does."""
        found = self.things.get(name)
        if found is None or found.kind not in kinds:
            message = f"Unsupported request. Object with ID '{name}' does not exist, cannot be loaded"
            raise NoError(100, 33, message)
        return found

    def _let_in(self, request: Request, given: Mapping[str, str]) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ") or given.get("access_token")
        if token not in self.tokens:
            raise NoError(190, 463, "Error validating access token: Session has expired", 401)
        if self.app_secret:
            proof = hmac.new(self.app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
            if given.get("appsecret_proof") != proof:
                raise NoError(100, message="Invalid appsecret_proof provided in the API argument")


class FacebookPeer(GraphPeer):
    """The far end of the channel `facebook`: a Page with its photos, videos, drafts and posts."""

    name = "facebook"
    commit = f"POST /v26.0/{PAGE}_*"
    platform = FacebookChannel
    account: ClassVar[dict[str, str]] = {"token": TOKEN, "page": PAGE}

    def published(self) -> list[str]:
        """Return the words of the posts and comments that anybody sees."""
        return [*self.texts().values(), *(one.given["message"] for one in self.comments())]

    def texts(self) -> dict[str, str]:
        """Return the words of the posts that anybody sees, by their ids."""
        return {one.id: one.given.get("message") or one.given.get("description", "") for one in self.shown()}

    def shown(self) -> list[Thing]:
        """Return the posts and videos that anybody sees."""
        return [thing for thing in self.things.values() if thing.shown]

    def answer(self, request: Request) -> Reply:
        """Answer one request; the bytes of reels and of videos in stories go to an address of their own."""
        if not request.route.startswith(f"/video-upload/{self.version}/"):
            return super().answer(request)
        thing = self.things[request.route.rpartition("/")[2]]
        whole = request.headers.get("offset") == "0" and request.headers.get("file_size") == str(len(request.body))
        if request.headers.get("authorization") != f"OAuth {self.tokens[0]}" or not whole:
            return error(190)
        thing.files["source"] = request.body
        return Reply(200, {"success": True})

    def edge(self, method: str, node: str, edge: str, given: dict[str, str], files: dict[str, bytes]) -> object:
        """Do what is asked of the Page or of something on it."""
        if node == PAGE:
            self.judged(f"{method} {edge}", given)
            if edge in ("photo_stories", "video_stories", "video_reels"):
                return self._short(edge, given)
            if edge == "stories":
                return {"data": [_of_story(thing) for thing in reversed(self.stories)]}
            return self._on_page(edge, given, files)
        thing = self.thing(node, "post", "video", "photo")
        if edge == "comments":
            self.judged(f"{method} comments", given)
            return self.commented(method, thing, given, "message", "created_time")
        if edge:
            raise NoError(100, message=f"Tried accessing nonexisting field ({edge})")
        self.judged(f"{method} {thing.kind}", given)
        flag = "is_published" if thing.kind == "post" else "published"
        if method == "DELETE":
            del self.things[node]
            return {"success": True}
        if method == "POST":
            thing.shown = thing.shown or given.get(flag) == "true"
            return {"success": True}
        thing.looks -= 1
        status = "processing" if thing.looks >= 0 else thing.state.replace("FINISHED", "ready").lower()
        phases = {
            "uploading_phase": {"status": "complete" if "source" in thing.files else "in_progress"},
            "publishing_phase": {"status": "complete" if thing.shown else "not_started"},
        }
        known = {"id": thing.id, flag: thing.shown, "status": {"video_status": status, **phases}}
        return {name: known[name] for name in ("id", *filter(None, given.get("fields", "").split(",")))}

    @property
    def stories(self) -> list[Thing]:
        """The stories that anybody sees, oldest first."""
        return [thing for thing in self.things.values() if thing.kind == "story"]

    def _short(self, edge: str, given: dict[str, str]) -> object:
        """Begin the session of a video, or show a story or reel; a medium is shown once."""
        if given.get("upload_phase", "").lower() == "start":
            return {"video_id": self.made("video", given).id, "upload_url": "https://elsewhere.example/"}
        medium = self.thing(given.get("photo_id") or given.get("video_id", ""), "photo", "video")
        if medium.shown or "source" not in medium.files:
            raise NoError(100, message="(#100) The media was used before, or is not there yet")
        medium.shown = True
        medium.given |= given
        if edge == "video_reels":
            return {"success": given["video_state"] == "PUBLISHED"}
        story = self.made("story", {"media_id": medium.id})
        return {"success": True, "post_id": story.id}

    def _on_page(self, edge: str, given: dict[str, str], files: dict[str, bytes]) -> object:
        if edge == "published_posts":
            names = ["id", *filter(None, given.get("fields", "").split(","))]
            return {"data": [{name: _of_post(thing)[name] for name in names} for thing in reversed(self.shown())]}
        hidden = given.get("published") == "false"
        if edge == "feed":
            for one in json.loads(given.get("attached_media", "[]")):
                self.thing(one["media_fbid"], "photo")
            if not given.keys() & {"message", "link", "attached_media"}:
                raise NoError(100, message="(#100) Missing message or attachment")
            if (hidden and given.get("unpublished_content_type") != "DRAFT") or "facebook.com" in given.get("link", ""):
                raise NoError(100, 1609008)
            return {"id": self.made("post", given, shown=not hidden).id}
        if edge == "photos" and not (files["source"][:3] == b"\xff\xd8\xff" or files["source"][:4] == b"\x89PNG"):
            raise NoError(324, 1366046, "Can't read files")
        return {"id": self.made(edge.removesuffix("s"), given, shown=not hidden, files=files).id}


def _of_story(thing: Thing) -> dict[str, object]:
    return {
        "post_id": thing.id,
        "media_id": thing.given["media_id"],
        "creation_time": str(int(thing.at.timestamp())),
    }


def _of_post(thing: Thing) -> dict[str, object]:
    words = thing.given.get("message") or thing.given.get("description", "")
    return {"id": thing.id, "message": words, "created_time": thing.at.strftime("%Y-%m-%dT%H:%M:%S+0000")}


class ContainerPeer(GraphPeer):
    """A far end with containers: what Instagram and Threads have in common."""

    edges = ("", "", "", "")  # containers, publish, limit, posts
    tables = ("", "")  # of a container and of a post
    words = status = reason = ""
    platform: type[Containers]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.most = 50
        self.used = 0
        self.replied, self.most_replies = 0, 1_000
        self.looks = 0  # how often a new container says it is being worked on
        self.fails = ""  # why new containers with media fail
        self.renewals = 0
        self.token_made_at = self.clock.now() - timedelta(days=2)

    def channel(self, port: int, *, seconds: float = 5, **fields: str) -> Channel:
        """Return a new channel, which looks at containers without a pause."""
        channel = super().channel(port, seconds=seconds, **fields)
        assert isinstance(channel, Containers)
        channel.pauses = (0, 0, 0)
        return channel

    def message(self, **changes: Any) -> Message:
        """Return a post with a picture at a public address."""
        media = (("bouquet.jpg", "Un bouquet de roses"),)
        return super().message(**{"media_url": CDN, "content": Content("", TEXT, media=media), **changes})

    def posts(self) -> list[Thing]:
        """Return what anybody sees, oldest first."""
        return [thing for thing in self.things.values() if thing.kind == "post of container"]

    def published(self) -> list[str]:
        """Return the words of what anybody sees."""
        return [
            *(thing.given.get(self.words, "") for thing in self.posts()),
            *(t.given["message"] for t in self.comments()),
        ]

    def texts(self) -> dict[str, str]:
        """Return the words of the posts by their ids."""
        return {thing.id: thing.given.get(self.words, "") for thing in self.posts()}

    def asked(self, method: str, path: list[str], given: dict[str, str], files: dict[str, bytes]) -> object:
        """Do what is asked for; a token is renewed outside of any version."""
        if method == "GET" and path == ["refresh_access_token"]:
            return self._renewed(given)
        return super().asked(method, path, given, files)

    def edge(self, method: str, node: str, edge: str, given: dict[str, str], files: dict[str, bytes]) -> object:
        """Do what is asked of the account, a container or a post."""
        make, publish, limit, listed = self.edges
        if node == USER:
            self.judged(f"{method} {edge}", given)
            if (method, edge) == ("POST", make):
                return {"id": self._container(given).id}
            if (method, edge) == ("POST", publish):
                return {"id": self._publish(given["creation_id"]).id}
            if (method, edge) == ("GET", limit):
                config = {"quota_total": self.most, "quota_duration": 86_400}
                known = {"quota_usage": self.used, "config": config}
                known |= {
                    "reply_quota_usage": self.replied,
                    "reply_config": {**config, "quota_total": self.most_replies},
                }
                return {"data": [{name: known[name] for name in given["fields"].split(",")}]}
            assert (method, edge) in (("GET", listed), ("GET", "replies"))
            names = ["id", *filter(None, given.get("fields", "").split(","))]
            found = [one for one in self.posts() if ("reply_to_id" in one.given) == (edge == "replies")]
            return {"data": [{name: self._seen(thing)[name] for name in names} for thing in reversed(found)]}
        thing = self.thing(node, "container", "post of container")
        if edge == "comments" and thing.kind == "post of container":
            self.judged(f"{method} media comments", given)
            return self.commented(method, thing, given, "text", "timestamp")
        self.judged(f"{method} {self.tables[thing.kind != 'container']}", given)
        thing.looks -= 1
        if self.clock.now() - thing.at > timedelta(hours=24) and thing.state == "FINISHED":
            thing.state = "EXPIRED"
        state = "IN_PROGRESS" if thing.looks >= 0 else thing.state
        known = {**self._seen(thing), self.status: state, self.reason: thing.reason}
        return {name: known[name] for name in ("id", *filter(None, given.get("fields", "").split(",")))}

    def _seen(self, thing: Thing) -> dict[str, object]:
        moment = thing.at.strftime("%Y-%m-%dT%H:%M:%S+0000")
        link = f"https://{self.name}.example/p/{thing.id}/"
        return {"id": thing.id, self.words: thing.given.get(self.words), "timestamp": moment, "permalink": link}

    def _container(self, given: dict[str, str]) -> Thing:
        for name in ("image_url", "video_url"):
            if name in given and not given[name].startswith(CDN):
                raise NoError(9004, 2207052, "The media could not be fetched from this URI")
        for child in filter(None, given.get("children", "").split(",")):
            if self.thing(child, "container").given.get("is_carousel_item") != "true":
                raise NoError(100, 2207028)
        made = self.made("container", given, looks=self.looks)
        if self.fails and given.keys() & {"image_url", "video_url"}:
            made.state, made.reason = "ERROR", self.fails
        return made

    def _publish(self, container: str) -> Thing:
        found = self.thing(container, "container")
        if found.state != "FINISHED" or found.looks > 0:
            raise NoError(9007, 2207027, "The media is not ready for publishing")
        if self.used >= self.most:
            raise NoError(9, 2207042, "Application request limit reached")
        if found.given.get("is_carousel_item") == "true":
            raise NoError(100, 2207028)
        found.state = "PUBLISHED"
        if "reply_to_id" in found.given:
            self.replied += 1
        else:
            self.used += 1
        return self.made("post of container", found.given)

    def _renewed(self, given: Mapping[str, str]) -> object:
        if given != {"grant_type": self.platform.grant.kind}:
            raise NoError(100, message="Invalid grant_type")
        if self.clock.now() - self.token_made_at < timedelta(hours=24):
            raise NoError(100, message="The access token is too young to be refreshed")
        self.renewals += 1
        self.token_made_at = self.clock.now()
        self.tokens.append(f"{TOKEN}{self.renewals}")
        return {"access_token": self.tokens[-1], "token_type": "bearer", "expires_in": 5_184_000}


class InstagramPeer(ContainerPeer):
    """The far end of the channel `instagram`."""

    name = "instagram"
    commit = f"POST /v26.0/{USER}/media_publish"
    platform = InstagramChannel
    account: ClassVar[dict[str, str]] = {"token": TOKEN, "user": USER}
    edges = ("media", "media_publish", "content_publishing_limit", "media")
    tables = ("container", "media item")
    words, status, reason = "caption", "status_code", "status"

    def _container(self, given: dict[str, str]) -> Thing:
        if not given.keys() & {"image_url", "video_url", "children"}:
            raise NoError(9004, 2207052, "Only photo or video can be accepted as media type")
        if "image_url" in given and not given["image_url"].endswith((".jpg", ".jpeg")):
            raise NoError(36001, 2207005, "The image format is not supported")
        return super()._container(given)


class ThreadsPeer(ContainerPeer):
    """The far end of the channel `threads`."""

    name = "threads"
    version = "v1.0"
    commit = f"POST /v1.0/{USER}/threads_publish"
    platform = ThreadsChannel
    account: ClassVar[dict[str, str]] = {"token": TOKEN, "user": USER}
    edges = ("threads", "threads_publish", "threads_publishing_limit", "threads")
    tables = ("threads container", "threads item")
    words, status, reason = "text", "status", "error_message"

    def _container(self, given: dict[str, str]) -> Thing:
        if "media_type" not in given:
            raise NoError(100, message="The parameter media_type is required")
        if "reply_to_id" in given:
            self.thing(given["reply_to_id"], "post of container")
        return super()._container(given)

    @property
    def commit_of_reply(self) -> str:
        """A reply is published as a post is."""
        return self.commit

    def hanging(self) -> list[tuple[str, str]]:
        """Return the texts of replies, each with that of the post it answers."""
        texts = self.texts()
        return [
            (one.given["text"], texts[one.given["reply_to_id"]]) for one in self.posts() if "reply_to_id" in one.given
        ]


def _given(request: Request) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the parameters of a request, from wherever they stand, and its files."""
    given = dict(parse_qsl(urlsplit(request.path).query, keep_blank_values=True))
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        files = {name: value for name, value in request.parts.items() if name.startswith("source")}
        given |= {name: value.decode() for name, value in request.parts.items() if name not in files}
        return given, files
    return {**given, **dict(request.form)}, {}
