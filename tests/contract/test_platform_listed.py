"""What the posts that an account lists say of an attempt, where the network knows no key of ours: LinkedIn and X."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from peer_linkedin import LinkedInPeer
from peer_x import XPeer
from platform_peers import TEXT
from platform_sending import minutes, sent, settled

from campaigns.rendering import Content
from scheduler.channels.base import Evidence, Found
from scheduler.channels.platforms.timeline import fingerprint
from scheduler.errors import Unknown

WORDS = Content("", TEXT)
NETWORKS = {
    LinkedInPeer: ("urn:li:share:7400000000000000000", "r_organization_social"),
    XPeer: ("1900000000000000000", "tweet.read"),
}

Lister = LinkedInPeer | XPeer


@pytest.fixture(params=NETWORKS, ids=["linkedin", "x"])
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Lister:
    made: Lister = request.param(tmp_path)
    return made


def test_a_repeat_that_nobody_may_look_up_is_for_a_person(peer: Lister) -> None:
    peer.add(TEXT)
    peer.may_read = False
    peer.clock.advance(minutes(120))

    error = sent(peer, peer.message(content=WORDS))

    assert isinstance(error, Unknown)
    assert error.message.endswith(": it cannot be told yet whether that is this one")
    assert error.remedy == "look at the account"


@pytest.mark.parametrize(
    "change",
    [
        lambda peer: peer.add(TEXT[:45], after=minutes(1)),
        lambda peer: peer.add(TEXT.replace("dimanche", "lundi"), after=minutes(1)),
        lambda peer: peer.add(TEXT, after=minutes(1), pictures=1),
        lambda peer: peer.add(TEXT, after=minutes(61)),
    ],
    ids=["cut", "changed", "with a picture", "an hour later"],
)
def test_a_post_that_may_be_it_is_for_a_person(peer: Lister, change: Callable[[Lister], object]) -> None:
    change(peer)
    peer.clock.advance(minutes(90))

    found = settled(peer, peer.message(content=WORDS))

    assert isinstance(found, Evidence)
    assert (found.found, found.look_at) == (Found.OPEN, None)
    assert NETWORKS[type(peer)][0] in found.words


def test_where_the_campaign_has_other_words_by_now_the_handle_tells(peer: Lister) -> None:
    there = peer.add(TEXT)
    peer.clock.advance(minutes(5))
    changed = peer.message(content=Content("", "Tout autre chose"))

    by_handle = settled(peer, changed, same_words=False, handle=fingerprint(TEXT, 0))
    without = settled(peer, changed, same_words=False)

    assert isinstance(by_handle, Evidence)
    assert isinstance(without, Evidence)
    assert (by_handle.found, by_handle.provider_id) == (Found.SENT, there["id"])
    assert without.found is Found.OPEN


def test_where_the_token_may_not_read_a_person_decides(peer: Lister) -> None:
    peer.may_read = False

    right = NETWORKS[type(peer)][1]
    assert settled(peer, peer.message(content=WORDS)) == Evidence(
        Found.OPEN, f"this token may not read the posts of the account: look there ({right})"
    )
