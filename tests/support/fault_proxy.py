"""Stands between a channel and its far end, and lets the network fail at a chosen request: before it, or after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from support.http_peer import Reply, Request, read_chunks, read_request, serving

Kind = Literal["cut", "drop", "hang", "replace", "answer", "delay", "break", "stall"]
KINDS: tuple[Kind, ...] = ("cut", "drop", "hang", "replace", "answer", "delay", "break", "stall")


@dataclass
class Fault:
    """What befalls the next `times` requests that `match` fits: `POST /api/*/media`, the path without its query.

    The far end does not hear of the request: `cut` (the connection breaks), `stall` (no answer ever comes), `answer`
    (answers status, headers and body itself; `{request}` in the body stands for what it was sent). It does: `drop` (the connection breaks before its answer), `hang` (its
    answer never comes), `break` (the connection breaks in the middle of its answer), `replace` (another answer comes),
    `delay` (its answer comes `seconds` later).
    """

    match: str = "*"
    do: Kind = "drop"
    status: int = 502
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    seconds: float = 0

    def fits(self, request: Request) -> bool:
        """Whether the next request to fail is this one."""
        return self.times > 0 and fnmatchcase(f"{request.method} {request.route}", self.match)


class FaultProxy:
    """Hands requests on to a loopback port and their answers back; `seen` holds each request that came."""

    def __init__(self, upstream: int) -> None:
        self.port = 0
        self.seen: list[Request] = []
        self.met: list[tuple[str, Fault]] = []  # the requests that something befell, and what
        self._upstream = upstream
        self._faults: list[Fault] = []
        self._arrived = asyncio.Condition()

    def script(self, *faults: Fault) -> None:
        """Add faults; of those that fit a request the first counts."""
        self._faults += faults

    def clear(self) -> None:
        """Let everything pass from now on."""
        self._faults.clear()

    def count(self, match: str) -> int:
        """Return how many requests came that `match` fits."""
        return sum(Fault(match).fits(request) for request in self.seen)

    async def stuck(self, number: int = 1) -> None:
        """Return when so many requests wait for an answer that will not come."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: sum(fault.do in ("hang", "stall") for _, fault in self.met) >= number)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry the requests of one connection."""
        while (request := await read_request(reader)) is not None:
            self.seen.append(request)
            fault = next((each for each in self._faults if each.fits(request)), None)
            if fault is None:
                writer.write((await self._forwarded(request)).raw)
                await writer.drain()
                continue
            fault.times -= 1
            reply = Reply(fault.status, body=fault.body.replace(b"{request}", _told(request)), headers=fault.headers)
            if fault.do in ("drop", "hang", "replace", "delay", "break"):
                answered = await self._forwarded(request)
                reply = reply if fault.do == "replace" else answered
            async with self._arrived:
                self.met.append((f"{request.method} {request.route}", fault))
                self._arrived.notify_all()
            if fault.do in ("cut", "drop"):
                return
            if fault.do in ("hang", "stall"):
                await reader.read()
                return
            if fault.do == "delay":
                await asyncio.sleep(fault.seconds)
            if fault.do == "break":
                writer.write(reply.raw[: -max(1, len(reply.body) // 2)])
                await writer.drain()
                return
            writer.write(reply.raw)
            await writer.drain()

    async def _forwarded(self, request: Request) -> Reply:
        """Hand a request on and return the whole answer, so that by then the far end has done it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream, limit=1 << 20)
        try:
            headers = {name: value for name, value in request.headers.items() if name not in _HOP}
            headers |= {"content-length": str(len(request.body)), "connection": "close"}
            lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{key}: {text}" for key, text in headers.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + request.body)
            await writer.drain()
            first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            given = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
            if given.get("transfer-encoding") == "chunked":
                body = await read_chunks(reader)
            elif "content-length" in given:
                body = await reader.readexactly(int(given["content-length"]))
            else:
                body = await reader.read()
            kept = {name: value for name, value in given.items() if name not in _HOP}
            return Reply(int(first.split(" ")[1]), body=body, headers=kept)
        finally:
            writer.transport.abort()


def _told(request: Request) -> bytes:
    """Return a request as one text that may stand in a JSON string."""
    words = [*request.headers.values(), request.path, request.body[:300].decode("latin-1")]
    return json.dumps(" ".join(words))[1:-1].encode()


_HOP = ("content-length", "transfer-encoding", "connection", "keep-alive")


@asynccontextmanager
async def fault_proxy(upstream: int) -> AsyncIterator[FaultProxy]:
    """Yield a proxy to `upstream` on a loopback port of its own."""
    proxy = FaultProxy(upstream)
    async with serving(proxy.serve) as port:
        proxy.port = port
        yield proxy
