"""The doors over a real socket: uvicorn in a thread of its own, and a client that says exactly what a test says."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from scheduler.clock import Clock
from scheduler.store.writer import ThreadWriter
from scheduler.tokens import Keyring
from scheduler.web import Address, Doors, Listener, create_app
from scheduler.web.doors import Limits
from support.shop import Schedule

SECRET = b"0" * 32  # the key of `Schedule`
TOKEN = "a-token-of-the-shop-0123456789"
PUBLIC = "https://news.shop.example"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def data(self) -> object:
        return json.loads(self.text)


@dataclass(frozen=True)
class Client:
    """Asks one server; each request on a connection of its own."""

    host: str
    port: int

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Ask for a path, or for a public address as the proxy would hand it on."""
        parts = urlsplit(path)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection = HTTPConnection(self.host, self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, named)
            got = connection.getresponse()
            return Answer(
                got.status, {k.lower(): v for k, v in got.getheaders()}, got.read().decode("utf-8", "surrogateescape")
            )
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def form(self, path: str, **fields: str) -> Answer:
        """Post a form as a browser does; `_` in a field's name stands for `-`."""
        body = urlencode({name.replace("_", "-"): value for name, value in fields.items()}).encode()
        return self.ask("POST", path, body, Content_Type="application/x-www-form-urlencoded")

    def tell(self, body: object, *, token: str | None = TOKEN, **headers: str) -> Answer:
        """Post an event (or any bytes) to the events' door."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.ask("POST", "/events", raw, **{"Content_Type": "application/json", **headers})


@contextmanager
def opened(
    schedule: Schedule,
    *,
    clock: Clock | None = None,
    token: str | None = TOKEN,
    limits: Limits | None = None,
    **more: Any,
) -> Iterator[Client]:
    """Open the doors (`more` goes to them) on a schedule's store while the block lasts."""
    writer = ThreadWriter()
    doors = Doors(
        store=schedule.store,
        catalog=schedule.catalog,  # type: ignore[arg-type]
        writer=writer,
        clock=clock or schedule.clock,
        keys=Keyring(SECRET),
        api_token=token,
        hosts=Doors.hosts_of("news.shop.example"),
        limits=limits or Limits(),
        **more,
    )
    listener = Listener(create_app(doors), Address("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(listener.serve()))
    thread.start()
    try:
        yield Client("127.0.0.1", listener.address.port)
    finally:
        listener.stop()
        thread.join(30)
        writer.close()
