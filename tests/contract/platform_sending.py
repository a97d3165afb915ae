"""Speaking to a platform's far end as the daemon does, each time by a new channel: what the platforms' tests share."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from channel_peers import Mark, tried
from platform_peers import WENT, Peer

from scheduler.channels.base import Attempted, Channel, Evidence, Message, Receipt, Settles

T = TypeVar("T")


def spoken(peer: Peer, ask: Callable[[Channel], Awaitable[T]], **fields: str) -> T | Exception:
    """Do something with a new channel; an error is returned, not raised."""

    async def scenario() -> T | Exception:
        async with peer.serve() as port:
            return await tried(peer.channel(port, **fields), ask)

    return asyncio.run(scenario())


def sent(peer: Peer, *messages: Message, mark: Mark | None = None, **fields: str) -> Receipt | Exception:
    """Send messages by one channel and return what became of the last one."""

    async def send(channel: Channel) -> Receipt:
        receipts = [await channel.send(message, mark or Mark()) for message in messages]
        return receipts[-1]

    return spoken(peer, send, **fields)


def settled(peer: Peer, message: Message, **changes: Any) -> Evidence | Exception:
    """Ask what became of an attempt at `WENT`; `changes` are those of `Attempted`."""
    attempted = dataclasses.replace(Attempted(message, True, "", 1, WENT), **changes)

    async def ask(channel: Channel) -> Evidence:
        assert isinstance(channel, Settles)
        return await channel.settle(attempted)

    return spoken(peer, ask)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)
