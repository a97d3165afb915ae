"""The mail channel against a real SMTP server on loopback: every reply is named after what it means for the message."""

from __future__ import annotations

import asyncio
import dataclasses
import email
import logging
import re
import socket
import ssl
from email import policy

import channel_peers
import pytest
from aiosmtpd.smtp import AuthResult
from channel_peers import (
    IMPATIENT,
    SHORT,
    Mark,
    Script,
    email_channel,
    offer,
    serving_tls,
    smtp_server,
    trusting_tls,
)
from support.http_peer import serving

from campaigns.rendering import Content
from scheduler.channels.base import Message, Receipt, Recipient
from scheduler.channels.email.server import Timeouts
from scheduler.channels.email.smtp import EmailChannel
from scheduler.channels.email.wire import SenderRefused
from scheduler.errors import ChannelDown, NoAccount, NotSent, Refused, Unknown, Withheld


@pytest.fixture(autouse=True, params=["pipelined", "lock-step", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return how the mails of a test are handed over."""
    monkeypatch.setattr(channel_peers, "WAY", request.param)
    return str(request.param)


def send(script: Script, *messages: Message, mark: Mark | None = None, **options: object) -> list[Receipt | Exception]:
    """Send messages one after the other over one channel; an error stands in the place of its receipt."""

    async def scenario() -> list[Receipt | Exception]:
        outcomes: list[Receipt | Exception] = []
        async with smtp_server(script) as port, email_channel(port, **options) as channel:
            for message in messages or (offer(),):
                try:
                    outcomes.append(await channel.send(message, mark or Mark()))
                except Exception as error:
                    outcomes.append(error)
        return outcomes

    return asyncio.run(scenario())


def test_a_mail_arrives_as_it_was_written() -> None:
    script = Script()

    receipts = send(script)

    assert receipts == [Receipt("<0a1b2c3d4e5f@biksouv.example>", "250 2.0.0 queued as 4ZZ")]
    parsed = email.message_from_bytes(script.mails[0], policy=policy.default)
    assert script.recipients == ["lea@example.org"]
    assert parsed["subject"] == "Léa, -30 %"
    assert parsed["to"] == "Léa Martin <lea@example.org>"
    text, html = parsed.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == "Bonjour Léa,\n.\nà bientôt\n"
    assert html.get_content_type() == "text/html"


def test_lines_that_begin_with_a_dot_arrive_with_it() -> None:
    script = Script()

    send(script, offer(content=Content("Dots", ".one\n..two\n.\nlast")))

    assert script.mails[0].endswith(b"\r\n.one\r\n..two\r\n=2E\r\nlast\r\n")


def test_one_connection_carries_many_mails() -> None:
    script = Script()

    send(script, *(offer(key=f"key{number}") for number in range(5)))

    assert len(script.mails) == 5
    assert script.steps.count("EHLO") == 1
    assert "RSET" not in script.steps


def test_concurrent_mails_share_the_allowed_connections() -> None:
    script = Script()

    async def scenario() -> None:
        async with smtp_server(script) as port, email_channel(port, connections=3) as channel:
            await asyncio.gather(*(channel.send(offer(key=f"key{number}"), Mark()) for number in range(12)))

    asyncio.run(scenario())

    assert len(script.mails) == 12
    assert script.steps.count("EHLO") == 3


@pytest.mark.parametrize(
    ("replies", "expected", "marked"),
    [
        pytest.param({"MAIL": "421 too busy"}, NotSent, 0, id="421 at MAIL"),
        pytest.param({"MAIL": "451 later"}, NotSent, 0, id="451 at MAIL"),
        pytest.param({"MAIL": "550 sender not allowed"}, SenderRefused, 0, id="550 at MAIL"),
        pytest.param({"MAIL": "530 authentication required"}, ChannelDown, 0, id="530 at MAIL"),
        pytest.param({"MAIL": "drop"}, NotSent, 0, id="broken at MAIL"),
        pytest.param({"RCPT": "421 too many"}, NotSent, 0, id="421 at RCPT"),
        pytest.param({"RCPT": "450 greylisted"}, NotSent, 0, id="450 at RCPT"),
        pytest.param({"RCPT": "550 no such user"}, Refused, 0, id="550 at RCPT"),
        pytest.param({"RCPT": "drop"}, NotSent, 0, id="broken at RCPT"),
        pytest.param({"END": "452 no space"}, NotSent, 1, id="452 after the dot"),
        pytest.param({"END": "421 shutting down"}, NotSent, 1, id="421 after the dot"),
        pytest.param({"END": "554 looks like spam"}, Refused, 1, id="554 after the dot"),
        pytest.param({"END": "drop"}, Unknown, 1, id="broken after the dot"),
        pytest.param({"END": "299"}, Receipt, 1, id="an odd yes after the dot"),
        pytest.param({"END": "354 what?"}, Unknown, 1, id="nonsense after the dot"),
    ],
)
def test_a_reply_means_what_rfc_5321_says(replies: dict[str, str], expected: type, marked: int) -> None:
    mark = Mark()

    outcome = send(Script(**replies), mark=mark)[0]

    assert type(outcome) is expected
    assert mark.calls == marked
    assert getattr(outcome, "retry_at", None) is None


@pytest.mark.parametrize(
    ("step", "expected", "marked"), [("MAIL", NotSent, 0), ("RCPT", NotSent, 0), ("END", Unknown, 1)]
)
def test_silence_is_certain_before_the_mark_and_unknown_after_the_dot(step: str, expected: type, marked: int) -> None:
    mark = Mark()

    outcome = send(Script(**{step: "hang"}), mark=mark, timeouts=IMPATIENT)[0]

    assert type(outcome) is expected
    assert "did not answer in time" in str(outcome)
    assert mark.calls == marked


def test_a_recipient_who_is_refused_leaves_the_connection_usable() -> None:
    script = Script()
    script.once["RCPT"] = ["550 no such user"]

    outcomes = send(script, offer(key="first"), offer(key="second"))

    assert [type(outcome) for outcome in outcomes] == [Refused, Receipt]
    assert script.steps.count("EHLO") == 1
    assert script.steps.count("RSET") == 1


def test_withheld_at_the_mark_sends_no_mail_and_the_next_one_goes(way: str) -> None:
    script = Script()

    async def scenario() -> None:
        async with smtp_server(script) as port, email_channel(port) as channel:
            with pytest.raises(Withheld):
                await channel.send(offer(key="first"), Mark(raises=Withheld("suppressed", "unsubscribed")))
            await channel.send(offer(key="second"), Mark())

    asyncio.run(scenario())

    again = "RSET" if way == "plain" else "EHLO"  # where the mail itself was begun, only closing takes it back
    assert script.steps == ["EHLO", "MAIL", "RCPT", again, "MAIL", "RCPT", "END"]
    assert len(script.mails) == 1
    assert b"second@biksouv.example" in script.mails[0]


@pytest.mark.parametrize("way", ["drop", "421 idle too long"])
def test_an_idle_connection_the_server_gave_up_is_opened_anew(way: str) -> None:
    script = Script()
    script.once["MAIL"] = ["250 OK", way]
    mark = Mark()

    outcomes = send(script, offer(key="first"), offer(key="second"), mark=mark)

    assert [type(outcome) for outcome in outcomes] == [Receipt, Receipt]
    assert script.steps.count("EHLO") == 2
    assert mark.calls == 2


def test_a_server_that_is_not_there_is_certainly_not_sent() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    mark = Mark()

    async def scenario() -> None:
        async with email_channel(port) as channel:
            await channel.send(offer(), mark)

    with pytest.raises(NotSent, match=f"mail server 127.0.0.1:{port} refused the connection"):
        asyncio.run(scenario())
    assert mark.calls == 0


def greeted(greeting: bytes) -> Exception:
    """Return what becomes of a mail to a server that says `greeting` and then nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()

    async def scenario() -> Exception:
        async with serving(answer) as port, email_channel(port, timeouts=IMPATIENT) as channel:
            try:
                await channel.send(offer(), Mark())
            except Exception as error:
                return error
        raise AssertionError("the mail was taken")

    return asyncio.run(scenario())


def test_a_greeting_that_never_comes_is_certainly_not_sent() -> None:
    error = greeted(b"")

    assert type(error) is NotSent
    assert "did not answer in time" in str(error)


def test_a_greeting_that_says_later_is_certainly_not_sent() -> None:
    assert type(greeted(b"421 mx.example.org overloaded\r\n")) is NotSent


def test_a_greeting_that_says_never_stops_the_channel() -> None:
    assert type(greeted(b"554 mx.example.org no mail from you\r\n")) is ChannelDown


def answering(mail: Message, *replies: bytes) -> Exception:
    """Return what becomes of a mail to a server that says these replies, one a line it hears, and then hangs up."""

    patient_but_for_data = dataclasses.replace(SHORT, data=0.3)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.example.org\r\n")
        for reply in replies:
            await reader.readline()
            writer.write(reply)
        await reader.readline()

    async def scenario() -> Exception:
        async with serving(answer) as port, email_channel(port, timeouts=patient_but_for_data) as channel:
            try:
                await channel.send(mail, Mark())
            except Exception as error:
                return error
        raise AssertionError("the mail was taken")

    return asyncio.run(scenario())


def accepted() -> tuple[bytes, ...]:
    """Return the replies before DATA of a server that takes everything."""
    offers = b"250-mx.example.org\r\n250 PIPELINING\r\n"
    return offers if channel_peers.WAY == "pipelined" else b"250 mx.example.org\r\n", b"250 OK\r\n", b"250 OK\r\n"


def test_a_connection_cut_in_the_middle_of_the_body_is_certainly_not_sent() -> None:
    long = offer(content=Content("Long", "a line of text\n" * 1_000_000))

    error = answering(long, *accepted(), b"354 go\r\n")

    assert type(error) is NotSent
    assert "before the end of the mail" in str(error)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"451 later\r\n", NotSent),
        (b"421 shutting down\r\n", NotSent),
        (b"554 no valid recipients\r\n", Refused),
        (b"250 what?\r\n", NotSent),
        (b"", NotSent),
    ],
)
def test_what_is_said_to_data_is_certain(reply: bytes, expected: type) -> None:
    assert type(answering(offer(), *accepted(), reply)) is expected


def test_without_a_server_the_message_is_held() -> None:
    mark = Mark()

    with pytest.raises(NoAccount, match="set CAMPAIGN_SMTP_URL"):
        asyncio.run(EmailChannel(None).send(offer(), mark))
    assert mark.calls == 0


def logged_in(expected: tuple[bytes, bytes], user: str, password: str) -> object:
    script = Script()

    def authenticate(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        given = (getattr(data, "login", b""), getattr(data, "password", b""))
        return AuthResult(success=given == expected, handled=False)

    async def scenario() -> object:
        options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}
        async with (
            smtp_server(script, **options) as port,
            email_channel(port, user=user, password=password) as channel,
        ):
            try:
                return await channel.send(offer(), Mark())
            except Exception as error:
                return error

    return asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_it_logs_in() -> None:
    assert type(logged_in((b"shop", b"sesame"), "shop", "sesame")) is Receipt


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_it_logs_in_with_a_password_beyond_ascii() -> None:
    assert type(logged_in((b"shop", "café".encode()), "shop", "café")) is Receipt


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_a_refused_log_in_stops_the_channel_and_keeps_the_password_to_itself() -> None:
    error = logged_in((b"shop", b"sesame"), "shop", "wrong-horse")

    assert type(error) is ChannelDown
    assert "535" in str(error)
    assert "wrong-horse" not in str(error)


def test_a_server_without_log_in_stops_the_channel() -> None:
    outcome = send(Script(), user="shop", password="sesame")[0]

    assert type(outcome) is ChannelDown
    assert "does not offer log-in" in str(outcome)


def test_starttls_that_is_not_offered_stops_the_channel() -> None:
    outcome = send(Script(), security="smtp+starttls")[0]

    assert type(outcome) is ChannelDown
    assert "does not offer STARTTLS" in str(outcome)


def over_tls(security: str, tls: ssl.SSLContext | None, host: str = "localhost") -> Receipt | Exception:
    """Return what becomes of a mail to a server called localhost whose certificate is trusted by `tls` alone."""

    async def scenario() -> Receipt | Exception:
        at_once, later = (serving_tls(), None) if security == "smtps" else (None, serving_tls())
        async with (
            smtp_server(Script(), tls=at_once, tls_context=later) as port,
            email_channel(port, host=host, security=security, tls=tls) as channel,
        ):
            try:
                return await channel.send(offer(), Mark())
            except Exception as error:
                return error

    return asyncio.run(scenario())


@pytest.mark.parametrize("security", ["smtps", "smtp+starttls"])
def test_it_speaks_tls(security: str) -> None:
    assert type(over_tls(security, trusting_tls())) is Receipt


@pytest.mark.parametrize("security", ["smtps", "smtp+starttls"])
def test_a_certificate_nobody_vouches_for_stops_the_channel(security: str) -> None:
    error = over_tls(security, None)

    assert type(error) is ChannelDown
    assert re.search("TLS failed: self.signed certificate", str(error))


@pytest.mark.parametrize("security", ["smtps", "smtp+starttls"])
def test_a_certificate_of_another_name_stops_the_channel(security: str) -> None:
    error = over_tls(security, trusting_tls(), host="127.0.0.1")

    assert type(error) is ChannelDown
    assert "TLS failed: IP address mismatch" in str(error)


def test_tls_to_a_server_that_speaks_none_stops_the_channel() -> None:
    outcome = send(Script(), security="smtps")[0]

    assert type(outcome) is ChannelDown
    assert "TLS failed" in str(outcome)


def test_an_address_in_the_servers_words_is_masked() -> None:
    outcome = send(Script(RCPT="550 5.1.1 <lea@example.org>: no such user lea@example.org"))[0]

    assert "lea@" not in str(outcome)
    assert "550 5.1.1 <<address>>: no such user <address>" in str(outcome)


def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    unicode = offer(recipient=Recipient(7, "Léa", "léa@example.org"))
    able, unable = Script(), Script()

    async def scenario(script: Script, *, offered: bool) -> object:
        async with smtp_server(script, enable_SMTPUTF8=offered) as port, email_channel(port) as channel:
            try:
                return await channel.send(unicode, Mark())
            except Exception as error:
                return error

    assert type(asyncio.run(scenario(unable, offered=False))) is Refused
    assert type(asyncio.run(scenario(able, offered=True))) is Receipt
    assert able.options[0] == [f"SIZE={len(able.mails[0])}", "SMTPUTF8", "BODY=8BITMIME"]
    assert able.recipients == ["léa@example.org"]


def test_an_ordinary_address_does_not_ask_for_smtputf8() -> None:
    script = Script()

    send(script)

    assert script.options == [[f"SIZE={len(script.mails[0])}"]]


def test_a_cancelled_send_gives_its_connection_up() -> None:
    script = Script(END="hang")

    async def scenario() -> int:
        async with smtp_server(script) as port, email_channel(port, timeouts=Timeouts()) as channel:
            task = asyncio.create_task(channel.send(offer(key="first"), Mark()))
            await script.hanging.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            script.replies.clear()
            await channel.send(offer(key="second"), Mark())
        return script.steps.count("EHLO")

    assert asyncio.run(scenario()) == 2
    assert len(script.mails) == 1


def test_closing_while_a_mail_is_on_its_way_leaves_it_unknown() -> None:
    script = Script(END="hang")

    async def scenario() -> None:
        async with smtp_server(script) as port, email_channel(port, timeouts=Timeouts()) as channel:
            task = asyncio.create_task(channel.send(offer(), Mark()))
            await script.hanging.wait()
            await channel.close()
            await task

    with pytest.raises(Unknown):
        asyncio.run(scenario())


def test_nothing_personal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    send(Script(), offer(key="first"))
    send(Script(RCPT="550 no lea@example.org"), offer(key="second"))

    ours = [record for record in caplog.records if not record.name.startswith("mail.log")]
    assert not [record for record in ours if "lea" in record.getMessage().lower()]
