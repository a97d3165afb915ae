"""A far end that speaks HTTP on loopback: requests as values, answers as values, one handler for both."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Request(NamedTuple):
    """One request as it arrived: `path` with its query, headers in lower case, the whole body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def route(self) -> str:
        """The path without its query."""
        return urlsplit(self.path).path

    @property
    def query(self) -> dict[str, str]:
        """The fields of the query; of several of one name the last."""
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    @property
    def form(self) -> list[tuple[str, str]]:
        """The fields of a form, in their order."""
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def json(self) -> dict[str, Any]:
        """The fields of a JSON object."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    @property
    def parts(self) -> dict[str, bytes]:
        """The parts of a multipart form by name; files among them."""
        boundary = b"--" + self.headers["content-type"].partition("boundary=")[2].strip('"').encode()
        found = {}
        for part in self.body.split(boundary)[1:-1]:
            head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            name = head.partition(b'name="')[2].partition(b'"')[0]
            found[name.decode()] = content.removesuffix(b"\r\n")
        return found


@dataclass(frozen=True)
class Reply:
    """What is answered: a status, JSON or bytes, and headers."""

    status: int = 200
    json: object = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        """The answer as it travels."""
        body = self.body if self.json is None else json.dumps(self.json).encode()
        lines = [f"HTTP/1.1 {self.status} Said", f"Content-Length: {len(body)}"]
        kind = {} if self.json is None else {"Content-Type": "application/json"}
        lines += [f"{name}: {value}" for name, value in {**kind, **self.headers}.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


Handler = Callable[[Request], Reply | Awaitable[Reply]]


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request of a connection, None where the client has closed it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    method, path, _ = first.split(" ")
    if headers.get("transfer-encoding") == "chunked":
        body = await read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    """Return a body that comes in chunks, put together."""
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return body


@asynccontextmanager
async def serving(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Serve connections on a loopback port; whatever still runs at the end is cancelled and its connection cut."""
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        tasks.add(asyncio.get_running_loop().create_task(serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await _rounds()  # what was accepted last becomes a connection
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:  # also of a task that never began
            writer.transport.abort()
        await _rounds()
        await server.wait_closed()


async def _rounds() -> None:
    """Let the loop do what it has put off: connections are made and closed a round or two after they are asked for."""
    for _ in range(4):
        await asyncio.sleep(0)


@asynccontextmanager
async def http_peer(handler: Handler) -> AsyncIterator[int]:
    """Answer every request by `handler` on a loopback port, for as long as the context lasts."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            reply = handler(request)
            if not isinstance(reply, Reply):
                reply = await reply
            writer.write(reply.raw)
            with contextlib.suppress(ConnectionError):
                await writer.drain()

    async with serving(answer) as port:
        yield port
