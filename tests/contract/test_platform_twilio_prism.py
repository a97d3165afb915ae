"""Prism, a program of others, judges our requests by Twilio's own description; it runs where it is installed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from channel_peers import Mark
from peer_twilio import SID, TwilioPeer
from platform_peers import WENT
from support import node
from support.fault_proxy import fault_proxy
from support.http_peer import Request
from support.outside import OUTSIDE

from scheduler.channels.base import Attempted, Settles
from scheduler.errors import NotSent, Unknown

NEEDS = "prism"
DESCRIPTION = Path(__file__).parent / "twilio" / "messages.openapi.json"


@asynccontextmanager
async def prism() -> AsyncIterator[int]:
    """Serve Twilio's description: what does not fit it is answered 422."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        str(OUTSIDE["prism"].path),
        *("mock", "--host", "127.0.0.1", "--port", str(port), str(DESCRIPTION)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=node.environment(),
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while b"Prism is listening" not in (line := await process.stdout.readline()):
                assert line, "prism did not start"
        yield port
    finally:
        process.terminate()
        await process.communicate()


def test_prism_takes_every_request_of_ours_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[tuple[str, int]], int]:
        peer = TwilioPeer(tmp_path)
        async with prism() as port, fault_proxy(port) as proxy:
            channel = peer.channel(proxy.port, messaging_service_sid="MG" + "2c" * 16, seconds=30)
            message = peer.message(sender="BikSouv", expires_at=WENT + timedelta(hours=1))
            assert isinstance(channel, Settles)
            with suppress(Unknown, NotSent):  # its answers are made up: `sid` is no id, the list has no dates
                await channel.send(message, Mark())
            with suppress(NotSent):
                await channel.settle(Attempted(message, True, "", 1, WENT))
            await channel.close()
            codes = [(request.method, await status(port, request)) for request in proxy.seen]
            without_to = proxy.seen[0]._replace(body=b"Body=x")
            return codes, await status(port, without_to)

    assert asyncio.run(scenario()) == ([("POST", 201), ("GET", 200)], 422)


async def status(port: int, request: Request) -> int:
    """Make a request again and return what prism says to it."""
    assert SID in request.path
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    headers = {**request.headers, "content-length": str(len(request.body)), "connection": "close"}
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + request.body)
    first = (await reader.readline()).decode()
    await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(first.split()[1])
