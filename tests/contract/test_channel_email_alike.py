"""Both transports say the same to a server, and make the same of every answer."""

from __future__ import annotations

import asyncio

import pytest
from channel_peers import Mark, email_channel, offer
from smtp_peer import Peer

from campaigns.rendering import Content
from scheduler.channels.base import Message, Recipient

HARD = "Dots\n.\n..\n.and words\n" + "x" * 2_000 + "\nà la fin"
LONG = "".join(f"line {number}\n" for number in range(5_000))
MESSAGES = [
    offer(key="plain", content=Content("Hello", "Hello\n")),
    offer(key="dots", content=Content("Dots", HARD, f"<p>{HARD}</p>")),
    offer(key="long", content=Content("Long", LONG)),
    offer(key="letters", recipient=Recipient(8, "Zoë", "zoë@example.org")),
]
REPLIES = [
    "250 OK",
    "299",
    "354 go on",
    "421 4.3.2 shutting down",
    "421 4.7.0 All messages from 192.0.2.7 will be permanently deferred; Retrying will NOT succeed",
    "450 4.2.0 greylisted",
    "451-4.3.0 later\r\n451 4.3.0 much later",
    "452 4.2.2 over quota",
    "454 4.7.0 TLS not available",
    "500 5.5.2 what?",
    "503 5.5.1 bad sequence",
    "530 5.7.0 authentication required",
    "550 no",
    "550 5.1.1 no such user",
    "550 5.2.1 receiving mail at a rate that",
    "550 5.7.26 unauthenticated",
    "552 5.2.2 mailbox full",
    "552 5.3.4 message too big",
    "554 looks like spam",
    "220 what?",
    "999 what?",
    "what?",
    "drop",
]


def said(transport: str, messages: list[Message], **says: str) -> tuple[list[str], list[bytes], list[object], int]:
    """Return what a server heard, what it took, what became of each message, and how many were marked."""
    mark = Mark()

    async def scenario() -> tuple[list[str], list[bytes], list[object], int]:
        there, found = Peer(**says), []
        async with there.serving() as port, email_channel(port, transport=transport, connections=1) as channel:
            for message in messages:
                try:
                    found.append(await channel.send(message, mark))
                except Exception as error:
                    found.append((type(error), str(error).replace(str(port), "25")))
        return there.heard, there.mails, found, mark.calls

    return asyncio.run(scenario())


def test_the_same_mails_are_the_same_commands_in_the_same_order_and_the_same_bytes() -> None:
    pipelined, plain = (said(transport, MESSAGES) for transport in ("pipelined", "plain"))

    assert pipelined == plain
    assert len(plain[1]) == 4
    assert plain[0][:6] == ["open", "EHLO client.example.org", plain[0][2], "RCPT TO:<lea@example.org>", "DATA", "."]


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "END"])
def test_every_answer_at_every_step_means_the_same(step: str, reply: str) -> None:
    pipelined, plain = (said(transport, MESSAGES[:1], **{step: reply}) for transport in ("pipelined", "plain"))

    assert kinds(pipelined[2]) == kinds(plain[2])
    assert pipelined[1] == plain[1]


def kinds(outcomes: list[object]) -> list[object]:
    return [one[0] if isinstance(one, tuple) and isinstance(one[0], type) else one for one in outcomes]
