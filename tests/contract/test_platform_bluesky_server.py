"""The Bluesky channel and the reference server itself: one record whatever happens, sessions that end, refusals."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import urllib.parse
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError

import pytest
from peer_bluesky import BlueskyPeer
from platform_peers import picture, tls
from pydantic import SecretStr
from support.fault_proxy import Fault, fault_proxy
from support.pds import Pds, minted, running

from campaigns.rendering import Content
from scheduler.channels.base import Above, Attempted, Found, Message, Receipt
from scheduler.channels.platforms.bluesky import BlueskyChannel, record_key
from scheduler.channels.platforms.media import MediaFolder
from scheduler.channels.platforms.tokens import Kept, MemoryKeeper
from scheduler.clock import SystemClock
from scheduler.errors import ChannelDown, NotSent, Unknown

pytestmark = pytest.mark.pds

PUT = "POST /xrpc/com.atproto.repo.putRecord"
TEXT = "L’offre est là 💐 https://biksouv.example/offre?a=1. Merci @leamartin.test et @nobody.test #SaintValentin"
T = TypeVar("T")


@pytest.fixture(scope="module")
def pds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pds]:
    with running(tmp_path_factory.mktemp("pds")) as server:
        server.account("leamartin.test")
        yield server


@dataclasses.dataclass
class Shop:
    """An account at the server, and what posts for it."""

    pds: Pds
    handle: str
    did: str
    owner: str
    password: str
    folder: Path
    keeper: MemoryKeeper = dataclasses.field(default_factory=MemoryKeeper)

    def channel(self, port: int = 0) -> BlueskyChannel:
        account = {
            "identifier": self.handle,
            "app_password": self.password,
            "endpoint": f"http://127.0.0.1:{port or self.pds.port}",
            "language": "fr",
        }
        return BlueskyChannel(
            {"bluesky": {name: SecretStr(value) for name, value in account.items()}},
            SystemClock(),
            keeper=self.keeper,
            media=MediaFolder(self.folder),
            tls=tls(),
        )

    def message(self, key: str, text: str = TEXT, *media: str) -> Message:
        moment = SystemClock().now().replace(microsecond=0)
        content = Content("", text, media=tuple((file, "Un bouquet de roses") for file in media))
        usual = BlueskyPeer(self.folder).message(key=key, content=content, created_at=moment)
        return dataclasses.replace(usual, due_at=moment)

    def records(self) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"repo": self.did, "collection": "app.bsky.feed.post", "limit": 100})
        found: list[dict[str, Any]] = self.pds.ask(f"com.atproto.repo.listRecords?{query}")["records"]
        return found

    def end_token(self, *, believed: bool) -> None:
        """Let the kept token have ended; where its life is `believed`, only the server knows, as when our clock errs."""
        kept = self.keeper.get("bluesky")
        assert kept is not None
        now = SystemClock().now()
        old = minted(self.did, int(now.timestamp()) - 60)
        self.keeper.put("bluesky", Kept(old, kept.refresh, now + timedelta(hours=2 if believed else -2), kept.source))

    def latest(self) -> str:
        """The revision of the repository: it grows with every commit."""
        return str(self.pds.ask(f"com.atproto.sync.getLatestCommit?did={self.did}")["rev"])


@pytest.fixture
def shop(pds: Pds, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    handle = f"biksouv-{hashlib.sha256(request.node.name.encode()).hexdigest()[:8]}.test"
    made = pds.account(handle)
    return Shop(pds, handle, made["did"], made["accessJwt"], made["app_password"], tmp_path)


async def marked(handle: str = "") -> None:
    assert len(handle) == 13


def run(shop: Shop, do: Callable[[BlueskyChannel], Coroutine[Any, Any, T]], port: int = 0) -> T:
    async def scenario() -> T:
        channel = shop.channel(port)
        try:
            return await do(channel)
        finally:
            await channel.close()

    return asyncio.run(scenario())


def test_a_post_stands_there_with_picture_links_tag_and_mention(shop: Shop) -> None:
    (shop.folder / "bouquet.jpg").write_bytes(picture("JPEG", (80, 40)))
    message = shop.message("one", TEXT, "bouquet.jpg")

    receipt = run(shop, lambda channel: channel.send(message, marked))

    (record,) = shop.records()
    assert record["uri"] == receipt.provider_id
    value = record["value"]
    raw = TEXT.encode()
    told = [
        (raw[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(), facet["features"][0]["$type"])
        for facet in value["facets"]
    ]
    assert value["text"] == TEXT
    assert value["langs"] == ["fr"]
    assert told == [
        ("https://biksouv.example/offre?a=1", "app.bsky.richtext.facet#link"),
        ("@leamartin.test", "app.bsky.richtext.facet#mention"),
        ("#SaintValentin", "app.bsky.richtext.facet#tag"),
    ]
    (image,) = value["embed"]["images"]
    assert image["alt"] == "Un bouquet de roses"
    assert image["aspectRatio"] == {"width": 80, "height": 40}


def test_a_thread_hangs_together(shop: Shop) -> None:
    async def thread(channel: BlueskyChannel) -> list[str]:
        names: list[str] = []
        for number, text in enumerate(("One of three", "Two of three", "Three of three")):
            message = shop.message(f"thread-{number}", text)
            if names:
                message = dataclasses.replace(message, above=Above(names[-1], names[0]))
            names.append((await channel.send(message, marked)).provider_id)
        return names

    first, second, third = run(shop, thread)

    found = {record["uri"]: record for record in shop.records()}
    one, two = ({"uri": name, "cid": found[name]["cid"]} for name in (first, second))
    assert "reply" not in found[first]["value"]
    assert found[second]["value"]["reply"] == {"root": one, "parent": one}
    assert found[third]["value"]["reply"] == {"root": one, "parent": two}


def test_a_large_picture_is_made_to_fit(shop: Shop) -> None:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.effect_noise((1400, 1100), 90).convert("RGB").save(out, "PNG")
    (shop.folder / "noise.png").write_bytes(out.getvalue())
    assert len(out.getvalue()) > 1_000_000

    run(shop, lambda channel: channel.send(shop.message("large", "Bruit", "noise.png"), marked))

    (record,) = shop.records()
    assert record["value"]["embed"]["images"][0]["image"]["size"] <= 1_000_000


def test_twenty_at_once_make_one_record_and_one_commit(shop: Shop) -> None:
    message = shop.message("race", "Une seule fois")

    async def race(channel: BlueskyChannel) -> list[Receipt]:
        await channel.access(message).sessions.current()
        return await asyncio.gather(*(channel.send(message, marked) for _ in range(20)))

    receipts = run(shop, race)

    assert len(shop.records()) == 1
    assert len({receipt.provider_id for receipt in receipts}) == 1
    assert sum(receipt.detail.startswith("was there already") for receipt in receipts) == 19


def test_other_words_under_the_same_key_change_nothing(shop: Shop) -> None:
    first = shop.message("words", "Les premiers mots")
    run(shop, lambda channel: channel.send(first, marked))
    before = shop.latest()

    second = dataclasses.replace(first, content=Content("", "D’autres mots"))
    receipt = run(shop, lambda channel: channel.send(second, marked))

    assert receipt.detail.startswith("was there already, with earlier words")
    assert [record["value"]["text"] for record in shop.records()] == ["Les premiers mots"]
    assert shop.latest() == before


def test_a_lost_answer_is_found_and_the_repeat_is_none(shop: Shop) -> None:
    message = shop.message("lost", "Sans réponse")

    async def scenario() -> tuple[Found, str, Receipt]:
        async with fault_proxy(shop.pds.port) as proxy:
            proxy.script(Fault(PUT, "drop"))
            channel = shop.channel(proxy.port)
            with pytest.raises(Unknown):
                await channel.send(message, marked)
            found = await channel.settle(Attempted(message, True, record_key(message), 1, message.created_at))
            again = await channel.send(message, marked)
            await channel.close()
            return found.found, found.provider_id, again

    found, name, again = asyncio.run(scenario())

    assert found is Found.SENT
    assert again.provider_id == name
    assert again.detail.startswith("was there already")
    assert len(shop.records()) == 1


def test_what_never_arrived_is_not_found(shop: Shop) -> None:
    message = shop.message("never", "Jamais arrivé")

    found = run(
        shop, lambda channel: channel.settle(Attempted(message, True, record_key(message), 1, message.created_at))
    )

    assert found.found is Found.NOT_SENT


def test_an_expired_token_is_renewed_without_a_log_in(shop: Shop) -> None:
    (shop.folder / "bouquet.png").write_bytes(picture())

    async def scenario() -> list[str]:
        async with fault_proxy(shop.pds.port) as proxy:
            channel = shop.channel(proxy.port)
            message = shop.message("expired", "Encore là", "bouquet.png")
            await channel.access(message).sessions.current()
            shop.end_token(believed=True)
            await channel.send(message, marked)
            await channel.close()
            return [request.route.rpartition(".")[2] for request in proxy.seen]

    log_in, *rest = asyncio.run(scenario())

    assert log_in == "createSession"
    assert rest == ["uploadBlob", "refreshSession", "uploadBlob", "putRecord"]
    assert len(shop.records()) == 1


def test_a_token_refused_at_the_post_itself_is_renewed_at_the_next_attempt(shop: Shop) -> None:
    run(shop, lambda channel: channel.access(shop.message("x")).sessions.current())
    shop.end_token(believed=True)
    message = shop.message("refused", "Au second essai")

    async def twice(channel: BlueskyChannel) -> Receipt:
        with pytest.raises(NotSent, match="ExpiredToken"):
            await channel.send(message, marked)
        return await channel.send(message, marked)

    receipt = run(shop, twice)

    assert not receipt.detail.startswith("was there")
    assert len(shop.records()) == 1


def test_a_revoked_app_password_ends_with_the_session_and_says_what_to_do(shop: Shop) -> None:
    run(shop, lambda channel: channel.send(shop.message("before", "Avant"), marked))
    shop.pds.ask("com.atproto.server.revokeAppPassword", {"name": "campaign"}, token=shop.owner)
    shop.end_token(believed=False)

    with pytest.raises(ChannelDown, match="AuthenticationRequired") as caught:
        run(shop, lambda channel: channel.send(shop.message("after", "Après"), marked))

    assert "app password" in caught.value.remedy
    assert [record["value"]["text"] for record in shop.records()] == ["Avant"]


def test_an_account_taken_down_stops_the_channel(shop: Shop) -> None:
    run(shop, lambda channel: channel.send(shop.message("before", "Avant"), marked))
    subject = {"$type": "com.atproto.admin.defs#repoRef", "did": shop.did}
    shop.pds.ask(
        "com.atproto.admin.updateSubjectStatus",
        {"subject": subject, "takedown": {"applied": True, "ref": "1"}},
        admin=True,
    )

    with pytest.raises(ChannelDown, match="AccountTakedown"):
        run(shop, lambda channel: channel.send(shop.message("after", "Après"), marked))


def test_too_many_log_ins_wait_until_the_server_says(shop: Shop) -> None:
    login = {"identifier": shop.handle, "password": "wrong"}
    codes = []
    for _ in range(31):
        with pytest.raises(HTTPError) as caught:
            shop.pds.ask("com.atproto.server.createSession", login)
        codes.append(caught.value.code)
        caught.value.close()
    assert codes[-1] == 429

    with pytest.raises(NotSent, match="RateLimitExceeded") as refused:
        run(shop, lambda channel: channel.send(shop.message("limited", "Trop"), marked))

    assert refused.value.retry_at is not None
    wait = refused.value.retry_at - SystemClock().now()
    assert timedelta(seconds=30) < wait <= timedelta(minutes=5)


def test_the_fake_of_the_other_tests_answers_as_the_server_does(shop: Shop, tmp_path: Path) -> None:
    fake = BlueskyPeer(tmp_path)
    message = shop.message("judge", "Pareil")

    async def asked(port: int, channel: BlueskyChannel) -> list[tuple[int, str, list[str]]]:
        async with fault_proxy(port) as proxy:
            session = await channel.access(message).sessions.current()
            web = proxy.port
            put = {
                "repo": session.did,
                "collection": "app.bsky.feed.post",
                "rkey": record_key(message),
                "record": {"$type": "app.bsky.feed.post", "text": "a", "createdAt": "2027-02-11T09:00:00.000Z"},
                "swapRecord": None,
            }
            changed = {**put, "record": {**put["record"], "text": "b"}}  # type: ignore[dict-item]
            odd = {**put, "rkey": "campaign-valentines-t1"}
            missing = f"?repo={session.did}&collection=app.bsky.feed.post&rkey=3aaaaaaaaaaaa"
            pds = Pds(web)
            found = []
            for name, fields, token in (
                ("com.atproto.repo.putRecord", put, session.access),
                ("com.atproto.repo.putRecord", put, session.access),
                ("com.atproto.repo.putRecord", changed, session.access),
                ("com.atproto.repo.putRecord", odd, session.access),
                (f"com.atproto.repo.getRecord{missing}", None, ""),
                ("com.atproto.identity.resolveHandle?handle=nobody.test", None, ""),
                ("com.atproto.repo.putRecord", put, "no.token.this"),
                ("com.atproto.server.createSession", {"identifier": "nobody.test", "password": "x"}, ""),
            ):
                found.append(await asyncio.to_thread(_answer, pds, name, fields, token))
            return found

    async def scenario() -> tuple[object, object]:
        real = shop.channel()
        true = await asked(shop.pds.port, real)
        await real.close()
        async with fake.serve() as port:
            played = fake.channel(port)
            assert isinstance(played, BlueskyChannel)
            false = await asked(port, played)
            await played.close()
        return true, false

    true, false = asyncio.run(scenario())

    assert false == true


def _answer(pds: Pds, name: str, fields: object, token: str) -> tuple[int, str, list[str]]:
    try:
        found = pds.ask(name, fields, token=token)
    except HTTPError as error:
        with error:
            return error.code, str(json.loads(error.read()).get("error")), []
    return 200, "", sorted(found)
