"""Facebook Pages: a post is made as a draft that nobody sees, and shown by setting one flag, which may be repeated.

Sources: https://developers.facebook.com/docs/pages-api/posts and the
reference of page/feed, page/photos and page/videos; the parameters are those of Meta's own client for this version.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from scheduler.channels.account import Account
from scheduler.channels.base import Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms import facebook_shorts, graph_comments
from scheduler.channels.platforms.base import Platform
from scheduler.channels.platforms.graph import Gone, Graph, is_id, the_same
from scheduler.channels.platforms.media import Medium, as_jpeg
from scheduler.errors import DeliveryError, NotSent, Refused, Withheld

_TAKEN_AS_THEY_ARE = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_MOST_BYTES = 4_000_000  # of a photo (reference of page/photos)
_MOST_WIDTH = 2048  # the widest it shows one
_URL = re.compile(r"https?://[^\s<>\"]+")
_AFTER_A_URL = ".,;:!?)]}'\u00bb\u201d\u2026"
_CLEANING_SECONDS = 5.0
_PAUSES = (2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 30.0, 60.0, 60.0, 60.0)
_AGAIN = timedelta(minutes=10)
_GIVE_UP = timedelta(hours=2)
_VIDEO = "video:"


@dataclass(frozen=True, slots=True)
class Draft:
    """What was made ready: its id, and whether it is a video, which is shown by another flag than a post."""

    id: str
    is_video: bool

    @property
    def handle(self) -> str:
        """How the ledger keeps it."""
        return f"{_VIDEO}{self.id}" if self.is_video else self.id

    @property
    def flag(self) -> str:
        """The field that says whether everybody sees it."""
        return "published" if self.is_video else "is_published"

    @classmethod
    def of(cls, handle: str) -> Draft | None:
        """Return what a handle names, None where it names nothing."""
        found = cls(handle.removeprefix(_VIDEO), handle.startswith(_VIDEO))
        return found if is_id(found.id) else None


class FacebookChannel(Platform[Graph]):
    """Posts to Pages. `pauses` (seconds) lie between looks at a video that is being worked on."""

    name = "facebook"
    fields: ClassVar[tuple[str, ...]] = ("token", "page", "app_secret", "version", "endpoint")
    settles_after = timedelta(minutes=2)
    pauses: tuple[float, ...] = _PAUSES

    def connect(self, fields: Account, name: str) -> Graph:
        """Return the access to one Page."""
        return Graph(name, "Facebook", fields, self._clock, self._tls, node="page", seconds=self._seconds)

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Publish one post: text, a link, photos or a video; a story or reel where the message says so.

        A draft that certainly will not be shown is taken away again, as far as Facebook answers.
        """
        graph = self.access(message)
        if message.above is not None:
            return await graph_comments.send(graph, message, message.above, mark, graph_comments.FACEBOOK)
        graph.rested()
        if message.post_as in (facebook_shorts.STORY, facebook_shorts.REEL):
            media = [await self._media.read(file, alt) for file, alt in message.content.media]
            return await facebook_shorts.send(graph, message, media, mark, self.pauses)
        draft = await self._draft(graph, message)
        try:
            answer = await graph.commit(mark, f"/{draft.id}", {draft.flag: "true"}, handle=draft.handle)
        except (Withheld, NotSent, Refused):
            with contextlib.suppress(DeliveryError, TimeoutError):
                async with asyncio.timeout(_CLEANING_SECONDS):
                    await graph.ask("DELETE", f"/{draft.id}")
            raise
        if answer.fields.get("success") is not True:
            raise graph.web.unclear("saying that it is published")
        return Receipt(draft.id, f"https://www.facebook.com/{draft.id}")

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look whether the draft is shown. One that is not is taken away, so that it cannot be shown later."""
        graph, above = self.access(attempted.message), attempted.message.above
        if above is not None:
            return await graph_comments.settle(graph, attempted, above, self._clock.now(), graph_comments.FACEBOOK)
        if short := facebook_shorts.Short.of(attempted.handle):
            return await facebook_shorts.settle(graph, short, attempted, self._clock.now())
        draft = Draft.of(attempted.handle)
        if draft is None:
            return await self._listed(graph, attempted)
        try:
            answer = await graph.ask("GET", f"/{draft.id}", query={"fields": draft.flag})
        except Gone:
            return await self._listed(graph, attempted)
        shown = answer.fields.get(draft.flag)
        if shown is True:
            return Evidence(Found.SENT, f"Facebook shows the post {draft.id}", draft.id)
        if shown is not False:
            raise NotSent(f"Facebook does not say whether the post {draft.id} is published")
        await _taken_away(graph, draft)
        return Evidence(Found.NOT_SENT, f"the draft {draft.id} had not been published; it was taken away")

    async def close(self) -> None:
        """Let go of all connections."""
        opened = list(self._open.values())
        await super().close()
        for graph in opened:
            await graph.close()

    async def _listed(self, graph: Graph, attempted: Attempted) -> Evidence:
        """Look for the post among those of the Page, where the draft itself cannot be asked for."""
        posts = await graph.posts("published_posts", "message", "created_time")
        named = next((post for post in posts if post.id == attempted.handle), None)
        if attempted.same_words and named is None:
            named = the_same(posts, attempted.message.content.text, attempted.started_at)
        if named is not None:
            return Evidence(Found.SENT, f"the Page lists the post {named.id}", named.id)
        again = self._clock.now() + _AGAIN
        return Evidence(
            Found.OPEN,
            f"Facebook knows no draft {attempted.handle!r} any more, and the Page lists no such post",
            look_at=again if again < attempted.started_at + _GIVE_UP else None,
        )

    async def _draft(self, graph: Graph, message: Message) -> Draft:
        content = message.content
        media = [await self._media.read(file, alt) for file, alt in content.media]
        if any(medium.is_video for medium in media):
            if len(media) > 1:
                raise Refused("Facebook takes one video or several photos, not both in one post")
            return await self._video(graph, media[0], content.text)
        form = {"published": "false", "unpublished_content_type": "DRAFT"}
        if media:
            photos = [{"media_fbid": await self._photo(graph, medium)} for medium in media]
            form["attached_media"] = json.dumps(photos)
        elif link := link_of(content.text):
            form["link"] = link
        if content.text.strip() and content.text.strip() != form.get("link"):
            form["message"] = content.text
        elif len(form) == 2:
            raise Refused("the post says nothing and shows nothing")
        return Draft(_given(graph, (await graph.ask("POST", f"/{graph.node}/feed", form)).text("id")), is_video=False)

    async def _photo(self, graph: Graph, medium: Medium) -> str:
        if medium.mime not in _TAKEN_AS_THEY_ARE or len(medium.data) > _MOST_BYTES:
            medium = await asyncio.to_thread(as_jpeg, medium, most_bytes=_MOST_BYTES, most_width=_MOST_WIDTH)
        form = {"published": "false"}
        if medium.alt:
            form["alt_text_custom"] = medium.alt
        return _given(graph, (await graph.upload(f"/{graph.node}/photos", form, medium)).text("id"))

    async def _video(self, graph: Graph, medium: Medium, text: str) -> Draft:
        form = {"published": "false", "unpublished_content_type": "DRAFT"}
        if text.strip():
            form["description"] = text
        given = _given(graph, (await graph.upload(f"/{graph.node}/videos", form, medium)).text("id"))
        for pause in (*self.pauses, None):
            status = (await graph.ask("GET", f"/{given}", query={"fields": "status"})).fields.get("status")
            word = status.get("video_status") if isinstance(status, dict) else None
            if word == "ready":
                return Draft(given, is_video=True)
            if word in ("error", "expired", "upload_failed"):
                raise Refused(f"Facebook could not read the video {medium.name}: its status is {word}")
            if pause is not None:
                await asyncio.sleep(pause)
        raise NotSent(f"Facebook is still working on the video {medium.name}; the next try hands it over anew")


async def _taken_away(graph: Graph, draft: Draft) -> None:
    """Take a draft away. An answer that is lost is asked for once more: what is gone then was taken away before."""
    try:
        await graph.ask("DELETE", f"/{draft.id}")
    except Gone:
        return
    except NotSent:
        with contextlib.suppress(Gone):
            await graph.ask("DELETE", f"/{draft.id}")


def link_of(text: str) -> str | None:
    """Return the address of the page a post shows a card of: the only one in its text, None where there are others."""
    found = [address.rstrip(_AFTER_A_URL) for address in _URL.findall(text)]
    return found[0] if len(found) == 1 else None


def _given(graph: Graph, text: str) -> str:
    """Return an id as Facebook gave it. Raises: NotSent where it gave none."""
    if not is_id(text):
        raise NotSent(f"{graph.web.name} answered without an id for what it was to keep")
    return text
