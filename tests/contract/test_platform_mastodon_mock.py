"""The Mastodon channel and a server that others wrote for their clients, read with the usual client library."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from peer_mastodon import MastodonPeer
from platform_peers import picture, tls
from pydantic import SecretStr
from support.fault_proxy import Fault, fault_proxy

from campaigns.rendering import Content
from scheduler.channels.base import Above, Attempted, Evidence, Found, Message, Receipt
from scheduler.channels.platforms.mastodon import MastodonChannel
from scheduler.channels.platforms.media import MediaFolder
from scheduler.clock import SystemClock
from scheduler.errors import Unknown


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """A server in a process of its own, its posts in memory."""
    with closing(create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "mastodon_mock",
        "serve",
        "--in-memory",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "running on" in line:
                break
        assert "running on" in said[-1], "".join(said)
        yield port
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def reader(server: int) -> Any:
    """The usual client library, as somebody who reads what was posted."""
    from mastodon import Mastodon

    return Mastodon(access_token="mock_token", api_base_url=f"http://127.0.0.1:{server}")


def channel(port: int, folder: Path) -> MastodonChannel:
    account = {"token": "mock_token", "endpoint": f"http://127.0.0.1:{port}", "language": "fr"}
    fields = {name: SecretStr(value) for name, value in account.items()}
    return MastodonChannel({"mastodon": fields}, SystemClock(), media=MediaFolder(folder), tls=tls())


def post(folder: Path, key: str, text: str) -> Message:
    now = SystemClock().now()
    content = Content("", text, media=(("bouquet.png", "Un bouquet de roses"),))
    return replace(MastodonPeer(folder).message(key=key, content=content), created_at=now, due_at=now)


def test_a_post_is_there_for_a_reader(server: int, reader: Any, tmp_path: Path) -> None:
    (tmp_path / "bouquet.png").write_bytes(picture())
    handles: list[str] = []

    async def mark(handle: str = "") -> None:
        handles.append(handle)

    async def scenario() -> Receipt:
        one = channel(server, tmp_path)
        receipt = await one.send(post(tmp_path, "key-of-the-first", "Bonjour à tous #fleurs"), mark)
        await one.close()
        return receipt

    receipt = asyncio.run(scenario())

    status = reader.status(receipt.provider_id)
    assert "Bonjour à tous" in status.content
    assert status.language == "fr"
    assert status.visibility == "public"
    assert [media.description for media in status.media_attachments] == ["Un bouquet de roses"]
    assert len(handles) == 1


def test_a_reply_hangs_on_its_post(server: int, reader: Any, tmp_path: Path) -> None:
    async def mark(handle: str = "") -> None:
        """Stand for the mark."""

    def said(key: str, text: str) -> Message:
        return replace(post(tmp_path, key, text), content=Content("", text))

    async def scenario() -> list[Receipt]:
        one = channel(server, tmp_path)
        first = await one.send(said("thread-1", "Un sur deux"), mark)
        above = Above(first.provider_id, first.provider_id)
        second = await one.send(replace(said("thread-2", "Deux sur deux"), above=above), mark)
        await one.close()
        return [first, second]

    first, second = asyncio.run(scenario())

    assert reader.status(first.provider_id).in_reply_to_id is None
    assert str(reader.status(second.provider_id).in_reply_to_id) == first.provider_id


def test_the_same_key_twice_is_one_post_within_the_hour(server: int, reader: Any, tmp_path: Path) -> None:
    async def mark(handle: str = "") -> None:
        """Stand for the mark."""

    async def scenario() -> list[Receipt]:
        one = channel(server, tmp_path)
        message = post(tmp_path, "key-of-the-second", "Deux fois la même clé")
        receipts = [await one.send(message, mark), await one.send(message, mark)]
        await one.close()
        return receipts

    first, second = asyncio.run(scenario())

    assert first.provider_id == second.provider_id
    me = reader.account_verify_credentials()
    assert sum("Deux fois la même clé" in each.content for each in reader.account_statuses(me.id)) == 1


@pytest.mark.parametrize(("do", "expected"), [("drop", Found.SENT), ("cut", Found.NOT_SENT)])
def test_a_lost_answer_is_cleared_up_by_what_stands_there(
    server: int, do: Any, expected: Found, tmp_path: Path
) -> None:
    text = f"Une réponse perdue ({do}), voir https://biksouv.example/offres?a=1&b=2 #perdu"
    handles: list[str] = []

    async def mark(handle: str = "") -> None:
        handles.append(handle)

    async def scenario() -> Evidence:
        async with fault_proxy(server) as proxy:
            proxy.script(Fault("POST /api/v1/statuses", do))
            one, message = channel(proxy.port, tmp_path), post(tmp_path, f"key-of-{do}", text)
            began = SystemClock().now() - timedelta(seconds=1)
            with pytest.raises(Unknown):
                await one.send(message, mark)
            evidence = await one.settle(Attempted(message, True, handles[0], 1, began))
            await one.close()
            return evidence

    assert asyncio.run(scenario()).found is expected
