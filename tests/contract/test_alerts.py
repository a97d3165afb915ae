"""The operator is told once of what needs a person, in one digest, and never of nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.alerting import Refusing, Told, alerter, looks
from support.serving import assemble, serve_until
from support.settling import LOST_ANSWER, TruthfulChannel
from support.shop import DAY, HOUR, OFFER, Schedule, moment, person, write

from scheduler.catalog import Catalog
from scheduler.channels.base import Channel
from scheduler.channels.horizon import TokenEnd
from scheduler.clock import SystemClock
from scheduler.errors import ChannelDown, NotSent, Refused, Unknown
from scheduler.operations import holding, settling, steering
from scheduler.runtime import Round
from scheduler.store import alerts, meta, plans
from scheduler.store.database import Store
from scheduler.store.meta import Hold
from scheduler.store.writer import ThreadWriter

BEFORE = moment("2027-01-20T12:00:00+01:00")
TEN = moment("2027-02-01T10:00:00+01:00")
NAMES = ("lea", "karim", "ana")
# The same to the same people five minutes later.
TWICE = """
courtesy: {caps: none}
stages:
  - stage: conversion
    kind: conversion
    touches:
      - {id: offer, when: "1 february at 10:00", channel: email, subject: Offer, text: "x"}
      - {id: second, when: "1 february at 10:05", channel: email, subject: Again, text: "y"}
"""
GONE = Refused("550 5.1.1 <lea@example.org>: no such user, call +33 6 12 34 56 78")


def shop(store: Store, folder: Path, channel: Channel, *names: str, text: str = OFFER) -> Schedule:
    schedule = Schedule.on(store, BEFORE, channels={"email": channel})
    schedule.know(*(person(f"{name}@example.org", first_name=name.title()) for name in names or NAMES))
    schedule.apply(write(folder, text))
    return schedule


def hold(store: Store, why: str = "the clock jumped") -> None:
    with store.begin() as conn:
        meta.set_hold(conn, Hold(why, TEN))


def test_where_nothing_needs_a_person_nothing_is_sent(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, Refusing({})), Told()
    schedule.live_until(TEN)

    assert looks(alerter(schedule, told), schedule, 0, 15, 60 * 24) == [0, 0, 0]
    assert told.tried == []


def test_several_failures_are_one_digest_that_names_nobody(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE, "ana@example.org": GONE}))
    schedule.live_until(TEN)
    told = Told()

    looks(alerter(schedule, told), schedule, 0)

    (message,) = told.took
    assert told.texts == [
        "This needs a person:\n"
        "\n"
        "- shop: 2 messages failed, the last of offer: 550 5.1.1 <l…@example.org>: no such user, call …\n"
        "    campaign log shop --failed\n"
        "\n"
        "/srv/shop on shop-1\n"
    ]
    assert message.content.subject.startswith("shop: 2 messages failed, the last of offer: 550 5.1.1 <l…@example.org>")
    assert (message.recipient.email, message.sender) == ("owner@shop.example", "The Shop <hello@shop.example>")  # type: ignore[union-attr]
    assert (message.delivery_id, message.purpose, message.campaign) == (0, "alert", "")


def test_what_was_told_is_not_told_again_even_by_the_next_daemon(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE}))
    schedule.live_until(TEN)
    told = Told()

    first = looks(alerter(schedule, told), schedule, 0, 15, 15)
    after_a_restart = looks(alerter(schedule, told), schedule, 0, 60 * 24 * 7)

    assert (first, after_a_restart) == ([1, 0, 0], [0, 0])


def test_what_is_new_waits_until_a_quarter_of_an_hour_has_passed(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE}), text=TWICE)
    schedule.live_until(TEN)
    told = Told()
    one = alerter(schedule, told)

    gone = looks(one, schedule, 0)
    schedule.live_until(TEN + timedelta(minutes=5))
    gone += looks(alerter(schedule, told), schedule, 0)  # a daemon that was started again looks at once
    gone += looks(one, schedule, 0, 9.5, 0.5)

    assert gone == [1, 0, 0, 0, 1]
    assert [text.splitlines()[2].partition(",")[0] for text in told.texts] == [
        "- shop: 1 message failed",
        "- shop: 2 messages failed",
    ]


def test_a_hold_is_told_at_once_and_once(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE}))
    schedule.live_until(TEN)
    told = Told()
    one = alerter(schedule, told)
    looks(one, schedule, 0)

    hold(store)
    gone = looks(one, schedule, 0.5, 0.5, 30)

    assert gone == [1, 0, 0]
    assert told.texts[1] == (
        "This needs a person:\n\n! HOLD: nothing is sent: the clock jumped\n    campaign resume --plan\n"
        "\nTold before, and not done yet: 1 (campaign status).\n\n/srv/shop on shop-1\n"
    )


def test_a_hold_that_comes_again_is_told_again(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, Refusing({})), Told()
    one = alerter(schedule, told)
    hold(store)
    first = looks(one, schedule, 0)
    holding.resume(store, schedule.catalog, now=schedule.clock.now(), who="test")  # type: ignore[arg-type]
    between = looks(one, schedule, 0.5)

    hold(store)
    again = looks(one, schedule, 0.5)

    assert (first, between, again) == ([1], [0], [1])


def test_a_campaign_that_fails_too_often_is_told_with_why(store: Store, tmp_path: Path) -> None:
    names = [f"reader{number}" for number in range(12)]
    schedule = shop(store, tmp_path, Refusing({f"{name}@example.org": Refused("550 no") for name in names}), *names)
    schedule.live_until(TEN)
    told = Told()

    looks(alerter(schedule, told), schedule, 0)

    lines = told.texts[0].splitlines()
    assert lines[0] == "2 things need a person:"
    assert lines[2:4] == [
        "- shop is paused: 10 of the last 10 messages were refused",
        "    campaign resume shop",
    ]


def test_a_campaign_that_a_person_paused_is_no_news_to_them(store: Store, tmp_path: Path) -> None:
    schedule, told = shop(store, tmp_path, Refusing({})), Told()
    steering.pause(store, [steering.Target("shop", "2027")], until=None, now=BEFORE, who="owner")
    with store.read() as conn:
        assert [row.state for row in plans.campaigns(conn)] == ["paused"]

    assert looks(alerter(schedule, told), schedule, 0) == [0]


def test_a_channel_that_rests_is_told_once_however_often_it_is_tried(store: Store, tmp_path: Path) -> None:
    refused = ChannelDown("mail server mx.shop.example:25 refused our log-in: 535 no")
    schedule = shop(store, tmp_path, Refusing({f"{name}@example.org": refused for name in NAMES}))
    schedule.live_until(TEN)
    told = Told()
    one = alerter(schedule, told)

    gone = looks(one, schedule, 0)
    for _ in range(6):
        schedule.live_until(schedule.clock.now() + timedelta(minutes=15))
        gone += looks(one, schedule, 0)

    assert gone == [1, 0, 0, 0, 0, 0, 0]
    assert told.texts[0].splitlines()[2:4] == [
        "- email: mail server mx.shop.example:25 refused our log-in: 535 no; 3 messages wait, and it is tried again",
        "    campaign doctor",
    ]


def test_a_channel_that_comes_and_goes_is_told_again_only_after_an_hour_of_peace(store: Store, tmp_path: Path) -> None:
    channel = Refusing({"lea@example.org": ChannelDown("refused our log-in")})
    times = (("first", "10:00"), ("second", "10:20"), ("third", "11:50"))
    touches = "".join(
        f'      - {{id: {name}, when: "1 february at {at}", channel: email, subject: {name}, text: {name}}}\n'
        for name, at in times
    )
    text = TWICE.partition("      - {id: offer")[0] + touches
    schedule = shop(store, tmp_path, channel, "lea", text=text)
    told = Told()
    one = alerter(schedule, told)
    gone = []

    for minutes, works in ((0, False), (16, True), (32, False), (48, True), (109, True), (125, False)):
        channel.why = {} if works else {"lea@example.org": ChannelDown("refused our log-in")}
        schedule.live_until(TEN + timedelta(minutes=minutes))
        gone += [(minutes, number) for number in looks(one, schedule, 0)]

    assert gone == [(0, 1), (16, 0), (32, 0), (48, 0), (109, 0), (125, 1)]


def test_messages_that_are_tried_in_vain_for_an_hour_are_told(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": NotSent("mx.shop.example cannot be reached")}))
    schedule.live_until(TEN + HOUR)
    told = Told()
    one = alerter(schedule, told)

    assert looks(one, schedule, 0, 16) == [0, 1]
    assert told.texts[0].splitlines()[2] == (
        "- 1 message waits for email since Mon 1 Feb 2027 09:00 UTC: mx.shop.example cannot be reached"
    )


def test_what_only_a_person_can_find_out_is_told_and_what_is_asked_about_is_not(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, TruthfulChannel("email", LOST_ANSWER), "lea")
    schedule.live_until(TEN)
    told = Told()

    asked_about = looks(alerter(schedule, told, settling=["email"]), schedule, 0)
    left_to_you = looks(alerter(schedule, told), schedule, 0)

    assert (asked_about, left_to_you) == ([0], [1])
    assert told.texts[0].splitlines()[2:4] == [
        "- 1 message may or may not have gone, and only you can find out (email 1)",
        "    campaign reconcile",
    ]


def test_one_that_is_settled_does_not_hide_the_next_one(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": Unknown("the connection was lost")}), text=TWICE)
    schedule.live_until(TEN)
    told = Told()
    one = alerter(schedule, told)
    looks(one, schedule, 0)

    (first,) = [row.id for row in schedule.rows() if row.state == "unknown"]
    catalog: Catalog = schedule.catalog  # type: ignore[assignment]
    settling.settle_unknown(
        store, catalog, first, went=True, reason="she has it", now=schedule.clock.now(), who="owner"
    )
    schedule.live_until(TEN + timedelta(minutes=5))

    assert looks(one, schedule, 10) == [1]
    assert "1 message may or may not have gone" in told.texts[1]


def test_what_was_told_under_a_clock_that_was_ahead_hides_nothing_later(store: Store, tmp_path: Path) -> None:
    text = TWICE.replace("10:05", "10:20")
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": Unknown("the connection was lost")}), text=text)
    schedule.live_until(TEN)
    told = Told()
    one = alerter(schedule, told)
    looks(one, schedule, 0)
    with store.begin() as conn:
        alerts.lock(conn)
        (name,) = json.loads(conn.exec_driver_sql("SELECT value FROM meta WHERE key = 'alerts'").scalar_one())
        before = alerts.told(conn, name)
        alerts.note(conn, name, replace(before, marks={"unknown": alerts.Mark(2, TEN + 30 * DAY)}))
    schedule.live_until(TEN + timedelta(minutes=16))
    looks(one, schedule, 0)
    schedule.live_until(TEN + timedelta(minutes=31))

    assert looks(one, schedule, 0) == [1]


def test_an_approval_is_told_a_week_ahead_and_again_when_messages_are_held(store: Store, tmp_path: Path) -> None:
    text = OFFER.replace("channel: email", "approval: required, channel: email")
    schedule, told = shop(store, tmp_path, Refusing({}), text=text), Told()
    one = alerter(schedule, told)

    gone = looks(one, schedule, 0, 60 * 24 * 6)
    schedule.live_until(TEN)
    gone += looks(one, schedule, 15)

    assert gone == [0, 1, 1]
    assert [text.splitlines()[2] for text in told.texts] == [
        "- shop/offer needs approval, due Mon 1 Feb 2027 10:00",
        "- shop/offer needs approval, due Mon 1 Feb 2027 10:00: its messages are held",
    ]


def test_what_is_held_is_told_with_why(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, BEFORE, channels={})
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    schedule.live_until(TEN)
    hooks = Told("webhook")

    assert looks(alerter(schedule, hooks, to="webhook:ops"), schedule, 0) == [1]
    assert hooks.texts[0].splitlines()[2] == (
        "- shop: 1 message is held: no account for email: set it up, or send to files with --outbox"
    )
    assert (hooks.took[0].account, hooks.took[0].recipient) == ("ops", None)


def test_an_alert_that_fails_is_logged_and_tried_again_with_growing_pauses(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE}))
    schedule.live_until(TEN)
    told = Told("email", NotSent("mx.shop.example cannot be reached"), Unknown("no answer"), RuntimeError("a bug"))
    one = alerter(schedule, told)

    with caplog.at_level(logging.ERROR):
        gone = looks(one, schedule, 0, 0.5, 0.5, 1, 1, 2, 2, 15)

    assert gone == [0, 0, 0, 0, 0, 0, 1, 0]
    assert len(told.tried) == 4
    assert len({message.key for message in told.tried}) == 1  # who keeps one copy of a key keeps one
    assert [record.getMessage() for record in caplog.records] == [
        "the alert by mailto was not sent: mx.shop.example cannot be reached; again in 1 min",
        "the alert by mailto was not sent: no answer; again in 2 min",
        "the alert by mailto was not sent: RuntimeError; again in 4 min",
    ]


def test_one_destination_that_fails_keeps_nothing_from_the_others(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE}))
    schedule.live_until(TEN)
    mail, hook = Told("email", NotSent("cannot be reached")), Told("webhook")
    one = alerter(schedule, mail, hook, to="mailto:owner@shop.example, webhook:ops")

    gone = looks(one, schedule, 0, 1, 15)

    assert gone == [1, 1, 0]
    assert (len(mail.took), len(hook.took)) == (1, 1)


def test_a_destination_without_an_account_is_tried_again_and_stops_nothing(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE}))
    schedule.live_until(TEN)

    assert looks(alerter(schedule, to="slack:team"), schedule, 0, 1) == [0, 0]
    assert caplog.messages[0] == "the alert by slack was not sent: there is no account for slack; again in 1 min"


def test_daemons_that_share_a_database_tell_it_once(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE}))
    schedule.live_until(TEN)
    told = Told()

    class Slow(Told):
        """Lets another daemon look while it is being sent."""

        async def send(self, message, mark):  # type: ignore[no-untyped-def]
            assert await alerter(schedule, told).look() == 0
            return await super().send(message, mark)

    slow = Slow()

    assert looks(alerter(schedule, slow), schedule, 0) == [1]
    assert (len(slow.took), told.took) == (1, [])


def test_no_address_of_a_destination_is_kept_in_the_database(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE}))
    schedule.live_until(TEN)
    looks(alerter(schedule, Told()), schedule, 0)

    with store.read() as conn:
        kept = conn.exec_driver_sql("SELECT value FROM meta WHERE key = 'alerts'").scalar_one()
    assert "failed:shop" in kept
    assert "@" not in kept


def test_the_end_of_a_token_is_told_14_and_7_days_and_a_day_before_and_when_it_has_come(
    store: Store, tmp_path: Path
) -> None:
    post = OFFER.replace("channel: email, subject: Offer", "channel: instagram, media: [{file: door.jpg, alt: x}]")
    schedule = Schedule.on(store, BEFORE)
    (tmp_path / "door.jpg").write_bytes(b"x")
    schedule.apply(write(tmp_path, post))
    told = Told()
    end = TokenEnd("instagram", moment("2027-02-01T00:00:00+00:00"))
    one = alerter(schedule, told, ends=(end,))

    days = []
    for day in range(14):
        days += [day] * looks(one, schedule, 0 if day == 0 else 60 * 24)[0]

    assert days == [0, 5, 11, 12]  # from 20 January, 11:00 UTC on
    assert [text.splitlines()[2] for text in told.texts] == [
        "- the token of instagram ends in 12 days (2027-02-01); 1 date of the schedule fall after it",
        "- the token of instagram ends in 7 days (2027-02-01); 1 date of the schedule fall after it",
        "- the token of instagram ends in 1 day (2027-02-01); 1 date of the schedule fall after it",
        "- the token of instagram ended (2027-02-01); 1 date of the schedule fall after it",
    ]


def test_the_daemon_tells_by_itself_and_outlives_what_goes_wrong_with_it(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({}))
    told = Told()
    one = alerter(schedule, told)
    writer = ThreadWriter()
    wrong: list[int] = []

    def ends() -> tuple[TokenEnd, ...]:
        wrong.append(1)
        raise LookupError("a bug")

    broken = alerter(schedule, told, ends=ends)
    seconds = timedelta(seconds=0.05)
    rounds = [
        Round("broken alerts", broken.look, SystemClock(), lambda now: now + seconds),
        Round("alerts", one.look, SystemClock(), lambda now: now + seconds),
    ]
    daemon, _ = assemble(store, {"email": Refusing({})}, writer, rounds=rounds, settler=None)
    held: list[int] = []

    def reached() -> bool:
        if wrong and not held:  # a round that goes wrong is over, and the first of the others found nothing
            held.append(1)
            hold(store)
        return bool(told.took)

    asyncio.run(serve_until(daemon, reached))
    writer.close()

    assert "HOLD" in told.texts[0]


def test_a_hold_is_told_although_nothing_else_can_be_looked_at(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    schedule, told = shop(store, tmp_path, Refusing({})), Told()
    hold(store)

    def ends() -> tuple[TokenEnd, ...]:
        raise LookupError("a bug")

    assert looks(alerter(schedule, told, ends=ends), schedule, 0, 15) == [1, 0]
    assert "HOLD: nothing is sent: the clock jumped" in told.texts[0]
    assert caplog.messages == ["what needs a person is not known: LookupError"] * 2


def test_a_look_at_a_single_moment_tells_too(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, Refusing({"lea@example.org": GONE}))
    schedule.live_until(TEN)
    told = Told()
    rounds = [Round("alerts", alerter(schedule, told).look, schedule.clock, lambda now: now + DAY)]
    writer = ThreadWriter()
    daemon, _ = assemble(store, {"email": Refusing({})}, writer, rounds=rounds, clock=schedule.clock)

    asyncio.run(daemon.run_once())
    writer.close()

    assert len(told.took) == 1


def test_marks_are_read_back_as_they_were_written(store: Store) -> None:
    told = alerts.Told(3, TEN, TEN + HOUR, 2, {"unknown": alerts.Mark(4, TEN), "late:email": alerts.Mark(1, None, TEN)})

    with store.begin() as conn:
        alerts.lock(conn)
        alerts.note(conn, "a", told)
        alerts.note(conn, "b", alerts.Told())

    with store.read() as conn:
        assert (alerts.told(conn, "a"), alerts.told(conn, "b")) == (told, alerts.Told())
