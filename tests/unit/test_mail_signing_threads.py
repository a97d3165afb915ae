"""Signing beside the event loop: each gets its own mail or its own error, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from scheduler.channels.email.address import mailbox
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.signing import Signing
from scheduler.errors import NotSent

SENDER = mailbox("shop@shop.example")


def mail(number: int) -> Mail:
    return Mail(b"%d\r\n" % number, SENDER, SENDER, f"<{number}@shop.example>", SENDER)


def test_each_of_many_mails_gets_its_own_signature() -> None:
    threads: set[int] = set()

    def sign(one: Mail) -> Mail:
        threads.add(threading.get_ident())
        return replace(one, data=b"signed " + one.data)

    async def scenario() -> list[Mail]:
        signing = Signing(sign)
        signed = await asyncio.gather(*(signing.signed(mail(number)) for number in range(100)))
        signing.close()
        return signed

    signed = asyncio.run(scenario())

    assert [one.data for one in signed] == [b"signed %d\r\n" % number for number in range(100)]
    assert threading.get_ident() not in threads


def test_mail_that_cannot_be_signed_fails_alone() -> None:
    def sign(one: Mail) -> Mail:
        if one.data == b"1\r\n":
            raise ValueError("no key")
        return one

    async def scenario() -> list[Mail | BaseException]:
        signing = Signing(sign)
        found = await asyncio.gather(*(signing.signed(mail(number)) for number in range(3)), return_exceptions=True)
        again = await signing.signed(mail(7))
        signing.close()
        return [*found, again]

    first, second, third, again = asyncio.run(scenario())

    assert [first, third, again] == [mail(0), mail(2), mail(7)]
    assert isinstance(second, ValueError)


def test_mail_that_nobody_awaits_any_more_holds_up_no_other() -> None:
    async def scenario() -> Mail:
        signing = Signing(lambda one: one)
        given_up = asyncio.create_task(signing.signed(mail(1)))
        other = asyncio.create_task(signing.signed(mail(2)))
        await asyncio.sleep(0)
        given_up.cancel()
        try:
            return await other
        finally:
            signing.close()

    assert asyncio.run(scenario()) == mail(2)


def test_what_was_not_signed_when_the_channel_closed_was_not_sent() -> None:
    async def scenario() -> None:
        signing = Signing(lambda one: one)
        waiting = asyncio.create_task(signing.signed(mail(1)))
        await asyncio.sleep(0)
        signing.close()
        await waiting

    with pytest.raises(NotSent, match="the channel was closed before the mail was signed"):
        asyncio.run(scenario())
