"""What every channel promises, shown on each of them: the mark comes once and first, withheld means nothing goes."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest
from channel_peers import SHORT, WENT, Mark, Script, email_channel, offer, smtp_server
from provider_peers import NAMES, Far, provider_channel
from pydantic import SecretStr
from pytest_httpserver import HTTPServer

from scheduler.channels.base import Channel, Message, Receipt
from scheduler.channels.email.smtp import EmailChannel
from scheduler.channels.outbox import OutboxChannel
from scheduler.channels.recording import RecordingChannel
from scheduler.channels.task import TaskChannel
from scheduler.channels.webhook import WebhookChannel
from scheduler.clock import FixedClock
from scheduler.errors import Withheld


@dataclass(frozen=True)
class Rig:
    """One channel with its far end: what is there, by the keys of the messages, each time it arrived."""

    channel: Channel
    carries: str
    arrived: Callable[[], list[str]]

    def message(self, key: str) -> Message:
        return offer(channel=self.carries, key=key)


Setup = Callable[[], AbstractAsyncContextManager[Rig]]

OUTBOXES = ["outbox of email", "outbox of instagram", "outbox of sms", "outbox of webhook"]
KINDS = ["email", *NAMES, "webhook", *OUTBOXES, "task", "recording"]


@pytest.fixture(params=KINDS)
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Setup:
    """Return what starts the channel and its far end, inside the running loop."""
    kind, _, carried = str(request.param).partition(" of ")

    @asynccontextmanager
    async def email() -> AsyncIterator[Rig]:
        script = Script()
        async with smtp_server(script) as port, email_channel(port) as channel:
            yield Rig(channel, "email", lambda: [str(message_from_bytes(mail)["Message-ID"]) for mail in script.mails])

    @asynccontextmanager
    async def provider() -> AsyncIterator[Rig]:
        far = Far(kind)
        async with provider_channel(far) as channel:
            yield Rig(channel, "email", lambda: far.taken)

    @asynccontextmanager
    async def webhook() -> AsyncIterator[Rig]:
        server: HTTPServer = request.getfixturevalue("httpserver")
        server.expect_request("/hook", method="POST").respond_with_data("", status=204)
        account = {"url": SecretStr(server.url_for("/hook")), "allow_private": SecretStr("true")}
        channel = WebhookChannel({"webhook": account}, FixedClock(WENT))
        try:
            yield Rig(channel, "webhook", lambda: [posted.headers["webhook-id"] for posted, _ in server.log])
        finally:
            await channel.close()

    @asynccontextmanager
    async def outbox() -> AsyncIterator[Rig]:
        channel = OutboxChannel(tmp_path / "outbox", carried)

        def arrived() -> list[str]:
            files = tmp_path.glob("outbox/valentines-2027/*")
            return sorted(path.name for path in files if path.suffix not in (".html", ".part"))

        yield Rig(channel, carried, arrived)

    @asynccontextmanager
    async def task() -> AsyncIterator[Rig]:
        # A task's far end is the ledger: what counts is the receipt, so nothing can have arrived before it.
        yield Rig(TaskChannel("call"), "call", list)

    @asynccontextmanager
    async def recording() -> AsyncIterator[Rig]:
        channel = RecordingChannel("sms")
        yield Rig(channel, "sms", lambda: [message.key for message in channel.messages])

    if kind in NAMES:
        return provider
    return {"email": email, "webhook": webhook, "outbox": outbox, "task": task, "recording": recording}[kind]


def test_the_mark_is_awaited_once_and_before_anything_arrives(setup: Setup) -> None:
    async def scenario() -> tuple[Mark, Receipt]:
        async with setup() as rig:
            mark = Mark(lambda: len(rig.arrived()))
            return mark, await rig.channel.send(rig.message("one"), mark)

    mark, receipt = asyncio.run(scenario())

    assert mark.calls == 1
    assert mark.seen == [0]
    assert receipt.provider_id != ""


def test_withheld_passes_and_lets_nothing_out(setup: Setup) -> None:
    async def scenario() -> list[str]:
        async with setup() as rig:
            with pytest.raises(Withheld, match="unsubscribed"):
                await rig.channel.send(rig.message("one"), Mark(raises=Withheld("suppressed", "unsubscribed")))
            return rig.arrived()

    assert asyncio.run(scenario()) == []


def test_any_other_error_of_the_mark_passes_and_lets_nothing_out(setup: Setup) -> None:
    async def scenario() -> list[str]:
        async with setup() as rig:
            with pytest.raises(OSError, match="disk full"):
                await rig.channel.send(rig.message("one"), Mark(raises=OSError("disk full")))
            return rig.arrived()

    assert asyncio.run(scenario()) == []


def test_after_a_withheld_message_the_next_one_goes_alone(setup: Setup) -> None:
    async def scenario() -> tuple[str, int, int]:
        async with setup() as rig:
            with pytest.raises(Withheld):
                await rig.channel.send(rig.message("one"), Mark(raises=Withheld("suppressed", "unsubscribed")))
            before = len(rig.arrived())
            await rig.channel.send(rig.message("two"), Mark())
            return rig.carries, before, len(rig.arrived())

    carries, before, after = asyncio.run(scenario())

    assert (before, after) == (0, 0 if carries == "call" else 1)


def test_many_at_once_are_each_marked_once_and_arrive_once(setup: Setup) -> None:
    async def scenario() -> tuple[str, list[int], list[str]]:
        async with setup() as rig:
            marks = [Mark() for _ in range(9)]
            await asyncio.gather(*(rig.channel.send(rig.message(f"m{n}"), mark) for n, mark in enumerate(marks)))
            return rig.carries, [mark.calls for mark in marks], rig.arrived()

    carries, calls, arrived = asyncio.run(scenario())

    assert calls == [1] * 9
    assert len(arrived) == len(set(arrived)) == (0 if carries == "call" else 9)


def test_a_closed_channel_may_be_used_again(setup: Setup) -> None:
    async def scenario() -> Receipt:
        async with setup() as rig:
            await rig.channel.send(rig.message("one"), Mark())
            await rig.channel.close()
            return await rig.channel.send(rig.message("two"), Mark())

    assert isinstance(asyncio.run(scenario()), Receipt)


def test_it_says_which_channel_it_is(setup: Setup) -> None:
    async def scenario() -> tuple[str, str]:
        async with setup() as rig:
            return rig.channel.name, rig.carries

    name, carries = asyncio.run(scenario())

    assert name in (carries, "call")


def test_a_repeat_on_the_outbox_replaces_the_first(tmp_path: Path) -> None:
    channel = OutboxChannel(tmp_path, "sms")
    message = offer(channel="sms")

    receipts = [asyncio.run(channel.send(message, Mark())) for _ in range(2)]

    assert receipts[0] == receipts[1]
    assert len(list(tmp_path.glob("*/*.txt"))) == 1
    assert (tmp_path / "index.html").read_text().count("<tr><td>") == 1


def test_a_repeat_by_webhook_has_the_same_id_and_body(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=204)
    account = {"url": SecretStr(httpserver.url_for("/hook")), "allow_private": SecretStr("true")}
    message = offer(channel="webhook")

    async def scenario() -> None:
        for later in range(2):
            channel = WebhookChannel({"webhook": account}, FixedClock(WENT.replace(minute=31 + later)))
            await channel.send(message, Mark())
            await channel.close()

    asyncio.run(scenario())

    first, second = (posted for posted, _ in httpserver.log)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "0a1b2c3d4e5f"
    assert first.data == second.data
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert json.loads(first.data)["data"]["touch"] == "offer-email"


def test_a_repeat_by_mail_has_the_same_bytes() -> None:
    script = Script()

    async def scenario() -> None:
        async with smtp_server(script) as port, email_channel(port, timeouts=SHORT) as channel:
            for _ in range(2):
                await channel.send(dataclasses.replace(offer()), Mark())

    asyncio.run(scenario())

    assert script.mails[0] == script.mails[1]


def test_one_mail_channel_serves_one_loop_after_another() -> None:
    script = Script()
    channels: list[EmailChannel] = []

    async def scenario() -> None:
        async with smtp_server(script) as port, email_channel(port) as fresh:
            channel = channels[0] if channels else fresh
            channels.append(channel)
            channel._server = fresh._server
            await asyncio.gather(*(channel.send(offer(key=f"m{n}"), Mark()) for n in range(6)))
            await channel.close()

    asyncio.run(scenario())
    asyncio.run(scenario())

    assert len(script.mails) == 12
