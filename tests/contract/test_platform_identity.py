"""Whose account it is, as each platform says it: name, rights, ends; and what is said when it does not take the token."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from platform_peers import WENT, tls
from pydantic import SecretStr
from support.http_peer import Reply, Request, http_peer

from scheduler.channels.platforms import identity, registry
from scheduler.channels.platforms.identity import Identity
from scheduler.channels.platforms.tokens import Kept, MemoryKeeper
from scheduler.clock import VirtualClock
from scheduler.errors import ChannelDown, DeliveryError, NotSent

SECRET = "canary-of-the-token-0123456789"
BOT = "123456789:canaryOfTheTelegramToken0123456789"
SID = "AC" + "a" * 32
FIELDS: dict[str, dict[str, str]] = {
    "bluesky": {"identifier": "shop.bsky.social", "app_password": SECRET},
    "facebook": {"token": SECRET, "page": "102030405060708"},
    "instagram": {"token": SECRET, "user": "17841400008460056"},
    "linkedin": {"token": SECRET, "author": "urn:li:organization:1234567"},
    "mastodon": {"token": SECRET},
    "slack": {"token": SECRET, "channel": "C0123456789"},
    "sms": {"account_sid": SID, "auth_token": SECRET, "from": "+15005550006"},
    "telegram": {"token": BOT, "chat": "@shop"},
    "threads": {"token": SECRET, "user": "17841400008460056"},
    "whatsapp": {"token": SECRET, "phone_number_id": "106540352242922", "business_account": "102290129340398"},
    "x": {"token": SECRET},
}
ENDS = datetime(2027, 4, 1, 12, tzinfo=UTC)
DATA_ENDS = datetime(2027, 5, 12, 12, tzinfo=UTC)
LONG = {"is_valid": True, "expires_at": int(ENDS.timestamp()), "data_access_expires_at": int(DATA_ENDS.timestamp())}


def debugged(*scopes: str, **more: object) -> Reply:
    return Reply(200, {"data": {**LONG, "scopes": list(scopes), **more}})


def asked(
    channel: str, answers: Mapping[str, Reply | Callable[[Request], Reply]], *, keeper: MemoryKeeper | None = None
) -> tuple[Identity | DeliveryError, list[Request]]:
    """Return what is found out where each request (`GET /path`) is answered so, and the requests."""
    seen: list[Request] = []

    def answer(request: Request) -> Reply:
        seen.append(request)
        found = answers.get(f"{request.method} {request.route}", Reply(404, {"error": "no such thing"}))
        return found if isinstance(found, Reply) else found(request)

    async def scenario() -> Identity | DeliveryError:
        async with http_peer(answer) as port:
            fields = {**FIELDS[channel], "endpoint": f"http://127.0.0.1:{port}"}
            accounts = {channel: {name: SecretStr(value) for name, value in fields.items()}}
            clock = VirtualClock(WENT)
            made = registry.platform(channel)(accounts, clock, keeper=keeper or MemoryKeeper(), tls=tls(), seconds=2)
            try:
                return await identity.ask(made, None)
            except DeliveryError as error:
                return error
            finally:
                await made.close()

    found = asyncio.run(scenario())
    for secret in (SECRET, BOT, "jwt"):
        assert secret not in f"{found!r} {found} {getattr(found, 'remedy', '')}"
    return found, seen


GOOD: list[tuple[str, dict[str, Reply], Identity]] = [
    (
        "facebook",
        {
            "GET /v26.0/102030405060708": Reply(200, {"name": "La Truffe Roulante", "id": "102030405060708"}),
            "GET /v26.0/debug_token": debugged("pages_manage_posts", "pages_read_engagement"),
        },
        Identity("La Truffe Roulante", ENDS, DATA_ENDS),
    ),
    (
        "instagram",
        {
            "GET /v26.0/17841400008460056": Reply(200, {"username": "biksouv"}),
            "GET /v26.0/17841400008460056/content_publishing_limit": Reply(200, {"data": [{"quota_usage": 0}]}),
        },
        Identity("biksouv"),
    ),
    (
        "threads",
        {
            "GET /v1.0/17841400008460056": Reply(200, {"username": "biksouv"}),
            "GET /v1.0/debug_token": debugged("threads_basic", "threads_content_publish", expires_at=0),
        },
        Identity("biksouv", None, DATA_ENDS),
    ),
    (
        "whatsapp",
        {
            "GET /v26.0/106540352242922": Reply(200, {"verified_name": "BikSouv"}),
            "GET /v26.0/debug_token": debugged("whatsapp_business_messaging", "whatsapp_business_management"),
        },
        Identity("BikSouv", ENDS, DATA_ENDS),
    ),
    (
        "mastodon",
        {
            "GET /api/v1/accounts/verify_credentials": Reply(200, {"acct": "biksouv"}),
            "GET /api/v1/apps/verify_credentials": Reply(200, {"scopes": ["read", "write"]}),
        },
        Identity("@biksouv"),
    ),
    (
        "bluesky",
        {
            "POST /xrpc/com.atproto.server.createSession": Reply(
                200, {"accessJwt": "jwt-access", "refreshJwt": "jwt-refresh", "did": "did:plc:abc"}
            ),
            "GET /xrpc/com.atproto.server.getSession": Reply(200, {"handle": "shop.bsky.social", "active": True}),
        },
        Identity("@shop.bsky.social"),
    ),
    (
        "telegram",
        {
            f"GET /bot{BOT}/getMe": Reply(200, {"ok": True, "result": {"id": 123456789, "username": "shop_bot"}}),
            f"GET /bot{BOT}/getChatMember": Reply(
                200, {"ok": True, "result": {"status": "administrator", "can_post_messages": True}}
            ),
        },
        Identity("@shop_bot in @shop"),
    ),
    (
        "slack",
        {
            "POST /api/auth.test": Reply(
                200,
                {"ok": True, "user": "campaigns", "team": "BikSouv"},
                headers={"X-OAuth-Scopes": "chat:write,channels:history,metadata.message:read"},
            )
        },
        Identity("campaigns in BikSouv"),
    ),
    ("linkedin", {"GET /v2/userinfo": Reply(200, {"name": "Awa Diop"})}, Identity("Awa Diop")),
    ("x", {"GET /2/users/me": Reply(200, {"data": {"id": "1", "username": "biksouv"}})}, Identity("@biksouv")),
    (
        "sms",
        {
            f"GET /2010-04-01/Accounts/{SID}.json": Reply(
                200, {"friendly_name": "BikSouv", "status": "active", "type": "Full"}
            )
        },
        Identity("BikSouv"),
    ),
]


@pytest.mark.parametrize(("channel", "answers", "expected"), GOOD, ids=[channel for channel, _, _ in GOOD])
def test_an_account_is_known_by_its_name_and_what_its_token_may_do(
    channel: str, answers: dict[str, Reply], expected: Identity
) -> None:
    found, seen = asked(channel, answers)

    assert found == expected
    assert {request.method for request in seen} <= {"GET", "POST"}
    assert sorted({f"{request.method} {request.route}" for request in seen}) == sorted(answers)


def test_every_platform_can_be_asked() -> None:
    assert {channel for channel, _, _ in GOOD} == set(registry.PLATFORMS)


@pytest.mark.parametrize("channel", sorted(registry.PLATFORMS))
def test_a_token_that_is_not_taken_stops_the_account(channel: str) -> None:
    graph = {"error": {"code": 190, "error_subcode": 463, "message": f"Session of {SECRET} has expired"}}
    answers: dict[str, dict[str, object]] = {
        **dict.fromkeys(("facebook", "instagram", "threads", "whatsapp"), graph),
        "slack": {"ok": False, "error": "invalid_auth"},
        "telegram": {"ok": False, "error_code": 401, "description": "Unauthorized"},
        "bluesky": {"error": "AuthenticationRequired", "message": "Invalid identifier or password"},
        "sms": {"code": 20003, "message": "Authenticate"},
    }
    no = Reply(200 if channel == "slack" else 401, answers.get(channel, {"error": "The access token is invalid"}))

    class Anything(dict[str, Reply]):
        def get(self, *_: object) -> Reply:  # type: ignore[override]
            return no

    found, _ = asked(channel, Anything())

    assert isinstance(found, ChannelDown)


@pytest.mark.parametrize(
    ("channel", "path", "reply", "missing"),
    [
        ("facebook", "GET /v26.0/debug_token", debugged("pages_read_engagement"), ("pages_manage_posts",)),
        ("threads", "GET /v1.0/debug_token", debugged("threads_basic"), ("threads_content_publish",)),
        ("whatsapp", "GET /v26.0/debug_token", debugged(), tuple(f"whatsapp_business_{one}" for one in ("messaging", "management"))),
        (
            "mastodon",
            "GET /api/v1/apps/verify_credentials",
            Reply(200, {"scopes": ["read", "write:media"]}),
            ("write or write:statuses",),
        ),
        (
            "slack",
            "POST /api/auth.test",
            Reply(200, {"ok": True, "user": "campaigns", "team": "BikSouv"}, headers={"X-OAuth-Scopes": "chat:write"}),
            ("channels:history or groups:history", "metadata.message:read"),
        ),
        (
            "telegram",
            f"GET /bot{BOT}/getChatMember",
            Reply(200, {"ok": True, "result": {"status": "administrator", "can_post_messages": False}}),
            ("administrator of the chat, may post",),
        ),
    ],
)  # fmt: skip
def test_a_right_that_posting_needs_and_nobody_granted_is_named(
    channel: str, path: str, reply: Reply, missing: tuple[str, ...]
) -> None:
    answers = next(answers for name, answers, _ in GOOD if name == channel)

    found, _ = asked(channel, {**answers, path: reply})

    assert isinstance(found, Identity)
    assert found.missing == missing


def test_a_token_that_meta_calls_invalid_is_not_taken() -> None:
    answers = next(answers for name, answers, _ in GOOD if name == "facebook")
    ended = debugged(is_valid=False, error={"code": 190, "message": "the session was ended"})

    found, _ = asked("facebook", {**answers, "GET /v26.0/debug_token": ended})

    assert isinstance(found, ChannelDown)
    assert found.message == "Facebook does not take the token: the session was ended"


def test_a_token_that_may_not_ask_about_itself_is_told_as_such() -> None:
    answers = next(answers for name, answers, _ in GOOD if name == "facebook")
    no = Reply(400, {"error": {"code": 100, "message": "(#100) You must provide an app access token"}})

    found, _ = asked("facebook", {**answers, "GET /v26.0/debug_token": no})

    assert isinstance(found, Identity)
    assert (found.who, found.missing, found.ends_at) == ("La Truffe Roulante", (), None)
    assert found.note


def test_a_trial_account_and_a_standard_key_of_twilio_are_told_as_such() -> None:
    path = f"GET /2010-04-01/Accounts/{SID}.json"
    trial = Reply(200, {"friendly_name": "BikSouv", "status": "active", "type": "Trial"})
    suspended = Reply(200, {"friendly_name": "BikSouv", "status": "suspended", "type": "Full"})
    key = {path: Reply(401, {"code": 20003}), f"GET /2010-04-01/Accounts/{SID}/Messages.json": Reply(200, {})}

    first, second, third = (asked("sms", answers)[0] for answers in ({path: trial}, {path: suspended}, key))

    assert isinstance(first, Identity)
    assert first.warns
    assert isinstance(second, ChannelDown)
    assert second.message == "Twilio says that the account is suspended"
    assert isinstance(third, Identity)
    assert (third.who, third.missing) == ("", ())


def test_a_token_of_x_that_has_ended_is_not_traded_by_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"refresh_token": f"{SECRET}-refresh", "client_id": "client"}
    monkeypatch.setitem(FIELDS, "x", {**FIELDS["x"], **more})
    source = hashlib.sha256(f"client {SECRET} {SECRET}-refresh".encode()).hexdigest()[:32]
    keeper = MemoryKeeper()
    keeper.put("x", Kept(f"{SECRET}-2", f"{SECRET}-3", WENT, source))

    ended, seen = asked("x", {}, keeper=keeper)
    refused, _ = asked("x", {"GET /2/users/me": Reply(401, {"title": "Unauthorized"})})

    assert isinstance(ended, Identity)
    assert ended.note == "its token is renewed when it is next used, and X was not asked before that"
    assert seen == []
    assert refused == ended
    assert keeper.get("x") == Kept(f"{SECRET}-2", f"{SECRET}-3", WENT, source)


def test_what_linkedin_does_not_tell_is_no_fault_of_the_token() -> None:
    found, _ = asked("linkedin", {"GET /v2/userinfo": Reply(403, {"message": "Not enough permissions"})})

    assert isinstance(found, Identity)
    assert found.note.startswith("LinkedIn takes the token")


def test_no_answer_is_no_verdict() -> None:
    found, _ = asked("mastodon", {"GET /api/v1/accounts/verify_credentials": Reply(503, {})})

    assert isinstance(found, NotSent)
