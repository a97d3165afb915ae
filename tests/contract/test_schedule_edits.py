"""Edits that meet messages on their way: what a worker holds follows the new file, and real dates move repetitions."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from support.shop import OFFER, Schedule, addresses, moment, person, write

from scheduler.catalog import Catalog
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.delivery import State
from scheduler.errors import SchedulerError, StalePlanError
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

SPREAD = OFFER.replace("when: 1 february at 10:00", "when: 1 to 10 february\n    pick: spread")

OTHER = """
  - stage: later
    kind: loyalty
    when: 1 march
    touches:
      - {id: news, channel: email, subject: News, text: "y"}
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


class Afterwards(RecordingChannel):
    """A server that has taken a message when something else happens, once, before its answer is stored."""

    def __init__(self, name: str, happens: object) -> None:
        super().__init__(name)
        self._happens = happens

    async def send(self, message: Message, mark: Mark) -> Receipt:
        receipt = await super().send(message, mark)
        happens, self._happens = self._happens, None
        if happens is not None:
            happens()  # type: ignore[operator]
        return receipt


@pytest.mark.parametrize(("rule", "second"), [("retime", "01 Feb 11:00 new"), ("pin", "23 Jan 11:00 old")])
def test_an_edit_while_a_message_is_on_its_way_decides_about_the_next_one(
    store: Store, tmp_path: Path, rule: str, second: str
) -> None:
    text = LETTER.replace("1 day later,", "1 day later, repeat: 'every 2 days, 2 times',")
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, text))
    schedule.happens("lea@example.org", "purchase")
    edited = text.replace("every 2 days", "every 11 days").replace("old words", "new words")
    edited = write(tmp_path, edited.replace("channel: email", f"channel: email, in_flight: {rule}"))
    slow = Afterwards("email", lambda: schedule.apply(edited))
    schedule.channels["email"] = slow

    schedule.live_until(START + timedelta(days=20))

    assert [f"{message.due_at:%d %b %H:%M} {message.content.text[:3]}" for message in slow.messages] == [
        "21 Jan 11:00 old",
        second,
    ]


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
    cancelled = steering.cancel(store, schedule.catalog, chosen, now=schedule.clock.now(), who="me")

    assert (waiting, cancelled) == (1, 1)
    assert [(row.edition, row.state, row.reason) for row in schedule.rows()] == [
        ("2027", "cancelled", "cancelled by a person")
    ]


def test_a_late_message_that_was_approved_may_be_late_once_more_and_then_asks_again(
    store: Store, tmp_path: Path
) -> None:
    late = moment("2027-02-10T10:00:00+01:00")
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER.replace('text: "x"', 'text: "x", on_late: ask, max_late: 2 days')))
    schedule.clock.advance_to(late)
    schedule.tick()

    chosen = steering.targets(store, schedule.catalog, ["offer"])
    steering.approve(store, schedule.catalog, chosen, now=late, who="me")
    approved = [(row.state, row.expires_at) for row in schedule.rows()]
    schedule.clock.advance_to(late + timedelta(days=5))
    schedule.tick()

    assert approved == [(State.PLANNED, moment("2027-02-12T10:00:00+01:00"))]
    assert [(row.state, row.reason) for row in schedule.rows()] == [(State.HELD, "later than allowed")]
    assert schedule.sent() == []


def test_an_apply_does_not_put_back_what_a_person_cancelled_and_an_approval_does(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    chosen = steering.targets(store, schedule.catalog, ["offer"])
    steering.cancel(store, schedule.catalog, chosen, now=START, who="me")

    schedule.apply(write(tmp_path, OFFER.replace("1 february", "3 february")))
    with store.read() as conn:
        coming = [row.touch for row in plans.due_occurrences(conn, moment("2027-03-01T10:00:00+01:00"))]
    steering.approve(store, schedule.catalog, chosen, now=START, who="me")
    schedule.live_until(moment("2027-02-05T10:00:00+01:00"))

    assert coming == []
    assert [message.due_at for message in schedule.sent()] == [moment("2027-02-03T10:00:00+01:00")]


def said_of_ended(seen: applying.Preview) -> list[str]:
    return [finding.message for finding in seen.timeline.findings if finding.code == "ended"]


def test_a_date_that_is_moved_when_its_messages_have_expired_says_who_gets_nothing(
    store: Store, tmp_path: Path
) -> None:
    late, loaded = moment("2027-02-10T10:00:00+01:00"), write(tmp_path, OFFER)
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"), person("nina@example.org"))
    schedule.apply(loaded)
    schedule.clock.advance_to(late)
    schedule.tick()
    over = applying.preview(store, loaded, now=late)
    schedule.know(person("omar@example.org"))
    moved = write(tmp_path, OFFER.replace("1 february", "20 february"))

    before = applying.preview(store, moved, now=late)
    schedule.apply(moved)
    after = applying.preview(store, moved, now=late)
    schedule.live_until(moment("2027-02-21T10:00:00+01:00"))

    assert said_of_ended(over) == []
    for seen in (before, after):
        assert said_of_ended(seen) == ["offer ended as expired for 2 people, who get nothing of it"]
        assert (seen.recipients, seen.spent) == ({"offer": 1}, frozenset())
    assert addresses(schedule.sent()) == ["omar@example.org"]


def test_a_touch_that_was_removed_and_is_back_says_who_gets_nothing(store: Store, tmp_path: Path) -> None:
    begun, whole = moment("2027-02-01T08:00:00+01:00"), write(tmp_path, SPREAD + OTHER)
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"), person("nina@example.org"), person("omar@example.org"))
    schedule.apply(whole)
    schedule.clock.advance_to(begun)
    schedule.tick()
    people.unsubscribe(store, "omar@example.org", now=begun, by="test")
    in_force = applying.preview(store, whole, now=begun)
    schedule.apply(write(tmp_path, "\nstages:" + OTHER))
    back = write(tmp_path, SPREAD + OTHER)

    before = applying.preview(store, back, now=begun)
    schedule.apply(back)
    after = applying.preview(store, back, now=begun)
    schedule.live_until(moment("2027-02-21T10:00:00+01:00"))

    assert (said_of_ended(in_force), in_force.recipients) == ([], {"offer": 2, "news": 2})
    for seen in (before, after):
        assert said_of_ended(seen) == ["offer ended as cancelled for 2 people, who get nothing of it"]
        assert (seen.recipients, seen.spent) == ({"offer": 0, "news": 2}, frozenset({"offer"}))
    assert schedule.sent() == []


def test_a_post_that_has_expired_and_is_moved_is_said_not_to_go_again(store: Store, tmp_path: Path) -> None:
    late = moment("2027-02-03T10:00:00+01:00")
    post = OFFER.replace("channel: email, subject: Offer,", "channel: facebook,")
    schedule = Schedule.on(store, START)
    schedule.apply(write(tmp_path, post))
    schedule.clock.advance_to(late)
    schedule.tick()

    seen = applying.preview(store, write(tmp_path, post.replace("1 february", "20 february")), now=late)

    assert said_of_ended(seen) == ["offer ended as expired and does not go again"]
    assert seen.spent == {"offer"}


def test_what_was_sent_cannot_be_changed_by_anybody(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    schedule.live_until(moment("2027-02-02T10:00:00+01:00"))
    before = schedule.rows()

    schedule.apply(write(tmp_path, OFFER.replace("1 february", "9 february").replace('"x"', '"y"')))
    schedule.live_until(moment("2027-02-20T10:00:00+01:00"))

    assert [row.state for row in before] == [State.SENT]
    assert schedule.rows() == before
    for change in ("touch = 'other'", "state = 'planned'", "occurrence = 'again'", "sent_at = NULL"):
        with pytest.raises(SchedulerError, match=r"ended is never changed"), store.begin() as conn:
            conn.exec_driver_sql(f"UPDATE delivery SET {change}")
