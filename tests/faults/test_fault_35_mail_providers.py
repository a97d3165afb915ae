"""Row 35 by a mail provider: it takes a mail and the daemon dies, it refuses our key, it answers rubbish."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from support.faults import Mailing, until

if TYPE_CHECKING:
    from conftest import Mailings

TOOK = (200, {"id": "id-of-resend", "MessageId": "id-of-ses", "ErrorCode": 0, "MessageID": "id-of-postmark"})
ACCOUNTS = {
    "ses": {"REGION": "eu-west-1", "ACCESS_KEY_ID": "AKIDEXAMPLE", "SECRET_ACCESS_KEY": "canary"},
    "postmark": {"SERVER_TOKEN": "canary"},
    "resend": {"API_KEY": "canary"},
}
NAMES = ["postmark", "resend", "ses"]


class Far:
    """A provider: it counts what it gets, answers `say`, and first waits for `release`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.say: tuple[int, object] = TOOK
        self.release = threading.Event()
        self.release.set()
        far = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                far.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                far.release.wait(60)
                content = json.dumps(far.say[1]).encode()
                self.send_response(far.say[0])
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def far() -> Iterator[Far]:
    found = Far()
    yield found
    found.close()


@pytest.fixture
def by(mailings: Mailings, far: Far) -> Callable[[str, int], Mailing]:
    def make(name: str, people: int) -> Mailing:
        prefix = f"CAMPAIGN_ACCOUNTS__{name.upper()}__"
        account = {f"{prefix}{field}": value for field, value in ACCOUNTS[name].items()}
        account[f"{prefix}ENDPOINT"] = far.url
        return mailings("sqlite", people, CAMPAIGN_SMTP_URL="", CAMPAIGN_EMAIL_PROVIDER=name, **account)

    return make


@pytest.mark.parametrize("name", NAMES)
def test_35_everybody_gets_the_mail_by_a_provider_once(by: Callable[[str, int], Mailing], far: Far, name: str) -> None:
    mailing = by(name, 12)

    mailing.start("--once").ended()

    assert mailing.states() == {"sent": 12}
    assert len(set(far.bodies)) == len(far.bodies) == 12
    assert mailing.query("SELECT DISTINCT provider_id FROM delivery") == [(f"id-of-{name}",)]


@pytest.mark.parametrize("name", ["resend", "ses"])
def test_35_killed_while_a_provider_has_the_mail_it_is_unknown_and_never_sent_again(
    by: Callable[[str, int], Mailing], far: Far, name: str
) -> None:
    mailing = by(name, 1)
    far.release.clear()
    daemon = mailing.start()
    until(lambda: far.bodies, "the provider has the mail")
    daemon.kill()
    far.release.set()

    mailing.start("--once").ended()

    assert mailing.states() == {"unknown": 1}
    assert len(far.bodies) == 1


def test_35_a_key_that_is_refused_touches_nobody(by: Callable[[str, int], Mailing], far: Far) -> None:
    mailing = by("resend", 12)
    far.say = (403, {"name": "invalid_api_key", "message": "canary", "Message": "canary"})

    mailing.start("--once").ended()

    assert mailing.states() == {"retry_wait": 12}
    assert len(far.bodies) <= 4  # those on their way when it was said; the others were not tried
    assert mailing.query("SELECT count(*) FROM delivery WHERE reason LIKE '%canary%'") == [(0,)]


def test_35_rubbish_behind_a_yes_of_a_provider_is_unknown(by: Callable[[str, int], Mailing], far: Far) -> None:
    mailing = by("ses", 1)
    far.say = (200, ["rubbish"])

    mailing.start("--once").ended()

    assert (mailing.states(), len(far.bodies)) == ({"unknown": 1}, 1)
