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
        hello: str,
    ) -> None:
        self._new = partial(Connection, server, timeouts, tls, hello)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._slots = asyncio.Semaphore(limits.connections)
        self._limit = limits.connections
        self._threads: ThreadPoolExecutor | None = None

    async def deliver(self, mail: Mail, mark: Mark) -> str:
        """Hand a mail over; `mark` is awaited after the server took the recipient and before DATA."""
        async with self._slots:
            connection = self._idle.pop() if self._idle else self._new()
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
                    self._idle.append(connection)

    async def greet(self) -> None:
        """Connect, log in and say good-bye. Raises NotSent (nobody answers) or ChannelDown (refused)."""
        connection = self._new()
        await self._in_thread(connection.greet)
        await self._in_thread(connection.quit)

    async def close(self) -> None:
        """Say good-bye on idle connections, cut busy ones, end the threads."""
        for connection in self._busy:
            connection.retire()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(self._in_thread(connection.quit) for connection in idle))
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:  # also for what ends after `close`
            self._threads = ThreadPoolExecutor(self._limit, thread_name_prefix="smtp")
        return self._threads

    async def _in_thread(self, work: Callable[[Unpack[_A]], _T], *args: *_A) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool(), work, *args)
