"""A session at a Bluesky server: begun with the app password, kept, renewed, and begun anew only where it must be.

Log-ins are rare goods: 30 in five minutes, 300 a day. The access token lives two hours, what renews it 90 days.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from scheduler.channels.answers import Answer, Said, discreet
from scheduler.channels.platforms.tokens import Keeper, Kept
from scheduler.channels.platforms.web import Body, Judge, Web
from scheduler.clock import Clock
from scheduler.errors import ChannelDown, DeliveryError, NotSent, Refused

_EARLY = timedelta(minutes=2)  # a token that ends within these is renewed first: the post itself is asked only once
_LONGEST_WAIT = timedelta(hours=24)
_GONE = frozenset({"AccountTakedown", "AccountSuspended", "AccountDeactivated", "AccountInactive"})
_ENDED = frozenset({"ExpiredToken", "InvalidToken", "AuthMissing"})


class Ended(NotSent):
    """The token is no longer taken: the session is renewed before the next request."""


class Taken(Refused):
    """A record of that name is there, and it is not the same one (InvalidSwap)."""


class Missing(Refused):
    """There is no record of that name, or no account of that handle."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who we are at the server, and the two tokens; neither is ever shown."""

    did: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime | None = None


class Sessions:
    """Hands out the session of one account; one at a time begins or renews it."""

    def __init__(
        self, name: str, endpoint: str, keeper: Keeper, clock: Clock, *, identifier: str, password: str, web: Web
    ) -> None:
        self._name = name
        self._web = web
        self._keeper = keeper
        self._clock = clock
        self._identifier = identifier
        self._password = password
        self._source = hashlib.sha256(f"{endpoint} {identifier} {password}".encode()).hexdigest()[:32]
        self._lock = asyncio.Lock()

    async def current(self) -> Session:
        """Return a session whose token lives for two more minutes. Raises: DeliveryError where there is none."""
        async with self._lock:
            session = self._kept()
            if session is None:
                return await self._begun()
            if session.expires_at is not None and session.expires_at - self._clock.now() <= _EARLY:
                return await self._renewed(session)
            return session

    async def end(self, session: Session) -> None:
        """Have the session renewed before it is used again: the server no longer takes its token."""
        async with self._lock:
            kept = self._keeper.get(self._name)
            if kept is not None and kept.token == session.access:
                self._keeper.put(self._name, replace(kept, expires_at=self._clock.now()))

    async def renewed(self, after: Session) -> Session:
        """Return a session after this one was refused, renewed unless somebody has done so meanwhile."""
        async with self._lock:
            session = self._kept()
            if session is not None and session.access != after.access:
                return session
            return await self._renewed(after)

    def _kept(self) -> Session | None:
        kept = self._keeper.get(self._name)
        if kept is None or kept.source != self._source:
            return None
        did = str(_claims(kept.token).get("sub", ""))
        self._web.secrets = (self._password, kept.token, kept.refresh)
        return Session(did, kept.token, kept.refresh, kept.expires_at) if did.startswith("did:") else None

    async def _renewed(self, session: Session) -> Session:
        try:
            answer = await self._web.ask(
                "POST", "/xrpc/com.atproto.server.refreshSession", headers=_bearer(session.refresh)
            )
        except Ended:  # too old, used up, or the app password was revoked
            return await self._begun()
        return self._keep(answer)

    async def _begun(self) -> Session:
        login = Body(json={"identifier": self._identifier, "password": self._password})
        return self._keep(await self._web.ask("POST", "/xrpc/com.atproto.server.createSession", login))

    def _keep(self, answer: Answer) -> Session:
        access, refresh, did = answer.text("accessJwt"), answer.text("refreshJwt"), answer.text("did")
        if not _is_token(access) or not _is_token(refresh) or not did.startswith("did:"):
            raise NotSent("Bluesky answered without a session")
        if answer.fields.get("active") is False:
            status = discreet(answer.text("status"), self._web.secrets)
            raise ChannelDown(
                f"Bluesky says that the account is {status or 'not active'}", remedy="see bsky.app about the account"
            )
        ends = _claims(access).get("exp")
        expires_at = None
        if isinstance(ends, int) and 0 < ends < 1 << 33:
            expires_at = datetime.fromtimestamp(ends, UTC)
        self._web.secrets = (self._password, access, refresh)
        self._keeper.put(self._name, Kept(access, refresh, expires_at, self._source))
        return Session(did, access, refresh, expires_at)


def judge(secrets: Callable[[], tuple[str, ...]], clock: Clock) -> Judge:
    """Return what reads the errors of an XRPC server: `error` is a name, `message` words."""

    def read(said: Said) -> DeliveryError | None:
        answer = said.answer
        if 200 <= answer.status < 300:
            return None
        name = discreet(answer.text("error"), secrets())[:60]
        words = discreet(answer.text("message"), secrets())
        told = replace(said, words=f"{name} ({words})" if words else name)
        if name in _GONE:
            return told.down("see bsky.app about the account: nothing goes out until it is active again")
        if name in _ENDED:
            return Ended(str(told))
        if name == "InvalidSwap":
            return Taken(str(told))
        if name in ("RecordNotFound", "HandleNotFound") or (answer.status == 400 and "resolve handle" in words.lower()):
            return Missing(str(told))
        if name == "BlobNotFound":
            return NotSent(str(told))  # the server has forgotten the picture: the next attempt hands it over again
        if answer.status == 429:
            return NotSent(str(told), retry_at=answer.retry_at or _reset(answer, clock.now()))
        if answer.status in (401, 403):
            return told.down("make a new app password under Settings, Privacy and security, and check `identifier`")
        if answer.status in (404, 501):
            return told.down("mend `endpoint`: the https:// address of the account's server (PDS)")
        return told.usual()

    return read


def bearer(session: Session) -> dict[str, str]:
    """Return the header that shows the session."""
    return _bearer(session.access)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _is_token(text: str) -> bool:
    return 0 < len(text) <= 8_192 and text.isascii() and text.isprintable() and " " not in text


def _claims(token: str) -> dict[str, object]:
    """Return what a token says of itself; nothing hangs on its being true, the server looks at it again."""
    try:
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _reset(answer: Answer, now: datetime) -> datetime | None:
    """Read ratelimit-reset, seconds since 1970, at most a day ahead; None when it says nothing."""
    text = answer.headers.get("ratelimit-reset", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        return None
    return min(max(datetime.fromtimestamp(min(int(text), 1 << 33), UTC), now), now + _LONGEST_WAIT)
