"""Posts on Instagram and Threads: containers, what became of them, and tokens that are renewed."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from graph_sending import TWO, asked, sent, settled, with_media
from peer_graph import CDN, GraphPeer, InstagramPeer, ThreadsPeer
from platform_peers import TEXT, WENT
from support.fault_proxy import Fault

from scheduler.channels.base import Found, Receipt
from scheduler.channels.platforms.tokens import FileKeeper, Kept
from scheduler.errors import NotSent, Refused


def test_a_picture_on_instagram_is_a_container_first(tmp_path: Path) -> None:
    peer = InstagramPeer(tmp_path)

    receipt = sent(peer, peer.message())

    assert receipt == Receipt("900000000000001", "https://instagram.example/p/900000000000001/")
    assert asked(peer, "POST media") == [
        {"image_url": f"{CDN}/bouquet.jpg", "alt_text": "Un bouquet de roses", "caption": TEXT}
    ]
    assert asked(peer, "POST media_publish") == [{"creation_id": "900000000000000"}]


def test_a_carousel_on_instagram_has_pictures_and_videos(tmp_path: Path) -> None:
    peer = InstagramPeer(tmp_path)

    sent(peer, with_media(peer, ("bouquet.jpg", "Des roses"), ("film.mp4", "Un film")))

    assert asked(peer, "POST media") == [
        {"image_url": f"{CDN}/bouquet.jpg", "alt_text": "Des roses", "is_carousel_item": "true"},
        {"media_type": "VIDEO", "video_url": f"{CDN}/film.mp4", "is_carousel_item": "true"},
        {"media_type": "CAROUSEL", "children": "900000000000000,900000000000001", "caption": TEXT},
    ]
    assert peer.published() == [TEXT]


def test_a_video_alone_on_instagram_is_a_reel(tmp_path: Path) -> None:
    peer = InstagramPeer(tmp_path)

    sent(peer, with_media(peer, (f"{CDN}/film.mp4?v=2", "")))

    assert asked(peer, "POST media") == [{"media_type": "REELS", "video_url": f"{CDN}/film.mp4?v=2", "caption": TEXT}]


def test_threads_takes_a_text_and_shows_it_in_two_steps(tmp_path: Path) -> None:
    peer = ThreadsPeer(tmp_path)

    receipt = sent(peer, with_media(peer))

    assert isinstance(receipt, Receipt)
    assert [name for name, _ in peer.given] == [
        "GET threads_publishing_limit",
        "POST threads",
        "POST threads_publish",
        "GET threads item",
    ]
    assert asked(peer, "POST threads") == [{"media_type": "TEXT", "text": TEXT}]


def test_threads_takes_pictures_and_videos_with_their_descriptions(tmp_path: Path) -> None:
    peer = ThreadsPeer(tmp_path)

    sent(peer, with_media(peer, ("bouquet.jpg", "Des roses"), ("film.mp4", "Un film")))

    assert asked(peer, "POST threads")[:2] == [
        {"media_type": "IMAGE", "image_url": f"{CDN}/bouquet.jpg", "alt_text": "Des roses", "is_carousel_item": "true"},
        {"media_type": "VIDEO", "video_url": f"{CDN}/film.mp4", "alt_text": "Un film", "is_carousel_item": "true"},
    ]
    assert peer.published() == [TEXT]


def test_instagram_takes_no_words_alone_and_no_eleven_pictures(tmp_path: Path) -> None:
    peer = InstagramPeer(tmp_path)

    assert isinstance(sent(peer, with_media(peer)), Refused)
    assert isinstance(sent(peer, with_media(peer, *[("bouquet.jpg", "")] * 11)), Refused)
    assert asked(peer, "POST media") == []


@pytest.mark.parametrize("make", TWO)
def test_media_without_a_public_place_are_refused_with_what_to_do(make: type[GraphPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)

    outcome = sent(peer, peer.message(media_url=None))

    assert isinstance(outcome, Refused)
    assert "media_url" in outcome.remedy


@pytest.mark.parametrize("make", TWO)
def test_media_that_take_their_time_are_waited_for(make: type[InstagramPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    peer.looks = 3

    assert isinstance(sent(peer, peer.message()), Receipt)


@pytest.mark.parametrize("make", TWO)
def test_media_that_take_too_long_are_handed_over_anew_later(make: type[InstagramPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    peer.looks = 9

    first = sent(peer, peer.message())
    peer.looks = 0
    second = sent(peer, peer.message())

    assert isinstance(first, NotSent)
    assert isinstance(second, Receipt)
    assert len(peer.published()) == 1


@pytest.mark.parametrize(
    ("make", "reason", "expected"),
    [
        (InstagramPeer, "Error: Media upload has failed with error code 2207026", Refused),
        (InstagramPeer, "Error: 2207052 could not be fetched", NotSent),
        (InstagramPeer, "", NotSent),
        (ThreadsPeer, "INVALID_ASPEC_RATIO", Refused),
        (ThreadsPeer, "FAILED_DOWNLOADING_VIDEO", NotSent),
    ],
)
def test_media_that_fail_say_why(make: type[InstagramPeer], reason: str, expected: type, tmp_path: Path) -> None:
    peer = make(tmp_path)
    peer.fails = reason or " "

    outcome = sent(peer, peer.message())

    assert type(outcome) is expected
    assert reason in str(outcome)
    assert peer.published() == []


@pytest.mark.parametrize("make", TWO)
def test_a_used_up_day_is_seen_before_anything_is_made(make: type[InstagramPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    peer.used = 50

    outcome = sent(peer, peer.message())

    assert isinstance(outcome, NotSent)
    assert "50 posts of this account in 24 hours, and had 50: more tomorrow" in str(outcome)
    assert outcome.retry_at == WENT + timedelta(hours=24)
    assert peer.things == {}


@pytest.mark.parametrize("make", TWO)
@pytest.mark.parametrize("do", ["answer", "cut", "stall"])
def test_what_is_asked_about_a_live_post_cannot_fail_it(make: type[GraphPeer], do: Any, tmp_path: Path) -> None:
    peer = make(tmp_path)
    read = f"GET /{peer.version}/90000*1"

    outcome = sent(peer, peer.message(), Fault(read, do, status=400, body=b"{}"))

    assert isinstance(outcome, Receipt)
    assert outcome.provider_id != ""


def container(peer: InstagramPeer, state: str, **more: Any) -> str:
    """Return a container as an attempt at WENT left it."""
    return peer.made("container", {peer.words: TEXT}, state=state, **more).id


@pytest.mark.parametrize("make", TWO)
@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("PUBLISHED", Found.SENT),
        ("FINISHED", Found.NOT_SENT),
        ("EXPIRED", Found.NOT_SENT),
        ("ERROR", Found.NOT_SENT),
        ("IN_PROGRESS", Found.OPEN),
    ],
)
def test_a_container_tells_what_became_of_the_attempt(
    make: type[InstagramPeer], state: str, found: Found, tmp_path: Path
) -> None:
    peer = make(tmp_path)

    assert settled(peer, container(peer, state)).found is found


@pytest.mark.parametrize("make", TWO)
def test_the_post_is_found_by_its_words_and_moment_and_is_not_simply_the_newest(
    make: type[InstagramPeer], tmp_path: Path
) -> None:
    peer = make(tmp_path)

    def post(text: str, at: datetime) -> str:
        made = peer.made("post of container", {peer.words: text})
        made.at = at
        return made.id

    post(TEXT, WENT - timedelta(days=365))
    ours = post(f"{TEXT} \n", WENT + timedelta(seconds=20))
    post("par quelqu'un d'autre", WENT + timedelta(seconds=40))
    handle = container(peer, "PUBLISHED")

    assert settled(peer, handle).provider_id == ours
    assert settled(peer, handle, same_words=False).provider_id == ""
    assert settled(peer, container(peer, "FINISHED")).found is Found.SENT  # they say "blocked" of posts that are live


@pytest.mark.parametrize("make", TWO)
def test_a_container_that_nobody_knows_is_left_to_a_person_in_the_end(make: type[GraphPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)

    first = settled(peer, "123")
    peer.clock.advance(timedelta(hours=26))
    last = settled(peer, "123")

    assert (first.found, first.look_at) == (Found.OPEN, WENT + timedelta(minutes=2))
    assert (last.found, last.look_at) == (Found.OPEN, None)


# Tokens


@pytest.mark.parametrize("make", TWO)
def test_a_token_is_renewed_when_less_than_half_of_it_is_left(make: type[InstagramPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    days = []

    for _ in range(5):
        assert isinstance(sent(peer, dataclasses.replace(peer.message())), Receipt)
        days.append(((peer.clock.now() - WENT).days, peer.renewals))
        peer.tokens = peer.tokens[-1:]
        peer.clock.advance(timedelta(days=25))

    assert days == [(0, 1), (25, 1), (50, 2), (75, 2), (100, 3)]
    kept = peer.keeper.get(peer.name)
    assert kept is not None
    assert kept.expires_at == WENT + timedelta(days=160)


@pytest.mark.parametrize("make", TWO)
def test_a_token_too_young_to_be_renewed_is_tried_again_a_day_later(make: type[InstagramPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    peer.token_made_at = WENT
    renewals = []

    for hours in (0, 12, 13):
        peer.clock.advance(timedelta(hours=hours))
        assert isinstance(sent(peer, peer.message()), Receipt)
        renewals.append(peer.renewals)

    assert renewals == [0, 0, 1]


@pytest.mark.parametrize("make", TWO)
def test_a_new_token_in_the_settings_takes_the_place_of_the_kept_one(make: type[InstagramPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    sent(peer, peer.message())
    peer.tokens = ["another-canary-token-9876543210"]

    outcome = sent(peer, peer.message(), token="another-canary-token-9876543210")

    assert isinstance(outcome, Receipt)


@pytest.mark.parametrize("make", TWO)
def test_a_kept_token_serves_as_long_as_the_settings_are_the_same(make: type[InstagramPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)
    sent(peer, peer.message())
    peer.tokens = peer.tokens[-1:]  # the one in the settings has ended meanwhile

    assert isinstance(sent(peer, peer.message()), Receipt)
    assert isinstance(peer.keeper.get(peer.name), Kept)


@pytest.mark.parametrize("make", TWO)
def test_a_token_that_cannot_be_kept_stops_no_post(
    make: type[InstagramPeer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    peer = make(tmp_path)
    (tmp_path / "state" / "tokens.json.new").mkdir(parents=True)  # in the way of the new file
    peer.keeper = FileKeeper(tmp_path / "state")  # type: ignore[assignment]

    assert isinstance(sent(peer, peer.message()), Receipt)
    assert "cannot keep the renewed token" in caplog.text
