"""Row 35: the far end of a hook did it and says it did not, talks rubbish, asks for patience, sends us elsewhere."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from support.faults import HEAD, Mailing, until

if TYPE_CHECKING:
    from conftest import Mailings

HOOK = (
    HEAD
    + """
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: mailing, channel: webhook, text: "We are open"}
"""
)

Answer = tuple[int, dict[str, str], bytes] | None  # None: the line goes dead


class Far:
    """The far end: what it took by id, and what it answers, one answer after the other, the last for ever."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.bodies: list[bytes] = []
        self.answers: list[Answer] = [(200, {}, b"ok")]
        far = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                answer = far.answers.pop(0) if len(far.answers) > 1 else far.answers[0]
                far.taken[self.headers["webhook-id"]] += 1
                far.bodies.append(body)
                if answer is None:
                    self.connection.close()
                    self.close_connection = True
                    return
                status, headers, content = answer
                self.send_response(status)
                for name, value in {"content-length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def far() -> Iterator[Far]:
    found = Far()
    yield found
    found.close()


@pytest.fixture
def hook_on(mailings: Mailings, far: Far) -> Callable[[str], Mailing]:
    def make(kind: str) -> Mailing:
        account = {
            "CAMPAIGN_ACCOUNTS__WEBHOOK__URL": far.url,
            "CAMPAIGN_ACCOUNTS__WEBHOOK__ALLOW_PRIVATE": "true",
            "CAMPAIGN_ACCOUNTS__WEBHOOK__SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        }
        return mailings(kind, 1, HOOK, **account)

    return make


def state(mailing: Mailing) -> str:
    return next(iter(mailing.states()), "")


def test_35_an_error_although_it_was_done_is_repeated_with_the_same_id_or_kept_as_unknown(
    hook_on: Callable[[str], Mailing], far: Far
) -> None:
    mailing = hook_on("sqlite")
    far.answers = [(500, {}, b"boom"), (200, {}, b"ok")]

    mailing.start("--once").ended()
    first = state(mailing)
    mailing.wait_is_over()
    mailing.start("--once").ended()

    assert first in ("unknown", "retry_wait")
    assert len(far.taken) == 1  # whatever came, it bore one id: the receiver can tell a repeat
    assert len(set(far.bodies)) == 1
    assert state(mailing) in ("sent", "unknown")


def test_35_rubbish_behind_a_yes_is_a_yes(hook_on: Callable[[str], Mailing], far: Far) -> None:
    mailing = hook_on("sqlite")
    far.answers = [(200, {"content-type": "application/json"}, b"\xff\x00{not json")]

    mailing.start("--once").ended()

    assert (state(mailing), far.taken.total()) == ("sent", 1)


def test_35_a_receiver_that_asks_for_patience_gets_it(hook_on: Callable[[str], Mailing], far: Far) -> None:
    mailing = hook_on("sqlite")
    far.answers = [(429, {"retry-after": "1800"}, b""), (200, {}, b"ok")]

    mailing.start("--once").ended()
    waits = mailing.query("SELECT state, (julianday(next_at) - julianday(updated_at)) * 86400 FROM delivery")
    mailing.start("--once").ended()
    early = far.taken.total()
    mailing.wait_is_over()
    mailing.start("--once").ended()

    assert waits[0][0] == "retry_wait"
    assert 1_799 <= waits[0][1] <= 1_802
    assert early == 1
    assert (state(mailing), far.taken.total(), len(far.taken)) == ("sent", 2, 1)


def test_35_a_redirection_is_not_followed(hook_on: Callable[[str], Mailing], far: Far) -> None:
    mailing = hook_on("sqlite")
    far.answers = [(307, {"location": far.url + "/elsewhere"}, b"")]

    mailing.start("--once").ended()

    assert (state(mailing), far.taken.total()) == ("failed", 1)


def test_35_a_line_that_goes_dead_after_the_request_is_never_two_different_messages(
    hook_on: Callable[[str], Mailing], far: Far
) -> None:
    mailing = hook_on("sqlite")
    far.answers = [None, (200, {}, b"ok")]

    mailing.start("--once").ended()
    first = state(mailing)
    mailing.wait_is_over()
    mailing.start("--once").ended()

    assert first in ("unknown", "retry_wait")
    assert len(far.taken) == 1
    assert all(json.loads(body) for body in far.bodies)


def test_35_a_daemon_killed_during_the_request_repeats_it_with_the_same_id(
    hook_on: Callable[[str], Mailing], far: Far
) -> None:
    mailing = hook_on("sqlite")
    gate = threading.Event()

    class Waiting(list):  # type: ignore[type-arg]
        def __len__(self) -> int:
            gate.wait(30)
            return super().__len__()

    far.answers = Waiting([(200, {}, b"ok")])
    daemon = mailing.start()
    until(lambda: state(mailing) == "attempting", "the request is under way")
    daemon.kill()
    gate.set()
    mailing.start("--once").ended()
    mailing.start("--once").ended()

    assert state(mailing) == "sent"
    assert len(far.taken) == 1
    assert 1 <= far.taken.total() <= 2
