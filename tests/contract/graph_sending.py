"""Sending to Meta's far ends, and finding out what became of it: what the tests of the three networks share."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

from channel_peers import tried
from peer_graph import FacebookPeer, GraphPeer, InstagramPeer, ThreadsPeer, error
from platform_peers import TEXT, WENT
from support.fault_proxy import Fault, fault_proxy

from campaigns.rendering import Content
from scheduler.channels.base import Attempted, Evidence, Message, Receipt

TWO = [InstagramPeer, ThreadsPeer]
ALL = [FacebookPeer, InstagramPeer, ThreadsPeer]


async def marked(handle: str = "") -> None:
    """A mark that was written."""


@asynccontextmanager
async def through(peer: GraphPeer) -> Any:
    async with peer.serve() as port, fault_proxy(port) as proxy:
        yield proxy


def sent(peer: GraphPeer, message: Message, *faults: Fault, **fields: str) -> Receipt | Exception:
    """Return what becomes of a message."""

    async def scenario() -> Receipt | Exception:
        async with through(peer) as proxy:
            proxy.script(*faults)
            channel = peer.channel(proxy.port, seconds=2, **fields)
            return await tried(channel, lambda one: one.send(message, marked))

    return asyncio.run(scenario())


def with_media(peer: GraphPeer, *media: tuple[str, str], text: str = TEXT) -> Message:
    return peer.message(content=Content("", text, media=media))


def asked(peer: GraphPeer, name: str) -> list[dict[str, str]]:
    """Return the parameters of each request of a name."""
    return [given for each, given in peer.given if each == name]


def answer(peer: GraphPeer, code: int, subcode: int = 0, status: int = 400, **more: object) -> Fault:
    """Return that the request that publishes is answered with an error, and not done."""
    reply = error(code, subcode, "no", status, **more)
    return Fault(peer.commit, "answer", status=status, body=json.dumps(reply.json).encode(), headers=more.get("h", {}))  # type: ignore[arg-type]


def settled(peer: GraphPeer, handle: str, *, same_words: bool = True, faults: tuple[Fault, ...] = ()) -> Evidence:
    """Return what is found out of an attempt at WENT."""

    async def scenario() -> Evidence:
        async with through(peer) as proxy:
            proxy.script(*faults)
            channel: Any = peer.channel(proxy.port)
            try:
                found = await channel.settle(Attempted(peer.message(), same_words, handle, 1, WENT))
            finally:
                await channel.close()
            assert isinstance(found, Evidence)
            return found

    return asyncio.run(scenario())
