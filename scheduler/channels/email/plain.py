"""The simple way to a mail server: blocking connections of the standard library on a few threads."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar, TypeVarTuple, Unpack

from scheduler.channels.base import Mark
from scheduler.channels.email.connection import Connection
from scheduler.channels.email.idle import Idle
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.server import PoolLimits, SmtpServer, Timeouts

_A = TypeVarTuple("_A")
_T = TypeVar("_T")


class PlainPool:
    """At most `limits.connections` connections, each used again; one command at a time, each mail marked before DATA.

    Knows neither rests nor ages of connections. Belongs to the running event loop.
    """

    def __init__(
        self,
        server: SmtpServer,
        limits: PoolLimits,
        timeouts: Timeouts,
        tls: Callable[[], ssl.SSLContext],
        hello: str | None,
    ) -> None:
        self._new = partial(Connection, server, timeouts, tls, hello)
        self._idle: Idle[Connection] = Idle(limits.idle, self._leave)
        self._leaving: set[asyncio.Future[None]] = set()
        self._busy: set[Connection] = set()
        self._slots = asyncio.Semaphore(limits.connections)
        self._limit = limits.connections
        self._threads: ThreadPoolExecutor | None = None

    async def deliver(self, mail: Mail, mark: Mark) -> str:
        """Hand a mail over; `mark` is awaited after the server took the recipient and before DATA."""
        async with self._slots:
            connection = self._idle.newest() or self._new()
            self._idle.discard(connection)
            self._busy.add(connection)
            try:
                await self._in_thread(connection.begin, mail)
                await mark()
                return await self._in_thread(connection.finish, mail)
            except asyncio.CancelledError:
                # Its thread may still be talking; wake it, and let another close the connection when it is done.
                connection.retire()
                self._pool().submit(connection.abort)
                raise
            finally:
                self._busy.discard(connection)
                if not connection.retired:
                    self._idle.add(connection)

    async def greet(self) -> None:
        """Connect, log in and say good-bye. Raises NotSent (nobody answers) or ChannelDown (refused)."""
        connection = self._new()
        await self._in_thread(connection.greet)
        await self._in_thread(connection.quit)

    async def close(self) -> None:
        """Say good-bye on idle connections, cut busy ones, end the threads."""
        for connection in self._busy:
            connection.retire()
        for connection in self._idle.clear():
            self._leave(connection)
        await asyncio.gather(*self._leaving)
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)

    def _leave(self, connection: Connection) -> None:
        """Say good-bye on a connection that nobody uses."""
        leaving = asyncio.get_running_loop().run_in_executor(self._pool(), connection.quit)
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:  # also for what ends after `close`
            # Twice the connections: no mail waits for the good-byes of those it does not go by.
            self._threads = ThreadPoolExecutor(2 * self._limit, thread_name_prefix="smtp")
        return self._threads

    async def _in_thread(self, work: Callable[[Unpack[_A]], _T], *args: *_A) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool(), work, *args)
