"""The webhook channel against real HTTP servers on loopback: signature, phases of failure, and where it may not go."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from channel_peers import WENT, Mark, offer, serving_tls, tried, trusting_tls
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from support.http_peer import serving
from werkzeug import Request, Response

from scheduler.channels.base import Message, Receipt
from scheduler.channels.webhook import WebhookChannel
from scheduler.clock import FixedClock
from scheduler.errors import NoAccount, NotSent, Refused, Unknown, Withheld

HOOK = offer(channel="webhook", touch="crm-note", account="shop-crm")
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def post(
    message: Message = HOOK, *, mark: Mark | None = None, seconds: float = 5, **fields: str
) -> Receipt | Exception:
    """Post one message for the account `shop_crm` with these fields; an error is returned, not raised."""

    async def scenario() -> Receipt | Exception:
        account = {name: SecretStr(value) for name, value in fields.items()}
        channel = WebhookChannel({"shop_crm": account}, FixedClock(WENT), timeout_seconds=seconds, tls=trusting_tls())
        return await tried(channel, lambda one: one.send(message, mark or Mark()))

    return asyncio.run(scenario())


def answered(httpserver: HTTPServer, status: int, **headers: str) -> Receipt | Exception:
    """Return what becomes of a message that is answered with this status."""
    httpserver.expect_request("/hook").respond_with_data("body", status=status, headers=headers)
    return post(url=httpserver.url_for("/hook"), allow_private="true")


def test_it_posts_the_message_as_json(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=200)
    facts = {"event": {"at": WENT, "value": Decimal("240.00"), "on": date(2027, 1, 20)}}

    receipt = post(
        offer(channel="webhook", account="shop-crm", facts=facts), url=httpserver.url_for("/hook"), allow_private="yes"
    )

    assert receipt == Receipt("0a1b2c3d4e5f", "200 from localhost")
    request = httpserver.log[0][0]
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["webhook-id"] == "0a1b2c3d4e5f"
    assert request.headers["webhook-timestamp"] == "1800520200"
    assert "webhook-signature" not in request.headers
    assert json.loads(request.data) == {
        "type": "touch.due",
        "timestamp": "2027-01-21T08:30:00+00:00",
        "data": {
            "campaign": "valentines",
            "edition": "2027",
            "stage": "conversion",
            "touch": "offer-email",
            "channel": "webhook",
            "purpose": "marketing",
            "occurrence": "once",
            "due_at": "2027-01-21T08:30:00+00:00",
            "recipient": {"name": "Léa Martin", "email": "lea@example.org", "phone": "+33612345678"},
            "subject": "Léa, -30 %",
            "text": "Bonjour Léa,\n.\nà bientôt\n",
            "html": "<p>Bonjour Léa</p>\n",
            "media": [],
            "facts": {"event": {"at": "2027-01-21T08:30:00+00:00", "value": "240.00", "on": "2027-01-20"}},
        },
    }


def test_the_signature_is_that_of_standard_webhooks(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=200)

    post(url=httpserver.url_for("/hook"), allow_private="true", secret=SECRET)

    request = httpserver.log[0][0]
    signed = b"0a1b2c3d4e5f.1800520200." + request.data
    digest = hmac.new(b"0123456789abcdef0123456789abcdef", signed, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_during_a_change_of_keys_both_sign(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=200)
    older = "whsec_" + base64.b64encode(b"x" * 24).decode()

    post(url=httpserver.url_for("/hook"), allow_private="true", secret=f"{SECRET} {older}")

    assert len(httpserver.log[0][0].headers["webhook-signature"].split(" ")) == 2


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Receipt),
        (202, Receipt),
        (204, Receipt),
        (301, Refused),
        (307, Refused),
        (400, Refused),
        (401, Refused),
        (404, Refused),
        (408, NotSent),
        (409, Refused),
        (410, Refused),
        (429, NotSent),
        (500, Unknown),
        (502, Unknown),
        (503, Unknown),
        (504, Unknown),
    ],
)
def test_a_status_means_what_it_says(httpserver: HTTPServer, status: int, expected: type) -> None:
    assert type(answered(httpserver, status)) is expected


def test_a_redirect_is_not_followed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/elsewhere").respond_with_data("", status=200)

    outcome = answered(httpserver, 302, Location=httpserver.url_for("/elsewhere"))

    assert type(outcome) is Refused
    assert [request.path for request, _ in httpserver.log] == ["/hook"]


@pytest.mark.parametrize(
    ("text", "retry_at"),
    [
        ("120", WENT + timedelta(seconds=120)),
        ("Thu, 21 Jan 2027 09:00:00 GMT", datetime(2027, 1, 21, 9, 0, tzinfo=UTC)),
        ("Thu, 21 Jan 2026 09:00:00 GMT", WENT),
        ("99999999999999999999", WENT + timedelta(hours=24)),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_kept_to_within_a_day(httpserver: HTTPServer, text: str, retry_at: datetime | None) -> None:
    outcome = answered(httpserver, 429, **{"Retry-After": text})

    assert isinstance(outcome, NotSent)
    assert outcome.retry_at == retry_at


def test_too_many_without_a_time_leaves_the_time_to_us(httpserver: HTTPServer) -> None:
    outcome = answered(httpserver, 429)

    assert isinstance(outcome, NotSent)
    assert outcome.retry_at is None


def test_a_port_nobody_listens_on_is_certainly_not_sent() -> None:
    mark = Mark()

    outcome = post(url="http://127.0.0.1:1/hook", allow_private="true", mark=mark)

    assert type(outcome) is NotSent
    assert mark.calls == 0


def test_a_name_that_does_not_resolve_is_certainly_not_sent() -> None:
    outcome = post(url="http://nowhere.invalid/hook")

    assert type(outcome) is NotSent
    assert "does not resolve" in str(outcome)


def heard(*, answer: bytes | None, mark: Mark | None = None, early: list[int] | None = None) -> Receipt | Exception:
    """Post to a server that reads the request, then says `answer` (None: stays silent) and hangs up."""
    received = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        received += len(await reader.readuntil(b"\r\n\r\n"))
        if answer is None:
            await reader.read()
        writer.write(answer or b"")
        await writer.drain()

    async def scenario() -> Receipt | Exception:
        async with serving(serve) as port:
            fields = {"url": SecretStr(f"http://127.0.0.1:{port}/"), "allow_private": SecretStr("true")}
            channel = WebhookChannel({"shop-crm": fields}, FixedClock(WENT), timeout_seconds=0.3)
            return await tried(channel, lambda one: one.send(HOOK, mark or Mark(lambda: received)))

    outcome = asyncio.run(scenario())
    if early is not None:
        early.append(received)
    return outcome


def test_silence_after_the_request_is_unknown() -> None:
    outcome = heard(answer=None)

    assert type(outcome) is Unknown
    assert "did not answer in time" in str(outcome)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1", b"\x16\x03\x01nonsense\r\n\r\n"])
def test_an_answer_that_is_none_is_unknown(answer: bytes) -> None:
    assert type(heard(answer=answer)) is Unknown


def test_the_mark_comes_on_the_open_connection_before_the_first_byte() -> None:
    received = 0
    connected = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received, connected
        connected += 1
        opened.set()
        received += len(await reader.read(65536))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    opened = asyncio.Event()
    seen: list[tuple[int, int]] = []

    async def mark(handle: str = "") -> None:
        await opened.wait()
        seen.append((connected, received))

    async def scenario() -> None:
        async with serving(serve) as port:
            fields = {"url": SecretStr(f"http://127.0.0.1:{port}/"), "allow_private": SecretStr("true")}
            channel = WebhookChannel({"shop-crm": fields}, FixedClock(WENT))
            await channel.send(HOOK, mark)
            await channel.close()

    asyncio.run(scenario())

    assert seen == [(1, 0)]
    assert received > 0


def test_withheld_sends_no_byte() -> None:
    early: list[int] = []

    outcome = heard(
        answer=b"HTTP/1.1 204 No Content\r\n\r\n", mark=Mark(raises=Withheld("suppressed", "left")), early=early
    )

    assert type(outcome) is Withheld
    assert early == [0]


def test_the_time_the_mark_takes_is_not_held_against_the_far_end() -> None:
    release = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async def mark(handle: str = "") -> None:
        asyncio.get_running_loop().call_later(0.7, release.set)
        await release.wait()

    async def scenario() -> Receipt:
        async with serving(serve) as port:
            fields = {"url": SecretStr(f"http://127.0.0.1:{port}/"), "allow_private": SecretStr("true")}
            channel = WebhookChannel({"shop-crm": fields}, FixedClock(WENT), timeout_seconds=0.5, tls=trusting_tls())
            try:
                return await channel.send(HOOK, mark)
            finally:
                await channel.close()

    assert type(asyncio.run(scenario())) is Receipt


def test_over_tls_the_certificate_is_that_of_the_name() -> None:
    with HTTPServer(host="localhost", port=0, ssl_context=serving_tls()) as server:
        server.expect_request("/hook").respond_with_data("", status=204)
        named = post(url=f"https://localhost:{server.port}/hook", allow_private="true")
        unnamed = post(url=f"https://127.0.0.1:{server.port}/hook", allow_private="true")

    assert type(named) is Receipt
    assert type(unnamed) is NotSent
    assert "TLS failed: IP address mismatch" in str(unnamed)


def test_the_host_header_is_the_name_and_not_the_address(httpserver: HTTPServer) -> None:
    hosts: list[str] = []

    def handler(request: Request) -> Response:
        hosts.append(request.headers["Host"])
        return Response("", 204)

    httpserver.expect_request("/hook").respond_with_handler(handler)

    post(url=f"http://localhost:{httpserver.port}/hook", allow_private="true")

    assert hosts == [f"localhost:{httpserver.port}"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "has no address to post to - set CAMPAIGN_ACCOUNTS__SHOP_CRM__URL"),
        ({"url": "ftp://crm.example.org/"}, "expected http:// or https://"),
        ({"url": "file:///etc/passwd"}, "expected http:// or https://"),
        ({"url": "https://user:pw@crm.example.org/"}, "no log-in"),
        ({"url": "crm.example.org/hook"}, "expected http:// or https://"),
        ({"url": "http://127.0.0.1/hook"}, "private or reserved network"),
        ({"url": "http://localhost/hook"}, "private or reserved network"),
        ({"url": "http://2130706433/hook"}, "private or reserved network"),
        ({"url": "http://0x7f.1/hook"}, "private or reserved network"),
        ({"url": "http://[::1]/hook"}, "private or reserved network"),
        ({"url": "http://[::ffff:10.0.0.1]/hook"}, "private or reserved network"),
        ({"url": "http://169.254.169.254/latest/meta-data/"}, "private or reserved network"),
        ({"url": "http://169.254.169.254/", "allow_private": "true"}, "private or reserved network"),
        ({"url": "http://crm.example.org/", "allow_private": "maybe"}, "expected true or false, got 'maybe'"),
        ({"url": "http://crm.example.org/", "secret": "sesame"}, "expected whsec_ and base64"),
        ({"url": "http://crm.example.org/", "secret": "whsec_!!!"}, "expected base64 after whsec_"),
        ({"url": "http://crm.example.org/", "secret": "whsec_c2hvcnQ="}, "expected 24 to 64 bytes after whsec_, got 5"),
    ],
)
def test_an_account_that_cannot_be_used_holds_the_message(fields: dict[str, str], words: str) -> None:
    mark = Mark()

    outcome = post(mark=mark, **fields)

    assert type(outcome) is NoAccount
    assert words in str(outcome)
    assert "sesame" not in str(outcome)
    assert "pw@" not in str(outcome)
    assert mark.calls == 0


def test_a_fact_without_a_json_form_is_refused() -> None:
    outcome = post(
        offer(channel="webhook", account="shop-crm", facts={"x": float("nan")}), url="http://crm.example.org/"
    )

    assert type(outcome) is Refused


def test_neither_address_nor_secret_is_logged(httpserver: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    httpserver.expect_request("/canary-in-the-path").respond_with_data("", status=204)

    post(url=httpserver.url_for("/canary-in-the-path"), allow_private="true", secret=SECRET)

    ours = [record for record in caplog.records if record.name != "werkzeug"]
    assert not [record for record in ours if "canary" in record.getMessage() or "whsec" in record.getMessage()]
