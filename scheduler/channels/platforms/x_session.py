"""The tokens of an account on X: one that lasts two hours, and one that renews both, each time another.

Source: https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code (2026-11).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from scheduler.channels.platforms.tokens import Keeper, Kept
from scheduler.channels.platforms.web import Body, Web
from scheduler.clock import Clock
from scheduler.errors import ChannelDown, NotSent, Refused, SchedulerError

_logger = logging.getLogger(__name__)

ANEW = "authorize the app anew, with offline.access, and set both tokens"

_EARLY = timedelta(minutes=2)  # a token that ends within these is renewed first: a post is asked for only once
_LASTS = timedelta(hours=2)
_YOUNG = timedelta(minutes=5)
_TOKEN = re.compile(r"[!-~]{1,4096}\Z")


class Ended(NotSent):
    """X takes the token no longer: it is renewed before the next request."""


@dataclass(frozen=True, slots=True)
class Client:
    """The app that an account is authorized for; `secret` is "" for a public one."""

    id: str
    secret: str = field(default="", repr=False)


class Session:
    """Lets a client bear the newest token of one account; one request at a time renews it.

    `web` bears the token, `door` none: it is where tokens are traded. `tokens` are those of the settings; where they
    hold nothing that renews, the token is used as long as X takes it. What may stand in no error is put into `secrets`.
    """

    def __init__(
        self,
        name: str,
        web: Web,
        door: Web,
        keeper: Keeper,
        clock: Clock,
        *,
        app: Client,
        tokens: Kept,
        secrets: set[str],
    ) -> None:
        self._name = name
        self._web = web
        self._door = door
        self._keeper = keeper
        self._clock = clock
        self._app = app
        self._basic = b64encode(f"{app.id}:{app.secret}".encode()).decode() if app.secret else ""
        self._secrets = secrets
        source = hashlib.sha256(f"{app.id} {tokens.token} {tokens.refresh}".encode()).hexdigest()[:32]
        self._first = replace(tokens, source=source)
        self._unsaved: Kept | None = None
        self._renewed_at: datetime | None = None
        self._lock = asyncio.Lock()
        self._bear(self._first)

    async def fresh(self) -> None:
        """Have the client bear a token that X takes for two more minutes, renewed where it must be.

        Raises: NotSent when X does not answer, ChannelDown when a person has to authorize the app anew.
        """
        async with self._lock:
            if self._unsaved is not None:
                self._keep(self._unsaved)
            kept = self._kept()
            if not kept.token or (kept.expires_at is not None and kept.expires_at - self._clock.now() <= _EARLY):
                kept = await self._renewed(kept)
            self._bear(kept)

    @property
    def renews(self) -> bool:
        """Whether the token can be renewed."""
        return bool(self._kept().refresh)

    def lives(self) -> bool:
        """Have the client bear the newest token as it is, and say whether it may still be taken; nothing is renewed."""
        kept = self._kept()
        self._bear(kept)
        return bool(kept.token) and (kept.expires_at is None or kept.expires_at > self._clock.now())

    async def end(self) -> None:
        """Have the token renewed before the next request, since X takes it no longer.

        Raises: ChannelDown where nothing can renew it, or it was new.
        """
        async with self._lock:
            kept, now = self._kept(), self._clock.now()
            if not kept.refresh or (self._renewed_at is not None and now - self._renewed_at < _YOUNG):
                raise ChannelDown("X does not take the token", remedy=ANEW)
            self._keep(replace(kept, expires_at=now))

    def _kept(self) -> Kept:
        """Return what is kept of the tokens in the settings; where those were changed, they themselves."""
        kept = self._unsaved or self._keeper.get(self._name)
        return kept if kept is not None and kept.source == self._first.source else self._first

    def _keep(self, kept: Kept) -> None:
        """Keep tokens; where they cannot be written, as long as this process lives."""
        try:
            self._keeper.put(self._name, kept)
            self._unsaved = None
        except SchedulerError as error:
            self._unsaved = kept
            _logger.warning("%s; %s", error.message, error.remedy)

    def _bear(self, kept: Kept) -> None:
        """Bear a token. What was borne before stays a secret."""
        if kept.token:
            self._web.headers["Authorization"] = f"Bearer {kept.token}"
        self._secrets |= {kept.token, kept.refresh, self._app.secret, self._basic} - {""}

    async def _renewed(self, kept: Kept) -> Kept:
        """Trade what renews for two new tokens, and keep them: the old ones are worth nothing any more."""
        if not kept.refresh:
            raise ChannelDown("X does not take the token", remedy=ANEW)
        form = {"grant_type": "refresh_token", "refresh_token": kept.refresh, "client_id": self._app.id}
        headers = {"Authorization": f"Basic {self._basic}"} if self._basic else {}
        try:
            answer = await self._door.ask("POST", "/2/oauth2/token", Body(form=form), headers=headers)
        except (Ended, Refused) as error:  # 400 invalid_request or invalid_grant, 401 invalid_client
            raise ChannelDown(f"the token cannot be renewed: {error.message}", remedy=ANEW) from None
        token, refresh = answer.text("access_token"), answer.text("refresh_token") or kept.refresh
        if not _TOKEN.match(token) or not _TOKEN.match(refresh):
            raise NotSent("X answered without a token")
        seconds = answer.fields.get("expires_in")
        lasts = timedelta(seconds=seconds) if isinstance(seconds, int) and 0 < seconds < 10**7 else _LASTS
        self._renewed_at = self._clock.now()
        new = replace(kept, token=token, refresh=refresh, expires_at=self._renewed_at + lasts)
        self._keep(new)
        return new
