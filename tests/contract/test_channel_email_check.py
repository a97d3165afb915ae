"""The check of the mail channel: it logs in and leaves, and nothing is sent."""

from __future__ import annotations

import asyncio
import socket

import pytest
from channel_peers import Script, email_channel, smtp_server

from scheduler.channels.email.server import SmtpServer
from scheduler.channels.email.smtp import EmailChannel
from scheduler.errors import ChannelDown, NoAccount, NotSent


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
