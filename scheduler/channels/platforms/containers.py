"""Posts in two steps, as Instagram and Threads know them: a container that nobody sees, and the request that shows it.

The platform fetches the media by itself, so they need an address it can reach; a container lasts 24 hours and is made
when the post is due. What became of an attempt is read off its container.
"""

from __future__ import annotations

import asyncio
import logging
import mimetypes
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import PurePosixPath
from typing import ClassVar
from urllib.parse import urlsplit

from scheduler.channels.account import Account
from scheduler.channels.answers import Answer
from scheduler.channels.base import Attempted, Evidence, Found, Mark, Message, Receipt, Renewed
from scheduler.channels.platforms.base import Platform, hung_on
from scheduler.channels.platforms.graph import POST_ID, VERSION, Gone, Graph, Post, is_id, the_same
from scheduler.channels.platforms.media import public_url
from scheduler.channels.platforms.registry import accounts_of
from scheduler.channels.platforms.renewal import Grant, Renewal
from scheduler.errors import ChannelDown, NoAccount, NotSent, Refused

_logger = logging.getLogger(__name__)

# Meta advises to look once a minute for at most five; small pictures are ready at once.
_PAUSES = (1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0, 30.0, 60.0, 60.0, 60.0)
STORY = "story"
_DAY = timedelta(hours=24)
_AGAIN = timedelta(minutes=2)
_GIVE_UP = timedelta(hours=25)  # a container lasts 24 hours, so later nothing of it can be published


@dataclass(frozen=True, slots=True)
class Edges:
    """What a platform calls things: the edges of a user, and the fields of containers and posts."""

    containers: str
    publish: str
    limit: str
    posts: str
    words: str
    status: str
    reason: str
    replies: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One picture or video of a post, by the address the platform fetches it from."""

    url: str
    is_video: bool
    alt: str


class Containers(Platform[Graph]):
    """Publishes by containers. `pauses` (seconds) lie between looks at one that is being made."""

    fields: ClassVar[tuple[str, ...]] = ("token", "user", "app_secret", "version", "endpoint")
    platform: ClassVar[str]  # its name as people write it
    endpoint: ClassVar[str]
    version: ClassVar[str] = VERSION
    edges: ClassVar[Edges]
    grant: ClassVar[Grant]
    most: ClassVar[int]  # pictures and videos in one post
    settles_after = timedelta(minutes=5)  # what was taken in late may still be on its way: nothing can call it back
    pauses: tuple[float, ...] = _PAUSES

    def connect(self, fields: Account, name: str) -> Graph:
        """Return the access to one account."""
        return Graph(
            name,
            self.platform,
            fields,
            self._clock,
            self._tls,
            node="user",
            endpoint=self.endpoint,
            version=self.version,
            seconds=self._seconds,
        )

    @abstractmethod
    def single(self, part: Part | None) -> Mapping[str, str]:
        """Return the parameters of a container with one picture or video, or with none."""

    def story(self, part: Part) -> Mapping[str, str]:  # noqa: ARG002
        """Return the parameters of a story. Raises: Refused where the platform has none."""
        raise Refused(f"{self.name} has no stories that can be posted", remedy="leave `post_as:` out")

    @abstractmethod
    def item(self, part: Part) -> Mapping[str, str]:
        """Return the parameters of a container that is part of a carousel."""

    def renews(self, graph: Graph) -> bool:  # noqa: ARG002
        """Whether the account's token is one that has to be renewed."""
        return True

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Publish one post. Raises: NotSent also when the day's posts are used up or the media not ready in time."""
        graph = await self._access(message)
        graph.rested()
        parts = [_part(message, file, alt) for file, alt in message.content.media]
        if len(parts) > self.most:
            raise Refused(f"{graph.web.name} takes {self.most} pictures and videos in one post, not {len(parts)}")
        reply = {}
        if message.above is not None:
            reply = {"reply_to_id": hung_on(self.platform, message.above.post, POST_ID)}
        await self._room(graph, replies=bool(reply))
        try:
            if message.post_as == STORY:
                container = await self._story(graph, parts)
            else:
                container = await self._container(graph, message.content.text, parts, reply)
        except Gone:
            if not reply:
                raise
            raise NotSent(f"{self.platform} does not show the post that this one hangs on") from None
        publish = f"/{graph.node}/{self.edges.publish}"
        answer = await graph.commit(mark, publish, {"creation_id": container}, handle=container)
        if not is_id(given := answer.text("id")):
            raise graph.web.unclear("the id of the post")
        return Receipt(given, await graph.also(f"/{given}", "permalink") or f"published by {graph.web.name}")

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look what became of the container, and which post it is; never the newest because it is the newest."""
        graph = await self._access(attempted.message)
        try:
            status = await self._status(graph, attempted.handle)
        except Gone:
            status = "gone"
        post = await self._post(graph, attempted)
        name, container = graph.web.name, attempted.handle or "without a name"
        if post is not None:
            return Evidence(Found.SENT, f"{name} shows the post {post.id} with these words", post.id)
        if status == "PUBLISHED":
            return Evidence(Found.SENT, f"the container {container} is published")
        if status in ("FINISHED", "EXPIRED", "ERROR"):
            return Evidence(Found.NOT_SENT, f"the container {container} is {status.lower()}, not published")
        again = self._clock.now() + _AGAIN
        return Evidence(
            Found.OPEN,
            f"the container {container} is {status.lower().replace('_', ' ')}, and there is no such post",
            look_at=again if status and again < attempted.started_at + _GIVE_UP else None,
        )

    async def renew(self) -> list[Renewed]:
        """Renew the tokens that are due, of every account that has such a one; what fails is logged."""
        found = []
        for name in sorted(accounts_of(self.name, self._accounts)):
            try:
                graph = self.access_to(name.removeprefix(self.name).removeprefix("_") or None)
            except NoAccount as error:
                _logger.warning("the token of %s cannot be renewed: %s", name, error.message)
                continue
            if self.renews(graph):
                await self._renewal.fresh(graph)
                kept = self._keeper.get(graph.name)
                found.append(Renewed(graph.name, None if kept is None else kept.expires_at))
        return found

    async def close(self) -> None:
        """Let go of all connections."""
        opened = list(self._open.values())
        await super().close()
        for graph in opened:
            await graph.close()

    @cached_property
    def _renewal(self) -> Renewal:
        return Renewal(self._keeper, self.grant)

    async def _access(self, message: Message) -> Graph:
        graph = self.access(message)
        if self.renews(graph):
            await self._renewal.fresh(graph)
        return graph

    async def _room(self, graph: Graph, *, replies: bool) -> None:
        """Raise NotSent when the account has no more posts today, by the number the platform itself gives."""
        try:
            used, config = ("reply_quota_usage", "reply_config") if replies else ("quota_usage", "config")
            answer = await graph.ask("GET", f"/{graph.node}/{self.edges.limit}", query={"fields": f"{config},{used}"})
        except (NotSent, Refused, Gone):
            return  # it will be said again, and in other words, by the request that publishes
        had, most = _quota(answer, used, config)
        if most and had >= most:
            what = "replies" if replies else "posts"
            raise NotSent(
                f"{graph.web.name} takes {most} {what} of this account in 24 hours, and had {had}: more tomorrow",
                retry_at=self._clock.now() + _DAY,
            )

    async def _container(self, graph: Graph, text: str, parts: Sequence[Part], reply: Mapping[str, str]) -> str:
        words = {self.edges.words: text} if text.strip() else {}
        if not (parts or words):
            raise Refused("the post says nothing and shows nothing")
        words |= reply
        if len(parts) < 2:
            made = await self._made(graph, {**self.single(parts[0] if parts else None), **words})
        else:
            children = [await self._made(graph, {**self.item(part), "is_carousel_item": "true"}) for part in parts]
            for child in children:
                await self._ready(graph, child)
            made = await self._made(graph, {"media_type": "CAROUSEL", "children": ",".join(children), **words})
        if parts:
            await self._ready(graph, made)
        return made

    async def _story(self, graph: Graph, parts: Sequence[Part]) -> str:
        """Make the container of a story, which bears no words."""
        if len(parts) != 1:
            raise Refused(f"a story is one picture or video, not {len(parts) or 'none'}")
        made = await self._made(graph, self.story(parts[0]))
        await self._ready(graph, made)
        return made

    async def _made(self, graph: Graph, form: Mapping[str, str]) -> str:
        made = (await graph.ask("POST", f"/{graph.node}/{self.edges.containers}", form)).text("id")
        if not is_id(made):
            raise NotSent(f"{graph.web.name} answered without the id of a container")
        return made

    async def _ready(self, graph: Graph, container: str) -> None:
        """Wait until a container can be published. Raises: NotSent when it takes too long, Refused for bad media."""
        fields = f"{self.edges.status},{self.edges.reason}"
        for pause in (*self.pauses, None):
            answer = await graph.ask("GET", f"/{container}", query={"fields": fields})
            match answer.text(self.edges.status):
                case "FINISHED":
                    return
                case "ERROR":
                    raise graph.media_failed(answer.text(self.edges.reason))
                case "EXPIRED" | "PUBLISHED" as status:
                    raise NotSent(f"{graph.web.name} says the new container is {status.lower()}")
            if pause is not None:
                await asyncio.sleep(pause)
        raise NotSent(f"{graph.web.name} is still working on the media; the next try hands them over anew")

    async def _status(self, graph: Graph, container: str) -> str:
        if not is_id(container):
            return ""
        return (await graph.ask("GET", f"/{container}", query={"fields": self.edges.status})).text(self.edges.status)

    async def _post(self, graph: Graph, attempted: Attempted) -> Post | None:
        """Find the attempt's post by its words and its moment; None where it has none, or they are not known any more.

        A story has none: its container alone tells what became of it.
        """
        if not attempted.same_words or attempted.message.post_as == STORY:
            return None
        edge = self.edges.posts if attempted.message.above is None else self.edges.replies
        try:
            posts = await graph.posts(edge, self.edges.words, "timestamp")
        except ChannelDown:
            if attempted.message.above is None:
                raise
            return None  # reading replies is a right of its own; the container tells as much
        return the_same(posts, attempted.message.content.text, attempted.started_at)


def _part(message: Message, file: str, alt: str) -> Part:
    url = public_url(message.media_url, file)
    kind = mimetypes.guess_type(PurePosixPath(urlsplit(file).path).name)[0] or ""
    return Part(url, kind.startswith("video/"), alt)


def _quota(answer: Answer, usage: str, bounds: str) -> tuple[int, int]:
    """Return how many posts were made in 24 hours and how many may be, 0 where the platform does not say."""
    data = answer.fields.get("data")
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, Mapping):
        return 0, 0
    config, used = first.get(bounds), first.get(usage)
    most = config.get("quota_total") if isinstance(config, Mapping) else None
    return (used, most) if isinstance(used, int) and isinstance(most, int) else (0, 0)
