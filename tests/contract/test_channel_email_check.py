"""The check of the mail channel: it logs in and leaves, and nothing is sent."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from channel_peers import SHORT, Mark, Script, email_channel, offer, smtp_server, tried
from smtp_peer import Peer

from scheduler.channels.email.server import SmtpServer
from scheduler.channels.email.smtp import EmailChannel
from scheduler.errors import ChannelDown, NoAccount, NotSent
from scheduler.settings import Settings


def checked(script: Script, **options: object) -> str | Exception:
    async def scenario() -> str | Exception:
        async with smtp_server(script) as port, email_channel(port, **options) as channel:
            try:
                return (await channel.check()).removesuffix(f":{port}")
            except Exception as error:
                return error

    return asyncio.run(scenario())


def test_a_server_that_takes_us_is_named_and_gets_no_mail() -> None:
    script = Script()

    answer = checked(script)

    assert answer == "127.0.0.1"
    assert script.mails == []
    assert script.recipients == []


def test_a_server_without_the_log_in_we_need_is_at_fault() -> None:
    error = checked(Script(), user="shop", password="sesame")

    assert type(error) is ChannelDown
    assert "does not offer log-in" in str(error)
    assert "sesame" not in str(error)


def test_a_port_where_nobody_listens_is_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        channel = EmailChannel(SmtpServer("127.0.0.1", probe.getsockname()[1]))

        with pytest.raises(NotSent) as refused:
            asyncio.run(channel.check())

    assert refused.value.remedy == "check CAMPAIGN_SMTP_URL"


def test_without_a_server_there_is_nothing_to_check() -> None:
    with pytest.raises(NoAccount) as refused:
        asyncio.run(EmailChannel(None).check())

    assert refused.value.remedy == "set CAMPAIGN_SMTP_URL"


def test_a_name_whose_addresses_all_refuse_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        resolve(monkeypatch, one.getsockname(), other.getsockname())

        with pytest.raises(NotSent, match=r"mail server dual\.example:25 refused the connection"):
            asyncio.run(EmailChannel(SmtpServer("dual.example", 25)).check())


def test_an_address_that_swallows_everything_does_not_keep_us_from_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Peer()

    async def scenario() -> None:
        with socket.socket() as deaf, contextlib.ExitStack() as stack:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            for _ in range(8):  # the queue is full: whoever comes next is not even refused
                knock = stack.enter_context(socket.socket())
                knock.setblocking(False)
                knock.connect_ex(deaf.getsockname())
            async with there.serving() as port:
                resolve(monkeypatch, deaf.getsockname(), ("127.0.0.1", port))
                channel = EmailChannel(SmtpServer("dual.example", 25), timeouts=SHORT)
                await channel.check()

    asyncio.run(scenario())

    assert there.heard[-1] == "QUIT"


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """Let every name have these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@pytest.mark.parametrize("transport", ["pipelined", "plain"])
def test_a_machine_without_a_full_name_greets_with_the_address_it_comes_from(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "3f2ab8c91d04")
    there = Peer()

    async def scenario() -> None:
        async with (
            there.serving() as port,
            email_channel(port, hello=None, transport=transport) as channel,
        ):
            await channel.check()

    asyncio.run(scenario())

    assert there.heard == ["open", "EHLO [127.0.0.1]", "QUIT"]


@pytest.mark.parametrize("transport", ["pipelined", "plain"])
def test_the_name_to_greet_with_can_be_set(transport: str) -> None:
    there = Peer()

    async def scenario() -> None:
        async with there.serving() as port:
            settings = Settings(
                smtp_url=f"smtp://127.0.0.1:{port}", smtp_transport=transport, smtp_hello="müller.example"
            )
            await EmailChannel.from_settings(settings).check()

    asyncio.run(scenario())

    assert there.heard == ["open", "EHLO xn--mller-kva.example", "QUIT"]


@pytest.mark.parametrize(
    ("step", "reply", "expected"),
    [
        ("EHLO", "421 4.7.0 Try again later, closing connection. (EHLO)", NotSent),
        ("EHLO", "550 5.7.1 a full name, please", ChannelDown),
        ("RCPT", "501 5.5.2 <shop>: Helo command rejected: Invalid name", ChannelDown),
        ("RCPT", "450 4.7.1 <shop.local>: Helo command rejected: Host not found", NotSent),
    ],
)
@pytest.mark.parametrize("transport", ["pipelined", "plain"])
def test_a_refused_greeting_names_its_setting(transport: str, step: str, reply: str, expected: type) -> None:
    there = Peer(**{step: reply, "HELO": reply})

    async def scenario() -> object:
        async with there.serving() as port, email_channel(port, transport=transport) as channel:
            return await tried(channel, lambda one: one.send(offer(), Mark()))

    found = asyncio.run(scenario())

    assert isinstance(found, expected)
    assert found.remedy == ("if it is the name we greet with, set CAMPAIGN_SMTP_HELLO to a full name of this machine")
