"""Whose account it is, what its token may do and when it ends, as the platform says; nothing is posted by asking.

Sources: https://developers.facebook.com/docs/graph-api/reference/debug_token (also Threads), docs.joinmastodon.org
(accounts and apps, verify_credentials), com.atproto.server.getSession, core.telegram.org/bots/api (getMe,
getChatMember), docs.slack.dev (auth.test), docs.x.com (users/me), learn.microsoft.com (LinkedIn, userinfo),
www.twilio.com/docs/iam/api/account.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scheduler.channels.platforms.base import Platform
from scheduler.channels.platforms.graph import Graph
from scheduler.channels.platforms.linkedin import NoRight
from scheduler.channels.platforms.web import Web
from scheduler.channels.platforms.x_session import ANEW, Ended
from scheduler.errors import ChannelDown, DeliveryError, NotSent, Refused

BILLED = frozenset({"x"})  # a look at the account costs money there
_LONGEST = 80

# What the documentation of each channel has people grant; of several in one entry any will do.
_WANTED: dict[str, tuple[tuple[str, ...], ...]] = {
    "facebook": (("pages_manage_posts",), ("pages_read_engagement",)),
    "instagram": (("instagram_basic",), ("instagram_content_publish",)),
    "threads": (("threads_basic",), ("threads_content_publish",)),
    "whatsapp": (("whatsapp_business_messaging",), ("whatsapp_business_management",)),
    "mastodon": (("read", "read:accounts"), ("write", "write:statuses"), ("write", "write:media")),
    "slack": (("chat:write",), ("channels:history", "groups:history"), ("metadata.message:read",)),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a platform says of an account and its token.

    `who` is the account's name, "" where that is not told; `ends_at` when the token ends and `data_ends_at` when it may
    read no more until somebody logs in again, aware UTC, None where there is no end or none is told. `missing` are the
    rights that posting needs and the token does not have, `note` is what else a person should know.
    """

    who: str = ""
    ends_at: datetime | None = None
    data_ends_at: datetime | None = None
    missing: tuple[str, ...] = ()
    note: str = ""
    warns: bool = False  # whether the note is a warning


async def ask(channel: Platform[Any], named: str | None) -> Identity:
    """Return what the platform says of an account, named as campaigns name it.

    Raises: ChannelDown where it does not take the token, NoAccount where a field cannot be used, another DeliveryError
    where it gives no answer now.
    """
    return await _ASK[channel.name](channel.access_to(named))


async def _graph(access: Graph, channel: str, name_field: str, *, debugs: bool) -> Identity:
    fields = (await access.ask("GET", f"/{access.node}", query={"fields": name_field})).fields
    who = _shown(access.web, fields.get(name_field))
    return await _debugged(access, channel, who) if debugs else Identity(who)


async def _debugged(access: Graph, channel: str, who: str) -> Identity:
    """Add what Meta says of the token; it tells that of tokens that may ask for themselves."""
    try:
        answer = await access.ask("GET", "/debug_token", query={"input_token": access.token})
    except (ChannelDown, Refused):
        return Identity(who, note="Meta does not tell this token when it ends and what it may do")
    data = answer.fields.get("data")
    if not isinstance(data, Mapping):
        raise NotSent(f"{access.web.name} answered without what it knows of the token")
    if data.get("is_valid") is False:
        error = data.get("error")
        words = _shown(access.web, error.get("message")) if isinstance(error, Mapping) else ""
        raise ChannelDown(
            f"{access.web.name} does not take the token{f': {words}' if words else ''}", remedy="make a new one"
        )
    scopes = data.get("scopes")
    granted = frozenset(map(str, scopes)) if isinstance(scopes, list) else None
    ends, data_ends = (_moment(data.get(field)) for field in ("expires_at", "data_access_expires_at"))
    return Identity(who, ends, data_ends, _missing(channel, granted))


async def _facebook(access: Any) -> Identity:
    return await _graph(access, "facebook", "name", debugs=True)


async def _instagram(access: Any) -> Identity:
    # Tokens of Instagram's own log-in cannot be asked about; that one may publish is told by its limit.
    own = access.host != "graph.facebook.com"
    found = await _graph(access, "instagram", "username", debugs=not own)
    if own:
        await access.ask("GET", f"/{access.node}/content_publishing_limit", query={"fields": "quota_usage"})
    return found


async def _threads(access: Any) -> Identity:
    return await _graph(access, "threads", "username", debugs=True)


async def _whatsapp(access: Any) -> Identity:
    return await _graph(access, "whatsapp", "verified_name", debugs=True)


async def _mastodon(access: Any) -> Identity:
    who = (await access.web.ask("GET", "/api/v1/accounts/verify_credentials")).text("acct")
    granted = None
    try:
        scopes = (await access.web.ask("GET", "/api/v1/apps/verify_credentials")).fields.get("scopes")
        granted = frozenset(map(str, scopes)) if isinstance(scopes, list) else None
    except DeliveryError:
        pass  # servers before 4.3, and others that speak the interface, do not say
    return Identity(f"@{_shown(access.web, who)}", missing=_missing("mastodon", granted))


async def _bluesky(access: Any) -> Identity:
    session = await access.sessions.current()
    headers = {"Authorization": f"Bearer {session.access}"}
    answer = await access.web.ask("GET", "/xrpc/com.atproto.server.getSession", headers=headers)
    status = "" if answer.fields.get("active", True) is True else _shown(access.web, answer.fields.get("status"))
    if status:
        raise ChannelDown(f"Bluesky says that the account is {status}", remedy="see bsky.app about the account")
    return Identity(f"@{_shown(access.web, answer.text('handle'))}")


async def _telegram(access: Any) -> Identity:
    bot = (await access.web.ask("GET", f"{access.path}/getMe")).fields.get("result")
    bot = bot if isinstance(bot, Mapping) else {}
    query = {"chat_id": access.chat, "user_id": str(bot.get("id", ""))}
    member = (await access.web.ask("GET", f"{access.path}/getChatMember", query=query)).fields.get("result")
    member = member if isinstance(member, Mapping) else {}
    who = f"@{_shown(access.web, bot.get('username'))} in {access.chat}"
    status = _shown(access.web, member.get("status"))
    may = status == "creator" or (status == "administrator" and member.get("can_post_messages", True) is not False)
    if may or (status == "member" and not access.chat.startswith("@")):
        return Identity(who)
    return Identity(who, missing=("administrator of the chat, may post",))


async def _slack(access: Any) -> Identity:
    answer = await access.web.ask("POST", "/api/auth.test")
    said = answer.headers.get("x-oauth-scopes", "")
    granted = frozenset(scope.strip() for scope in said.split(",")) if said else None
    who = f"{_shown(access.web, answer.text('user'))} in {_shown(access.web, answer.text('team'))}"
    return Identity(who, missing=_missing("slack", granted))


async def _linkedin(access: Any) -> Identity:
    try:
        answer = await access.web.ask("GET", "/v2/userinfo")
    except NoRight:
        return Identity(note="LinkedIn takes the token, and does not say whose it is (that needs openid and profile)")
    return Identity(_shown(access.web, answer.text("name")))


async def _x(access: Any) -> Identity:
    renewed = Identity(note="its token is renewed when it is next used, and X was not asked before that")
    if not access.session.lives():
        return renewed
    try:
        data = (await access.web.ask("GET", "/2/users/me")).fields.get("data")
    except Ended:
        if access.session.renews:
            return renewed
        raise ChannelDown("X does not take the token", remedy=ANEW) from None
    return Identity(f"@{_shown(access.web, data.get('username'))}" if isinstance(data, Mapping) else "")


async def _sms(access: Any) -> Identity:
    account = access.path.removesuffix("/Messages.json")
    try:
        answer = await access.web.ask("GET", f"{account}.json")
    except ChannelDown:
        # A standard API key may send, and may not read the account; it may read what was sent.
        await access.web.ask("GET", access.path, query={"PageSize": "1"})
        return Identity(note="Twilio takes the key, which may not read the account's name")
    status = _shown(access.web, answer.text("status"))
    if status not in ("", "active"):
        raise ChannelDown(
            f"Twilio says that the account is {status}", remedy="see console.twilio.com about the account"
        )
    who = _shown(access.web, answer.text("friendly_name"))
    if answer.text("type") != "Trial":
        return Identity(who)
    return Identity(who, note="a trial account, which sends to numbers verified at Twilio alone", warns=True)


_ASK: dict[str, Callable[[Any], Awaitable[Identity]]] = {
    "bluesky": _bluesky,
    "facebook": _facebook,
    "instagram": _instagram,
    "linkedin": _linkedin,
    "mastodon": _mastodon,
    "slack": _slack,
    "sms": _sms,
    "telegram": _telegram,
    "threads": _threads,
    "whatsapp": _whatsapp,
    "x": _x,
}


def _missing(channel: str, granted: frozenset[str] | None) -> tuple[str, ...]:
    """Return the rights that posting needs and a token does not have; none where what it has is not told."""
    if granted is None:
        return ()
    return tuple(dict.fromkeys(" or ".join(any_of) for any_of in _WANTED[channel] if not granted & set(any_of)))


def _shown(web: Web, value: object) -> str:
    """Return a text of the platform's as it may be shown."""
    return web.told(value)[:_LONGEST] if isinstance(value, str) else ""


def _moment(seconds: object) -> datetime | None:
    """Return a moment that is told in seconds since 1970; 0 is none."""
    if not isinstance(seconds, int) or not 0 < seconds < 1 << 33:
        return None
    return datetime.fromtimestamp(seconds, UTC)
