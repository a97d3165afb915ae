"""Mail providers on loopback: they take what the real ones take, answer as those do, and can be told to misbehave."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from functools import cache
from typing import Any

from channel_peers import WENT
from pydantic import SecretStr
from support.http_peer import serving

from scheduler.channels.email.providers.base import Provider
from scheduler.channels.email.providers.channel import PROVIDERS, ProviderChannel
from scheduler.clock import FixedClock

KEY_ID, SECRET = "AKIDEXAMPLE", "canary-of-ses-wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY"
TOKEN = "canary-of-the-token"
ACCOUNTS = {
    "ses": {"access_key_id": KEY_ID, "secret_access_key": SECRET, "region": "eu-west-1"},
    "postmark": {"server_token": TOKEN},
    "resend": {"api_key": TOKEN},
}
NAMES = ["postmark", "resend", "ses"]


@dataclass(frozen=True)
class Post:
    """One request as it arrived: headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body's fields."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


class Cut(bytes):
    """An answer after which the connection ends."""


@dataclass
class Far:
    """The far end: answers `say` one after the other, then takes every mail.

    An answer is raw bytes, `drop` (the connection breaks before it), `hang` (silence); with `took` in front the mail
    is taken all the same. `Resend` keeps keys: the same key gives the same answer and no second mail.
    """

    name: str
    say: list[str | bytes] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)  # the key of each mail that was taken
    kept: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    connections: int = 0
    received: int = 0  # bytes of requests
    closed: asyncio.Event = field(default_factory=asyncio.Event)  # a connection was closed from here

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        while True:
            post = await self._read(reader)
            self.posts.append(post)
            told = self.say.pop(0) if self.say else "took"
            if isinstance(told, bytes):
                writer.write(told)
                if isinstance(told, Cut):
                    writer.close()
                    await writer.wait_closed()
                    self.closed.set()
                    return
            elif told.startswith("took"):
                writer.write(answer(*self._take(post)) if told == "took" else b"")
            if isinstance(told, str) and told.endswith("hang"):
                await reader.read()
            if isinstance(told, str) and told.endswith("drop"):
                writer.transport.abort()
                return
            await writer.drain()

    async def _read(self, reader: asyncio.StreamReader) -> Post:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.received += len(head) + len(body)
        method, path, _ = first.split(" ")
        assert method == "POST"
        return Post(path, headers, body)

    def _take(self, post: Post) -> tuple[int, dict[str, object]]:
        if self.name == "resend":
            key = post.headers["idempotency-key"]
            if key in self.kept:
                body, given = self.kept[key]
                if body != post.body:
                    return 409, {"statusCode": 409, "name": "invalid_idempotent_request", "message": "other payload"}
                return 200, {"id": given}
            self.kept[key] = (post.body, f"id-{key}")
            self.taken.append(key)
            return 200, {"id": f"id-{key}"}
        if self.name == "postmark":
            key = post.json["Metadata"]["key"]
            self.taken.append(key)
            return 200, {"ErrorCode": 0, "Message": "OK", "MessageID": f"id-{key}", "To": "lea@example.org"}
        mail = message_from_bytes(base64.b64decode(post.json["Content"]["Raw"]["Data"]), policy=policy.default)
        key = str(mail["Message-ID"]).removeprefix("<").partition("@")[0]
        self.taken.append(key)
        return 200, {"MessageId": f"id-{key}"}


def answer(status: int, fields: object, **headers: str) -> bytes:
    """Return an answer as it travels, JSON in its body."""
    body = json.dumps(fields).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def provider(name: str, port: int, **fields: str) -> Provider:
    """Return the provider with its account, which leads to the loopback port."""
    account = {**ACCOUNTS[name], "endpoint": f"http://127.0.0.1:{port}", **fields}
    return PROVIDERS[name]({key: SecretStr(value) for key, value in account.items()})


@cache
def _tls() -> ssl.SSLContext:
    """Return one context for all channels: building it reads the system's certificates."""
    return ssl.create_default_context()


@asynccontextmanager
async def provider_channel(
    far: Far, *, seconds: float = 5, connections: int = 4, pauses: tuple[float, ...] = (0.0, 0.0), **fields: str
) -> AsyncIterator[ProviderChannel]:
    """Yield a mail channel to `far`, served on a loopback port; both are closed at the end."""
    async with serving(far.serve) as port:
        channel = ProviderChannel(
            provider(far.name, port, **fields),
            connections=connections,
            timeout_seconds=seconds,
            pauses=pauses,
            tls=_tls(),
            clock=FixedClock(WENT),
        )
        try:
            yield channel
        finally:
            await channel.close()
