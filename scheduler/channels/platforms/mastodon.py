"""Mastodon, and what speaks its interface (GoToSocial, Pleroma, Akkoma): posts, and what became of them.

Source: docs.joinmastodon.org/methods/statuses, /media, /instance, /accounts. The server keeps an Idempotency-Key for an
hour, and stores it only after the post: it is sent, and not relied upon.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from scheduler.channels.account import Account
from scheduler.channels.answers import Answer, Said, discreet
from scheduler.channels.base import Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms import mastodon_limits
from scheduler.channels.platforms.base import Access, Platform, hung_on
from scheduler.channels.platforms.mastodon_limits import Limits
from scheduler.channels.platforms.mastodon_words import alike, bare, fingerprint, of_html
from scheduler.channels.platforms.media import Medium
from scheduler.channels.platforms.web import Body, Judge, Web
from scheduler.clock import Clock
from scheduler.errors import ChannelDown, DeliveryError, NotSent, Refused

_VISIBILITY = re.compile(r"(?:public|unlisted|private)\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?\Z")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:-]{1,120}/[A-Za-z0-9@._~/-]{1,120}\Z")
_ANY = re.compile(r".+\Z")
_STATUS_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_FRESH = timedelta(hours=6)  # how long the server's limits are believed
_AROUND = timedelta(hours=1)  # how far the server's clock and ours may lie apart, and a post from its attempt
_LONGEST_WAIT = timedelta(hours=24)
_MOST_PAGES = 10


@dataclass(slots=True)
class _Access(Access):
    visibility: str
    language: str
    account_id: str = ""
    limits: Limits | None = None
    limits_at: datetime | None = None


class _Missing(ChannelDown):
    """404: a server of another kind has no such page, or the endpoint is none."""


@dataclass(frozen=True, slots=True)
class _Status:
    """A post as it stands on the server."""

    id: str
    text: str
    media: int
    url: str
    created_at: datetime | None


class MastodonChannel(Platform[_Access]):
    """Posts to accounts on servers of their own: `token` and `endpoint`, perhaps `visibility` and `language`."""

    name = "mastodon"
    fields = ("token", "endpoint", "visibility", "language")
    settles_after = timedelta(seconds=60)  # a proxy may answer 504 while the server still writes the post
    pauses: tuple[float, ...] = (0.5, 1, 1, 2, 3, 5, 5, 10, 10, 10)  # seconds between looks at media in the making

    def connect(self, fields: Account, name: str) -> _Access:
        """Return the access to an account whose fields these are. Raises SchedulerError where one cannot be used."""
        token = fields.token("token")
        fields.word("endpoint", _ANY, "https://mastodon.social")
        web = Web(
            "Mastodon",
            fields.endpoint("https://mastodon.social"),
            self._clock,
            headers={"Authorization": f"Bearer {token}"},
            secrets=(token,),
            judge=_judge((token,), self._clock),
            seconds=self._seconds,
            tls=self._tls,
        )
        visibility = fields.word("visibility", _VISIBILITY, "public, unlisted or private", default="public")
        return _Access(name, web, visibility, fields.word("language", _LANGUAGE, "fr", default=""))

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Publish one post: its media first, unseen, then the words with the key of the message."""
        access = self.access(message)
        limits = await self._limits(access)
        mastodon_limits.check(message.content, limits)
        media = [await self._media.read(file, alt) for file, alt in message.content.media]
        media = [await asyncio.to_thread(mastodon_limits.fitted, each, limits) for each in media]
        ids = [await self._uploaded(access.web, each) for each in media]
        handle = f"{await self._newest(access) or '-'} {fingerprint(message.content.text, len(ids))}"
        fields: dict[str, object] = {"status": message.content.text, "visibility": access.visibility}
        if ids:
            fields["media_ids"] = ids
        if access.language:
            fields["language"] = access.language
        if message.above is not None:
            fields["in_reply_to_id"] = hung_on("Mastodon", message.above.post, _STATUS_ID)
        headers = {"Idempotency-Key": message.key}
        try:
            answer = await access.web.commit(
                mark, "POST", "/api/v1/statuses", Body(json=fields), handle=handle, headers=headers
            )
        except _Missing as error:
            if message.above is None:
                raise
            raise Refused(f"the post it hangs on is not on the server any more: {error.message}") from None
        posted = _id(answer.fields)
        if not posted:
            raise access.web.unclear("the id of a post")
        return Receipt(posted, _where(access.web, answer.text("url")) or f"{answer.status} from Mastodon")

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look through what the account has posted since the attempt, for its words and as many media."""
        access = self.access(attempted.message)
        since, _, print_ = attempted.handle.partition(" ")
        known = "" if since == "-" else since
        content = attempted.message.content
        print_ = print_ or fingerprint(content.text, len(content.media))
        statuses, whole = await self._since(access, known, attempted.started_at - _AROUND)
        for status in reversed(statuses):
            if fingerprint(status.text, status.media) == print_:
                where = _where(access.web, status.url) or status.id
                if status.created_at is None or abs(status.created_at - attempted.started_at) > _AROUND:
                    return Evidence(Found.OPEN, f"a post with these words stands at {where}, from another hour")
                return Evidence(Found.SENT, f"stands at {where}", status.id)
        near = next((status for status in statuses if _may_be(status, attempted)), None)
        if near is not None:
            where = _where(access.web, near.url) or near.id
            return Evidence(Found.OPEN, f"a post that may be it stands at {where}: its words or media are not the same")
        if not whole:
            return Evidence(Found.OPEN, f"the account has posted more than {len(statuses)} times since: look there")
        return Evidence(Found.NOT_SENT, f"not among the {len(statuses)} posts of the account since the attempt")

    async def _limits(self, access: _Access) -> Limits:
        """Return what the server says it takes, at most six hours ago."""
        now = self._clock.now()
        if access.limits is None or access.limits_at is None or now - access.limits_at > _FRESH:
            try:
                answer = await access.web.ask("GET", "/api/v2/instance")
            except _Missing:  # before Mastodon 4, and Pleroma
                answer = await access.web.ask("GET", "/api/v1/instance")
            if not answer.fields:
                raise NotSent("Mastodon answered without its limits")
            access.limits, access.limits_at = mastodon_limits.read(answer.fields), now
        return access.limits

    async def _account(self, access: _Access) -> str:
        """Return the account's id on its server."""
        if not access.account_id:
            answer = await access.web.ask("GET", "/api/v1/accounts/verify_credentials")
            access.account_id = _id(answer.fields)
        if not access.account_id:
            raise NotSent("Mastodon answered without the account's id")
        return access.account_id

    async def _newest(self, access: _Access) -> str:
        """Return the id of the account's newest post, "" where there is none."""
        page = await self._page(access, {"limit": "1"})
        return page[0].id if page else ""

    async def _since(self, access: _Access, known: str, earliest: datetime) -> tuple[list[_Status], bool]:
        """Return the posts after the one that was known, newest first, and whether these are all.

        Where none was known, those from `earliest` on. A page may be short: only an empty one is the last.
        """
        found: list[_Status] = []
        query = {"limit": "40"} | ({"since_id": known} if known else {})
        for _ in range(_MOST_PAGES):
            page = await self._page(access, query)
            found += page
            if not page or (not known and (page[-1].created_at or earliest) < earliest):
                return found, True
            query["max_id"] = page[-1].id
        return found, False

    async def _page(self, access: _Access, query: dict[str, str]) -> list[_Status]:
        account = await self._account(access)
        answer = await access.web.ask("GET", f"/api/v1/accounts/{account}/statuses", query=query)
        page = [_status(item) for item in answer.items]
        if not answer.is_list or None in page:
            raise NotSent("Mastodon answered without the account's posts")
        return [status for status in page if status is not None]

    async def _uploaded(self, web: Web, medium: Medium) -> str:
        """Hand a medium over and wait until the server has made it ready; nobody sees it before the post.

        Raises: NotSent when that takes longer than `pauses` last.
        """
        form = {"description": medium.alt} if medium.alt else None
        files = {"file": (medium.name, medium.data, medium.mime)}
        answer = await web.ask("POST", "/api/v2/media", Body(form=form, files=files))
        given = _id(answer.fields)
        if not given:
            raise NotSent("Mastodon answered without the id of the media")
        for pause in (*self.pauses, None):
            if answer.status not in (202, 206):
                return given
            if pause is not None:
                await asyncio.sleep(pause)
                answer = await web.ask("GET", f"/api/v1/media/{given}")
        raise NotSent(f"Mastodon is still making {medium.name} ready after {sum(self.pauses):g} seconds")


def _judge(secrets: tuple[str, ...], clock: Clock) -> Judge:
    """Return what reads Mastodon's errors: a status, and `error` in the server's own words."""

    def judge(said: Said) -> DeliveryError | None:
        answer = said.answer
        if 200 <= answer.status < 300:
            return None
        words = discreet(answer.text("error_description") or answer.text("error"), secrets)
        told = replace(said, words=f"({words})" if words else "")
        if answer.status == 401:
            return told.down("make a new access token in the account's settings under Development")
        if answer.status == 403:
            return told.down("give the token the rights read and write, and see whether the account is suspended")
        if answer.status == 404:
            return _Missing(str(told), remedy="mend `endpoint`: the https:// address of the account's server")
        if answer.status == 429 and answer.retry_at is None:
            return NotSent(str(told), retry_at=_reset(answer, clock.now()))
        return told.usual()

    return judge


def _reset(answer: Answer, now: datetime) -> datetime | None:
    """Read X-RateLimit-Reset, a moment, at most a day ahead; None when it says nothing."""
    moment = _moment(answer.headers.get("x-ratelimit-reset"))
    return None if moment is None else min(max(moment, now), now + _LONGEST_WAIT)


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _id(fields: Mapping[str, object]) -> str:
    """Return the id of what the server speaks of: a text, at some servers a number; "" where there is none."""
    value = fields.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and _STATUS_ID.match(value) else ""


def _where(web: Web, url: str) -> str:
    """Return a post's address for the log, "" for what is none; `discreet` would take it for a mail address."""
    return url if _ADDRESS.match(url) and not any(secret in url for secret in web.secrets) else ""


def _status(item: object) -> _Status | None:
    """Read one post of a list; None for what is none."""
    if not isinstance(item, dict) or not _id(item) or not isinstance(item.get("content"), str):
        return None
    media, url = item.get("media_attachments"), item.get("url")
    return _Status(
        _id(item),
        of_html(item["content"]) if not item.get("reblog") else "",
        len(media) if isinstance(media, list) else 0,
        url if isinstance(url, str) else "",
        _moment(item.get("created_at")),
    )


def _may_be(status: _Status, attempted: Attempted) -> bool:
    """Whether a post that is not the attempt's to the letter may be it all the same, changed by the server.

    Where the campaign's words are no longer those of the attempt, any post of about that time may be.
    """
    if not attempted.same_words:
        return status.created_at is None or abs(status.created_at - attempted.started_at) <= _AROUND
    text = attempted.message.content.text
    return alike(status.text, text) if bare(text) else status.media == len(attempted.message.content.media)
