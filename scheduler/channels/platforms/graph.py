"""The Graph API for one account at Meta: its credentials, its limits and its errors, for whatever is published by it.

Source: https://developers.facebook.com/docs/graph-api/overview and the pages named in `graph_errors`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import ssl
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from scheduler.channels.account import Account
from scheduler.channels.answers import Answer, Said
from scheduler.channels.base import Mark
from scheduler.channels.platforms import graph_errors
from scheduler.channels.platforms.base import Access
from scheduler.channels.platforms.graph_errors import Fault, Meaning
from scheduler.channels.platforms.media import Medium
from scheduler.channels.platforms.web import Body, Web
from scheduler.clock import Clock
from scheduler.errors import ChannelDown, DeliveryError, NotSent, Refused, Unknown

VERSION = "v26.0"
FACEBOOK = "https://graph.facebook.com"
_VIDEO = "https://graph-video.facebook.com"  # where Meta's pages send files of videos to
_SESSIONS = "https://rupload.facebook.com"  # and those of reels and of stories
_VERSION = re.compile(r"v[0-9]{1,2}\.[0-9]\Z")
_NODE = re.compile(r"(?:me|[0-9]{5,25})\Z")
POST_ID = re.compile(r"[0-9]{1,40}(?:_[0-9]{1,40})?\Z")
_TOKEN = re.compile(r"[!-~]{1,4096}\Z")
_PHOTO, _FILM = 4, 20  # how many times as long as another request an upload may take
LISTED = 50  # posts or comments that are asked for at once
_EXTRA_SECONDS = 5.0  # for what is nice to know of a post that is live
_FULL = 95  # per cent of an hour's calls
_REST = timedelta(minutes=10)
_DAY = timedelta(hours=24)
_USAGE = ("x-app-usage", "x-page-usage", "x-ad-account-usage")
_BUSINESS_USAGE = "x-business-use-case-usage"
# A post is looked for between these around its attempt: their clock and ours differ, and they take their time.
_BEFORE, _AFTER = timedelta(minutes=1), timedelta(hours=1)


class Gone(ChannelDown):
    """What was asked for is not there, or this token may not see it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A renewed token, and how long it lasts."""

    token: str = field(repr=False)
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Post:
    """A post as the platform lists it."""

    id: str
    text: str
    at: datetime


class Graph(Access):
    """Speaks for one account: `node` is the Page or user that is published for, `source` a digest of the token set.

    What is reversible goes by `ask`, the request that publishes by `commit`; paths begin below the version.
    """

    def __init__(
        self,
        name: str,
        platform: str,
        fields: Account,
        clock: Clock,
        tls: Callable[[], ssl.SSLContext],
        *,
        node: str,
        endpoint: str = FACEBOOK,
        version: str = VERSION,
        seconds: float = 30,
    ) -> None:
        base = fields.endpoint(endpoint)
        self.node = fields.word(node, _NODE, "17841400000000000")
        self.source = hashlib.sha256(fields.token("token").encode()).hexdigest()
        self.host = urlsplit(base).hostname or ""
        self.clock = clock
        self._base = base
        self._version = fields.word("version", _VERSION, version, default=version)
        self._proof_key = fields.token("app_secret", required=False)
        self._proof = ""
        self._secrets: set[str] = set()  # former tokens too: they may be valid still
        self._rests_until = datetime.min.replace(tzinfo=UTC)
        films = _VIDEO if base == FACEBOOK else base
        super().__init__(name, Web(platform, base, clock, judge=self.judge, seconds=seconds, tls=tls))
        self._photos = Web(platform, base, clock, judge=self.judge, seconds=seconds * _PHOTO, tls=tls)
        self._films = Web(platform, films, clock, judge=self.judge, seconds=seconds * _FILM, tls=tls)
        sessions = _SESSIONS if base == FACEBOOK else base
        self._sessions = Web(platform, sessions, clock, judge=self.judge, seconds=seconds * _FILM, tls=tls)
        self.use(fields.token("token"))

    @property
    def token(self) -> str:
        """The token that requests bear now."""
        return self.web.headers["Authorization"].removeprefix("Bearer ")

    def use(self, token: str) -> None:
        """Bear this token from now on; with the app's secret set, each request also proves to be the app's."""
        if self._proof_key:
            self._proof = hmac.new(self._proof_key.encode(), token.encode(), hashlib.sha256).hexdigest()
        self._secrets |= {token, self._proof_key, self._proof} - {""}
        for web in (self.web, self._photos, self._films, self._sessions):
            web.headers["Authorization"] = f"Bearer {token}"
            web.secrets = tuple(sorted(self._secrets, key=len, reverse=True))

    def rested(self) -> None:
        """Raise NotSent while the account has used up nearly all the calls Meta allows it in an hour."""
        now = self.clock.now()
        if now < self._rests_until:
            raise NotSent(
                f"{self.web.name} allows this account hardly any more requests now", retry_at=self._rests_until
            )

    async def ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request that publishes nothing, as `Web.ask` does. Raises: Gone, NotSent, Refused, ChannelDown."""
        return self._noted(await self.web.ask(method, self._path(path), Body(form=form), query=self._query(query)))

    async def upload(self, path: str, form: Mapping[str, str], medium: Medium) -> Answer:
        """Hand over a picture or video that nobody sees yet; it may take longer than other requests."""
        body = Body(form=form, files={"source": (medium.name, medium.data, medium.mime)})
        web = self._films if medium.is_video else self._photos
        return self._noted(await web.ask("POST", self._path(path), body, query=self._query(None)))

    async def fill(self, video: str, medium: Medium) -> None:
        """Hand over the bytes of a video whose session was begun before; nobody sees it yet.

        Where they go is worked out here and not taken from an answer: the request bears the token.
        """
        answer = await self._sessions.ask(
            "POST",
            f"/video-upload/{self._version}/{video}",
            Body(content=medium.data, kind="application/octet-stream"),
            headers={"Authorization": f"OAuth {self.token}", "offset": "0", "file_size": str(len(medium.data))},
        )
        if answer.fields.get("success") is not True:
            raise NotSent(f"{self.web.name} did not take in the video {medium.name}")

    async def commit(self, mark: Mark, path: str, form: Mapping[str, str], *, handle: str) -> Answer:
        """Make the request that publishes, as `Web.commit` does."""
        return self._noted(
            await self.web.commit(
                mark, "POST", self._path(path), Body(form=form), handle=handle, query=self._query(None)
            )
        )

    async def also(self, path: str, field: str) -> str:
        """Return a text about a post that is live, "" where there is no answer soon: nothing depends on it."""
        try:
            async with asyncio.timeout(_EXTRA_SECONDS):
                return self.web.told((await self.ask("GET", path, query={"fields": field})).text(field))
        except (DeliveryError, TimeoutError):
            return ""

    async def posts(
        self, edge: str, text: str, at: str, *, of: str = "", more: Mapping[str, str] | None = None
    ) -> tuple[Post, ...]:
        """Return the latest posts of the account at an edge; `text` and `at` are what it calls words and moment.

        With `of` they are those of another thing than the account; `more` says how they are asked for.
        """
        query = {"fields": f"id,{text},{at}", "limit": str(LISTED), **(more or {})}
        answer = await self.ask("GET", f"/{of or self.node}/{edge}", query=query)
        items = answer.fields.get("data")
        found = (_post(item, text, at) for item in (items if isinstance(items, list) else ()))
        return tuple(post for post in found if post is not None)

    async def renew(self, path: str, kind: str) -> Token:
        """Ask for the account's token anew. Raises: NotSent, ChannelDown, Refused when there is none."""
        query = {"grant_type": kind, "access_token": self.token}
        answer = await self.web.ask("GET", path, query=self._query(query))
        seconds, token = answer.fields.get("expires_in"), answer.text("access_token")
        if not _TOKEN.match(token) or not isinstance(seconds, int) or seconds <= 0:
            raise NotSent(f"{self.web.name} answered without a token that lasts")
        return Token(token, timedelta(seconds=min(seconds, 10**9)))

    async def close(self) -> None:
        """Let go of the connections."""
        for web in (self.web, self._photos, self._films, self._sessions):
            await web.close()

    def judge(self, said: Said) -> DeliveryError | None:
        """Return what an answer means by Meta's own codes, by its status where it has none; None when it is a yes."""
        error = said.answer.fields.get("error")
        if not isinstance(error, Mapping):
            return None if 200 <= said.answer.status < 300 else said.usual()
        code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
        text = str(error.get("error_user_msg") or error.get("message") or "")
        numbers = f"({code}/{subcode})" if subcode else f"({code})"
        worded = Said(said.name, said.answer, f"{numbers} {self.web.told(text)}".strip(), said.may_have)
        found = graph_errors.fault(code, subcode, str(error.get("message") or ""))
        if found is None and error.get("is_transient") is True:
            found = Fault(Meaning.PASSING)
        return self._meant(worded, found)

    def media_failed(self, text: str) -> DeliveryError:
        """Return what it means that media could not be taken in, by the platform's words about it."""
        words = f"{self.web.name} could not take in the media: {self.web.told(text) or 'it does not say why'}"
        if graph_errors.fault_of_media(text).meaning is Meaning.REFUSED:
            return Refused(words)
        return NotSent(words)

    def _meant(self, said: Said, found: Fault | None) -> DeliveryError:
        now = self.clock.now()
        match found:
            case None:
                return Refused(str(said)) if 200 <= said.answer.status < 300 else said.usual()
            case Fault(Meaning.LATER):
                return NotSent(str(said), retry_at=said.answer.retry_at or _regained(said.answer, now))
            case Fault(Meaning.TOMORROW):
                return NotSent(f"{said}: its posts of today are used up, more tomorrow", retry_at=now + _DAY)
            case Fault(Meaning.REFUSED):
                return said.refused()
            case Fault(Meaning.DOWN, remedy):
                return said.down(remedy)
            case Fault(Meaning.GONE) if not said.may_have:
                return Gone(str(said), remedy="check the id of the account, and that the token may publish for it")
            case _:
                return Unknown(f"{said}: it may have taken the message") if said.may_have else NotSent(str(said))

    def _noted(self, answer: Answer) -> Answer:
        """Take note of how much of its calls the account has used."""
        if _used(answer) >= _FULL:
            now = self.clock.now()
            self._rests_until = _regained(answer, now) or now + _REST
        return answer

    def _path(self, path: str) -> str:
        return f"/{self._version}{path}"

    def _query(self, query: Mapping[str, str] | None) -> Mapping[str, str] | None:
        if not self._proof:
            return query
        return {**(query or {}), "appsecret_proof": self._proof}


def is_id(text: str) -> bool:
    """Whether a text can be the id of a thing in the graph, and so a part of a path."""
    return POST_ID.match(text) is not None


def the_same(posts: Iterable[Post], text: str, around: datetime) -> Post | None:
    """Return the earliest post with these words near a moment; None where there is none, or nothing to tell it by.

    Words are the same when they differ in nothing but white space and the form of their accents.
    """
    wanted = _plain(text)
    found = [
        post
        for post in posts
        if around - _BEFORE <= post.at <= around + _AFTER and wanted and _plain(post.text) == wanted
    ]
    return min(found, key=lambda post: post.at, default=None)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _post(item: object, text: str, at: str) -> Post | None:
    if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
        return None
    try:
        moment = datetime.fromisoformat(str(item.get(at)))
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return Post(item["id"], str(item.get(text) or ""), moment.astimezone(UTC))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _used(answer: Answer) -> float:
    """Return the largest share of any of its limits that the account has used, in per cent."""
    return max((value for each in _usages(answer) for value in _shares(each)), default=0)


def _shares(usage: Mapping[str, object]) -> Iterable[float]:
    for name in ("call_count", "total_time", "total_cputime"):
        value = usage.get(name)
        if isinstance(value, int | float):
            yield value


def _regained(answer: Answer, now: datetime) -> datetime | None:
    """Return when the account may ask again, at most a day ahead; None where Meta does not say."""
    minutes = [each.get("estimated_time_to_regain_access") for each in _usages(answer)]
    longest = max((value for value in minutes if isinstance(value, int)), default=0)
    return now + min(timedelta(minutes=min(longest, 10_000)), _DAY) if longest > 0 else None


def _usages(answer: Answer) -> Iterable[Mapping[str, object]]:
    """Yield what the headers say about the use of each limit (Graph API, rate limiting)."""
    for name in (*_USAGE, _BUSINESS_USAGE):
        try:
            value = json.loads(answer.headers.get(name, "null"))
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, Mapping):
            continue
        if name != _BUSINESS_USAGE:
            yield value
            continue
        for entries in value.values():
            yield from (each for each in (entries if isinstance(entries, list) else ()) if isinstance(each, Mapping))
