"""Stories and reels of Facebook Pages: what is handed over first is seen by nobody, one request then shows it.

Sources: https://developers.facebook.com/docs/page-stories-api and .../docs/video-api/guides/reels-publishing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from scheduler.channels.base import Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms.graph import Gone, Graph, is_id
from scheduler.channels.platforms.media import Medium, as_jpeg
from scheduler.errors import DeliveryError, NotSent, Refused, Withheld

STORY: Final = "story"
REEL: Final = "reel"
_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"})
_MOST_BYTES = 4_000_000  # of a picture; newer pages say 10 MB
_MOST_WIDTH = 1080
_CLEANING_SECONDS = 5.0
_AGAIN = timedelta(minutes=10)
_GIVE_UP = timedelta(hours=2)
# A story belongs to an attempt when it was made between these around it: their clock and ours differ.
_BEFORE, _AFTER = timedelta(minutes=1), timedelta(hours=1)
_LASTS = timedelta(hours=23)  # a story is listed for 24 hours


@dataclass(frozen=True, slots=True)
class Short:
    """A picture or video that was handed over: its id, and what it is to become (`story` or `reel`)."""

    id: str
    form: str
    is_video: bool

    @property
    def handle(self) -> str:
        """How the ledger keeps it."""
        return f"{self.form}:{'video' if self.is_video else 'photo'}:{self.id}"

    @property
    def edge(self) -> str:
        """The edge of the Page that shows it."""
        if self.form == REEL:
            return "video_reels"
        return "video_stories" if self.is_video else "photo_stories"

    def phase(self, name: str) -> str:
        """Return a phase of the upload as the edge writes it: Meta's tables have it small for reels alone."""
        return name.lower() if self.form == REEL else name

    @classmethod
    def of(cls, handle: str) -> Short | None:
        """Return what a handle names; None for the handle of anything else."""
        form, _, rest = handle.partition(":")
        kind, _, given = rest.partition(":")
        if form not in (STORY, REEL) or kind not in ("photo", "video") or not is_id(given):
            return None
        return cls(given, form, kind == "video")


async def send(graph: Graph, message: Message, media: Sequence[Medium], mark: Mark, pauses: Sequence[float]) -> Receipt:
    """Publish one story or reel; `pauses` (seconds) lie between looks at a video that is being taken in.

    What was handed over and certainly will not be shown is taken away again, as far as Facebook answers.
    """
    short = await _handed_over(graph, message.post_as, media, pauses)
    try:
        answer = await graph.commit(mark, f"/{graph.node}/{short.edge}", _shown(short, message), handle=short.handle)
    except (Withheld, NotSent, Refused):
        with contextlib.suppress(DeliveryError, TimeoutError):
            async with asyncio.timeout(_CLEANING_SECONDS):
                await graph.ask("DELETE", f"/{short.id}")
        raise
    if answer.fields.get("success") is not True:
        raise graph.web.unclear("saying that it is published")
    given = str(answer.fields.get("post_id", ""))
    return Receipt(given if is_id(given) else short.id, f"published by Facebook as a {short.form}")


async def settle(graph: Graph, short: Short, attempted: Attempted, now: datetime) -> Evidence:
    """Look whether a story or reel is shown. What is not is taken away, so that it cannot be shown later."""
    if short.form == STORY:
        stories = await _stories(graph)
        own = next((one for one in stories if one.media == short.id), None)
        if own is not None:
            return Evidence(Found.SENT, f"the Page lists the story {own.post}", own.post)
        if any(_is_near(one, attempted.started_at) for one in stories):
            return Evidence(Found.OPEN, "the Page lists another story of that time, which may be this one")
        if now - attempted.started_at > _LASTS:
            return Evidence(Found.OPEN, "a story is listed for 24 hours only, and those are over")
    state = await _state(graph, short)
    if state == "complete":
        return Evidence(Found.SENT, f"Facebook shows the {short.form} {short.id}", short.id)
    if state == "not_started":
        with contextlib.suppress(Gone):
            await graph.ask("DELETE", f"/{short.id}")
        return Evidence(Found.NOT_SENT, f"the {short.form} {short.id} had not been published; it was taken away")
    again = now + _AGAIN
    return Evidence(
        Found.OPEN,
        f"Facebook does not say whether the {short.form} {short.id} is published: {state or 'it knows it no more'}",
        look_at=again if again < attempted.started_at + _GIVE_UP else None,
    )


@dataclass(frozen=True, slots=True)
class _Story:
    media: str
    post: str
    at: datetime | None


async def _handed_over(graph: Graph, form: str, media: Sequence[Medium], pauses: Sequence[float]) -> Short:
    if len(media) != 1:
        raise Refused(f"a {form} is one {'video' if form == REEL else 'picture or video'}, not {len(media) or 'none'}")
    medium = media[0]
    if not medium.is_video:
        if form == REEL:
            raise Refused("a reel is a video", remedy="leave `post_as:` out, or give the touch a video")
        if medium.mime not in _PICTURES or len(medium.data) > _MOST_BYTES:
            medium = await asyncio.to_thread(as_jpeg, medium, most_bytes=_MOST_BYTES, most_width=_MOST_WIDTH)
        photo = (await graph.upload(f"/{graph.node}/photos", {"published": "false"}, medium)).text("id")
        if not is_id(photo):
            raise NotSent("Facebook answered without an id for what it was to keep")
        return Short(photo, form, is_video=False)
    new = Short("", form, is_video=True)
    begun = await graph.ask("POST", f"/{graph.node}/{new.edge}", {"upload_phase": new.phase("START")})
    video = begun.text("video_id")
    if not is_id(video):
        raise NotSent("Facebook answered without an id for what it was to keep")
    short = Short(video, form, is_video=True)
    await graph.fill(video, medium)
    await _taken_in(graph, short, medium.name, pauses)
    return short


async def _taken_in(graph: Graph, short: Short, name: str, pauses: Sequence[float]) -> None:
    """Wait until Facebook has all of a video. Raises: Refused for one that it cannot read, NotSent for a slow one."""
    for pause in (*pauses, None):
        status = await _status(graph, short)
        if status.get("video_status") in ("error", "expired", "upload_failed"):
            raise Refused(f"Facebook could not read the video {name}: its status is {status['video_status']}")
        uploading = status.get("uploading_phase")
        if isinstance(uploading, Mapping) and uploading.get("status") == "complete":
            return
        if pause is not None:
            await asyncio.sleep(pause)
    raise NotSent(f"Facebook is still taking in the video {name}; the next try hands it over anew")


def _shown(short: Short, message: Message) -> dict[str, str]:
    """Return the parameters of the request that shows it. A story has no words."""
    if not short.is_video:
        return {"photo_id": short.id}
    finish = {"upload_phase": short.phase("FINISH"), "video_id": short.id}
    if short.form == STORY:
        return finish
    words = {"description": message.content.text} if message.content.text.strip() else {}
    return {**finish, "video_state": "PUBLISHED", **words}


async def _status(graph: Graph, short: Short) -> Mapping[str, object]:
    status = (await graph.ask("GET", f"/{short.id}", query={"fields": "status"})).fields.get("status")
    return status if isinstance(status, Mapping) else {}


async def _state(graph: Graph, short: Short) -> str:
    """Return how far the publishing is: `not_started`, `complete` or Facebook's own word, "" for what is gone.

    A picture of no story is one that was never shown.
    """
    if not short.is_video:
        return "not_started"
    try:
        publishing = (await _status(graph, short)).get("publishing_phase")
    except Gone:
        return ""
    return (
        graph.web.told(str(publishing.get("status", "")))[:40]
        if isinstance(publishing, Mapping)
        else "it does not tell"
    )


async def _stories(graph: Graph) -> tuple[_Story, ...]:
    """Return the stories of the Page, the latest first; a story is there for 24 hours."""
    query = {"fields": "post_id,media_id,creation_time", "limit": "100"}
    items = (await graph.ask("GET", f"/{graph.node}/stories", query=query)).fields.get("data")
    if not isinstance(items, list):
        raise NotSent("Facebook answered without the stories of the Page")
    return tuple(found for item in items if (found := _story(item)) is not None)


def _story(item: object) -> _Story | None:
    """Return a story of the list; its moment is None where it cannot be read."""
    if not isinstance(item, Mapping):
        return None
    said = str(item.get("creation_time", ""))
    at = None
    with contextlib.suppress(ValueError, OverflowError, OSError):
        at = datetime.fromtimestamp(int(said), UTC) if said.isdecimal() else datetime.fromisoformat(said)
    return _Story(str(item.get("media_id", "")), str(item.get("post_id", "")), at if at and at.tzinfo else None)


def _is_near(story: _Story, moment: datetime) -> bool:
    """Whether a story may be of an attempt; one without a moment may be of any, so that nothing is posted twice."""
    return story.at is None or moment - _BEFORE <= story.at <= moment + _AFTER
