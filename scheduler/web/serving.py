"""The doors served beside the daemon, in its loop, by uvicorn; nothing here knows what is behind them."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp

from scheduler.errors import SchedulerError
from scheduler.runtime import Daemon
from scheduler.settings.hosts import in_ascii

_LEAVE_SECONDS = 5
_MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Address:
        """Read `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`; a name is kept in A-labels. Raises SchedulerError."""
        host, colon, port = text.rpartition(":")
        try:
            host = in_ascii(host)
        except ValueError:
            host = ""
        if not colon or not host or not port.isdecimal() or int(port) > 65_535 or (":" in host) != host.startswith("["):
            raise SchedulerError(f"cannot listen on {text!r}", remedy="expected HOST:PORT such as 127.0.0.1:8080")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    @property
    def is_local(self) -> bool:
        """Whether only this machine can come in."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _Server(uvicorn.Server):
    """Leaves the signals to the daemon, whose loop it shares."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Listener:
    """Listens from the moment it is made, so that an address that is taken is told before anything begins."""

    def __init__(self, app: ASGIApp, address: Address) -> None:
        self._socket = _bound(address)
        self.address = Address(address.host, int(self._socket.getsockname()[1]))
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,  # addresses of people and their links are no business of a log
                lifespan="off",
                ws="none",
                server_header=False,
                limit_concurrency=_MOST_AT_ONCE,
                timeout_graceful_shutdown=_LEAVE_SECONDS,
                forwarded_allow_ips="127.0.0.1,::1",  # the proxy on this machine says who knocks
            )
        )

    async def serve(self) -> None:
        """Answer until `stop`."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Ask for the end: what is being answered is finished."""
        self._server.should_exit = True

    def close(self) -> None:
        """Give the address back, where `serve` was never begun."""
        self._socket.close()


async def beside(listener: Listener, daemon: Daemon) -> None:
    """Serve the daemon, and the doors as long as it runs; a fault of the doors ends both."""
    doors = asyncio.create_task(listener.serve())
    doors.add_done_callback(lambda _: daemon.stop())
    try:
        await daemon.serve()
    finally:
        listener.stop()
        await doors


def _bound(address: Address) -> socket.socket:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise SchedulerError(f"cannot listen on {address}: {_said(error)}") from None
    listening = socket.socket(found[0], found[1])
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(found[4])
        listening.listen(128)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        remedy = "another program is there: choose another with --bind" if error.errno == errno.EADDRINUSE else ""
        raise SchedulerError(f"cannot listen on {address}: {_said(error)}", remedy=remedy) from None
    return listening


def _said(error: OSError) -> str:
    return (os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)).lower()
