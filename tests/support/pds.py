"""The reference server of Bluesky, run for tests where it was built: `uv run python tests/support/pds.py` builds it.

It is written in JavaScript and takes 250 MB and some minutes, so it lies outside the checkout, below XDG_CACHE_HOME.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support import node

VERSION = "0.4.217"  # the last that runs on Node 20
PACKAGES = (f"@atproto/pds@{VERSION}", "@did-plc/server@0.0.1")
COMMAND = "uv run python tests/support/pds.py"
JWT_SECRET = "a-secret-of-the-tests-alone"
ADMIN = "an-admin-of-the-tests"


def folder() -> Path:
    """Return where the server lies when it has been built."""
    return node.peers() / f"pds-{VERSION}"


def is_built() -> bool:
    """Whether it is there, and Node to run it."""
    return (folder() / "node_modules/better-sqlite3/build/Release/better_sqlite3.node").exists() and node.is_there()


def build() -> None:
    """Fetch it from npm and compile what has to be; takes minutes."""
    node.install(folder(), *PACKAGES, scripts=True)
    print(f"built in {folder()}" if is_built() else "it could not be built: see above", file=sys.stderr)


@dataclass(frozen=True)
class Pds:
    """A running server."""

    port: int

    def ask(self, name: str, fields: object = None, *, token: str = "", admin: bool = False) -> dict[str, Any]:
        """Call one procedure; a query where there are no fields. Raises: HTTPError."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/xrpc/{name}")
        if fields is not None:
            request.data = json.dumps(fields).encode()
            request.add_header("Content-Type", "application/json")
        if admin:
            token = base64.b64encode(f"admin:{ADMIN}".encode()).decode()
        if token:
            request.add_header("Authorization", f"{'Basic' if admin else 'Bearer'} {token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.loads(answer.read() or b"{}")
            return found

    def account(self, handle: str) -> dict[str, Any]:
        """Make an account; returns its `did`, `accessJwt`, and an `app_password` named `campaign`."""
        made = self.ask(
            "com.atproto.server.createAccount",
            {"handle": handle, "email": f"{handle}@example.org", "password": "the-owners-own"},
        )
        given = self.ask("com.atproto.server.createAppPassword", {"name": "campaign"}, token=made["accessJwt"])
        return {**made, "app_password": given["password"]}


def minted(did: str, expires: int) -> str:
    """Return an access token such as the server gives out, with an end of our choice (seconds since 1970)."""
    claims = {
        "scope": "com.atproto.appPass",
        "sub": did,
        "aud": "did:web:localhost",
        "iat": expires - 7200,
        "exp": expires,
    }
    parts = [{"typ": "at+jwt", "alg": "HS256"}, claims]
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_encoded(hmac.new(JWT_SECRET.encode(), signed.encode(), hashlib.sha256).digest())}"


@contextmanager
def running(data: Path) -> Iterator[Pds]:
    """Run the server with its data in a new folder, on loopback alone, until the context ends."""
    script = Path(__file__).with_suffix(".cjs")
    command = ["node", str(script), str(folder()), str(data), JWT_SECRET, ADMIN]
    quiet = {**node.environment(), "LOG_ENABLED": "false", "NODE_NO_WARNINGS": "1"}
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=quiet)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (data / "log").read_text()
            yield Pds(json.loads(line)["port"])
        finally:
            process.kill()
            process.communicate()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


if __name__ == "__main__":
    build()
