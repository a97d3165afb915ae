"""The staff is told of each task once when it is due, and again when nobody did it in its time."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from by_hand_shop import TEN, post, shop
from channel_peers import trusting_tls
from peer_slack import SlackPeer
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from smtp_peer import Peer
from support.alerting import Told, alerter
from support.serving import assemble, serve_until
from support.shop import Schedule, person

from scheduler.channels.base import Channel
from scheduler.channels.email.server import SmtpServer
from scheduler.channels.email.smtp import EmailChannel
from scheduler.channels.webhook import WebhookChannel
from scheduler.clock import SystemClock
from scheduler.errors import NotSent
from scheduler.operations import tasks
from scheduler.operations.task_news import TaskTeller
from scheduler.runtime import Round
from scheduler.settings import destinations
from scheduler.store import meta
from scheduler.store.database import Store
from scheduler.store.meta import Hold
from scheduler.store.writer import InlineWriter, ThreadWriter

STAFF = "mailto:staff@shop.example"
POST = post("Spring is here", alt="A ring")
SECOND = '      - {id: second, channel: mastodon, by_hand: true, at: "10:02", text: "Second"}\n'
CALL = """
courtesy: {quiet_hours: none}
stages:
  - stage: thanks
    kind: retention
    when: as soon as possible
    touches:
      - {id: call, channel: call, on: purchase, when: as soon as possible, text: "Thank {{ contact.first_name }}"}
"""


def teller(schedule: Schedule, *channels: Channel, to: str = STAFF) -> TaskTeller:
    return TaskTeller(
        schedule.store,
        InlineWriter(),
        {channel.name: channel for channel in channels},
        schedule.clock,
        destinations.read(to),
        place="/srv/shop on shop-1",
    )


def looks(one: TaskTeller, schedule: Schedule, *minutes: float) -> list[int]:
    """Live on for each of these pauses and look; return how many digests went each time."""
    gone = []
    for pause in minutes:
        schedule.live_until(schedule.clock.now() + timedelta(minutes=pause))
        gone.append(asyncio.run(one.look()))
    return gone


def test_nothing_is_told_before_it_is_due_and_then_once(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, POST), Told()
    schedule.live_until(TEN - timedelta(minutes=1))

    gone = looks(teller(schedule, told), schedule, 0, 1, 10)
    after_a_restart = looks(teller(schedule, told), schedule, 0, 30)

    assert (gone, after_a_restart) == ([0, 1, 0], [0, 0])
    assert told.texts == [
        "Somebody has to do this:\n"
        "\n"
        "- instagram, by hand, due Mon 1 Feb 2027 10:00: shop/teaser\n"
        "    campaign tasks show 1; when it is done: campaign tasks done 1\n"
        "    file: media/ring.jpg (A ring)\n"
        "\n"
        "Spring is here\n"
        "\n"
        "/srv/shop on shop-1\n"
    ]


def test_one_that_nobody_does_is_told_again_when_it_is_overdue_and_when_it_is_too_late(
    store: Store, tmp_path: Path
) -> None:
    schedule, told = shop(store, tmp_path, POST), Told()
    schedule.live_until(TEN)

    gone = looks(teller(schedule, told), schedule, 0, 179, 1, 60, 20 * 60 + 1, 24 * 60)

    assert gone == [1, 0, 1, 0, 1, 0]
    assert [message.content.subject for message in told.took] == [
        "instagram, by hand, due Mon 1 Feb 2027 10:00: shop/teaser",
        "overdue: instagram, by hand, due Mon 1 Feb 2027 10:00: shop/teaser",
        "too late, leave it and tick it off: instagram, by hand, due Mon 1 Feb 2027 10:00: shop/teaser",
    ]


def test_what_is_ticked_off_in_time_is_not_told_again(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, POST), Told()
    schedule.live_until(TEN)
    one = teller(schedule, told)
    looks(one, schedule, 0, 60)

    tasks.finish(store, 1, now=schedule.clock.now(), who="anna")

    assert looks(one, schedule, 180, 24 * 60) == [0, 0]


def test_what_is_opened_again_is_told_again(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, POST), Told()
    schedule.live_until(TEN)
    one = teller(schedule, told)
    looks(one, schedule, 0)

    tasks.finish(store, 1, now=TEN, who="anna")
    tasks.reopen(store, 1, now=TEN, who="anna")

    assert looks(one, schedule, 6, 6) == [1, 0]


def test_what_comes_right_after_a_digest_waits_for_the_next(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, POST + SECOND), Told()
    schedule.live_until(TEN)

    gone = looks(teller(schedule, told), schedule, 0, 2, 2, 1)

    assert gone == [1, 0, 0, 1]
    assert told.texts[1].splitlines()[2] == "- mastodon, by hand, due Mon 1 Feb 2027 10:02: shop/second"
    assert "Told before, and not done yet: 1 (campaign tasks)." in told.texts[1]


def test_many_at_once_are_one_digest_that_says_how_many_more(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, CALL), Told()
    for number in range(30):
        schedule.know(person(f"p{number}@example.org", first_name="Ion", phone=f"+33612345{number:03}"))
        schedule.happens(f"p{number}@example.org", "purchase", key=f"order of {number}")
    schedule.tick()

    assert looks(teller(schedule, told), schedule, 0) == [1]

    (text,) = told.texts
    assert text.startswith("Somebody has to do these 30 things:\n")
    assert text.count("campaign tasks show") == 25
    assert "- and 5 more: campaign tasks\n" in text


def test_a_task_about_a_person_names_nobody(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, CALL), Told("webhook")
    schedule.know(person("lea@example.org", first_name="Léa", phone="+33612345678"))
    schedule.happens("lea@example.org", "purchase", key="order-1")
    schedule.tick()

    looks(teller(schedule, told, to="webhook:staff"), schedule, 0)

    (message,) = told.took
    assert message.content.text.splitlines()[2] == "- call about somebody, due Wed 20 Jan 2027 12:00: shop/call"
    everything = repr(message)
    assert not any(word in everything for word in ("Léa", "33612345678", "lea@", "Thank"))


def test_while_everything_is_on_hold_nobody_is_told(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, POST), Told()
    schedule.live_until(TEN)
    with store.begin() as conn:
        meta.set_hold(conn, Hold("it may be a copy", TEN))

    assert looks(teller(schedule, told), schedule, 0, 60) == [0, 0]


def test_a_notice_that_fails_is_logged_and_goes_later(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    schedule, told = shop(store, tmp_path, POST), Told("email", NotSent("451 later"))
    schedule.live_until(TEN)

    gone = looks(teller(schedule, told), schedule, 0, 0.5, 0.5)

    assert gone == [0, 0, 1]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "the notice of tasks by mailto was not sent: 451 later; again in 1 min"
    ]


def test_daemons_that_share_a_database_tell_it_once(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, POST)
    schedule.live_until(TEN)
    other = Told()

    class Slow(Told):
        """Lets another daemon look while it is being sent."""

        async def send(self, message, mark):  # type: ignore[no-untyped-def]
            assert await teller(schedule, other).look() == 0
            return await super().send(message, mark)

    slow = Slow()

    assert looks(teller(schedule, slow), schedule, 0) == [1]
    assert (len(slow.took), other.took) == (1, [])


def test_alerts_and_notices_to_the_same_address_do_not_hide_each_other(store: Store, tmp_path: Path) -> None:
    schedule, staff, owner = shop(store, tmp_path, POST), Told(), Told()
    schedule.live_until(TEN)
    one, alerts = teller(schedule, staff), alerter(schedule, owner, to=STAFF)
    looks(one, schedule, 0)
    assert asyncio.run(alerts.look()) == 0

    schedule.live_until(TEN + timedelta(hours=3))

    assert (asyncio.run(one.look()), asyncio.run(alerts.look())) == (1, 1)
    assert owner.texts == [
        "This needs a person:\n"
        "\n"
        "- shop: 1 task overdue, the first since Mon 1 Feb 2027 13:00 (teaser, instagram, by hand)\n"
        "    campaign tasks\n"
        "\n"
        "/srv/shop on shop-1\n"
    ]
    with store.read() as conn:
        assert "@" not in conn.exec_driver_sql("SELECT value FROM meta WHERE key = 'alerts'").scalar_one()


def test_the_daemon_tells_by_itself(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, POST), Told()
    schedule.live_until(TEN)
    one = teller(schedule, told)
    rounds = [Round("notices of tasks", one.look, SystemClock(), lambda now: now + timedelta(seconds=0.05))]
    writer = ThreadWriter()
    daemon, _ = assemble(store, schedule.channels, writer, clock=schedule.clock, rounds=rounds, settler=None)

    try:
        asyncio.run(serve_until(daemon, lambda: len(told.took) == 1))
    finally:
        writer.close()

    assert len(told.took) == 1


# --- each at its real far end -----------------------------------------------------------------------------------------


@pytest.fixture
def due(tmp_path: Path) -> Schedule:
    made = shop(Store.memory(), tmp_path, POST)
    made.live_until(TEN)
    return made


def tell(schedule: Schedule, channel: Channel, to: str) -> int:
    async def scenario() -> int:
        try:
            return await teller(schedule, channel, to=to).look()
        finally:
            await channel.close()

    return asyncio.run(scenario())


def test_a_mail_arrives_with_the_words_ready_to_copy(due: Schedule) -> None:
    peer = Peer()

    async def scenario() -> None:
        async with peer.serving() as port:
            channel = EmailChannel(SmtpServer("127.0.0.1", port), hello="client.example.org")
            assert await teller(due, channel).look() == 1
            await channel.close()

    asyncio.run(scenario())

    (data,) = peer.mails
    mail = message_from_bytes(data, policy=policy.default)
    assert (mail["To"], mail["Subject"], mail["Auto-Submitted"]) == (
        "staff@shop.example",
        "instagram, by hand, due Mon 1 Feb 2027 10:00: shop/teaser",
        "auto-generated",
    )
    assert "\nSpring is here\n" in mail.get_content().replace("\r\n", "\n")


def test_a_webhook_gets_the_task_as_data(due: Schedule, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/staff").respond_with_data("", status=204)
    account = {"url": httpserver.url_for("/staff"), "allow_private": "true"}
    accounts: Mapping[str, Mapping[str, SecretStr]] = {"staff": {name: SecretStr(one) for name, one in account.items()}}

    assert tell(due, WebhookChannel(accounts, due.clock, tls=trusting_tls()), "webhook:staff") == 1

    ((request, _),) = httpserver.log
    body = json.loads(request.data)
    assert body["type"] == "task.due"
    assert body["data"]["facts"] == {
        "tasks": [
            {
                "id": 1,
                "campaign": "shop",
                "touch": "teaser",
                "channel": "instagram",
                "by_hand": True,
                "state": "open",
                "due_at": "2027-02-01T09:00:00+00:00",
                "late_at": "2027-02-01T12:00:00+00:00",
                "ends_at": "2027-02-02T09:00:00+00:00",
                "text": "Spring is here",
                "media": [{"file": "media/ring.jpg", "alt": "A ring"}],
            }
        ],
        "known": 0,
        "place": "/srv/shop on shop-1",
    }


def test_slack_shows_it_in_the_channel_of_the_account(due: Schedule, tmp_path: Path) -> None:
    peer = SlackPeer(tmp_path)

    async def scenario() -> None:
        async with peer.serve() as port:
            channel = peer.channel(port)
            assert await teller(due, channel, to="slack:team").look() == 1
            await channel.close()

    asyncio.run(scenario())

    (text,) = peer.published()
    assert text.startswith("Somebody has to do this:\n\n- instagram, by hand, due Mon 1 Feb 2027 10:00: shop/teaser\n")
