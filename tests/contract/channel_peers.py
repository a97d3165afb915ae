"""Real peers on loopback for the channel tests: a scripted SMTP server, a raw HTTP server, and messages to send."""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from aiosmtpd.smtp import SMTP, Envelope, Session
from support.mails import a_mail

from campaigns.rendering import Content
from scheduler.channels.base import Channel, Message, Recipient
from scheduler.channels.email.server import SmtpServer, Timeouts
from scheduler.channels.email.smtp import EmailChannel

T = TypeVar("T")
C = TypeVar("C", bound=Channel)

WENT = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)

LEA = Recipient(id=7, name="Léa Martin", email="lea@example.org", phone="+33612345678")

OFFER = a_mail(
    key="0a1b2c3d4e5f",
    content=Content("Léa, -30 %", "Bonjour Léa,\n.\nà bientôt\n", "<p>Bonjour Léa</p>\n"),
    recipient=LEA,
    sender="BikSouv & Pro <bonjour@biksouv.example>",
    facts={"contact": {"first_name": "Léa"}},
)


def offer(**changes: object) -> Message:
    """Return the message of all tests, changed."""
    return dataclasses.replace(OFFER, **changes)  # type: ignore[arg-type]


class Mark:
    """The attempt mark: counts its awaits, notes what had been delivered by then, and raises what it is told to."""

    def __init__(self, delivered: Callable[[], int] = lambda: 0, raises: Exception | None = None) -> None:
        self.calls = 0
        self.seen: list[int] = []
        self._delivered = delivered
        self._raises = raises

    async def __call__(self, handle: str = "") -> None:
        self.calls += 1
        self.seen.append(self._delivered())
        if self._raises is not None:
            raise self._raises


async def tried(channel: C, ask: Callable[[C], Awaitable[T]]) -> T | Exception:
    """Do something with a channel and close it; an error is returned, not raised."""
    try:
        return await ask(channel)
    except Exception as error:
        return error
    finally:
        await channel.close()


# How mails are handed over: `pipelined`, `lock-step` (the same client and a server that offers no PIPELINING), `plain`.
WAY = "lock-step"


class Script:
    """An SMTP server's part: says `replies[step]` at MAIL, RCPT and END (after the dot), else takes the mail.

    A reply may be `drop` (the connection breaks) or `hang` (silence). `once` holds replies that are used up.
    """

    def __init__(self, **replies: str) -> None:
        self.replies = replies
        self.once: dict[str, list[str]] = {}
        self.mails: list[bytes] = []
        self.recipients: list[str] = []
        self.options: list[list[str]] = []
        self.steps: list[str] = []
        self.hanging = asyncio.Event()

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.steps.append("EHLO")
        return [responses[0], "250-PIPELINING", *responses[1:]] if WAY == "pipelined" else responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        self.options.append(options)
        return await self._say(server, "MAIL", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = await self._say(server, "RCPT", "250 OK")
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return await self._say(server, "RSET", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        reply = await self._say(server, "END", "250 2.0.0 queued as 4ZZ")
        if reply.startswith("2"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(envelope.content)
            self.recipients.extend(envelope.rcpt_tos)
        return reply

    async def _say(self, server: SMTP, step: str, otherwise: str) -> str:
        self.steps.append(step)
        reply = self.once[step].pop(0) if self.once.get(step) else self.replies.get(step, otherwise)
        if reply == "hang":
            self.hanging.set()
            await asyncio.Event().wait()
        if reply == "drop":
            assert server.transport is not None
            server.transport.abort()
        return reply


@asynccontextmanager
async def smtp_server(script: Script, *, tls: ssl.SSLContext | None = None, **options: object) -> AsyncIterator[int]:
    """Serve `script` on a loopback port for as long as the context lasts."""
    peers: list[SMTP] = []

    def peer() -> SMTP:
        peers.append(SMTP(script, hostname="mx.example.org", **options))
        return peers[-1]

    server = await asyncio.get_running_loop().create_server(peer, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in peers:
            if one._handler_coroutine is not None:
                one._handler_coroutine.cancel()
            if one.transport is not None:
                one.transport.abort()
        await asyncio.sleep(0)
        await server.wait_closed()


@asynccontextmanager
async def email_channel(
    port: int,
    *,
    host: str = "127.0.0.1",
    user: str | None = None,
    password: str | None = None,
    security: str = "smtp",
    **options: object,
) -> AsyncIterator[EmailChannel]:
    """Yield a mail channel to the loopback server on `port`, closed at the end."""
    server = SmtpServer(host, port, security, user, password)
    usual = {
        "hello": "client.example.org",
        "timeouts": SHORT,
        "transport": "plain" if WAY == "plain" else "pipelined",
    }
    channel = EmailChannel(server, **{**usual, **options})  # type: ignore[arg-type]
    try:
        yield channel
    finally:
        await channel.close()


SHORT = Timeouts(connect=5, command=5, data=5, block=5, dot=5, quit=1)
IMPATIENT = Timeouts(connect=0.2, command=0.2, data=0.2, block=0.2, dot=0.2, quit=0.2)


# A certificate of its own for the name localhost, valid until 2126; it protects nothing.
CERTIFICATE = Path(__file__).parent / "tls" / "localhost.pem"


def serving_tls() -> ssl.SSLContext:
    """Return what a server of these tests speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def trusting_tls() -> ssl.SSLContext:
    """Return what a client needs to trust the servers of these tests."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))
