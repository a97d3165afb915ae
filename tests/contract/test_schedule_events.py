"""Event touches on a real store: what starts them, what stops them, and where they bring a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.shop import DAY, HOUR, Schedule, addresses, moment, person, write

from scheduler.errors import SchedulerError
from scheduler.store import plans
from scheduler.store.database import Store

SHOP = """
stages:
  - stage: first
    kind: awareness
    when: as soon as possible
    touches:
      - {id: post, channel: facebook, text: "Hello"}
  - stage: buying
    kind: conversion
    touches:
      - {id: cart, channel: email, on: cart_abandoned, when: 1 day later, until: purchase, again: each cart,
         subject: Your cart, text: "{{ event.cart }}"}
  - stage: home
    kind: loyalty
    enter_on: purchase
    loop: buying
    touches:
      - {id: thanks, channel: email, purpose: transactional, on: purchase, when: 5 minutes later,
         subject: Thank you, text: "For {{ event.product }}"}
      - {id: nudge, channel: email, on: purchase, when: 2 months later, repeat: "every 30 days, 3 times",
         until: purchase, subject: Again, text: "It is time"}
      - {id: review, channel: email, on: delivered, when: 14 days later, subject: Review, text: "How was it?"}
      - {id: call, channel: call, on: bad_experience, when: 1 hour later, go_to: first,
         text: "Call {{ contact.first_name }}"}
"""
START = moment("2027-03-01T10:00:00+01:00")


def shop(store: Store, folder: Path, text: str = SHOP) -> Schedule:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org", first_name="Léa", phone="+33612345678"))
    schedule.apply(write(folder, text))
    schedule.tick()
    return schedule


def stage(schedule: Schedule) -> str | None:
    with schedule.store.read() as conn:
        return plans.current_stage(conn, "shop", "2027", 1)


def test_a_thank_you_goes_minutes_after_the_purchase(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    result = schedule.happens("lea@example.org", "purchase", product="a ring")
    schedule.live_until(START + HOUR)

    assert result.started == ("shop/thanks", "shop/nudge")
    assert [(m.touch, m.content.text.splitlines()[0], m.created_at) for m in schedule.sent()] == [
        ("thanks", "For a ring", moment("2027-03-01T10:05:00+01:00"))
    ]


def test_the_same_event_twice_has_one_effect(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    first = schedule.happens("lea@example.org", "purchase", key="o-1", product="a ring")
    again = schedule.happens("lea@example.org", "purchase", at=START, key="o-1", product="a ring")
    schedule.live_until(START + HOUR)

    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.started == ()
    assert len(schedule.sent()) == 1


def test_the_same_key_with_another_body_is_refused(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens("lea@example.org", "purchase", key="o-1", product="a ring")

    with pytest.raises(SchedulerError, match="already used for another event"):
        schedule.happens("lea@example.org", "purchase", key="o-1", product="a necklace")


def test_unknown_people_and_unknown_events_are_refused_by_name(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    with pytest.raises(SchedulerError, match=r"nobody is known as 'eva@example\.org'"):
        schedule.happens("eva@example.org", "purchase")
    with pytest.raises(SchedulerError, match="unknown event 'bought'"):
        schedule.happens("lea@example.org", "bought")


def test_a_cart_reminder_goes_a_day_later_unless_the_purchase_came_first(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens("lea@example.org", "cart_abandoned", key="e-1", cart="17")
    schedule.happens("lea@example.org", "cart_abandoned", key="e-2", cart="18")

    schedule.live_until(START + 20 * HOUR)
    result = schedule.happens("lea@example.org", "purchase", key="o-1", cart="17", product="a ring")
    schedule.live_until(START + 30 * HOUR)

    assert result.cancelled == ("shop/cart",)
    carts = [row for row in schedule.rows() if row.touch == "cart"]
    assert [(row.occurrence, row.state, row.reason) for row in carts] == [
        ("cart=17", "cancelled", "goal reached: purchase"),
        ("cart=18", "sent", carts[1].reason),
    ]


def test_a_cart_that_is_told_after_its_purchase_reminds_of_nothing(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens("lea@example.org", "purchase", key="o-1", at=START - HOUR, cart="17")
    schedule.happens("lea@example.org", "purchase", key="o-2", at=START - 3 * HOUR, cart="18")

    told = [
        schedule.happens("lea@example.org", "cart_abandoned", key=f"e-{cart}", at=START - 2 * HOUR, cart=cart)
        for cart in ("17", "18")
    ]
    schedule.live_until(START + 30 * HOUR)

    assert [(one.started, one.cancelled) for one in told] == [((), ("shop/cart",)), (("shop/cart",), ())]
    carts = [row for row in schedule.rows() if row.touch == "cart"]
    assert [(row.occurrence, row.state, row.reason) for row in carts] == [
        ("cart=17", "cancelled", "goal reached: purchase"),
        ("cart=18", "sent", carts[1].reason),
    ]


def test_an_order_that_is_told_after_the_next_one_nudges_nobody(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens("lea@example.org", "purchase", key="o-2", at=START - HOUR, product="tea")
    schedule.happens("lea@example.org", "purchase", key="o-3", at=START - HOUR, product="a cup")
    assert stage(schedule) == "home"

    schedule.happens("lea@example.org", "purchase", key="o-1", at=START - 2 * HOUR, product="tea")

    nudges = [(row.occurrence, row.state) for row in schedule.rows() if row.touch == "nudge"]
    assert nudges == [("o-1", "cancelled"), ("o-2", "cancelled"), ("o-3", "planned")]
    assert stage(schedule) == "home"


def test_one_cart_reminds_once_however_often_it_is_left(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    started = [schedule.happens("lea@example.org", "cart_abandoned", key=f"e-{n}", cart="17").started for n in (1, 2)]
    schedule.live_until(START + 3 * DAY)

    assert started == [("shop/cart",), ()]
    assert len(schedule.sent()) == 1


def test_the_nudge_repeats_until_they_return(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens("lea@example.org", "purchase", key="o-1", product="tea")

    schedule.live_until(moment("2027-06-15T12:00:00+02:00"))
    result = schedule.happens("lea@example.org", "purchase", key="o-2", product="tea")
    schedule.live_until(moment("2027-08-01T12:00:00+02:00"))

    nudges = [message.created_at.date().isoformat() for message in schedule.sent() if message.touch == "nudge"]
    assert nudges == ["2027-05-01", "2027-05-31"]
    assert "shop/nudge" in result.cancelled
    assert [row.state for row in schedule.rows() if row.touch == "nudge"] == ["sent", "sent", "cancelled", "planned"]


def test_the_nudge_ends_after_its_three_times(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens("lea@example.org", "purchase", key="o-1", product="tea")

    schedule.live_until(START + 400 * DAY)

    assert [row.state for row in schedule.rows() if row.touch == "nudge"] == ["sent", "sent", "sent"]


def test_a_purchase_brings_the_person_into_the_stage_and_back_through_the_loop(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens("lea@example.org", "purchase", key="o-1", product="tea")
    after_first = stage(schedule)

    schedule.clock.advance(30 * DAY)
    schedule.happens("lea@example.org", "purchase", key="o-2", product="tea")
    with store.read() as conn:
        way = [entry.stage for entry in plans.stages_of(conn, 1)]

    assert after_first == "home"
    assert way == ["home", "buying", "home"]


def test_a_bad_experience_sends_the_person_back_and_stops_what_would_have_followed(
    store: Store, tmp_path: Path
) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens("lea@example.org", "purchase", key="o-1", product="tea")
    schedule.happens("lea@example.org", "delivered", key="d-1")

    schedule.clock.advance(2 * DAY)
    result = schedule.happens("lea@example.org", "bad_experience", key="b-1", reason="broken")
    schedule.live_until(START + 90 * DAY)

    assert sorted(result.cancelled) == ["shop/nudge", "shop/review", "shop/thanks"]
    assert stage(schedule) == "first"
    assert [message.touch for message in schedule.sent()] == []
    with store.read() as conn:
        assert [(task.touch, task.text) for task in plans.tasks(conn)] == [("call", "Call Léa")]


def test_entering_a_stage_starts_what_waits_for_it(store: Store, tmp_path: Path) -> None:
    text = SHOP.replace(
        "      - {id: review,",
        '      - {id: welcome, channel: email, on: entered home, when: 1 hour later, subject: Welcome, text: "home"}\n'
        "      - {id: review,",
    )
    schedule = shop(store, tmp_path, text)

    schedule.happens("lea@example.org", "purchase", key="o-1", product="tea")
    schedule.live_until(START + 2 * HOUR)

    assert [message.touch for message in schedule.sent()] == ["thanks", "welcome"]


@pytest.mark.parametrize(("again", "started"), [("never", 1), ("each event", 2), ("after 90 days", 1)])
def test_re_entry_follows_its_rule(store: Store, tmp_path: Path, again: str, started: int) -> None:
    text = SHOP.replace("on: delivered,", f"on: delivered, again: {again},")
    schedule = shop(store, tmp_path, text)

    schedule.happens("lea@example.org", "delivered", key="d-1")
    schedule.clock.advance(10 * DAY)
    schedule.happens("lea@example.org", "delivered", key="d-2")

    assert len([row for row in schedule.rows() if row.touch == "review"]) == started


def test_a_surprise_between_purchase_and_delivery_stops_when_the_parcel_comes(store: Store, tmp_path: Path) -> None:
    text = SHOP.replace("on: delivered, when: 14 days later,", "on: purchase, when: between purchase and delivered,")
    schedule = shop(store, tmp_path, text)

    schedule.happens("lea@example.org", "purchase", key="o-1", product="tea")
    schedule.happens("lea@example.org", "purchase", key="o-2", product="tea", expected="2027-03-05T10:00:00+01:00")
    due = {row.occurrence: row.due_at for row in schedule.rows() if row.touch == "review"}
    schedule.happens("lea@example.org", "delivered", key="d-1")

    assert due == {"o-1": moment("2027-03-02T10:00:00+01:00"), "o-2": moment("2027-03-03T10:00:00+01:00")}
    assert {row.state for row in schedule.rows() if row.touch == "review"} == {"cancelled"}


def test_marketing_after_an_event_waits_for_the_morning_and_a_thank_you_does_not(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.clock.advance_to(moment("2027-03-01T23:00:00+01:00"))

    schedule.happens("lea@example.org", "cart_abandoned", key="e-1", cart="17")
    schedule.happens("lea@example.org", "purchase", at=moment("2027-03-01T22:00:00+01:00"), key="o-1", product="tea")
    schedule.live_until(moment("2027-03-03T12:00:00+01:00"))

    assert [(m.touch, m.created_at.isoformat()) for m in schedule.sent()] == [
        ("thanks", "2027-03-01T22:00:00+00:00"),
        ("cart", "2027-03-03T07:00:00+00:00"),
    ]


def test_an_unsubscribe_event_stops_marketing_and_not_the_thank_you(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens("lea@example.org", "cart_abandoned", key="e-1", cart="17")
    schedule.happens("lea@example.org", "unsubscribe", key="u-1")
    schedule.happens("lea@example.org", "purchase", key="o-1", product="tea", cart="99")

    schedule.live_until(START + 3 * DAY)

    assert [message.touch for message in schedule.sent()] == ["thanks"]
    assert addresses(schedule.sent()) == ["lea@example.org"]


def test_an_event_of_long_ago_does_not_send_an_old_message(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    schedule.happens("lea@example.org", "delivered", at=START - 60 * DAY, key="d-1")
    schedule.tick()

    assert [(row.touch, row.state, row.reason) for row in schedule.rows() if row.touch == "review"] == [
        ("review", "expired", "later than allowed")
    ]


def test_the_next_order_ends_the_nudge_of_the_one_before_although_each_order_has_its_own(
    store: Store, tmp_path: Path
) -> None:
    text = SHOP.replace('repeat: "every 30 days, 3 times",', "again: each order,")
    schedule = shop(store, tmp_path, text)
    schedule.happens("lea@example.org", "purchase", key="e-1", order="1", product="tea")

    schedule.clock.advance(20 * DAY)
    result = schedule.happens("lea@example.org", "purchase", key="e-2", order="2", product="tea")

    assert "shop/nudge" in result.cancelled
    nudges = [(row.occurrence, row.state) for row in schedule.rows() if row.touch == "nudge"]
    assert nudges == [("order=1", "cancelled"), ("order=2", "planned")]


def test_a_calendar_touch_with_go_to_brings_whom_it_reached_into_that_stage(store: Store, tmp_path: Path) -> None:
    text = SHOP.replace(
        '      - {id: post, channel: facebook, text: "Hello"}',
        "      - {id: regulars, channel: email, when: 1 day later, go_to: home, subject: Regulars, text: x}",
    )
    schedule = shop(store, tmp_path, text)

    schedule.live_until(START + 2 * DAY)

    assert [message.touch for message in schedule.sent()] == ["regulars"]
    assert stage(schedule) == "home"


def test_whom_to_win_does_not_silence_what_follows_their_purchase(store: Store, tmp_path: Path) -> None:
    text = "audience: city = 'Paris' and not purchased('ring') within 12 months\n" + SHOP
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org", city="Paris"), person("eva@example.org", city="Lyon"))
    schedule.apply(write(tmp_path, text))
    schedule.tick()

    for who in ("lea", "eva"):
        schedule.happens(f"{who}@example.org", "purchase", key=f"o-{who}", product="ring")
        schedule.happens(f"{who}@example.org", "delivered", key=f"d-{who}")
    schedule.live_until(START + 20 * DAY)

    assert sorted((m.touch, m.recipient.email if m.recipient else "") for m in schedule.sent()) == [
        ("review", "lea@example.org"),
        ("thanks", "eva@example.org"),
        ("thanks", "lea@example.org"),
    ]
