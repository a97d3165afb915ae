"""Sequences: steps one after the other, waits that end by an event or by their time, and what an edit does to them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.shop import DAY, HOUR, Schedule, moment, person, write

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.operations import applying
from scheduler.store import ledger, meta, plans
from scheduler.store.database import Store

START = moment("2027-03-01T10:00:00+01:00")
LEA = "lea@example.org"

CARTS = """
events: {{cart_abandoned: [cart]}}
stages:
  - stage: cart
    kind: conversion
    touches:
      - id: cart
        channel: email
        on: cart_abandoned
        until: purchase
        again: each cart
        {more}
        steps:
{steps}
"""
REMINDERS = (
    "{id: cart-1, when: 4 hours later, subject: First, text: Your cart}",
    "{id: cart-2, when: 3 days later, subject: Second, text: Still there}",
    "{id: cart-3, when: 2 days later, subject: Third, text: The last word}",
)
REVIEWS = """
stages:
  - stage: after
    kind: retention
    touches:
      - id: ask
        channel: email
        on: delivered
        when: 14 days later
        again: each order
        subject: Ask
        text: How is it?
        wait_for: {{event: review, within: 7 days{other}}}
        steps:
          - {{id: thanks, when: 1 day later, subject: Thanks, text: Thank you}}
          - {{id: gift, when: 2 days later, subject: Gift, text: A gift for you}}
          - {{id: remind, when: 2 hours later, subject: Remind, text: One word}}
"""


def carts(*steps: str, more: str = "") -> str:
    return CARTS.format(steps="\n".join(f"          - {step}" for step in steps or REMINDERS), more=more)


def shop(store: Store, folder: Path, text: str) -> Schedule:
    schedule = Schedule.on(store, START)
    schedule.know(person(LEA, phone="+33612345678"), person("karim@example.org"))
    schedule.apply(write(folder, text))
    schedule.tick()
    return schedule


def went(schedule: Schedule) -> list[tuple[str, str]]:
    return [(message.touch, f"{message.created_at:%m-%d %H:%M}") for message in schedule.sent("email")]


def states(schedule: Schedule) -> dict[str, tuple[str, str]]:
    return {row.touch: (row.state, row.reason) for row in schedule.rows()}


def run_of(schedule: Schedule, number: int = 1) -> plans.RunRecord:
    with schedule.store.read() as conn:
        found = plans.run(conn, number)
    assert found is not None
    return found


def test_each_step_counts_from_the_step_before(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, carts())

    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 10 * DAY)

    # 10:00 in Paris is 09:00 in UTC.
    assert went(schedule) == [("cart-1", "03-01 13:00"), ("cart-2", "03-04 13:00"), ("cart-3", "03-06 13:00")]
    assert {row.occurrence for row in schedule.rows()} == {"cart=17"}
    assert run_of(schedule).touch == "cart"


def test_a_step_is_planned_only_when_the_one_before_has_ended(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, carts())

    schedule.happens(LEA, "cart_abandoned", cart="17")
    planned = [row.touch for row in schedule.rows()]
    schedule.live_until(START + 5 * HOUR)

    assert planned == ["cart-1"]
    assert states(schedule) == {
        "cart-1": ("sent", "cart_abandoned +4 h; not 21:00–08:00; until purchase"),
        "cart-2": ("planned", ""),
    }


def test_a_late_step_moves_the_steps_after_it(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, carts())
    schedule.live_until(START + 8 * HOUR)

    schedule.happens(LEA, "cart_abandoned", cart="17")  # four hours later it is night
    schedule.live_until(START + 10 * DAY)

    assert went(schedule)[:2] == [("cart-1", "03-02 07:00"), ("cart-2", "03-05 07:00")]


def test_the_goal_ends_the_whole_sequence_and_only_this_one(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, carts())
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + HOUR)
    schedule.happens(LEA, "cart_abandoned", cart="18")
    schedule.happens("karim@example.org", "cart_abandoned", cart="19")

    schedule.live_until(START + 6 * HOUR)
    result = schedule.happens(LEA, "purchase", cart="17")
    schedule.live_until(START + 10 * DAY)

    assert result.cancelled == ("shop/cart",)
    rows = {(row.occurrence, row.touch): row.state for row in schedule.rows()}
    assert rows["cart=17", "cart-2"] == "cancelled"
    assert ("cart=17", "cart-3") not in rows
    assert rows["cart=19", "cart-3"] == "sent"
    # The cap of one a day defers the first of the second cart, and does not drop it.
    assert ("cart=18", "cart-2") in rows


def test_the_goal_of_a_step_stops_that_step_and_what_follows_it(store: Store, tmp_path: Path) -> None:
    steps = (REMINDERS[0], REMINDERS[1].replace("when:", "until: signup, when:"), REMINDERS[2])
    schedule = shop(store, tmp_path, carts(*steps))

    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + HOUR)
    early = schedule.happens(LEA, "signup")  # the first step has another goal
    schedule.live_until(START + 10 * DAY)

    assert early.cancelled == ()
    assert went(schedule) == [("cart-1", "03-01 13:00")]
    assert run_of(schedule).state == "ended"
    assert run_of(schedule).reason == "goal reached: signup"


def test_a_step_that_is_withheld_does_not_stop_the_next(store: Store, tmp_path: Path) -> None:
    steps = (REMINDERS[0], REMINDERS[1].replace("when:", "audience: city = 'Paris', when:"), REMINDERS[2])
    schedule = shop(store, tmp_path, carts(*steps))

    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 10 * DAY)

    assert went(schedule) == [("cart-1", "03-01 13:00"), ("cart-3", "03-06 13:00")]
    assert states(schedule)["cart-2"] == ("suppressed", "audience")


def test_a_step_by_another_channel_and_with_words_of_the_touch_itself(store: Store, tmp_path: Path) -> None:
    text = carts("{id: cart-2, channel: sms, when: 1 day later, text: By SMS}", more="text: First, subject: First")
    schedule = shop(
        store,
        tmp_path,
        text.replace("text: First, subject: First", "text: First\n        subject: First\n        when: 1 hour later"),
    )

    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 10 * DAY)

    assert went(schedule) == [("cart", "03-01 10:00")]
    assert [message.touch for message in schedule.sent("sms")] == ["cart-2"]


def test_who_does_what_is_waited_for_goes_the_first_way(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, REVIEWS.format(other=", else: remind"))
    schedule.happens(LEA, "delivered", order="7")

    schedule.live_until(START + 16 * DAY)
    before = {row.touch: row.state for row in schedule.rows()}
    result = schedule.happens(LEA, "review", order="7")
    schedule.live_until(START + 60 * DAY)

    assert before == {"ask": "sent", "remind": "planned"}
    assert (result.started, result.cancelled) == (("shop/thanks",), ("shop/remind",))
    assert went(schedule) == [("ask", "03-15 09:00"), ("thanks", "03-18 09:00"), ("gift", "03-20 09:00")]
    assert states(schedule)["remind"] == ("cancelled", "review came first")
    assert run_of(schedule).state == "ended"


def test_who_does_not_goes_the_other_way_when_the_time_is_over(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, REVIEWS.format(other=", else: remind"))
    schedule.happens(LEA, "delivered", order="7")

    schedule.live_until(START + 30 * DAY)
    late = schedule.happens(LEA, "review", order="7")
    schedule.live_until(START + 60 * DAY)

    assert went(schedule) == [("ask", "03-15 09:00"), ("remind", "03-22 11:00")]
    assert (late.started, late.cancelled) == ((), ())
    assert run_of(schedule).reason.startswith("done")


@pytest.mark.parametrize(
    ("at", "way"), [(timedelta(days=21), "thanks"), (timedelta(days=21, microseconds=1), "remind")]
)
def test_the_last_moment_of_a_wait_still_counts(store: Store, tmp_path: Path, at: timedelta, way: str) -> None:
    schedule = shop(store, tmp_path, REVIEWS.format(other=", else: remind"))
    schedule.happens(LEA, "delivered", order="7")
    schedule.live_until(START + 21 * DAY + HOUR)

    schedule.happens(LEA, "review", at=START + at, order="7")
    schedule.live_until(START + 60 * DAY)

    assert went(schedule)[1][0] == way


def test_a_wait_without_another_way_ends_the_sequence(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, REVIEWS.format(other=""))
    schedule.happens(LEA, "delivered", order="7")
    schedule.happens("karim@example.org", "delivered", order="8")

    schedule.live_until(START + 15 * DAY)
    waits = run_of(schedule).reason
    schedule.happens("karim@example.org", "review", order="8")
    schedule.live_until(START + 30 * DAY)
    schedule.happens(LEA, "review", order="7")
    schedule.live_until(START + 60 * DAY)

    assert waits == "waits for review until 2027-03-22 09:00 UTC"
    assert [touch for touch, _ in went(schedule)] == [
        "ask",
        "ask",
        "thanks",
        "gift",
    ]  # the cap of one a day keeps the last
    assert run_of(schedule).reason.startswith("review came too late")


def test_another_orders_review_is_no_answer(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, REVIEWS.format(other=", else: remind"))
    schedule.happens(LEA, "delivered", order="7")
    schedule.live_until(START + 15 * DAY)

    result = schedule.happens(LEA, "review", order="6")
    schedule.live_until(START + 60 * DAY)

    assert result.started == ()
    assert [touch for touch, _ in went(schedule)] == ["ask", "remind"]


def test_what_was_done_before_it_was_asked_for_counts(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, REVIEWS.format(other=", else: remind"))
    schedule.happens(LEA, "delivered", order="7")

    schedule.live_until(START + 3 * DAY)
    schedule.happens(LEA, "review", order="7")
    schedule.live_until(START + 60 * DAY)

    assert went(schedule) == [("ask", "03-15 09:00"), ("thanks", "03-16 09:00"), ("gift", "03-18 09:00")]


def test_a_touch_may_wait_before_it_says_anything(store: Store, tmp_path: Path) -> None:
    text = """
stages:
  - stage: after
    kind: retention
    touches:
      - id: parcel
        channel: email
        on: purchase
        again: each order
        wait_for: {event: delivered, within: 5 days, else: sorry}
        steps:
          - {id: enjoy, when: 1 day later, subject: Enjoy, text: Enjoy}
          - {id: sorry, subject: Sorry, text: It is late}
"""
    schedule = shop(store, tmp_path, text)
    schedule.happens(LEA, "purchase", order="1")
    schedule.happens("karim@example.org", "purchase", order="2")

    schedule.live_until(START + 2 * DAY)
    schedule.happens(LEA, "delivered", order="1")
    schedule.live_until(START + 20 * DAY)

    assert went(schedule) == [("enjoy", "03-04 09:00"), ("sorry", "03-06 09:00")]


def test_a_step_that_only_waits_is_the_wait_of_the_step_before(store: Store, tmp_path: Path) -> None:
    steps = (
        REMINDERS[0],
        "{id: pause, wait_for: {event: signup, within: 2 days, else: cart-3}}",
        *REMINDERS[1:],
    )
    schedule = shop(store, tmp_path, carts(*steps))

    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.happens("karim@example.org", "cart_abandoned", cart="18")
    schedule.live_until(START + DAY)
    schedule.happens("karim@example.org", "signup")
    schedule.live_until(START + 20 * DAY)

    by_person = {(row.recipient, row.touch): row.state for row in schedule.rows()}
    assert by_person == {
        ("c1", "cart-1"): "sent",
        ("c1", "cart-3"): "sent",
        ("c2", "cart-1"): "sent",
        ("c2", "cart-3"): "cancelled",
        ("c2", "cart-2"): "sent",
    }


class TellsBeforeTheMark:
    """A channel that hears of a purchase after the message is written, one millisecond before it may go."""

    def __init__(self, schedule: list[Schedule]) -> None:
        self.name = "email"
        self.schedule = schedule
        self.sent: list[str] = []

    async def send(self, message: Message, mark: Mark) -> Receipt:
        (here,) = self.schedule
        here.happens(LEA, "purchase", at=here.clock.now() - timedelta(milliseconds=1))
        await mark()
        self.sent.append(message.touch)
        return Receipt()

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    "text",
    [
        carts(),
        carts()
        .replace("steps:", "when: 4 hours later\n        subject: One\n        text: One")
        .split("          - {id")[0],
    ],
    ids=["a step", "a touch"],
)
def test_a_purchase_a_millisecond_before_the_mark_stops_the_reminder(store: Store, tmp_path: Path, text: str) -> None:
    held: list[Schedule] = []
    channel = TellsBeforeTheMark(held)
    schedule = Schedule.on(store, START, channels={"email": channel})
    held.append(schedule)
    schedule.know(person(LEA))
    schedule.apply(write(tmp_path, text))
    schedule.happens(LEA, "cart_abandoned", cart="17")

    schedule.live_until(START + 10 * DAY)

    assert channel.sent == []
    assert [(row.state, row.reason, row.attempts) for row in schedule.rows()] == [
        ("cancelled", "goal reached: purchase", 0)
    ]


def edit(schedule: Schedule, folder: Path, text: str) -> list[tuple[str, str, str]]:
    """Look at what an edit would do, do it, and return what was said of each touch."""
    loaded = write(folder, text)
    seen = applying.preview(schedule.store, loaded, now=schedule.clock.now())
    schedule.apply(loaded)
    return [(change.action.value, change.touch, change.consequence) for change in seen.changes]


def test_another_moment_of_a_step_moves_those_who_wait_for_it(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, carts())
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 6 * HOUR)

    said = edit(schedule, tmp_path, carts(REMINDERS[0], REMINDERS[1].replace("3 days", "5 days"), REMINDERS[2]))
    schedule.live_until(START + 20 * DAY)

    assert said == [("change", "cart-2", "changes how long after its event it goes, moves 1 person in flight")]
    assert went(schedule) == [("cart-1", "03-01 13:00"), ("cart-2", "03-06 13:00"), ("cart-3", "03-08 13:00")]


def test_a_longer_wait_moves_what_comes_after_it(store: Store, tmp_path: Path) -> None:
    text = REVIEWS.format(other=", else: remind")
    schedule = shop(store, tmp_path, text)
    schedule.happens(LEA, "delivered", order="7")
    schedule.live_until(START + 15 * DAY)

    said = edit(schedule, tmp_path, text.replace("within: 7 days", "within: 10 days"))
    schedule.live_until(START + 60 * DAY)

    assert [(action, touch) for action, touch, _ in said] == [("change", "ask"), ("change", "remind")]
    assert went(schedule) == [("ask", "03-15 09:00"), ("remind", "03-25 11:00")]


def test_who_waits_for_a_step_that_is_taken_out_goes_on_with_the_next(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, carts())
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 6 * HOUR)

    said = edit(schedule, tmp_path, carts(REMINDERS[0], REMINDERS[2]))
    schedule.live_until(START + 20 * DAY)

    assert ("cancel", "cart-2", "cancels 1 scheduled message") in said
    assert went(schedule) == [("cart-1", "03-01 13:00"), ("cart-3", "03-03 13:00")]
    assert states(schedule)["cart-2"] == ("cancelled", "removed from the campaign")


def test_a_sequence_that_is_taken_out_ends_its_runs(store: Store, tmp_path: Path) -> None:
    other = (
        carts()
        .replace("id: cart\n", "id: other\n")
        .replace("cart-", "other-")
        .replace("on: cart_abandoned", "on: signup")
    )
    schedule = shop(store, tmp_path, carts())
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 6 * HOUR)

    edit(schedule, tmp_path, other.replace("First", "1st").replace("Second", "2nd").replace("Third", "3rd"))

    assert (run_of(schedule).state, run_of(schedule).reason) == ("ended", "removed from the campaign")
    assert states(schedule)["cart-2"] == ("cancelled", "removed from the campaign")


def test_people_who_are_pinned_finish_the_steps_they_began(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, carts(more="in_flight: pin"))
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 6 * HOUR)

    edit(schedule, tmp_path, carts(*(step.replace("days", "weeks") for step in REMINDERS), more="in_flight: pin"))
    schedule.happens("karim@example.org", "cart_abandoned", cart="18")
    schedule.live_until(START + 60 * DAY)

    lea = [row.due_at.date().isoformat() for row in schedule.rows() if row.recipient == "c1"]
    karim = [row.due_at.date().isoformat() for row in schedule.rows() if row.recipient == "c2"]
    assert lea == ["2027-03-01", "2027-03-04", "2027-03-06"]
    assert karim == ["2027-03-01", "2027-03-22", "2027-04-05"]


def test_a_renamed_sequence_and_a_renamed_step_keep_their_history(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, carts())
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 6 * HOUR)

    renamed = (
        carts(
            REMINDERS[0],
            REMINDERS[1].replace("id: cart-2", "id: second, moved: cart-2"),
            REMINDERS[2],
            more="moved: cart",
        )
    ).replace("id: cart\n", "id: baskets\n")
    said = edit(schedule, tmp_path, renamed)
    again = schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 20 * DAY)

    assert said == [("change", "second", "was cart-2; its history goes with it")]
    assert again.started == ()
    # What went keeps the key under which it was first applied.
    assert went(schedule) == [("cart-1", "03-01 13:00"), ("cart-2", "03-04 13:00"), ("cart-3", "03-06 13:00")]


def test_steps_added_to_a_touch_are_for_those_in_the_middle_of_it_too(store: Store, tmp_path: Path) -> None:
    alone = (
        carts().split("        steps:")[0] + "        when: 4 hours later\n        subject: One\n        text: One\n"
    )
    schedule = shop(store, tmp_path, alone)
    schedule.happens(LEA, "cart_abandoned", cart="17")

    edit(schedule, tmp_path, alone + "        steps: [{id: later, when: 2 days later, subject: Two, text: Two}]\n")
    schedule.live_until(START + 20 * DAY)

    assert went(schedule) == [("cart", "03-01 13:00"), ("later", "03-03 13:00")]


def test_a_step_that_counts_from_one_sent_under_a_clock_a_month_ahead_does_not_wait_that_month(
    store: Store, tmp_path: Path
) -> None:
    shop = Schedule.on(store, START)
    shop.know(person(LEA))
    shop.apply(write(tmp_path, carts()))
    shop.happens(LEA, "cart_abandoned", key="a-1", cart="17")
    shop.tick()
    shop.clock.advance_to(START + 30 * DAY)
    shop.tick()
    assert {row.touch: row.due_at for row in shop.rows() if row.state == "planned"} == {"cart-2": START + 33 * DAY}

    with store.begin() as conn:
        ledger.turn_back(conn, START + 5 * HOUR)

    assert {row.touch: row.due_at for row in shop.rows() if row.state == "planned"} == {
        "cart-2": START + 3 * DAY + 5 * HOUR
    }


def test_after_a_restore_a_step_is_held_too_that_could_have_gone_had_the_one_before_not_been_held(
    store: Store, tmp_path: Path
) -> None:
    shop = Schedule.on(store, START)
    shop.know(person(LEA))
    shop.apply(write(tmp_path, carts(more="max_late: 1 day")))
    shop.happens(LEA, "cart_abandoned", key="a-1", cart="17")
    with store.begin() as conn:
        meta.widen_gap(conn, START + 4 * DAY)
    for moment_of_a_look in (START + 5 * HOUR, START + 5 * DAY):
        shop.clock.advance_to(moment_of_a_look)
        shop.tick()
    assert [(row.touch, row.state, row.reason) for row in shop.rows()] == [
        ("cart-1", "expired", "may have been sent already (restored database); later than allowed"),
        ("cart-2", "planned", ""),
    ]

    shop.clock.advance_to(START + 8 * DAY)
    shop.tick()

    assert [(row.touch, row.state, row.reason) for row in shop.rows()][1:] == [
        ("cart-2", "held", "may have been sent already (restored database)"),
    ]
    assert shop.sent() == []
