"""Posts on Facebook Pages: drafts, what they are made of, and what became of them."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from graph_sending import asked, sent, settled, through, with_media
from peer_graph import PAGE, FacebookPeer, error
from PIL import Image
from platform_peers import TEXT, WENT, picture
from support.fault_proxy import Fault

from scheduler.channels.base import Found, Receipt
from scheduler.channels.platforms.facebook import FacebookChannel, link_of
from scheduler.errors import NotSent, Refused, Withheld


def test_a_text_is_a_draft_first_and_then_a_post(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)

    receipt = sent(peer, with_media(peer))

    assert receipt == Receipt(f"{PAGE}_900000000000000", f"https://www.facebook.com/{PAGE}_900000000000000")
    assert peer.given == [
        ("POST feed", {"published": "false", "unpublished_content_type": "DRAFT", "message": TEXT}),
        ("POST post", {"is_published": "true"}),
    ]


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://biksouv.example/valentine", "https://biksouv.example/valentine"),
        ("Voilà : https://biksouv.example/valentine.", "https://biksouv.example/valentine"),
        ("https://a.example et https://b.example", None),
        ("sans adresse", None),
    ],
)
def test_the_only_address_of_a_text_is_the_link_of_the_post(text: str, link: str | None) -> None:
    assert link_of(text) == link


def test_an_address_alone_is_a_link_without_words(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)

    sent(peer, with_media(peer, text="https://biksouv.example/valentine"))

    assert asked(peer, "POST feed") == [
        {"published": "false", "unpublished_content_type": "DRAFT", "link": "https://biksouv.example/valentine"}
    ]


def test_several_photos_are_one_post_with_their_descriptions(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)

    sent(peer, with_media(peer, ("bouquet.png", "Des roses"), ("bouquet.jpg", "")))

    assert asked(peer, "POST photos") == [
        {"published": "false", "alt_text_custom": "Des roses"},
        {"published": "false"},
    ]
    [post] = asked(peer, "POST feed")
    assert json.loads(post["attached_media"]) == [
        {"media_fbid": "900000000000000"},
        {"media_fbid": "900000000000001"},
    ]
    assert peer.published() == [TEXT]


def test_a_picture_that_is_too_large_is_made_smaller(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    noise = Image.effect_noise((2400, 1800), 90)
    noise.save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 4_000_000

    sent(peer, with_media(peer, ("large.png", "")))

    [photo] = [thing for thing in peer.things.values() if thing.kind == "photo"]
    with Image.open(io.BytesIO(photo.files["source"])) as image:
        assert (image.format, image.size) == ("JPEG", (2048, 1536))
    assert len(photo.files["source"]) <= 4_000_000


def test_a_video_is_shown_when_facebook_has_read_it(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    handles = []

    async def scenario() -> Receipt:
        async def mark(handle: str = "") -> None:
            handles.append((handle, peer.published()))

        async with through(peer) as proxy:
            channel = peer.channel(proxy.port)
            assert isinstance(channel, FacebookChannel)
            channel.pauses = (0, 0)
            receipt = await channel.send(with_media(peer, ("film.mp4", "")), mark)
            await channel.close()
            return receipt

    receipt = asyncio.run(scenario())

    assert (receipt.provider_id, handles) == ("900000000000000", [("video:900000000000000", [])])
    assert asked(peer, "POST video") == [{"published": "true"}]
    assert peer.published() == [TEXT]


def test_a_video_among_photos_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")

    outcome = sent(peer, with_media(peer, ("film.mp4", ""), ("bouquet.png", "")))

    assert isinstance(outcome, Refused)
    assert peer.given == []


def test_a_draft_that_is_not_to_be_shown_is_taken_away(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)

    async def scenario() -> None:
        async def mark(handle: str = "") -> None:
            raise Withheld("cancelled", "paused")

        async with through(peer) as proxy:
            channel = peer.channel(proxy.port)
            with pytest.raises(Withheld):
                await channel.send(with_media(peer), mark)
            await channel.close()

    asyncio.run(scenario())

    assert peer.things == {}


def test_a_draft_that_was_not_shown_is_taken_away_before_it_counts_as_not_sent(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    draft = peer.made("post", {"message": TEXT})

    found = settled(peer, draft.id)

    assert (found.found, peer.things) == (Found.NOT_SENT, {})


def test_a_draft_that_cannot_be_taken_away_is_not_yet_not_sent(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    draft = peer.made("post", {"message": TEXT})

    with pytest.raises(NotSent):
        settled(peer, draft.id, faults=(Fault("DELETE *", "answer", status=503, times=2),))


def test_a_post_that_cannot_be_read_is_found_among_those_of_the_page(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)
    peer.made("post", {"message": "autre chose"}, shown=True)
    post = peer.made("post", {"message": TEXT}, shown=True)
    body = json.dumps(error(100, 33).json).encode()

    found = settled(peer, post.id, faults=(Fault("GET */10*_*", "answer", status=400, body=body),))

    assert (found.found, found.provider_id) == (Found.SENT, post.id)


def test_what_facebook_knows_nothing_of_is_left_to_a_person_in_the_end(tmp_path: Path) -> None:
    peer = FacebookPeer(tmp_path)

    first = settled(peer, f"{PAGE}_1")
    peer.clock.advance(timedelta(hours=3))
    last = settled(peer, f"{PAGE}_1")

    assert (first.found, first.look_at) == (Found.OPEN, WENT + timedelta(minutes=10))
    assert (last.found, last.look_at) == (Found.OPEN, None)


def test_a_far_end_without_the_picture_is_no_picture(tmp_path: Path) -> None:
    """Show that the far end looks at what it is handed."""
    peer = FacebookPeer(tmp_path)
    (tmp_path / "bouquet.gif").write_bytes(picture("GIF"))

    assert isinstance(sent(peer, with_media(peer, ("bouquet.gif", ""))), Refused)
