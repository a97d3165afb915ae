"""Alerts as they arrive: in a mailbox, at a webhook, in a channel of Slack, each at its real far end on loopback."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from channel_peers import trusting_tls
from peer_slack import SlackPeer
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from smtp_peer import Peer
from support.alerting import Refusing, alerter
from support.shop import OFFER, Schedule, moment, person, write

from scheduler.channels.base import Channel, Renews
from scheduler.channels.email.server import SmtpServer
from scheduler.channels.email.smtp import EmailChannel
from scheduler.channels.webhook import WebhookChannel
from scheduler.errors import Refused
from scheduler.operations import renewing
from scheduler.store import meta
from scheduler.store.database import Store
from scheduler.store.meta import Hold

BEFORE = moment("2027-01-20T12:00:00+01:00")
TEN = moment("2027-02-01T10:00:00+01:00")
KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
def schedule(tmp_path: Path) -> Schedule:
    """A shop of whose three mails one was refused, and which is on HOLD."""
    made = Schedule.on(Store.memory(), BEFORE, channels={"email": Refusing({"lea@example.org": Refused("550 no")})})
    made.know(*(person(f"{name}@example.org") for name in ("lea", "karim", "ana")))
    made.apply(write(tmp_path, OFFER))
    made.live_until(TEN)
    with made.store.begin() as conn:
        meta.set_hold(conn, Hold("another machine was at work", TEN))
    return made


def tell(schedule: Schedule, channel: Channel, to: str) -> int:
    async def scenario() -> int:
        try:
            return await alerter(schedule, channel, to=to).look()
        finally:
            await channel.close()

    return asyncio.run(scenario())


def test_a_mail_arrives_that_nothing_answers_automatically(schedule: Schedule) -> None:
    peer = Peer()

    async def scenario() -> None:
        async with peer.serving() as port:
            channel = EmailChannel(SmtpServer("127.0.0.1", port), hello="client.example.org")
            assert await alerter(schedule, channel).look() == 1
            await channel.close()

    asyncio.run(scenario())

    (data,) = peer.mails
    mail = message_from_bytes(data, policy=policy.default)
    assert [command.partition(" SIZE")[0] for command in peer.heard if command.startswith(("MAIL", "RCPT"))] == [
        "MAIL FROM:<hello@shop.example>",
        "RCPT TO:<owner@shop.example>",
    ]
    assert (mail["Subject"], mail["Auto-Submitted"]) == (
        "HOLD: nothing is sent: another machine was at work (+1)",
        "auto-generated",
    )
    assert mail["List-Unsubscribe"] is None
    assert mail.get_content().replace("\r\n", "\n") == (
        "2 things need a person:\n"
        "\n"
        "! HOLD: nothing is sent: another machine was at work\n"
        "    campaign resume --plan\n"
        "- shop: 1 message failed, the last of offer: 550 no\n"
        "    campaign log shop --failed\n"
        "\n"
        "/srv/shop on shop-1\n"
    )


def test_a_webhook_says_that_it_is_an_alert_and_is_signed(schedule: Schedule, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/ops").respond_with_data("", status=204)
    account = {
        "url": httpserver.url_for("/ops"),
        "allow_private": "true",
        "secret": "whsec_" + base64.b64encode(KEY).decode(),
    }
    accounts: Mapping[str, Mapping[str, SecretStr]] = {"ops": {name: SecretStr(one) for name, one in account.items()}}

    assert tell(schedule, WebhookChannel(accounts, schedule.clock, tls=trusting_tls()), "webhook:ops") == 1

    ((request, _),) = httpserver.log
    body = json.loads(request.data)
    assert (body["type"], body["data"]["campaign"], body["data"]["recipient"]) == ("alert", "", None)
    assert body["data"]["facts"] == {
        "concerns": [
            {
                "key": "hold",
                "says": "HOLD: nothing is sent: another machine was at work",
                "remedy": "campaign resume --plan",
                "urgent": True,
                "number": 1,
            },
            {
                "key": "failed:shop",
                "says": "shop: 1 message failed, the last of offer: 550 no",
                "remedy": "campaign log shop --failed",
                "urgent": False,
                "number": 1,
            },
        ],
        "known": 0,
        "place": "/srv/shop on shop-1",
    }
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.data
    digest = base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
    assert request.headers["webhook-signature"] == f"v1,{digest}"


def test_slack_shows_it_in_the_channel_of_the_account(schedule: Schedule, tmp_path: Path) -> None:
    peer = SlackPeer(tmp_path)

    async def scenario() -> None:
        async with peer.serve() as port:
            channel = peer.channel(port)
            assert await alerter(schedule, channel, to="slack:team").look() == 1
            await channel.close()

    asyncio.run(scenario())

    (text,) = peer.published()
    assert text.startswith("2 things need a person:\n\n! HOLD: nothing is sent: another machine was at work\n")


def test_a_server_that_refuses_the_alert_hears_it_again_and_then_no_more(schedule: Schedule) -> None:
    peer = Peer()
    peer.once["RCPT"] = ["451 4.3.0 later"]

    async def scenario() -> list[int]:
        async with peer.serving() as port:
            channel = EmailChannel(SmtpServer("127.0.0.1", port), hello="client.example.org")
            one = alerter(schedule, channel)
            gone = []
            for minute in (0, 1, 20):
                schedule.clock.advance_to(TEN.replace(minute=minute))
                gone.append(await one.look())
            await channel.close()
            return gone

    assert asyncio.run(scenario()) == [0, 1, 0]
    assert len(peer.mails) == 1


def test_the_accounts_that_can_be_renewed_are_renewed_beside_the_sending(tmp_path: Path) -> None:
    from peer_graph import InstagramPeer

    peer, slack = InstagramPeer(tmp_path), SlackPeer(tmp_path)

    async def scenario() -> list[tuple[str, int]]:
        async with peer.serve() as port, slack.serve() as other:
            channels = {"instagram": peer.channel(port), "slack": slack.channel(other)}
            assert [isinstance(channel, Renews) for channel in channels.values()] == [True, False]
            found = await renewing.renew(channels)
            for channel in channels.values():
                await channel.close()
        return [(one.account, (one.expires_at - peer.clock.now()).days) for one in found if one.expires_at]

    assert asyncio.run(scenario()) == [("instagram", 60)]
    assert peer.renewals == 1
    assert peer.published() == []


def test_a_renewal_that_goes_wrong_holds_up_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from peer_graph import InstagramPeer

    peer = InstagramPeer(tmp_path)

    class Broken:
        """A channel with a bug."""

        name = "broken"

        async def renew(self) -> list[object]:
            raise KeyError("token")

    async def scenario() -> list[str]:
        async with peer.serve() as port:
            channel = peer.channel(port)
            found = await renewing.renew({"broken": Broken(), "instagram": channel})  # type: ignore[dict-item]
            await channel.close()
        return [one.account for one in found]

    assert asyncio.run(scenario()) == ["instagram"]
    assert caplog.messages == ["the tokens of broken were not renewed: KeyError"]


def test_what_is_told_leads_to_no_second_alert_by_another_way(schedule: Schedule) -> None:
    peer = Peer()

    async def scenario() -> int:
        async with peer.serving() as port:
            channel = EmailChannel(SmtpServer("127.0.0.1", port), hello="client.example.org")
            gone = sum([await alerter(schedule, channel).look() for _ in range(3)])
            await channel.close()
            return gone

    assert asyncio.run(scenario()) == 1
    assert len(schedule.rows()) == 3  # an alert is no delivery of a campaign
