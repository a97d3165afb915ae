"""Row 35 by a social network: the daemon dies at and around a post, and what nobody knows settles itself."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.faults import BOTH, HEAD, Daemon, Mailing, until
from support.http_peer import Reply, Request, http_peer

from scheduler.clock import SystemClock

sys.path.append(str(Path(__file__).parents[1] / "contract"))  # where the far ends of all platforms stand
from peer_mastodon import TOKEN, MastodonPeer

if TYPE_CHECKING:
    from conftest import Mailings

# Where a post is when the daemon dies: it was not begun; it has arrived, and will never stand there; it stands there
# and nobody was told; the answer is on its way.
MOMENTS = ("before it is begun", "arrived", "published", "answered")
# Words that are not alike: a far end that shows something alike has not told what became of a post.
TEXTS = [
    "tulips",
    "roses",
    "peonies",
    "anemones",
    "lilac",
    "jasmine",
    "hyacinths",
    "dahlias",
    "mimosa",
    "camellias",
    "violets",
    "freesias",
    "orchids",
    "sunflowers",
    "lavender",
    "zinnias",
    "foxgloves",
    "buttercups",
    "marigolds",
    "thistles",
    "heather",
    "cornflowers",
    "geraniums",
    "wisteria",
]
POSTING = (
    HEAD
    + """
accounts: {mastodon: mastodon}
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
"""
    + "".join(
        f"      - {{id: post-{number}, channel: mastodon, text: '{text}'}}\n" for number, text in enumerate(TEXTS)
    )
)
# A minute after a post its far end tells the truth; who asks has five minutes: here a moment is enough for both.
HASTY = """
from datetime import timedelta
from scheduler.channels.platforms import mastodon
from scheduler.operations import settler
mastodon.MastodonChannel.settles_after = timedelta(seconds=0.3)
settler._LEASE = timedelta(seconds=2)
"""


class Network(MastodonPeer):
    """Publishes all that it is sent, under whatever key: what is posted twice stands there twice."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.clock = SystemClock()  # type: ignore[assignment]
        self.endpoint = ""
        self.struck = threading.Event()
        self._strike: tuple[str, Daemon] | None = None

    def kills(self, daemon: Daemon, moment: str) -> None:
        """Kill the daemon at the first post that comes to this moment; return once it is dead."""
        self.struck.clear()
        self._strike = (moment, daemon)
        until(lambda: self.struck.is_set() or not daemon.is_running(), f"a post {moment}")
        assert self.struck.is_set(), daemon.said()
        daemon.ended()

    def answer(self, request: Request) -> Reply:
        self.keys.clear()
        is_post = (request.method, request.route) == ("POST", "/api/v1/statuses")
        if self._comes_to("before it is begun", not is_post and request.query.get("limit") == "1"):
            self._hit()
        if self._comes_to("arrived", is_post):
            self._hit()
            return Reply(503)
        reply = super().answer(request)
        assert isinstance(reply, Reply)
        if self._comes_to("published", is_post):
            self._hit()
        if self._comes_to("answered", is_post):
            asyncio.get_running_loop().call_soon(self._hit)
        return reply

    def _comes_to(self, moment: str, is_there: bool) -> bool:
        return is_there and self._strike is not None and self._strike[0] == moment

    def _hit(self) -> None:
        if self._strike is not None:
            _, daemon = self._strike
            self._strike = None
            daemon.signal(9)
            self.struck.set()


@contextmanager
def served(network: Network) -> Iterator[None]:
    """Serve the network beside the test, in a thread of its own."""
    ready, loop, over = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with http_peer(network.answer) as port:
            network.endpoint = f"http://127.0.0.1:{port}"
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    folder = tmp_path / "media"
    folder.mkdir()
    found = Network(folder)
    with served(found):
        yield found


def wait_until_all_is_sent(mailing: Mailing) -> None:
    """Wait until every post is known to have gone; what waits to be tried again is due at once."""

    def look() -> bool:
        mailing.wait_is_over()
        return mailing.states() == {"sent": len(TEXTS)}

    until(look, lambda: f"every post is sent, got {mailing.states()}")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", BOTH)
def test_35_sigkill_at_and_around_a_post_and_each_stands_there_once(
    kind: str, mailings: Mailings, network: Network
) -> None:
    account = {"ENDPOINT": network.endpoint, "TOKEN": TOKEN}
    env = {f"CAMPAIGN_ACCOUNTS__MASTODON__{name}": value for name, value in account.items()}
    mailing = mailings(kind, 1, POSTING, **env)

    for moment in MOMENTS:
        network.kills(mailing.start(told=HASTY), moment)
        mailing.forget_dead_daemons()
    daemon = mailing.start(told=HASTY)
    wait_until_all_is_sent(mailing)
    code = daemon.stop()

    assert code == 0
    assert Counter(network.published()) == dict.fromkeys(TEXTS, 1)
    asked = mailing.query("SELECT found, words FROM inquiry")
    assert {found for found, _ in asked} == {"sent", "not sent"}
    proof = {"sent": "stands at https://mastodon.example/", "not sent": "not among the "}
    assert all(words.startswith(proof[found]) for found, words in asked), asked
    (settled,) = mailing.query("SELECT count(*) FROM audit WHERE who = 'daemon' AND action = 'settle'")
    assert settled == (len(asked),)
