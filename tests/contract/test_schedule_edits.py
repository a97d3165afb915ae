"""Edits that meet messages on their way: what a worker holds follows the new file, and real dates move repetitions."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

from support.shop import Schedule, moment, person, write

from scheduler.catalog import Catalog
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.delivery import State
from scheduler.errors import StalePlanError
from scheduler.operations import applying, people, steering
from scheduler.store import plans
from scheduler.store.database import Store, bump

START = moment("2027-01-20T12:00:00+01:00")

LETTER = """
stages:
  - stage: conversion
    kind: conversion
    touches:
      - {id: letter, channel: email, on: purchase, when: 1 day later, purpose: transactional,
         subject: Letter, text: "old words"}
"""

OFFER = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february at 10:00
    touches:
      - {id: offer, channel: email, subject: Offer, text: "x"}
"""

SERIES = """
stages:
  - stage: launch
    kind: awareness
    when: 1 february at 10:00
    touches:
      - {id: post, channel: facebook, text: "We open"}
  - stage: days
    kind: consideration
    when: 3 days later
    touches:
      - {id: tip, channel: facebook, text: "A tip", repeat: "every day, 3 times", at: "10:00"}
"""


class Meanwhile(RecordingChannel):
    """A server during whose greeting something else happens, once."""

    def __init__(self, name: str, happens: object) -> None:
        super().__init__(name)
        self._happens = happens

    async def send(self, message: Message, mark: Mark) -> Receipt:
        happens, self._happens = self._happens, None
        if happens is not None:
            happens()  # type: ignore[operator]
        return await super().send(message, mark)


def test_a_touch_that_became_marketing_is_not_sent_to_somebody_who_unsubscribed(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, LETTER))
    schedule.happens("lea@example.org", "purchase")

    schedule.apply(write(tmp_path, LETTER.replace("purpose: transactional,", "purpose: marketing,")))
    people.unsubscribe(store, "lea@example.org", now=START, by="test")
    schedule.live_until(START + timedelta(days=3))

    assert schedule.sent() == []
    assert [(row.state, row.reason) for row in schedule.rows()] == [(State.SUPPRESSED, "unsubscribed")]


def test_a_message_tells_the_channel_and_purpose_it_really_had(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org", phone="+33612345678"))
    schedule.apply(write(tmp_path, LETTER))
    schedule.happens("lea@example.org", "purchase")

    schedule.apply(write(tmp_path, LETTER.replace("purpose: transactional,", "").replace("email, on", "sms, on")))
    schedule.live_until(START + timedelta(days=3))

    assert len(schedule.sent("sms")) == 1
    assert [(row.state, row.channel, row.marketing) for row in schedule.rows()] == [(State.SENT, "sms", True)]


def test_words_that_were_replaced_while_the_server_was_greeted_do_not_go(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, LETTER))
    schedule.happens("lea@example.org", "purchase")
    edited = write(tmp_path, LETTER.replace("old words", "new words"))
    slow = Meanwhile("email", lambda: schedule.apply(edited))
    schedule.channels["email"] = slow

    schedule.live_until(START + timedelta(days=3))

    assert [message.content.text.splitlines()[0] for message in slow.messages] == ["new words"]
    assert [row.state for row in schedule.rows()] == [State.SENT]


def test_a_touch_that_was_moved_while_a_worker_held_it_goes_at_its_new_time(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    moved = write(tmp_path, OFFER.replace("1 february", "3 february"))
    slow = Meanwhile("email", lambda: schedule.apply(moved))
    schedule.channels["email"] = slow

    schedule.live_until(moment("2027-02-05T10:00:00+01:00"))

    assert [message.due_at for message in slow.messages] == [moment("2027-02-03T10:00:00+01:00")]


def test_a_repetition_that_real_dates_move_by_a_day_still_goes_as_often(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.apply(write(tmp_path, SERIES))

    schedule.clock.advance_to(moment("2027-02-02T09:00:00+01:00"))  # the daemon was away: the post goes a day late
    schedule.live_until(moment("2027-02-10T10:00:00+01:00"))

    assert [(message.touch, message.due_at) for message in schedule.sent("facebook")] == [
        ("post", moment("2027-02-01T10:00:00+01:00")),
        ("tip", moment("2027-02-05T10:00:00+01:00")),
        ("tip", moment("2027-02-06T10:00:00+01:00")),
        ("tip", moment("2027-02-07T10:00:00+01:00")),
    ]


def test_an_apply_that_waited_for_another_finds_its_plan_stale(store: Store, database_url: str, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    loaded = write(tmp_path, OFFER)
    schedule.apply(loaded)
    seen = applying.preview(store, loaded, now=START).generation
    other, said = Store(database_url), []

    def second() -> None:
        try:
            applying.apply(other, loaded, now=START, catalog=Catalog(), expected_generation=seen)
        except StalePlanError as error:
            said.append(error.message)

    thread = threading.Thread(target=second)
    with store.begin() as conn:
        plans.lock_campaign(conn, "shop")
        thread.start()
        thread.join(timeout=0.5)
        bump(conn)
    thread.join()
    other.close()

    assert said == ["the database changed since the plan was made"]


def test_cancelling_a_campaign_ends_what_is_open_of_its_earlier_editions_too(store: Store, tmp_path: Path) -> None:
    text = """
occasion: valentine's day
stages:
  - stage: home
    kind: loyalty
    when: early february
    enter_on: purchase
    touches:
      - {id: year, channel: email, on: purchase, when: 11 months later, subject: A year, text: "Again"}
"""
    schedule = Schedule.on(store, moment("2027-01-20T10:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, text))
    schedule.happens("lea@example.org", "purchase", key="o-1")
    schedule.clock.advance_to(moment("2027-03-20T10:00:00+01:00"))
    schedule.apply(write(tmp_path, text.replace("Again", "Once more")))

    chosen = steering.targets(store, schedule.catalog, ["shop"])
    waiting = steering.waiting_messages(store, chosen)
    cancelled = steering.cancel(store, chosen, now=schedule.clock.now(), who="me")

    assert (waiting, cancelled) == (1, 1)
    assert [(row.edition, row.state, row.reason) for row in schedule.rows()] == [
        ("2027", "cancelled", "cancelled by a person")
    ]
