"""The order of writes to a mail server: all but the final dot, then the mark, then the dot; and what a cut means."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import channel_peers
import pytest
from channel_peers import IMPATIENT, SHORT, Mark, email_channel, offer
from smtp_peer import Peer

from campaigns.rendering import Content
from scheduler.channels.base import Receipt
from scheduler.channels.email.wire import SenderRefused
from scheduler.errors import NotSent, Refused, Unknown, Withheld

RCPT = "RCPT TO:<lea@example.org>"


@pytest.fixture(autouse=True, params=["pipelined", "lock-step", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return how the mails of a test are handed over."""
    monkeypatch.setattr(channel_peers, "WAY", request.param)
    return str(request.param)


def peer(**says: str) -> Peer:
    return Peer(["PIPELINING", "SIZE 1000000"] if channel_peers.WAY == "pipelined" else ["SIZE 1000000"], **says)


def commands(there: Peer) -> list[str]:
    """Return what was heard, without the sizes."""
    return [line.partition(" SIZE=")[0] for line in there.heard]


async def outcome(send: asyncio.Future[Receipt] | asyncio.Task[Receipt]) -> type:
    try:
        return type(await send)
    except Exception as error:
        return type(error)


def test_the_dot_comes_after_the_mark() -> None:
    async def scenario() -> tuple[Mark, Peer]:
        there = peer()
        async with there.serving() as port, email_channel(port) as channel:
            mark = Mark(lambda: there.dots)
            await channel.send(offer(), mark)
            return mark, there

    mark, there = asyncio.run(scenario())

    assert (mark.calls, mark.seen) == (1, [0])
    assert there.dots == 1


def test_the_whole_mail_is_there_before_the_mark(way: str) -> None:
    expected = [way != "plain"]  # the simple transport writes the mail after the mark

    async def scenario() -> list[bool]:
        there = peer()
        there.last_line = b"the last line\r\n"
        seen: list[bool] = []

        async def mark(handle: str = "") -> None:
            if way != "plain":
                await asyncio.wait_for(there.body.wait(), 5)
            seen.append(there.body.is_set())

        async with there.serving() as port, email_channel(port) as channel:
            await channel.send(offer(content=Content("Hello", "some words\nthe last line")), mark)
        return seen

    assert asyncio.run(scenario()) == expected


# Which time-out is over when a server hangs at a step; the others are long, so that a busy machine keeps to them.
WAITS = {"greeting": "connect", "EHLO": "command", "MAIL": "command", "RCPT": "command", "DATA": "data", "END": "dot"}


@pytest.mark.parametrize("accident", ["drop", "hang"])
@pytest.mark.parametrize(
    ("step", "expected", "marks"),
    [
        ("greeting", NotSent, 0),
        ("EHLO", NotSent, 0),
        ("MAIL", NotSent, 0),
        ("RCPT", NotSent, 0),
        ("DATA", NotSent, None),
        ("END", Unknown, 1),
    ],
)
def test_a_cut_is_certain_before_the_dot_and_unknown_after_it(
    step: str, accident: str, expected: type, marks: int | None, way: str
) -> None:
    mark = Mark()

    async def scenario() -> tuple[type, int]:
        there = peer(**{step: accident})
        async with (
            there.serving() as port,
            email_channel(port, timeouts=replace(SHORT, **{WAITS[step]: 0.2})) as channel,
        ):
            return await outcome(asyncio.ensure_future(channel.send(offer(), mark))), there.dots

    found, dots = asyncio.run(scenario())

    assert found is expected
    assert dots == (1 if step == "END" else 0)
    assert mark.calls == (marks if marks is not None else int(way == "plain"))


@pytest.mark.parametrize("refusal", [Withheld("suppressed", "unsubscribed"), OSError("disk full")])
def test_a_mark_that_is_refused_ends_without_a_dot(refusal: Exception) -> None:
    async def scenario() -> tuple[Peer, list[type]]:
        there = peer()
        async with there.serving() as port, email_channel(port, connections=1) as channel:
            sends = [channel.send(offer(key="first"), Mark(raises=refusal)), channel.send(offer(key="second"), Mark())]
            return there, [await outcome(asyncio.ensure_future(send)) for send in sends]

    there, found = asyncio.run(scenario())

    assert found == [type(refusal), Receipt]
    assert there.dots == 1
    assert b"second@" in there.mails[0]


def test_a_line_that_dies_while_the_mark_is_written_is_certainly_not_sent() -> None:
    async def scenario() -> tuple[type, int]:
        there = peer()

        async with there.serving() as port, email_channel(port) as channel:

            async def mark(handle: str = "") -> None:
                await channel.close()

            return await outcome(asyncio.ensure_future(channel.send(offer(), mark))), there.dots

    assert asyncio.run(scenario()) == (NotSent, 0)


def test_where_a_refused_recipient_is_asked_for_the_mail_the_line_is_closed_without_a_dot(way: str) -> None:
    async def scenario() -> tuple[Peer, list[type]]:
        there = peer()
        there.once["RCPT"] = ["550 5.1.1 no such user"]
        async with there.serving() as port, email_channel(port, connections=1) as channel:
            sends = [channel.send(offer(key=key), Mark()) for key in ("first", "second")]
            return there, [await outcome(asyncio.ensure_future(send)) for send in sends]

    there, found = asyncio.run(scenario())

    assert found == [Refused, Receipt]
    assert there.dots == 1
    assert there.heard.count("open") == (2 if way == "pipelined" else 1)


def test_an_envelope_goes_in_one_go_only_where_that_is_offered(way: str) -> None:
    async def scenario() -> bool:
        there = peer(MAIL="behind")
        async with there.serving() as port, email_channel(port, timeouts=IMPATIENT) as channel:
            return await outcome(asyncio.ensure_future(channel.send(offer(), Mark()))) is Receipt

    assert asyncio.run(scenario()) is (way == "pipelined")


@pytest.mark.parametrize(("silent", "patience"), [("RCPT", "command"), ("DATA", "data")])
def test_each_answer_of_an_envelope_is_waited_for_as_long_as_its_own_command_asks(
    silent: str, patience: str, way: str
) -> None:
    mark = Mark()
    timeouts = replace(SHORT, **{"command": 60.0, "data": 60.0, patience: 0.2})

    async def scenario() -> type:
        async with peer(**{silent: "hang"}).serving() as port, email_channel(port, timeouts=timeouts) as channel:
            async with asyncio.timeout(20):
                return await outcome(asyncio.ensure_future(channel.send(offer(), mark)))

    assert asyncio.run(scenario()) is NotSent
    assert mark.calls == (1 if way == "plain" and silent == "DATA" else 0)  # the simple transport marks before DATA


def test_the_next_envelope_follows_the_dot_and_its_mail_is_marked_after_the_answer(way: str) -> None:
    if way != "pipelined":
        return

    async def scenario() -> Peer:
        there = peer(END="behind")
        there.once["END"] = ["behind", "250 2.0.0 the last"]

        async def second() -> None:
            there.heard.append("second mark")

        async with there.serving() as port, email_channel(port, connections=1) as channel:

            async def first() -> None:
                await channel.send(offer(key="first"), Mark())
                there.heard.append("first taken")

            await asyncio.gather(first(), channel.send(offer(key="second"), second))
        return there

    heard = [line for line in commands(asyncio.run(scenario())) if line[:4] not in ("EHLO", "QUIT")]

    envelope = ["MAIL FROM:<bonjour@biksouv.example>", RCPT, "DATA"]
    assert [line for line in heard if line[0] in "oMRD."] == ["open", *envelope, ".", *envelope, "."]
    assert heard.index("first taken") < heard.index("second mark") < len(heard) - 1
    assert heard[-1] == "."


def test_who_follows_on_a_line_that_dies_goes_by_another() -> None:
    async def scenario() -> tuple[list[type], Peer, list[int]]:
        there = peer()
        there.once["END"] = ["drop"]
        marks = [Mark(), Mark()]
        async with there.serving() as port, email_channel(port, connections=1) as channel:
            sends = [asyncio.ensure_future(channel.send(offer(key=f"m{n}"), marks[n])) for n in range(2)]
            return [await outcome(send) for send in sends], there, [mark.calls for mark in marks]

    found, there, marks = asyncio.run(scenario())

    assert found == [Unknown, Receipt]
    assert marks == [1, 1]
    assert len(there.mails) == 1
    assert b"m1@" in there.mails[0]


def test_who_follows_and_is_cancelled_does_not_harm_the_mail_before_it() -> None:
    async def scenario() -> tuple[type, Peer, type]:
        there = peer()
        there.once["END"] = ["hang"]
        async with there.serving() as port, email_channel(port, connections=1) as channel:
            first = asyncio.create_task(channel.send(offer(key="first"), Mark()))
            second = asyncio.create_task(channel.send(offer(key="second"), Mark()))
            await there.hanging.wait()
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            there.goes_on.set()
            found = await outcome(first)
            return found, there, await outcome(asyncio.ensure_future(channel.send(offer(key="third"), Mark())))

    found, there, third = asyncio.run(scenario())

    assert (found, third) == (Receipt, Receipt)
    assert len(there.mails) == 2
    assert not any(b"second@" in mail for mail in there.mails)


def test_a_sender_who_is_refused_is_tried_once_for_all_who_wait(way: str) -> None:
    if way == "plain":
        return

    async def scenario() -> tuple[list[type], Peer]:
        there = peer(MAIL="550 5.7.1 not you")
        async with there.serving() as port, email_channel(port, connections=1) as channel:
            sends = [asyncio.ensure_future(channel.send(offer(key=f"m{n}"), Mark())) for n in range(4)]
            return [await outcome(send) for send in sends], there

    found, there = asyncio.run(scenario())

    assert found == [SenderRefused] * 4
    assert sum(line.startswith("MAIL") for line in there.heard) == 1
