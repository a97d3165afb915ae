"""The lines to a mail server: how many, for how long, when they rest, and what a hostile server gets out of us."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from channel_peers import IMPATIENT, Mark, email_channel, offer
from smtp_peer import Peer

from scheduler.channels.base import Receipt
from scheduler.channels.email import wire
from scheduler.channels.email.mime import build
from scheduler.channels.email.server import PoolLimits, SmtpServer
from scheduler.channels.email.smtp import EmailChannel
from scheduler.channels.email.wire import SenderRefused
from scheduler.clock import VirtualClock
from scheduler.errors import ChannelDown, NotSent, OurFault, Refused

NOON = datetime(2027, 2, 1, 12, tzinfo=UTC)


async def outcome(
    channel: EmailChannel, key: str = "one", mark: Mark | None = None, **changes: object
) -> Receipt | Exception:
    try:
        return await channel.send(offer(key=key, **changes), mark or Mark())
    except Exception as error:
        return error


def sent(there: Peer, count: int = 1, **options: object) -> list[Receipt | Exception]:
    """Send mails one after the other, and return what became of them."""

    async def scenario() -> list[Receipt | Exception]:
        async with there.serving() as port, email_channel(port, **options) as channel:
            return [await outcome(channel, f"m{n}") for n in range(count)]

    return asyncio.run(scenario())


def test_a_line_is_left_politely_after_so_many_mails() -> None:
    there = Peer()

    found = sent(there, 5, limits=PoolLimits(connections=1, messages=2))

    assert [type(one) for one in found] == [Receipt] * 5
    assert there.heard.count("open") == 3
    assert there.heard.count("QUIT") == 3


def test_a_line_that_is_too_old_is_left() -> None:
    there = Peer()

    sent(there, 3, limits=PoolLimits(connections=1, age=0))

    assert there.heard.count("open") == 3


def test_a_busy_server_is_left_alone_until_its_rest_is_over() -> None:
    async def scenario() -> tuple[list[Receipt | Exception], Peer]:
        there, clock = Peer(greeting="421 4.3.2 too busy"), VirtualClock(NOON)
        limits = PoolLimits(connections=2, rest=30)
        async with there.serving() as port, email_channel(port, clock=clock, limits=limits) as channel:
            found = [await outcome(channel), await outcome(channel)]
            clock.advance(timedelta(seconds=30))
            found.append(await outcome(channel))
            found.append(await outcome(channel))
            there.says.clear()
            clock.advance(timedelta(seconds=60))
            return [*found, await outcome(channel)], there

    found, there = asyncio.run(scenario())

    assert [type(one) for one in found] == [NotSent, NotSent, NotSent, NotSent, Receipt]
    assert [getattr(one, "retry_at", None) for one in found[:4]] == [
        None,
        datetime(2027, 2, 1, 12, 0, 30, tzinfo=UTC),
        None,
        datetime(2027, 2, 1, 12, 1, 30, tzinfo=UTC),
    ]
    assert "is left alone" in str(found[1])
    assert there.heard.count("open") == 3


def test_while_a_server_wants_no_more_lines_the_mails_go_by_those_it_took() -> None:
    async def scenario() -> tuple[list[type], Peer]:
        there = Peer()
        there.once["greeting"] = ["220 mx", *["421 4.7.0 too many connections"] * 9]
        async with there.serving() as port, email_channel(port, connections=3) as channel:
            found = await asyncio.gather(*(outcome(channel, f"m{n}") for n in range(12)))
            return [type(one) for one in found], there

    found, there = asyncio.run(scenario())

    assert found == [Receipt] * 12
    assert there.heard.count("open") <= 3


def test_a_mail_refused_for_our_reputation_stops_the_channel_and_fails_alone_when_others_go() -> None:
    there = Peer()
    blocked = "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using a block list"

    async def scenario() -> list[Receipt | Exception]:
        async with there.serving() as port, email_channel(port, connections=1) as channel:
            there.once["END"] = [blocked, blocked, "250 OK", blocked]
            return [await outcome(channel, key) for key in ("one", "one", "two", "one")]

    found = asyncio.run(scenario())

    assert [isinstance(one, ChannelDown) for one in found] == [True, True, False, False]
    assert [type(one) for one in found[2:]] == [Receipt, Refused]


def test_between_mails_that_are_taken_one_refused_for_our_sake_waits_alone_until_three_in_a_row_are() -> None:
    there = Peer()
    no, ok = "550 5.7.1 Recipient address rejected: refused by local policy", "250 OK"

    async def scenario() -> list[Receipt | Exception]:
        async with there.serving() as port, email_channel(port, connections=1) as channel:
            there.once["RCPT"] = [ok, no, ok, no, no, no]
            return [await outcome(channel, f"m{n}") for n in range(6)]

    found = asyncio.run(scenario())

    assert [type(one) for one in found] == [Receipt, NotSent, Receipt, NotSent, NotSent, OurFault]


def test_a_sender_who_is_refused_is_not_blamed_for_the_mails_of_another_one_that_are_taken() -> None:
    there = Peer()
    no, ok = "553 5.7.1 not owned by user", "250 OK"

    async def scenario() -> list[Receipt | Exception]:
        async with there.serving() as port, email_channel(port, connections=1) as channel:
            there.once["MAIL"] = [no, ok, ok, no]
            senders = ["new@brand.example", "hello@shop.example", "hello@shop.example", "new@brand.example"]
            keys = ["one", "two", "three", "one"]
            return [await outcome(channel, key, sender=sender) for key, sender in zip(keys, senders, strict=True)]

    found = asyncio.run(scenario())

    assert [type(one) for one in found] == [SenderRefused, Receipt, Receipt, SenderRefused]


def test_a_greylisted_recipient_is_tried_later_and_the_line_stays() -> None:
    there = Peer()
    there.once["RCPT"] = ["450 4.2.0 greylisted"]
    there.once["DATA"] = ["554 5.5.1 no valid recipients"]

    found = sent(there, 2)

    assert [type(one) for one in found] == [NotSent, Receipt]
    assert there.heard.count("open") == 1
    assert there.heard.count("RSET") == 1


def test_a_mail_larger_than_the_server_takes_is_not_begun() -> None:
    there = Peer(["PIPELINING", "SIZE 100"])

    found = sent(there, 2)

    assert [type(one) for one in found] == [Refused, Refused]
    assert "takes at most 100 bytes" in str(found[0])
    assert not [line for line in there.heard if line.startswith("MAIL")]


@pytest.mark.parametrize("reply", ["552 5.3.4 message size exceeds fixed limit", "552 message size exceeds your quota"])
def test_a_size_refused_at_mail_fails_that_mail_alone(reply: str) -> None:
    assert [type(one) for one in sent(Peer(MAIL=reply))] == [Refused]


@pytest.mark.parametrize(
    "nonsense",
    [
        "hello there",
        "250" + "x" * 10_000,
        "250-one\r\n251 two",
        "\r\n".join(["250-more"] * 200) + "\r\n250 end",
        "2500 OK",
        "650 OK",
        "250\x00OK\r\nwhat",
    ],
)
@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL"])
def test_nonsense_is_certainly_not_sent(step: str, nonsense: str) -> None:
    there = Peer(**{step: nonsense})

    found = sent(there, timeouts=IMPATIENT)

    assert [type(one) for one in found] == [NotSent]
    assert there.dots == 0


def test_a_line_without_end_is_not_read_for_ever() -> None:
    there = Peer(MAIL="250 " + "x" * 5_000_000)

    assert "a line without end" in str(sent(there)[0])


def test_an_answer_nobody_asked_for_is_not_taken_for_the_next_ones() -> None:
    there = Peer(["PIPELINING"], DATA="354 go on\r\n250 2.0.0 queued")

    found = sent(there)

    assert [type(one) for one in found] == [NotSent]
    assert there.dots == 0


def test_what_is_said_in_clear_before_tls_is_not_heard_under_it() -> None:
    there = Peer(["STARTTLS"], STAR="220 go\r\n250-mx.example.org\r\n250 AUTH PLAIN")

    found = sent(there, security="smtp+starttls", user="shop", password="sesame")

    assert [type(one) for one in found] == [ChannelDown]
    assert not [line for line in there.heard if "AUTH" in line]


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ("AUTH PLAIN LOGIN", ["AUTH PLAIN AHNob3AAc2VzYW1l"]),
        ("AUTH LOGIN", ["AUTH LOGIN", "c2hvcA==", "c2VzYW1l"]),
        ("AUTH=LOGIN", ["AUTH LOGIN", "c2hvcA==", "c2VzYW1l"]),
    ],
)
@pytest.mark.parametrize("transport", ["pipelined", "plain"])
def test_it_logs_in_by_what_is_offered(offered: str, expected: list[str], transport: str) -> None:
    there = Peer(["PIPELINING", offered])
    there.once["AUTH"] = ["235 welcome"] if "PLAIN" in offered else ["334 VXNlcm5hbWU6"]
    there.once["C2HV"] = ["334 UGFzc3dvcmQ6"]
    there.once["C2VZ"] = ["235 welcome"]

    found = sent(there, user="shop", password="sesame", transport=transport)

    assert [type(one) for one in found] == [Receipt]
    assert there.heard[2 : 2 + len(expected)] == expected


def test_a_challenge_is_answered_as_in_the_example_of_rfc_2195() -> None:
    server = SmtpServer("127.0.0.1", 25, "smtp", "tim", "tanstaaftanstaaf")
    challenge = base64.b64encode(b"<1896.697170952@postoffice.reston.mci.net>").decode()

    way = wire.login(server, {"AUTH": "CRAM-MD5"})

    assert way is not None
    assert way.first == "AUTH CRAM-MD5"
    assert base64.b64decode(way.answers[0](challenge)) == b"tim b913a602c7eda7a495b4e6e7334d3890"


def test_a_log_in_does_not_travel_in_clear() -> None:
    server = SmtpServer("mail.example.org", 25, "smtp", "shop", "sesame")

    with pytest.raises(ChannelDown, match="would travel in clear"):
        wire.login(server, {"AUTH": "PLAIN"})
    assert wire.login(dataclasses.replace(server, security="smtps"), {"AUTH": "PLAIN"}) is not None
    assert wire.login(dataclasses.replace(server, host="::1"), {"AUTH": "PLAIN"}) is not None


@pytest.mark.parametrize("data", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\nb\r\n", b"a\r\n.\rb\r\n", b"a"])
def test_no_mail_holds_what_one_server_takes_for_its_end_and_another_does_not(data: bytes) -> None:
    with pytest.raises(Refused, match="does not end with CR LF"):
        wire.stuffed(data)


def test_dots_are_stuffed() -> None:
    assert wire.stuffed(b".\r\n..a\r\nb.\r\n.\r\n") == b"..\r\n...a\r\nb.\r\n..\r\n"


def test_an_address_cannot_bring_a_command() -> None:
    mail = build(offer())
    hostile = dataclasses.replace(mail, recipient=dataclasses.replace(mail.recipient, local="a>\r\nRSET"))

    with pytest.raises(Refused, match="no address may hold"):
        wire.mail_commands(SmtpServer("127.0.0.1", 25), hostile, {})


def test_a_signer_signs_what_is_sent() -> None:
    class Stamp:
        def sign(self, mail: object) -> object:
            return dataclasses.replace(mail, data=b"X-Signed: yes\r\n" + mail.data)  # type: ignore[type-var, attr-defined]

    there = Peer()

    sent(there, signer=Stamp())

    assert there.mails[0].startswith(b"X-Signed: yes\r\n")
