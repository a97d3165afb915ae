"""What every request passes before any page or door: its name, its size and its pace; and headers on the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scheduler.web.problems import problem

BODY_BYTES = 65_536
BODY_SECONDS = 10.0
# A load balancer asks after our health by whatever address it knows us.
ANY_NAME = frozenset({"/healthz"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


@dataclass(frozen=True, slots=True)
class Larger:
    """What may have `most` bytes: paths that begin so, where `admits` says yes to their Authorization, read first."""

    begins: str
    most: int
    admits: Callable[[str], bool] | None = None


class Doorkeeper:
    """ASGI middleware; answers what may not pass itself."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], larger: Collection[Larger] = ()) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._larger = tuple(larger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer 421, 413 or 408."""
        if scope["type"] != "http":
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_RAW_HEADERS]
            await send(message)

        headers = dict(scope["headers"])
        if scope["path"] not in ANY_NAME and _host(headers.get(b"host", b"")) not in self._hosts:
            await problem(421, "this address is not served here")(scope, receive, answer)
            return
        most = self._most(scope["path"], headers.get(b"authorization", b"").decode("latin-1"))
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            await problem(413, f"a request may have {most:,} bytes")(scope, receive, answer)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(receive, most)
        except TimeoutError:
            await problem(408, "the request did not come to its end")(scope, receive, answer)
            return
        if body is None:
            await problem(413, f"a request may have {most:,} bytes")(scope, receive, answer)
            return
        waiting = [body]

        async def again() -> Message:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(), "more_body": False}
            return await receive()

        await self._app(scope, again, answer)

    def _most(self, path: str, authorization: str) -> int:
        for one in self._larger:
            if path.startswith(one.begins) and (one.admits is None or one.admits(authorization)):
                return one.most
        return BODY_BYTES


async def _read(receive: Receive, most: int) -> bytes | None:
    """Return the whole body; None when it has over `most` bytes, whatever its headers said."""
    parts: list[bytes] = []
    read = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        read += len(parts[-1])
        if read > most:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _host(value: bytes) -> str:
    """Return the name of a Host header, lower case and without port."""
    text = value.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if ":" in text else text
