"""Steps that a person takes out, and messages nobody knew the fate of: the run they belong to goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.shop import DAY, HEAD, HOUR, Schedule, moment, person, write

from campaigns import diff
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.errors import Unknown
from scheduler.operations import applying, privacy, settling, steering
from scheduler.store import plans
from scheduler.store.database import Store

START = moment("2027-03-01T10:00:00+01:00")
LEA, KARIM = "lea@example.org", "karim@example.org"
CARTS = """
events: {{cart_abandoned: [cart]}}
courtesy: {{caps: none, quiet_hours: none}}
stages:
  - stage: cart
    kind: conversion
    touches:
      - id: cart
        channel: email
        on: cart_abandoned
        {until}again: each cart
        steps:
          - {{id: cart-1, when: 4 hours later, subject: First, text: Your cart}}
          - {{id: cart-2, when: 3 hours later, subject: Second, text: Still there}}
          - {{id: cart-3, when: 2 hours later, subject: Third, text: The last word}}
"""


def shop(store: Store, folder: Path, until: str = "", **channels: RecordingChannel) -> Schedule:
    schedule = Schedule.on(store, START, channels=channels or None)  # type: ignore[arg-type]
    schedule.know(person(LEA, first_name="Lea"), person(KARIM, first_name="Karim"))
    schedule.apply(write(folder, CARTS.format(until=until)))
    schedule.tick()
    return schedule


def went(schedule: Schedule) -> list[tuple[str, str]]:
    return [(message.touch, f"{message.created_at:%m-%d %H:%M}") for message in schedule.sent()]


def runs_of(schedule: Schedule, contact: int = 1) -> list[tuple[str, str]]:
    with schedule.store.read() as conn:
        return [(run.state, run.reason) for run in plans.runs_for(conn, contact)]


def takes_out(schedule: Schedule, touch: str, *, reject: bool = False) -> None:
    now = schedule.clock.now()
    chosen = steering.targets(schedule.store, schedule.catalog, [touch])  # type: ignore[arg-type]
    if reject:
        steering.approve(schedule.store, schedule.catalog, chosen, now=now, who="ana", reject=True)  # type: ignore[arg-type]
    else:
        steering.cancel(schedule.store, schedule.catalog, chosen, now=now, who="ana")  # type: ignore[arg-type]


def test_who_was_on_the_way_to_a_cancelled_step_goes_on_with_the_next(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 5 * HOUR)

    takes_out(schedule, "shop/cart-2")
    schedule.live_until(START + DAY)

    # 09:00 UTC: the first after four hours; the second is taken out an hour later, and the third counts from there.
    assert went(schedule) == [("cart-1", "03-01 13:00"), ("cart-3", "03-01 16:00")]
    assert runs_of(schedule) == [("ended", "done")]


def test_who_comes_to_a_rejected_step_later_goes_on_with_the_next(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    takes_out(schedule, "shop/cart-2", reject=True)

    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + DAY)

    assert went(schedule) == [("cart-1", "03-01 13:00"), ("cart-3", "03-01 18:00")]
    assert runs_of(schedule) == [("ended", "done")]


def test_who_was_on_the_way_to_the_last_step_when_it_was_rejected_is_at_the_end(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 8 * HOUR)

    takes_out(schedule, "shop/cart-3", reject=True)

    assert runs_of(schedule) == [("ended", "done")]


def test_a_cancelled_campaign_ends_the_runs_of_its_people(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, "until: purchase\n        ")
    schedule.happens(LEA, "cart_abandoned", cart="17")

    takes_out(schedule, "shop")

    assert runs_of(schedule) == [("ended", "the campaign was cancelled")]


class Hangs(RecordingChannel):
    """Loses the answer to the second message."""

    async def send(self, message: Message, mark: Mark) -> Receipt:
        receipt = await super().send(message, mark)
        if message.touch == "cart-2":
            raise Unknown("the connection was lost after the dot")
        return receipt


def test_a_run_goes_on_once_somebody_says_what_became_of_its_message(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, email=Hangs("email"))
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 10 * HOUR)
    (lost,) = [row for row in schedule.rows() if row.state == "unknown"]

    settled = [
        settling.settle_unknown(
            store,
            schedule.catalog,  # type: ignore[arg-type]
            lost.id,
            went=True,
            reason="found in the server's log",
            now=schedule.clock.now(),
            who="ana",
        )
        for _ in range(2)
    ]
    schedule.live_until(START + DAY)

    assert settled == [True, False]
    states = {row.touch: row.state for row in schedule.rows()}
    assert states == {"cart-1": "sent", "cart-2": "sent", "cart-3": "sent"}
    with store.read() as conn:
        assert [entry.stage for entry in plans.stages_of(conn, 1)] == ["cart"]


def test_a_goal_that_one_of_two_contacts_reached_ends_the_runs_of_the_other(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, "until: purchase\n        ")
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + HOUR)
    schedule.happens(KARIM, "purchase")

    privacy.merge(store, LEA, KARIM, now=schedule.clock.now(), by="ana")
    schedule.live_until(START + DAY)

    assert went(schedule) == []
    assert runs_of(schedule) == [("ended", "goal reached: purchase")]


def test_a_run_that_both_of_two_contacts_have_goes_on_once_from_where_the_one_ahead_stands(
    store: Store, tmp_path: Path
) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens(KARIM, "cart_abandoned", cart="17")
    schedule.live_until(START + 2 * HOUR)
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 5 * HOUR)

    privacy.merge(store, LEA, KARIM, now=schedule.clock.now(), by="ana")
    schedule.live_until(START + 2 * DAY)

    assert went(schedule) == [("cart-1", "03-01 13:00"), ("cart-2", "03-01 16:00"), ("cart-3", "03-01 18:00")]
    assert runs_of(schedule) == [("ended", "done")]


def test_of_a_run_that_both_have_the_one_behind_ends(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(START + 5 * HOUR)
    schedule.happens(KARIM, "cart_abandoned", cart="17")

    privacy.merge(store, LEA, KARIM, now=schedule.clock.now(), by="ana")
    schedule.live_until(START + 2 * DAY)

    assert went(schedule) == [("cart-1", "03-01 13:00"), ("cart-2", "03-01 16:00"), ("cart-3", "03-01 18:00")]
    assert {message.recipient.name for message in schedule.sent()} == {"Lea"}  # type: ignore[union-attr]


ASKS = """
courtesy: {{caps: none, quiet_hours: none}}
stages:
  - stage: after
    kind: retention
    touches:
      - id: ask
        channel: email
        on: delivered
        when: 1 hour later
        again: each order
        subject: Ask
        text: How is it?
        wait_for: {{event: review, within: {wait}}}
        steps:
          - {{id: thanks, when: 1 day later, subject: Thanks, text: Thank you}}
          - {{id: remind, when: 2 hours later, subject: Remind, text: One word}}
"""


def test_who_waits_without_another_way_is_counted_when_an_edit_gives_one(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person(LEA), person(KARIM))
    schedule.apply(write(tmp_path, ASKS.format(wait="7 days")))
    schedule.happens(LEA, "delivered", order="1")
    schedule.happens(KARIM, "delivered", order="2")
    schedule.live_until(START + DAY)

    edited = write(tmp_path, ASKS.format(wait="3 days, else: remind"))
    seen = applying.preview(store, edited, now=schedule.clock.now())
    schedule.happens(KARIM, "review")
    schedule.apply(edited)
    schedule.live_until(START + 8 * DAY)

    change = next(one for one in seen.changes if one.touch == "ask")
    assert change.flight == diff.Flight("retime", 2)
    # Asked at 10:00 UTC; three days and two hours later the one who said nothing is reminded.
    assert went(schedule)[2:] == [("thanks", "03-03 09:00"), ("remind", "03-04 12:00")]


def test_an_unreadable_campaign_refuses_no_event_of_the_others(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    schedule = shop(store, tmp_path)
    other = HEAD.replace("campaign: shop", "campaign: other")
    schedule.apply(write(tmp_path, ASKS.format(wait="7 days"), name="other.yaml", head=other))
    with store.begin() as conn:
        conn.exec_driver_sql("""UPDATE revision SET definition = '{"campaign": 1}' WHERE campaign = 'other'""")
    schedule.catalog.forget()  # type: ignore[attr-defined]

    result = schedule.happens(LEA, "cart_abandoned", cart="17")
    again = schedule.happens(LEA, "delivered")

    assert (result.started, again.accepted, again.started) == (("shop/cart-1",), True, ())
    told = [record.getMessage() for record in caplog.records if "cannot be read" in record.getMessage()]
    assert len(told) == 1
    assert told[0].startswith("campaign other cannot be read, and does nothing until it is applied again: ")
