"""The mail channel: a few SMTP connections on threads, shared by all messages; not the dialogue itself."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.email import mime
from scheduler.channels.email.connection import Connection
from scheduler.channels.email.server import SmtpServer, Timeouts
from scheduler.errors import NoAccount

if TYPE_CHECKING:
    from scheduler.settings import Settings

_A = TypeVarTuple("_A")
_T = TypeVar("_T")


class EmailChannel:
    """Hands mails to one SMTP server over at most `connections` connections, each reused.

    Without a server every message ends in NoAccount. `tls` replaces the system's certificates, `hello` the name we
    greet with. One instance serves one event loop at a time; after `close` it may serve another.
    """

    name = "email"

    def __init__(
        self,
        server: SmtpServer | None,
        *,
        connections: int = 4,
        timeouts: Timeouts | None = None,
        tls: ssl.SSLContext | None = None,
        hello: str | None = None,
    ) -> None:
        self._server = server
        self._limit = connections
        self._timeouts = timeouts or Timeouts()
        # Building a context reads the system's certificates (17 ms): once, and only when TLS is used.
        self._tls = cache(lambda: tls or ssl.create_default_context())
        self._hello = hello
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._slots: asyncio.Semaphore | None = None
        self._threads: ThreadPoolExecutor | None = None

    @classmethod
    def from_settings(
        cls, settings: Settings, *, connections: int = 4, timeouts: Timeouts | None = None
    ) -> EmailChannel:
        """Return the channel of the configured server; raises SchedulerError when its URL cannot be read."""
        url, password = settings.smtp_url, settings.smtp_password
        if url is None:
            return cls(None, connections=connections, timeouts=timeouts)
        secret = password.get_secret_value() if password is not None else None
        server = SmtpServer.parse(url.get_secret_value(), secret)
        return cls(server, connections=connections, timeouts=timeouts)

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Send one mail; `mark` is awaited after the server took the recipient and before DATA."""
        if self._server is None:
            raise NoAccount("no mail server is configured", remedy="set CAMPAIGN_SMTP_URL")
        mail = mime.build(message)
        if self._slots is None:
            self._slots = asyncio.Semaphore(self._limit)
        async with self._slots:
            connection = self._idle.pop() if self._idle else await self._in_thread(self._connection, self._server)
            self._busy.add(connection)
            try:
                await self._in_thread(connection.begin, mail)
                await mark()
                reply = await self._in_thread(connection.finish, mail)
            except asyncio.CancelledError:
                # Its thread may still be talking; wake it, and let another close the connection when it is done.
                connection.retire()
                self._pool().submit(connection.abort)
                raise
            finally:
                self._busy.discard(connection)
                if not connection.retired:
                    self._idle.append(connection)
        return Receipt(provider_id=mail.message_id, detail=reply)

    async def check(self) -> str:
        """Connect, log in and say good-bye without sending anything; return the server's address.

        Raises: NoAccount without a server, NotSent when nobody answers, ChannelDown when it refuses us.
        """
        if self._server is None:
            raise NoAccount("no mail server is configured", remedy="set CAMPAIGN_SMTP_URL")
        connection = await self._in_thread(self._connection, self._server)
        try:
            await self._in_thread(connection.greet)
            await self._in_thread(connection.quit)
        finally:
            await self.close()
        return str(self._server)

    async def close(self) -> None:
        """Say good-bye on idle connections, cut busy ones, end the threads."""
        for connection in self._busy:
            connection.retire()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(self._in_thread(connection.quit) for connection in idle))
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)
        self._slots = None

    def _connection(self, server: SmtpServer) -> Connection:
        if self._hello is None:
            self._hello = _own_name()
        return Connection(server, self._timeouts, self._tls, self._hello)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._limit, thread_name_prefix="smtp")
        return self._threads

    async def _in_thread(self, work: Callable[[Unpack[_A]], _T], *args: *_A) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool(), work, *args)


def _own_name() -> str:
    """Return the name for EHLO: the machine's full name, else the loopback literal (RFC 5321 4.1.3)."""
    name = socket.getfqdn()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
