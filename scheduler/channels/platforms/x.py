"""Posts of an account on X: a text, and up to four pictures.

Source: https://docs.x.com/x-api/posts/create-post, /x-api/media/upload-media, /x-api/users/get-posts and
/x-api/fundamentals/rate-limits, read 2026-11. X knows no key, refuses the same words a second time for a while without
saying which post has them, and bills every post that is read.
"""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from campaigns.limits.text import weight
from scheduler.channels.account import Account
from scheduler.channels.answers import Answer, Said, discreet
from scheduler.channels.base import Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms import timeline
from scheduler.channels.platforms.base import Access, Platform, hung_on
from scheduler.channels.platforms.media import Medium, as_jpeg
from scheduler.channels.platforms.timeline import Listed, fingerprint
from scheduler.channels.platforms.tokens import Kept
from scheduler.channels.platforms.web import Body, Judge, Web
from scheduler.channels.platforms.x_session import Client, Ended, Session
from scheduler.clock import Clock
from scheduler.errors import ChannelDown, DeliveryError, NotSent, Refused

ENDPOINT = "https://api.x.com"
LONGEST_TEXT = 280  # as X counts; of accounts that pay for it more, see the field `characters`
MOST_PICTURES = 4
LONGEST_ALT = 1_000

_CLIENT = re.compile(r"[A-Za-z0-9_:-]{1,100}\Z")
_CHARACTERS = re.compile(r"[1-9][0-9]{1,4}\Z")
_ID = re.compile(r"[0-9]{1,25}\Z")
_NO_POST_THERE = re.compile(r"reply to a (?:tweet|post) that is (?:deleted|not visible)", re.I)
_TAKEN_AS_THEY_ARE = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
_MOST_BYTES = 5_000_000
_WIDEST = 4_096
_UPLOAD = 4  # times as long as another request
_MOST_PAGES = 4
_LONGEST_WAIT = timedelta(hours=24)
_RESETS = ("x-user-limit-24hour", "x-app-limit-24hour", "x-rate-limit")


class _Repeated(Refused):
    """X has seen these words of the account already."""


class _NoRight(ChannelDown):
    """The token, or the app, lacks a right."""


@dataclass(slots=True)
class XAccess(Access):
    """One account: how long its posts may be, its tokens, and the clients for pictures and for tokens."""

    characters: int
    session: Session
    others: tuple[Web, Web]
    user: str = ""


class XChannel(Platform[XAccess]):
    """Posts to accounts by OAuth 2: `token`, and `refresh_token` with `client_id`, by which it is renewed."""

    name = "x"
    fields = ("token", "refresh_token", "client_id", "client_secret", "characters", "endpoint")
    settles_after = timedelta(minutes=5)

    def connect(self, fields: Account, name: str) -> XAccess:
        """Return the access to an account. Raises SchedulerError where one of its fields cannot be used."""
        refresh = fields.token("refresh_token", required=False)
        token = fields.token("token", required=not refresh)
        default = None if refresh else ""
        app = Client(
            fields.word("client_id", _CLIENT, "the OAuth 2.0 client id of the app", default=default),
            fields.token("client_secret", required=False),
        )
        characters = int(fields.word("characters", _CHARACTERS, str(LONGEST_TEXT), default=str(LONGEST_TEXT)))
        endpoint = fields.endpoint(ENDPOINT)

        held: set[str] = set()
        judge = _judge(held, self._clock)

        def client(times: int = 1) -> Web:
            return Web("X", endpoint, self._clock, judge=judge, seconds=self._seconds * times, tls=self._tls)

        web, uploads, door = client(), client(_UPLOAD), client()
        uploads.headers = web.headers  # the token that the session has it bear
        tokens = Kept(token, refresh)
        session = Session(name, web, door, self._keeper, self._clock, app=app, tokens=tokens, secrets=held)
        return XAccess(name, web, characters, session, (uploads, door))

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Publish one post, its pictures first. What X takes for a repeat is sent if the account has the post."""
        access, content = self.access(message), message.content
        _check(message, access.characters)
        reply: dict[str, object] = {}
        if message.above is not None:
            reply = {"reply": {"in_reply_to_tweet_id": hung_on("X", message.above.post, _ID)}}
        media = [await asyncio.to_thread(_fitting, await self._media.read(file, alt)) for file, alt in content.media]
        try:
            await access.session.fresh()
            ids = [await _uploaded(access, medium) for medium in media]
            post = {"text": content.text} if content.text.strip() else {}
            body = Body(json={**post, **({"media": {"media_ids": ids}} if ids else {}), **reply})
            wanted = fingerprint(content.text, len(ids))
            answer = await access.web.commit(mark, "POST", "/2/tweets", body, handle=wanted)
        except _Repeated as error:
            return await self._repeated(access, message, error)
        except Ended:
            await access.session.end()
            raise
        given = str(_data(answer).get("id", ""))
        if not _ID.match(given):
            raise access.web.unclear("the number of a post")
        return Receipt(given, _where(given))

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look through the posts of the account since the attempt; X bills each of them."""
        access = self.access(attempted.message)
        try:
            posts, whole = await self._since(access, attempted.started_at - timeline.BEFORE)
        except _NoRight:
            return Evidence(Found.OPEN, "this token may not read the posts of the account: look there (tweet.read)")
        found = timeline.judged(posts, attempted, "X")
        if found.found is Found.NOT_SENT and not whole:
            found = Evidence(Found.OPEN, f"the account has posted more than {len(posts)} times since: look there")
        return replace(found, words=f"{found.words}; X bills this look ({len(posts)} posts and the account)")

    async def close(self) -> None:
        """Let go of all connections."""
        opened = list(self._open.values())
        await super().close()
        for access in opened:
            for web in access.others:
                await web.close()

    async def _repeated(self, access: XAccess, message: Message, refusal: _Repeated) -> Receipt:
        """Return the post that an earlier attempt made, where the account has it."""
        try:
            posts, whole = await self._since(access, message.created_at - timeline.BEFORE)
        except DeliveryError:
            posts, whole = [], False
        late = self._clock.now() >= message.created_at + self.settles_after
        return timeline.repeated(posts, message, refusal, certain=whole and late)

    async def _since(self, access: XAccess, earliest: datetime) -> tuple[list[Listed], bool]:
        """Return the posts of the account from a moment on, and whether these are all."""
        try:
            await access.session.fresh()
            if not access.user:
                access.user = str(_data(await access.web.ask("GET", "/2/users/me")).get("id", ""))
            if not _ID.match(access.user):
                access.user = ""
                raise NotSent("X answered without the number of the account")
            return await self._pages(access, earliest)
        except Ended:
            await access.session.end()
            raise

    async def _pages(self, access: XAccess, earliest: datetime) -> tuple[list[Listed], bool]:
        found: list[Listed] = []
        query = {
            "start_time": f"{earliest.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "max_results": "100",
            "exclude": "retweets",
            "tweet.fields": "created_at,entities,attachments,note_tweet",
        }
        for _ in range(_MOST_PAGES):
            answer = await access.web.ask("GET", f"/2/users/{access.user}/tweets", query=query)
            posts, meta = answer.fields.get("data", []), answer.fields.get("meta")
            if not isinstance(posts, list) or not isinstance(meta, dict) or meta.get("result_count") != len(posts):
                raise NotSent("X answered without the posts of the account")
            found += [_listed(post) for post in posts]
            if not (more := meta.get("next_token")):
                return found, True
            query["pagination_token"] = str(more)
        return found, False


def _check(message: Message, most: int) -> None:
    content = message.content
    length = weight(content.text)
    if length > most:
        raise Refused(
            f"the text has {length:,} characters as X counts them: expected at most {most:,}",
            remedy=f"shorten it by {length - most:,}; a link counts as 23, an emoji as 2",
        )
    if not content.text.strip() and not content.media:
        raise Refused("a post without text and pictures")
    if len(content.media) > MOST_PICTURES:
        raise Refused(f"{len(content.media)} pictures in one post: X takes at most {MOST_PICTURES}")
    for file, alt in content.media:
        if len(alt) > LONGEST_ALT:
            raise Refused(f"the description of {file} has {len(alt):,} characters: X takes at most {LONGEST_ALT:,}")


def _fitting(medium: Medium) -> Medium:
    if medium.is_video:
        raise Refused(f"{medium.name} is a video: to X only pictures go", remedy="write its address in the text")
    if medium.mime in _TAKEN_AS_THEY_ARE and len(medium.data) <= _MOST_BYTES:
        return medium
    return as_jpeg(medium, most_bytes=_MOST_BYTES, most_width=_WIDEST)


async def _uploaded(access: XAccess, medium: Medium) -> str:
    """Hand a picture over, which nobody sees before the post, with its description; return its number."""
    body = Body(
        form={"media_category": "tweet_image", "media_type": medium.mime},
        files={"media": (medium.name, medium.data, medium.mime)},
    )
    answer = await access.others[0].ask("POST", "/2/media/upload", body)
    given = str(_data(answer).get("id", ""))
    if not _ID.match(given):
        raise NotSent("X answered without the number of a picture")
    if medium.alt:
        described = {"id": given, "metadata": {"alt_text": {"text": medium.alt}}}
        await access.web.ask("POST", "/2/media/metadata", Body(json=described))
    return given


def _data(answer: Answer) -> dict[str, object]:
    data = answer.fields.get("data")
    return data if isinstance(data, dict) else {}


def _listed(item: object) -> Listed:
    """Read one post of the list. Raises: NotSent for what is none: nothing may be overlooked."""
    post: dict[str, object] = item if isinstance(item, dict) else {}
    given = str(post.get("id", ""))
    try:
        at = datetime.fromisoformat(str(post.get("created_at")))
    except ValueError:
        at = None
    if not _ID.match(given) or at is None or at.tzinfo is None:
        raise NotSent("X lists a post without its number or its moment")
    note = post.get("note_tweet")  # the whole of a long one
    words = note if isinstance(note, dict) else post
    attachments = post.get("attachments")
    keys = attachments.get("media_keys") if isinstance(attachments, dict) else None
    text = html.unescape(str(words.get("text", "")))
    for shown in (post, words):
        for link in _links_of_media(shown.get("entities")):
            text = text.replace(link, "")
    return Listed(
        given, timeline.unlinked(text), len(keys) if isinstance(keys, list) else 0, at.astimezone(UTC), _where(given)
    )


def _links_of_media(entities: object) -> list[str]:
    """Return the links that X itself puts behind a text for its pictures."""
    urls = entities.get("urls") if isinstance(entities, dict) else None
    found = [url for url in (urls if isinstance(urls, list) else ()) if isinstance(url, dict)]
    return [str(url["url"]) for url in found if url.get("media_key") and url.get("url")]


def _where(given: str) -> str:
    return f"https://x.com/i/status/{given}"


def _judge(secrets: set[str], clock: Clock) -> Judge:
    """Return what reads X's errors: a status, `title` and `detail`, and headers that say when more is taken."""

    def judge(said: Said) -> DeliveryError | None:
        answer = said.answer
        if 200 <= answer.status < 300:
            return None
        text = answer.text("detail") or answer.text("error_description") or answer.text("title")
        words = discreet(text, tuple(sorted(secrets, key=len, reverse=True)))
        told = replace(said, words=f"({words})" if words else "")
        if answer.status == 401:
            return Ended(str(told))
        if answer.status == 402:
            return told.down("add credits at console.x.com: X is paid by use")
        if answer.status == 403 and "duplicate" in words.lower():
            remedy = "change a word: X forgets what it has seen after a while"
            return _Repeated("X takes it for a repeat of a post of the account", remedy=remedy)
        if answer.status == 403 and _NO_POST_THERE.search(words):
            return Refused(str(told), remedy="the post it hangs on is gone")
        if answer.status == 403:
            remedy = "give the app the rights tweet.read, tweet.write, users.read, media.write and authorize it anew"
            return _NoRight(str(told), remedy=remedy)
        if answer.status == 429 and answer.retry_at is None:
            return NotSent(str(told), retry_at=_reset(answer, clock.now()))
        return told.usual()

    return judge


def _reset(answer: Answer, now: datetime) -> datetime | None:
    """Return when X takes requests again, by that of its limits that is used up; at most a day ahead."""
    for limit in _RESETS:
        remaining, reset = (answer.headers.get(f"{limit}-{word}", "") for word in ("remaining", "reset"))
        if remaining == "0" and re.fullmatch(r"[0-9]{1,11}", reset):
            return min(max(datetime.fromtimestamp(int(reset), UTC), now), now + _LONGEST_WAIT)
    return None
