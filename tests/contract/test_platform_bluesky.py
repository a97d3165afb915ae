"""The Bluesky channel's sessions and records: few log-ins, nothing posted twice, no half-read answer believed."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from peer_bluesky import DID, FRIEND, PASSWORD, SIGNATURE, BlueskyPeer
from support.fault_proxy import Fault, FaultProxy, fault_proxy

from campaigns.rendering import Content
from scheduler.channels.base import Attempted, Found, Message, Receipt
from scheduler.channels.platforms.bluesky import BlueskyChannel, record_key
from scheduler.errors import ChannelDown, NotSent, Refused, Unknown
from scheduler.store.ledger import REPEATABLE

T = TypeVar("T")
PUT = "POST /xrpc/com.atproto.repo.putRecord"
GET = "GET /xrpc/com.atproto.repo.getRecord"


@pytest.fixture
def far(tmp_path: Path) -> BlueskyPeer:
    return BlueskyPeer(tmp_path)


def run(far: BlueskyPeer, do: Callable[[BlueskyChannel, FaultProxy], Awaitable[T]], *faults: Fault, **fields: str) -> T:
    async def scenario() -> T:
        async with far.serve() as port, fault_proxy(port) as proxy:
            proxy.script(*faults)
            channel = far.channel(proxy.port, **fields)
            assert isinstance(channel, BlueskyChannel)
            try:
                return await do(channel, proxy)
            finally:
                await channel.close()

    return asyncio.run(scenario())


def post(far: BlueskyPeer, text: str, *media: str, **changes: Any) -> Message:
    content = Content("", text, media=tuple((file, "Un bouquet") for file in media))
    return far.message(content=content, **changes)


async def marked(handle: str = "") -> None:
    """Stand for the mark."""


def refused(far: BlueskyPeer, message: Message, *faults: Fault) -> tuple[Exception, int]:
    """Return what sending raised, and how often the mark was awaited."""

    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> tuple[Exception, int]:
        marks: list[str] = []

        async def mark(handle: str = "") -> None:
            marks.append(handle)

        with pytest.raises((Refused, NotSent, ChannelDown, Unknown)) as caught:
            await channel.send(message, mark)
        return caught.value, len(marks)

    return run(far, do, *faults)


def test_a_repeat_needs_no_evidence_here() -> None:
    assert "bluesky" in REPEATABLE


def test_a_record_holds_what_was_planned(far: BlueskyPeer) -> None:
    text = "Merci @friend.example.org, @nobody.example.org : https://biksouv.example #fête"

    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> Receipt:
        return await channel.send(post(far, text, "bouquet.png"), marked)

    receipt = run(far, do, language="fr")

    (rkey,) = far.commits
    assert receipt.provider_id == f"at://{DID}/app.bsky.feed.post/{rkey}"
    assert receipt.detail == f"https://bsky.app/profile/{DID}/post/{rkey}"
    record = dict(far.records[rkey])
    image = record.pop("embed")["images"][0]
    assert {name: image[name] for name in ("alt", "aspectRatio")} == {
        "alt": "Un bouquet",
        "aspectRatio": {"width": 40, "height": 30},
    }
    assert record == {
        "$type": "app.bsky.feed.post",
        "text": text,
        "createdAt": "2027-02-11T09:00:00.000Z",
        "langs": ["fr"],
        "facets": [
            {
                "index": {"byteStart": 6, "byteEnd": 25},
                "features": [{"$type": "app.bsky.richtext.facet#mention", "did": FRIEND}],
            },
            {
                "index": {"byteStart": 49, "byteEnd": 72},
                "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://biksouv.example"}],
            },
            {
                "index": {"byteStart": 73, "byteEnd": 79},
                "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "fête"}],
            },
        ],
    }


def test_many_posts_and_restarts_take_one_log_in(far: BlueskyPeer) -> None:
    async def do(_: BlueskyChannel, proxy: FaultProxy) -> None:
        for number in range(30):
            channel = far.channel(proxy.port)
            await channel.send(post(far, f"Numéro {number}", key=f"key-{number}"), marked)
            await channel.close()
            far.clock.advance(timedelta(minutes=15))

    run(far, do)

    assert len(far.commits) == 30
    assert far.log_ins == 1


def test_two_posts_at_once_renew_the_session_once(far: BlueskyPeer) -> None:
    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> int:
        await channel.send(post(far, "Avant", key="before"), marked)
        far.clock.advance(timedelta(hours=3))
        await asyncio.gather(*(channel.send(post(far, f"{n}", key=f"key-{n}"), marked) for n in range(8)))
        return proxy.count("POST *.refreshSession")

    assert run(far, do) == 1
    assert far.log_ins == 1


def test_another_app_password_begins_a_session_of_its_own(far: BlueskyPeer) -> None:
    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> None:
        await channel.send(post(far, "Avant", key="before"), marked)
        other = far.channel(proxy.port, app_password="anot-her1-pass-word")
        with pytest.raises(ChannelDown, match="AuthenticationRequired"):
            await other.send(post(far, "Après", key="after"), marked)
        await other.close()

    run(far, do)

    assert far.published() == ["Avant"]


def test_a_password_revoked_and_a_token_ended_stop_the_channel(far: BlueskyPeer) -> None:
    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> str:
        await channel.send(post(far, "Avant", key="before"), marked)
        far.revoked = True
        far.clock.advance(timedelta(hours=3))
        with pytest.raises(ChannelDown) as caught:
            await channel.send(post(far, "Après", key="after"), marked)
        return caught.value.message

    words = run(far, do)

    assert words == "Bluesky answered 401 AuthenticationRequired (Invalid identifier or password)"
    assert PASSWORD not in words


@pytest.mark.parametrize(
    ("text", "media", "words"),
    [
        ("a" * 301, 0, "the text has 301 characters: Bluesky takes at most 300"),
        ("a", 5, "the post has 5 pictures: Bluesky takes at most 4"),
        (" ", 0, "the post has neither words nor pictures"),
    ],
)
def test_what_no_server_takes_is_refused_before_the_mark(far: BlueskyPeer, text: str, media: int, words: str) -> None:
    error, marks = refused(far, post(far, text, *["bouquet.png"] * media))

    assert isinstance(error, Refused)
    assert (error.message, marks) == (words, 0)


def test_earlier_words_under_the_key_count_as_sent(far: BlueskyPeer) -> None:
    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> Receipt:
        await channel.send(post(far, "Les premiers mots"), marked)
        return await channel.send(post(far, "D’autres mots"), marked)

    assert run(far, do).detail.startswith("was there already, with earlier words: https://bsky.app/profile/")
    assert far.published() == ["Les premiers mots"]


def test_where_something_is_there_and_cannot_be_read_the_outcome_is_open(far: BlueskyPeer) -> None:
    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> None:
        await channel.send(post(far, "Les premiers mots"), marked)
        proxy.script(Fault(GET, "answer", 200, b"<html>"))
        with pytest.raises(Unknown):
            await channel.send(post(far, "D’autres mots"), marked)

    run(far, do)


def test_a_post_that_somebody_took_away_is_not_made_again(far: BlueskyPeer) -> None:
    swap = Fault(PUT, "answer", 400, b'{"error": "InvalidSwap", "message": "Record was at null"}')

    error, _ = refused(far, post(far, "Repris"), swap)

    assert isinstance(error, Refused)
    assert error.message.endswith("the post was there and is gone")


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"value": "x"}'])
def test_a_record_that_cannot_be_read_proves_nothing(far: BlueskyPeer, body: bytes) -> None:
    message = post(far, "Peut-être")

    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> None:
        with pytest.raises(NotSent):
            await channel.settle(Attempted(message, True, record_key(message), 1, message.created_at))

    run(far, do, Fault(GET, "answer", 200, body))


@pytest.mark.parametrize("there", [True, False])
def test_an_attempt_is_settled_by_the_name_of_its_record(far: BlueskyPeer, there: bool) -> None:
    message = post(far, "Là ou pas")

    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> Found:
        if there:
            await channel.send(message, marked)
        edited = dataclasses.replace(message, content=Content("", "D’autres mots"))
        return (await channel.settle(Attempted(edited, False, record_key(message), 1, message.created_at))).found

    assert run(far, do) is (Found.SENT if there else Found.NOT_SENT)


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "InvalidRequest", Refused),
        (400, "BlobNotFound", NotSent),
        (400, "ExpiredToken", NotSent),
        (401, "AccountTakedown", ChannelDown),
        (413, "PayloadTooLarge", Refused),
        (500, "InternalServerError", Unknown),
        (501, "MethodNotImplemented", ChannelDown),
    ],
)
def test_what_the_server_says_of_a_post(far: BlueskyPeer, status: int, name: str, kind: type[Exception]) -> None:
    fault = Fault(PUT, "answer", status, b'{"error": "%s", "message": "so it is"}' % name.encode())

    error, marks = refused(far, post(far, "Bonjour"), fault)

    assert type(error) is kind
    assert (str(error).startswith(f"Bluesky answered {status} {name} (so it is)"), marks) == (True, 1)


def test_a_limit_lifts_when_the_server_says(far: BlueskyPeer) -> None:
    at = str(int(far.clock.now().timestamp()) + 240)
    fault = Fault(PUT, "answer", 429, b'{"error": "RateLimitExceeded"}', {"RateLimit-Reset": at})

    error, _ = refused(far, post(far, "Bonjour"), fault)

    assert isinstance(error, NotSent)
    assert error.retry_at == far.clock.now() + timedelta(minutes=4)


def test_a_token_that_many_find_ended_is_renewed_once(far: BlueskyPeer) -> None:
    async def do(channel: BlueskyChannel, proxy: FaultProxy) -> int:
        session = await channel.access(post(far, "x")).sessions.current()
        far.dead.add(f"Bearer {session.access}")
        posts = [post(far, f"{number}", "bouquet.png", key=f"key-{number}") for number in range(6)]
        await asyncio.gather(*(channel.send(each, marked) for each in posts))
        return proxy.count("POST *.refreshSession")

    assert run(far, do) == 1
    assert len(far.commits) == 6


def test_a_new_sessions_token_is_shown_to_nobody(far: BlueskyPeer) -> None:
    echo = Fault(PUT, "answer", 400, b'{"error": "InvalidRequest", "message": "{request}"}')

    error, marks = refused(far, post(far, "Bonjour"), echo)

    assert marks == 1
    assert "<secret>" in str(error)
    assert SIGNATURE not in str(error)
