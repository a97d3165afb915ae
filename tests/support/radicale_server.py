"""Radicale, a real CalDAV server, in a thread on a loopback port; its objects are files that a test can look into."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from icalendar import Calendar, Todo
from radicale import Application, config

USER, PASSWORD = "shop", "canary-of-the-calendar"
_AUTHORIZED = {"Authorization": "Basic c2hvcDpjYW5hcnktb2YtdGhlLWNhbGVuZGFy"}


class _Silent(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


class _Threads(ThreadingMixIn, WSGIServer):
    """Answers each connection in a thread of its own: one that says nothing keeps nobody waiting."""

    daemon_threads = True


@dataclass(frozen=True)
class Server:
    """A running server with one collection for tasks."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/shop/tasks/"

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
        """Ask as a colleague's calendar does."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body.encode() or None, {**_AUTHORIZED, **headers})
            got = connection.getresponse()
            return got.status, got.read().decode()
        finally:
            connection.close()

    def names(self) -> list[str]:
        """Return the names of the objects, as PROPFIND lists them."""
        status, text = self.ask("PROPFIND", "/shop/tasks/", Depth="1")
        assert status == 207
        return sorted(
            part.partition("<")[0] for part in text.split("<href>/shop/tasks/")[1:] if not part.startswith("<")
        )

    def content(self, name: str) -> str:
        status, text = self.ask("GET", f"/shop/tasks/{name}")
        assert status == 200, (status, text)
        return text

    def todo(self, name: str) -> Todo:
        """Return a task as a calendar reads it."""
        found = Calendar.from_ical(self.content(name)).walk("VTODO")[0]
        assert isinstance(found, Todo)
        return found

    def write(self, name: str, content: str) -> None:
        """Write an object as a colleague's calendar does."""
        status, text = self.ask("PUT", f"/shop/tasks/{name}", content, **{"Content-Type": "text/calendar"})
        assert status in (200, 201, 204), (status, text)

    def remove(self, name: str) -> None:
        assert self.ask("DELETE", f"/shop/tasks/{name}")[0] == 200


@contextmanager
def radicale_server(folder: Path) -> Iterator[Server]:
    """Serve until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / "users"
    users.write_text(f"{USER}:{PASSWORD}\n")
    settings = config.load()
    settings.update(
        {
            "storage": {"filesystem_folder": str(folder / "collections"), "_filesystem_fsync": "False"},
            "auth": {"type": "htpasswd", "htpasswd_filename": str(users), "htpasswd_encryption": "plain", "delay": "0"},
            "logging": {"level": "critical"},
        },
        "the test",
        privileged=True,
    )
    logging.getLogger("radicale").setLevel(logging.CRITICAL)
    served = make_server("127.0.0.1", 0, Application(settings), server_class=_Threads, handler_class=_Silent)
    thread = threading.Thread(target=lambda: served.serve_forever(poll_interval=0.05))
    thread.start()
    try:
        server = Server(served.server_port)
        assert server.ask("MKCALENDAR", "/shop/tasks/")[0] == 201
        yield server
    finally:
        served.shutdown()
        thread.join(30)
        served.server_close()
