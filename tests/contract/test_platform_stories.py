"""Stories and reels on Instagram and Facebook Pages: what they are made of, and what became of them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from graph_sending import asked, marked, sent, through, with_media
from peer_graph import CDN, PAGE, FacebookPeer, GraphPeer, InstagramPeer, ThreadsPeer
from platform_peers import TEXT, WENT
from support.fault_proxy import Fault

from scheduler.channels.base import Attempted, Evidence, Found, Message, Receipt
from scheduler.channels.platforms.facebook import FacebookChannel
from scheduler.errors import NotSent, Refused, Unknown, Withheld

FILM = b"\0\0\0\x18ftypmp42"
SHOWN = {"photo": f"POST /v26.0/{PAGE}/photo_stories", "video": f"POST /v26.0/{PAGE}/video_stories"}


def story(peer: GraphPeer, *media: tuple[str, str], post_as: str = "story") -> Message:
    (peer.folder / "film.mp4").write_bytes(FILM)
    return dataclasses.replace(with_media(peer, *media), post_as=post_as)


def settled(peer: GraphPeer, handle: str, message: Message, *, same_words: bool = True) -> Evidence:
    async def scenario() -> Evidence:
        async with through(peer) as proxy:
            channel: Any = peer.channel(proxy.port)
            found = await channel.settle(Attempted(message, same_words, handle, 1, WENT))
            await channel.close()
            assert isinstance(found, Evidence)
            return found

    return asyncio.run(scenario())


def test_a_story_on_instagram_is_a_container_without_words(tmp_path: Path) -> None:
    peer = InstagramPeer(tmp_path)

    receipt = sent(peer, story(peer, ("bouquet.jpg", "Des roses")))

    assert isinstance(receipt, Receipt)
    assert asked(peer, "POST media") == [{"media_type": "STORIES", "image_url": f"{CDN}/bouquet.jpg"}]
    assert len(peer.posts()) == 1
    assert peer.refused == []


def test_a_video_in_a_story_on_instagram_is_no_reel(tmp_path: Path) -> None:
    peer = InstagramPeer(tmp_path)

    sent(peer, story(peer, ("film.mp4", "")))

    assert asked(peer, "POST media") == [{"media_type": "STORIES", "video_url": f"{CDN}/film.mp4"}]


def test_what_became_of_a_story_is_told_by_its_container_and_by_no_post_with_the_same_words(tmp_path: Path) -> None:
    peer = InstagramPeer(tmp_path)
    message = story(peer, ("bouquet.jpg", ""))
    sent(peer, with_media(peer, ("bouquet.jpg", "")))  # the same words, as a post
    lost = sent(peer, message, Fault(peer.commit, "cut"))
    unshown = peer.things["900000000000002"]
    before = settled(peer, unshown.id, message)

    gone = sent(peer, message, Fault(peer.commit, "drop"))
    after = settled(peer, "900000000000003", message)

    assert isinstance(lost, Unknown)
    assert before.found is Found.NOT_SENT
    assert isinstance(gone, Unknown)
    assert (after.found, after.words) == (Found.SENT, "the container 900000000000003 is published")


@pytest.mark.parametrize("make", [InstagramPeer, FacebookPeer])
def test_a_story_is_one_picture_or_video(make: type[GraphPeer], tmp_path: Path) -> None:
    peer = make(tmp_path)

    several = sent(peer, story(peer, ("bouquet.jpg", ""), ("bouquet.jpg", "")))
    none = sent(peer, story(peer))

    assert isinstance(several, Refused)
    assert isinstance(none, Refused)
    assert "one picture or video" in str(several)
    assert peer.things == {}


def test_threads_has_no_stories(tmp_path: Path) -> None:
    peer = ThreadsPeer(tmp_path)

    assert isinstance(sent(peer, story(peer, ("bouquet.jpg", ""))), Refused)


def test_a_picture_in_a_story_of_a_page_is_handed_over_before_it_is_shown(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)

    receipt = sent(peer, story(peer, ("bouquet.jpg", "Des roses")))

    assert receipt == Receipt("900000000000001", "published by Facebook as a story")
    assert asked(peer, "POST photos") == [{"published": "false"}]
    assert asked(peer, "POST photo_stories") == [{"photo_id": "900000000000000"}]
    assert asked(peer, "POST feed") == []


@pytest.mark.parametrize(
    ("form", "edge", "start", "finish"),
    [
        ("story", "video_stories", "START", {"upload_phase": "FINISH", "video_id": "900000000000000"}),
        (
            "reel",
            "video_reels",
            "start",
            {
                "upload_phase": "finish",
                "video_id": "900000000000000",
                "video_state": "PUBLISHED",
                "description": TEXT,
            },
        ),
    ],
)
def test_a_video_of_a_page_is_handed_over_whole_and_then_shown(
    form: str, edge: str, start: str, finish: dict[str, str], tmp_path: Path
) -> None:
    peer = FacebookPeer(tmp_path)
    handles = []

    async def scenario() -> None:
        async def mark(handle: str = "") -> None:
            handles.append((handle, peer.things["900000000000000"].files["source"], len(peer.shown())))

        async with through(peer) as proxy:
            channel = peer.channel(proxy.port)
            await channel.send(story(peer, ("film.mp4", ""), post_as=form), mark)
            await channel.close()

    asyncio.run(scenario())

    assert handles == [(f"{form}:video:900000000000000", FILM, 0)]
    assert asked(peer, f"POST {edge}") == [{"upload_phase": start}, finish]
    assert peer.refused == []


def test_a_reel_of_a_picture_is_refused_before_anything_is_handed_over(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)

    outcome = sent(peer, story(peer, ("bouquet.jpg", ""), post_as="reel"))

    assert isinstance(outcome, Refused)
    assert peer.things == {}


@pytest.mark.parametrize(("kind", "file"), [("photo", "bouquet.jpg"), ("video", "film.mp4")])
def test_a_story_whose_answer_was_lost_is_found_among_the_stories_of_the_page(
    kind: str, file: str, tmp_path: Path
) -> None:
    peer = FacebookPeer(tmp_path)
    message = story(peer, (file, ""))
    finish = 2 if kind == "video" else 1
    faults = [Fault(SHOWN[kind], "delay", seconds=0)] * (finish - 1)

    outcome = sent(peer, message, *faults, Fault(SHOWN[kind], "drop"))
    found = settled(peer, f"story:{kind}:900000000000000", message, same_words=False)

    assert isinstance(outcome, Unknown)
    assert (found.found, found.provider_id) == (Found.SENT, "900000000000001")


@pytest.mark.parametrize(("kind", "file"), [("photo", "bouquet.jpg"), ("video", "film.mp4")])
def test_a_story_that_was_never_shown_is_taken_away_and_made_anew(kind: str, file: str, tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    message = story(peer, (file, ""))
    faults = [Fault(SHOWN[kind], "delay", seconds=0)] * (1 if kind == "video" else 0)

    outcome = sent(peer, message, *faults, Fault(SHOWN[kind], "cut"))
    found = settled(peer, f"story:{kind}:900000000000000", message)

    assert isinstance(outcome, Unknown)
    assert found.found is Found.NOT_SENT
    assert peer.things == {}


def test_another_story_of_that_time_is_left_to_a_person(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    message = story(peer, ("bouquet.jpg", ""))
    sent(peer, message)

    found = settled(peer, "story:photo:123456789", message)

    assert (found.found, found.look_at) == (Found.OPEN, None)


def test_a_story_of_yesterday_cannot_be_told_any_more(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    message = story(peer, ("bouquet.jpg", ""))
    sent(peer, message, Fault(SHOWN["photo"], "cut"))
    peer.clock.advance_to(WENT + timedelta(hours=23, minutes=1))

    found = settled(peer, "story:photo:900000000000000", message)

    assert (found.found, found.look_at) == (Found.OPEN, None)
    assert "900000000000000" in peer.things


def test_a_reel_is_told_by_how_far_its_publishing_is(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    message = story(peer, ("film.mp4", ""), post_as="reel")
    sent(peer, message)

    found = settled(peer, "reel:video:900000000000000", message)
    unknown = settled(peer, "reel:video:123456789", message)

    assert (found.found, found.provider_id) == (Found.SENT, "900000000000000")
    assert (unknown.found, unknown.look_at) == (Found.OPEN, WENT + timedelta(minutes=10))


def test_what_a_last_check_withholds_is_taken_away_again(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)

    async def scenario() -> None:
        async def mark(handle: str = "") -> None:
            raise Withheld("cancelled", "paused")

        async with through(peer) as proxy:
            channel = peer.channel(proxy.port)
            with pytest.raises(Withheld):
                await channel.send(story(peer, ("bouquet.jpg", "")), mark)
            await channel.close()

    asyncio.run(scenario())

    assert peer.things == {}


@pytest.mark.parametrize(("state", "expected"), [("error", Refused), ("processing", NotSent)])
def test_a_video_that_is_not_taken_in_is_not_shown(state: str, expected: type[Exception], tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    uploading = {"uploading_phase": {"status": "in_progress"}}
    told = json.dumps({"id": "900000000000000", "status": {"video_status": state, **uploading}}).encode()

    async def scenario() -> None:
        async with through(peer) as proxy:
            proxy.script(Fault("GET /v26.0/900000000000000", "replace", status=200, body=told, times=9))
            channel = peer.channel(proxy.port)
            assert isinstance(channel, FacebookChannel)
            channel.pauses = (0, 0)
            with pytest.raises(expected):
                await channel.send(story(peer, ("film.mp4", "")), marked)
            await channel.close()

    asyncio.run(scenario())

    assert asked(peer, "POST video_stories") == [{"upload_phase": "START"}]
    assert peer.stories == []
