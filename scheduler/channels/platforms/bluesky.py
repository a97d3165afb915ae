"""Bluesky and other servers of the AT Protocol: a post is a record whose name we choose, so it can be there only once.

Source: docs.bsky.app/docs/api, the lexicons of com.atproto.repo and app.bsky.feed.post; atproto.com/specs/record-key.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from scheduler.channels.account import Account
from scheduler.channels.answers import Answer
from scheduler.channels.base import Above, Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms import bluesky_text
from scheduler.channels.platforms.base import Access, Platform, hung_on
from scheduler.channels.platforms.bluesky_session import Ended, Missing, Session, Sessions, Taken, bearer, judge
from scheduler.channels.platforms.media import Medium, as_jpeg
from scheduler.channels.platforms.web import Body, Web
from scheduler.errors import NotSent, Refused

COLLECTION = "app.bsky.feed.post"
MOST_IMAGES = 4
MOST_IMAGE_BYTES = 1_000_000  # what every server takes; those from 0.5 on take twice as much
_WIDEST = 2_000  # pixels: no reader is shown more
_MOST_ALT = 10_000
_MOST_HANDLES = 1_000
_HOME = "https://bsky.social"
_IDENTIFIER = re.compile(r"(?:did:[a-z]+:[A-Za-z0-9._:%-]{1,200}|@?[A-Za-z0-9.-]{3,253}|[^\s@]{1,64}@[^\s@]{3,253})\Z")
_RKEY_LENGTH = 13
_POST = re.compile(r"at://did:[A-Za-z0-9._:%-]{1,200}/app\.bsky\.feed\.post/[2-7a-z]{13}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?\Z")

T = TypeVar("T")


@dataclass(slots=True)
class _Access(Access):
    sessions: Sessions
    language: str
    handles: dict[str, str] = field(default_factory=dict)  # who is meant by a mention


class BlueskyChannel(Platform[_Access]):
    """Posts to accounts: `identifier` (the handle) and `app_password`, perhaps `endpoint` (PDS) and `language`."""

    name = "bluesky"
    fields = ("identifier", "app_password", "endpoint", "language")
    settles_after = timedelta(seconds=30)

    def connect(self, fields: Account, name: str) -> _Access:
        """Return the access to an account whose fields these are. Raises SchedulerError where one cannot be used."""
        identifier = fields.word("identifier", _IDENTIFIER, "shop.bsky.social").removeprefix("@")
        password = fields.token("app_password")
        endpoint = fields.endpoint(_HOME)
        web = Web(
            "Bluesky",
            endpoint,
            self._clock,
            secrets=(password,),
            judge=judge(lambda: web.secrets, self._clock),
            seconds=self._seconds,
            tls=self._tls,
        )
        sessions = Sessions(
            name, endpoint, self._keeper, self._clock, identifier=identifier, password=password, web=web
        )
        return _Access(name, web, sessions, fields.word("language", _LANGUAGE, "fr", default=""))

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Put the record of one post in its place, unless something is there already."""
        text, files = message.content.text, message.content.media
        bluesky_text.check(text)
        media = [await self._fitted(file, alt) for file, alt in files]
        _check(text, media)
        access = self.access(message)
        record = await self._record(access, message, media)
        if message.above is not None:
            record["reply"] = await _reply(access, message.above)
        rkey = record_key(message)
        session = await access.sessions.current()
        put = {"repo": session.did, "collection": COLLECTION, "rkey": rkey, "record": record, "swapRecord": None}
        try:
            answer = await access.web.commit(
                mark,
                "POST",
                "/xrpc/com.atproto.repo.putRecord",
                Body(json=put),
                handle=rkey,
                headers=bearer(session),
            )
        except Ended as error:
            await access.sessions.end(session)
            raise NotSent(error.message) from None
        except Taken as error:
            return await self._there(access, session, rkey, error)
        uri = answer.text("uri")
        if uri != _uri(session, rkey):
            raise access.web.unclear("the post's address")
        again = "" if isinstance(answer.fields.get("commit"), dict) else "was there already: "
        return Receipt(uri, f"{again}{_url(session, rkey)}")

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look whether the record of that name is there; a name is never used for anything else."""
        access = self.access(attempted.message)
        rkey = attempted.handle or record_key(attempted.message)
        try:
            session, _ = await _with(access, lambda session: _get(access, session, rkey))
        except Missing:
            return Evidence(Found.NOT_SENT, f"there is no post {rkey}")
        return Evidence(Found.SENT, f"stands at {_url(session, rkey)}", _uri(session, rkey))

    async def _there(self, access: _Access, session: Session, rkey: str, error: Taken) -> Receipt:
        """Return the receipt of an earlier attempt: its post is there, with other words than it would have now.

        Raises: Refused when somebody has taken it away meanwhile.
        """
        try:
            await _get(access, session, rkey)
        except Missing:
            raise Refused(f"{error.message}: the post was there and is gone") from None
        except NotSent as reason:
            raise access.web.unclear(f"a new post, and cannot be asked for the old one ({reason.message})") from None
        return Receipt(_uri(session, rkey), f"was there already, with earlier words: {_url(session, rkey)}")

    async def _fitted(self, file: str, alt: str) -> Medium:
        """Return a medium such as servers take; a picture that is too large becomes a smaller JPEG, an upright one."""
        medium = await self._media.read(file, alt)
        fits = len(medium.data) <= MOST_IMAGE_BYTES and medium.mime != "image/jpeg"
        if medium.is_video or fits:
            return medium
        return await asyncio.to_thread(as_jpeg, medium, most_bytes=MOST_IMAGE_BYTES, most_width=_WIDEST)

    async def _record(self, access: _Access, message: Message, media: list[Medium]) -> dict[str, object]:
        """Return the post as it stands in the repository; the same message gives the same one."""
        text = message.content.text
        record: dict[str, object] = {"$type": COLLECTION, "text": text, "createdAt": _moment(message.created_at)}
        if access.language:
            record["langs"] = [access.language]
        if facets := [facet for span in bluesky_text.spans(text) if (facet := await self._facet(access, span))]:
            record["facets"] = facets
        if embed := [await self._embedded(access, medium) for medium in media]:
            record["embed"] = (
                {"$type": "app.bsky.embed.video", **embed[0]}
                if media[0].is_video
                else {"$type": "app.bsky.embed.images", "images": embed}
            )
        return record

    async def _facet(self, access: _Access, span: bluesky_text.Span) -> dict[str, object] | None:
        """Return what makes a part of the text lead somewhere; None for the mention of somebody who is not there."""
        feature = {"$type": f"app.bsky.richtext.facet#{span.kind}"}
        if span.kind == "mention":
            did = await self._did(access, span.value)
            if not did:
                return None
            feature["did"] = did
        else:
            feature["uri" if span.kind == "link" else "tag"] = span.value
        return {"index": {"byteStart": span.start, "byteEnd": span.end}, "features": [feature]}

    async def _did(self, access: _Access, handle: str) -> str:
        """Return whom a handle means, "" where it means nobody."""
        if handle not in access.handles:
            try:
                answer = await access.web.ask(
                    "GET", "/xrpc/com.atproto.identity.resolveHandle", query={"handle": handle.lower()}
                )
            except Missing:
                return ""
            did = answer.text("did")
            if not did.startswith("did:"):
                raise NotSent(f"Bluesky answered without saying who @{handle} is")
            if len(access.handles) >= _MOST_HANDLES:
                access.handles.clear()
            access.handles[handle] = did
        return access.handles[handle]

    async def _embedded(self, access: _Access, medium: Medium) -> dict[str, object]:
        """Hand a picture or video over, which nobody sees before the post, and return what the post says of it."""

        async def upload(session: Session) -> Answer:
            body = Body(content=medium.data, kind=medium.mime)
            return await access.web.ask("POST", "/xrpc/com.atproto.repo.uploadBlob", body, headers=bearer(session))

        _, answer = await _with(access, upload)
        blob = answer.fields.get("blob")
        if not isinstance(blob, dict) or blob.get("$type") != "blob":
            raise NotSent("Bluesky answered without the picture's name")
        found: dict[str, object] = {"alt": medium.alt, "video" if medium.is_video else "image": blob}
        if medium.width and medium.height:
            found["aspectRatio"] = {"width": medium.width, "height": medium.height}
        return found


async def _reply(access: _Access, above: Above) -> dict[str, object]:
    """Return what makes a post a reply: the post it answers and the first of the thread, by address and by content."""

    async def named(uri: str) -> dict[str, str]:
        rkey = hung_on("Bluesky", uri, _POST)[-_RKEY_LENGTH:]
        try:
            session, answer = await _with(access, lambda session: _get(access, session, rkey))
        except Missing:
            raise Refused("the post it hangs on is not there any more") from None
        if uri != _uri(session, rkey):
            raise Refused("the post it hangs on is one of another account")
        if not (cid := answer.text("cid")):
            raise NotSent("Bluesky answered without saying which version of the post it has")
        return {"uri": uri, "cid": cid}

    return {"root": await named(above.first), "parent": await named(above.post)}


def record_key(message: Message) -> str:
    """Return the name of a message's post in its account: the same one at every attempt."""
    return bluesky_text.record_key(message.created_at, message.key)


async def _with(access: _Access, ask: Callable[[Session], Awaitable[T]]) -> tuple[Session, T]:
    """Ask with the session; where the server no longer takes its token, once more with a renewed one."""
    session = await access.sessions.current()
    try:
        return session, await ask(session)
    except Ended:
        session = await access.sessions.renewed(session)
        return session, await ask(session)


async def _get(access: _Access, session: Session, rkey: str) -> Answer:
    """Return the record of that name. Raises: Missing where there is none, NotSent where that was not said."""
    query = {"repo": session.did, "collection": COLLECTION, "rkey": rkey}
    answer = await access.web.ask("GET", "/xrpc/com.atproto.repo.getRecord", query=query, headers=bearer(session))
    if not isinstance(answer.fields.get("value"), dict):
        raise NotSent("Bluesky answered without the post")
    return answer


def _check(text: str, media: list[Medium]) -> None:
    """Raise Refused where no server would take the post."""
    videos = sum(medium.is_video for medium in media)
    if videos and len(media) > 1:
        raise Refused(f"the post has {len(media)} media with {videos} videos: Bluesky takes one video alone")
    if len(media) > MOST_IMAGES:
        raise Refused(f"the post has {len(media)} pictures: Bluesky takes at most {MOST_IMAGES}")
    if videos and media[0].mime != "video/mp4":
        raise Refused(f"{media[0].name} is {media[0].mime}: Bluesky takes video/mp4")
    for medium in media:
        if len(medium.alt) > _MOST_ALT:
            raise Refused(f"the description of {medium.name} has {len(medium.alt)} characters: at most {_MOST_ALT}")
    if not text.strip() and not media:
        raise Refused("the post has neither words nor pictures")


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _uri(session: Session, rkey: str) -> str:
    return f"at://{session.did}/{COLLECTION}/{rkey}"


def _url(session: Session, rkey: str) -> str:
    return f"https://bsky.app/profile/{session.did}/post/{rkey}"
