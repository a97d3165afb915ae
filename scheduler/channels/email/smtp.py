"""The mail channel: writes each message as a mail, hands it to a transport, and says what became of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import cache
from typing import TYPE_CHECKING, Protocol

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.email import mime
from scheduler.channels.email.blame import Blame
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.plain import PlainPool
from scheduler.channels.email.pool import Pool
from scheduler.channels.email.server import PoolLimits, SmtpServer, Timeouts
from scheduler.channels.email.signing import Signing
from scheduler.clock import Clock, SystemClock
from scheduler.errors import NoAccount, OurFault

if TYPE_CHECKING:
    from scheduler.settings import Settings


class Signer(Protocol):
    """Signs mails; called on threads, several at once, once for each attempt."""

    def sign(self, mail: Mail) -> Mail:
        """Return the mail with its signature."""
        ...


class Transport(Protocol):
    """Hands mails to one server: `pipelined` or `plain`."""

    async def deliver(self, mail: Mail, mark: Mark) -> str:
        """Hand a mail over, awaiting `mark` once before the final dot; return the server's words. Raises as `send`."""
        ...

    async def greet(self) -> None:
        """Connect, log in and leave. Raises NotSent or ChannelDown."""
        ...

    async def close(self) -> None:
        """Say good-bye on idle connections, cut busy ones."""
        ...


class EmailChannel:
    """Hands mails to one SMTP server over at most `connections` connections, each reused.

    Without a server every message ends in NoAccount. `transport` is `pipelined` (our own client, RFC 2920) or `plain`
    (the standard library's on threads). `tls` replaces the system's certificates, `hello` the name we greet with,
    `limits` more than `connections`. `takes_finished`: mails are best given as they travel (`Finished`). One instance
    serves one event loop at a time; after `close` it may serve another.
    """

    name = "email"
    takes_finished = True

    def __init__(
        self,
        server: SmtpServer | None,
        *,
        connections: int = 4,
        timeouts: Timeouts | None = None,
        tls: ssl.SSLContext | None = None,
        hello: str | None = None,
        transport: str = "pipelined",
        limits: PoolLimits | None = None,
        signer: Signer | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._server = server
        self._limits = limits or PoolLimits(connections=connections)
        self._timeouts = timeouts or Timeouts()
        # Building a context reads the system's certificates (17 ms): once, and only when TLS is used.
        self._tls = cache(lambda: tls or ssl.create_default_context())
        self._hello = hello
        self._kind = transport
        self._signer = signer
        self._clock = clock or SystemClock()
        self._transport: Transport | None = None
        self._signing: Signing | None = None
        self._blame = Blame()

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        connections: int | None = None,
        timeouts: Timeouts | None = None,
        signer: Signer | None = None,
    ) -> EmailChannel:
        """Return the channel of the configured server; raises SchedulerError when its URL cannot be read."""
        url, password = settings.smtp_url, settings.smtp_password
        server = None
        if url is not None:
            secret = password.get_secret_value() if password is not None else None
            server = SmtpServer.parse(url.get_secret_value(), secret)
        return cls(
            server,
            connections=connections or settings.smtp_connections,
            timeouts=timeouts,
            transport=settings.smtp_transport,
            signer=signer,
        )

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Send one mail; `mark` is awaited before the final dot, and by the pipelined transport when all else is out.

        A mail refused for what we are stops its sender; when others were taken meanwhile it is that mail, and fails.
        """
        if self._server is None:
            raise NoAccount("no mail server is configured", remedy="set CAMPAIGN_SMTP_URL")
        mail = mime.build(message)
        if self._signer is not None:
            self._signing = self._signing or Signing(self._signer.sign)
            mail = await self._signing.signed(mail)
        try:
            words = await (self._transport or await self._open(self._server)).deliver(mail, mark)
        except OurFault as error:
            raise self._blame.judge(message.key, message.sender, error) from None
        self._blame.took(message.sender)
        return Receipt(provider_id=mail.message_id, detail=words)

    async def check(self) -> str:
        """Connect, log in and say good-bye without sending anything; return the server's address.

        Raises: NoAccount without a server, NotSent when nobody answers, ChannelDown when it refuses us.
        """
        if self._server is None:
            raise NoAccount("no mail server is configured", remedy="set CAMPAIGN_SMTP_URL")
        try:
            await (self._transport or await self._open(self._server)).greet()
        finally:
            await self.close()
        return str(self._server)

    async def close(self) -> None:
        """Say good-bye on idle connections, cut busy ones."""
        signing, self._signing = self._signing, None
        if signing is not None:
            signing.close()
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    async def _open(self, server: SmtpServer) -> Transport:
        if self._hello is None:
            # Asking for our own name may ask a name server.
            self._hello = await asyncio.get_running_loop().run_in_executor(None, _own_name)
        if self._transport is None:
            if self._kind == "plain":
                self._transport = PlainPool(server, self._limits, self._timeouts, self._tls, self._hello)
            else:
                self._transport = Pool(server, self._limits, self._timeouts, self._tls, self._hello, self._clock)
        return self._transport


def _own_name() -> str:
    """Return the name for EHLO: the machine's full name, else the loopback literal (RFC 5321 4.1.3)."""
    name = socket.getfqdn()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
