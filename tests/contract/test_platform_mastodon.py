"""What Mastodon is asked to publish, what it may refuse, and how a post is found again among others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from peer_mastodon import MastodonPeer
from platform_peers import WENT, picture
from support.fault_proxy import Fault, FaultProxy, fault_proxy

from campaigns.rendering import Content
from scheduler.channels.base import Attempted, Evidence, Found, Message
from scheduler.channels.platforms.mastodon import MastodonChannel
from scheduler.errors import ChannelDown, NoAccount, NotSent, Refused, Unknown

T = TypeVar("T")
STATUSES = "POST /api/v1/statuses"
LISTED = "GET /api/v1/accounts/7/statuses"
WORDS = (
    "Saint-Valentin : -20 % & livraison offerte <3\n\nMerci @lea@other.example et @paul !\n"
    "https://biksouv.example/offres/saint-valentin/bouquets?taille=grande&couleur=rouge #SaintValentin"
)


@pytest.fixture
def far(tmp_path: Path) -> MastodonPeer:
    return MastodonPeer(tmp_path)


def run(
    far: MastodonPeer, do: Callable[[MastodonChannel, FaultProxy], Awaitable[T]], *faults: Fault, **fields: str
) -> T:
    async def scenario() -> T:
        async with far.serve() as port, fault_proxy(port) as proxy:
            proxy.script(*faults)
            channel = far.channel(proxy.port, **fields)
            try:
                return await do(channel, proxy)
            finally:
                await channel.close()

    return asyncio.run(scenario())


def post(far: MastodonPeer, text: str = WORDS, *media: str, **changes: Any) -> Message:
    return far.message(content=Content("", text, media=tuple((file, "Un bouquet") for file in media)), **changes)


async def marked(handle: str = "") -> None:
    """Stand for the mark."""


def found(
    far: MastodonPeer,
    message: Message,
    *faults: Fault,
    meanwhile: Callable[[], object] = lambda: None,
    lost: str = "drop",
    same_words: bool = True,
) -> Evidence:
    """Send a message whose answer is lost, and return what is found of it two minutes later."""

    async def do(channel: MastodonChannel, proxy: FaultProxy) -> Evidence:
        handles: list[str] = []

        async def mark(handle: str = "") -> None:
            handles.append(handle)

        with pytest.raises(Unknown):
            await channel.send(message, mark)
        meanwhile()
        far.clock.advance(timedelta(minutes=2))
        proxy.script(*faults)
        now = message if same_words else post(far, "Des mots tout autres")
        return await channel.settle(Attempted(now, same_words, handles[0], 1, WENT))

    return run(far, do, Fault(STATUSES, lost))  # type: ignore[arg-type]


def test_a_post_has_its_key_its_language_and_who_may_see_it(far: MastodonPeer) -> None:
    async def do(channel: MastodonChannel, proxy: FaultProxy) -> tuple[str, dict[str, Any]]:
        await channel.send(post(far, "Bonjour", "bouquet.png"), marked)
        return proxy.seen[-1].headers["idempotency-key"], proxy.seen[-1].json

    key, fields = run(far, do, visibility="unlisted", language="fr")

    assert key == "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    assert fields == {"status": "Bonjour", "visibility": "unlisted", "language": "fr", "media_ids": ["500"]}
    assert far.media["500"]["description"] == "Un bouquet"
    assert far.media["500"]["data"] == picture()


def test_without_a_word_on_it_a_post_is_public_and_in_the_accounts_language(far: MastodonPeer) -> None:
    async def do(channel: MastodonChannel, proxy: FaultProxy) -> dict[str, Any]:
        await channel.send(post(far, "Bonjour"), marked)
        return proxy.seen[-1].json

    assert run(far, do) == {"status": "Bonjour", "visibility": "public"}


def test_the_servers_own_limits_count_and_are_asked_once(far: MastodonPeer) -> None:
    far.limits["statuses"] = {"max_characters": 60, "max_media_attachments": 1, "characters_reserved_per_url": 10}
    link = "https://biksouv.example/" + "a" * 100

    async def do(channel: MastodonChannel, proxy: FaultProxy) -> list[str]:
        said = []
        for text, media in (("a" * 50 + link, ()), ("a" * 51 + link, ()), ("b", ("bouquet.png", "bouquet.png"))):
            try:
                await channel.send(post(far, text, *media), marked)
                said.append("sent")
            except Refused as error:
                said.append(error.message)
        assert proxy.count("GET /api/v2/instance") == 1
        assert proxy.count("POST *") == 1
        return said

    assert run(far, do) == [
        "sent",
        "the text has 61 characters as this server counts them: expected at most 60",
        "the post has 2 media: this server takes at most 1",
    ]


def test_a_server_without_the_newer_page_is_asked_the_older_one(far: MastodonPeer) -> None:
    far.old = True

    async def do(channel: MastodonChannel, proxy: FaultProxy) -> str:
        with pytest.raises(Refused) as caught:
            await channel.send(post(far, "a" * 5001), marked)
        return caught.value.message

    assert run(far, do) == "the text has 5001 characters as this server counts them: expected at most 5000"


def test_a_picture_that_is_too_large_for_the_server_is_made_smaller(far: MastodonPeer) -> None:
    far.limits["media_attachments"]["image_matrix_limit"] = 300

    async def do(channel: MastodonChannel, proxy: FaultProxy) -> bytes:
        await channel.send(post(far, "Petit", "bouquet.png"), marked)
        return bytes(far.media["500"]["data"])

    assert run(far, do).startswith(b"\xff\xd8")


def test_media_that_are_never_ready_put_the_post_off(far: MastodonPeer) -> None:
    far.slow = 99

    async def do(channel: MastodonChannel, proxy: FaultProxy) -> str:
        with pytest.raises(NotSent) as caught:
            await channel.send(post(far, "Bonjour", "bouquet.png"), marked)
        return caught.value.message

    assert run(far, do) == "Mastodon is still making bouquet.png ready after 0 seconds"
    assert far.published() == []


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, ChannelDown, "Mastodon answered 401 (The access token was revoked)"),
        (403, ChannelDown, "Mastodon answered 403 (The access token was revoked)"),
        (404, ChannelDown, "Mastodon answered 404 (The access token was revoked)"),
        (413, Refused, "Mastodon answered 413 (The access token was revoked)"),
        (422, Refused, "Mastodon answered 422 (The access token was revoked)"),
    ],
)
def test_a_refusal_is_told_in_the_servers_own_words(
    far: MastodonPeer, status: int, kind: type[Exception], words: str
) -> None:
    fault = Fault(STATUSES, "answer", status, b'{"error": "The access token was revoked"}')

    async def do(channel: MastodonChannel, proxy: FaultProxy) -> Exception:
        with pytest.raises(kind) as caught:
            await channel.send(post(far), marked)
        return caught.value

    assert getattr(run(far, do, fault), "message", "") == words


def test_the_servers_own_header_says_how_long_to_wait(far: MastodonPeer) -> None:
    fault = Fault(STATUSES, "answer", 429, headers={"X-RateLimit-Reset": "2027-02-11T09:05:00.123Z"})

    async def do(channel: MastodonChannel, proxy: FaultProxy) -> float:
        with pytest.raises(NotSent) as caught:
            await channel.send(post(far), marked)
        assert caught.value.retry_at is not None
        return (caught.value.retry_at - WENT).total_seconds()

    assert run(far, do, fault) == 300.123


def test_links_tags_mentions_and_signs_are_the_same_words_in_html(far: MastodonPeer) -> None:
    evidence = found(far, post(far))

    assert evidence == Evidence(
        Found.SENT, "stands at https://mastodon.example/@biksouv/109000000000000000", "109000000000000000"
    )


def test_a_post_is_found_behind_many_others(far: MastodonPeer) -> None:
    far.page = 3

    def busy() -> None:
        for number in range(20):
            far.posted(f"Autre chose, numéro {number}")

    assert found(far, post(far), meanwhile=busy).provider_id == "109000000000000000"


def test_a_post_before_the_attempt_is_not_the_attempts(far: MastodonPeer) -> None:
    far.posted(WORDS)

    evidence = found(far, post(far), lost="cut")

    assert evidence == Evidence(Found.NOT_SENT, "not among the 0 posts of the account since the attempt")


def test_somebody_elses_post_meanwhile_is_not_ours(far: MastodonPeer) -> None:
    evidence = found(far, post(far), lost="cut", meanwhile=lambda: far.posted("Le magasin ouvre à dix heures."))

    assert evidence == Evidence(Found.NOT_SENT, "not among the 1 posts of the account since the attempt")


def test_words_that_are_nearly_ours_are_left_to_a_person(far: MastodonPeer) -> None:
    evidence = found(far, post(far), lost="cut", meanwhile=lambda: far.posted(WORDS.replace("-20 %", "-30 %")))

    assert evidence.found is Found.OPEN
    assert evidence.look_at is None
    assert "https://mastodon.example/@biksouv/109000000000000000" in evidence.words


def test_our_words_with_another_number_of_pictures_are_left_to_a_person(far: MastodonPeer) -> None:
    evidence = found(far, post(far), lost="cut", meanwhile=lambda: far.posted(WORDS, "77"))

    assert evidence.found is Found.OPEN


def test_after_an_edit_the_attempts_own_words_are_still_found(far: MastodonPeer) -> None:
    assert found(far, post(far), same_words=False).found is Found.SENT


def test_after_an_edit_another_post_is_left_to_a_person(far: MastodonPeer) -> None:
    evidence = found(far, post(far), lost="cut", same_words=False, meanwhile=lambda: far.posted("Tout autre chose"))

    assert evidence.found is Found.OPEN


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'[{"id": "1"}]', b"[17]"])
def test_a_list_that_cannot_be_read_proves_nothing(far: MastodonPeer, body: bytes) -> None:
    with pytest.raises(NotSent):
        found(far, post(far), Fault(LISTED, "answer", 200, body), lost="cut")


def test_more_posts_than_anybody_reads_are_left_to_a_person(far: MastodonPeer) -> None:
    far.page = 1

    def flood() -> None:
        for number in range(30):
            far.posted(f"Numéro {number}")

    assert found(far, post(far), lost="cut", meanwhile=flood).found is Found.OPEN


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"visibility": "direct"}, "cannot read CAMPAIGN_ACCOUNTS__MASTODON__VISIBILITY"),
        ({"language": "francais"}, "cannot read CAMPAIGN_ACCOUNTS__MASTODON__LANGUAGE"),
        ({"endpoint": ""}, "the account of mastodon has no endpoint"),
        ({"endpoint": "http://mastodon.example"}, "cannot use CAMPAIGN_ACCOUNTS__MASTODON__ENDPOINT"),
        ({"token": ""}, "the account of mastodon has no token"),
    ],
)
def test_an_account_that_cannot_be_used_says_which_field(far: MastodonPeer, fields: dict[str, str], words: str) -> None:
    async def do(channel: MastodonChannel, proxy: FaultProxy) -> str:
        with pytest.raises(NoAccount) as caught:
            await channel.send(post(far), marked)
        assert proxy.seen == []
        return caught.value.message

    assert words in run(far, do, **fields)
