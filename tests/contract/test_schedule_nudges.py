"""Nudges before the expected order: each buyer's own time, none once they have ordered, and why it was that day."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.shop import DAY, HOUR, Schedule, addresses, moment, person, write

from scheduler.operations import happenings
from scheduler.store import habits, plans
from scheduler.store.database import Store

NUDGE = """
stages:
  - stage: again
    kind: loyalty
    enter_on: purchase
    touches:
      - {{id: nudge, channel: email, on: purchase, when: 5 days before the expected order, {more}
         subject: Again, text: "It is time"}}
"""
START = moment("2027-03-01T10:00:00+01:00")


def shop(store: Store, folder: Path, *, more: str = "until: purchase,", text: str = NUDGE) -> Schedule:
    schedule = Schedule.on(store, START)
    schedule.know(
        person("thirty@example.org", phone="+33612345678"), person("ninety@example.org"), person("new@example.org")
    )
    schedule.apply(write(folder, text.format(more=more)))
    schedule.tick()
    return schedule


def remember(schedule: Schedule, who: str, days: int, times: int, *, until: datetime = START, **facts: object) -> None:
    """Record orders every so many days before `until`, the last one that many days before it."""
    for number in range(times, 0, -1):
        at = until - number * timedelta(days=days)
        happenings.record_history(
            schedule.store,
            who=who,
            name="purchase",
            at=at,
            key=f"{who}-{days}-{number}-{facts}",
            facts=facts,
            now=schedule.clock.now(),
        )


def others(schedule: Schedule, days: int, many: int = 10, **facts: object) -> None:
    """Let other people of the shop have ordered three times each, with the same gap between."""
    schedule.know(*(person(f"{days}-{number}@example.org") for number in range(many)))
    for number in range(many):
        remember(schedule, f"{days}-{number}@example.org", days, 3, **facts)


def why(schedule: Schedule, contact: int) -> list[tuple[str, str]]:
    with schedule.store.read() as conn:
        runs = sorted(plans.runs_of(conn, range(1, 100)).items())
        return [(run.state, run.reason) for _, run in runs if run.contact == contact]


def nudged(schedule: Schedule, channel: str = "email") -> list[tuple[str, str]]:
    sent = schedule.sent(channel)
    days = [message.created_at.date().isoformat() for message in sent]
    return list(zip(addresses(sent), days, strict=True))


def test_two_buyers_get_their_nudges_at_their_own_times(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    remember(schedule, "thirty@example.org", 30, 4)
    remember(schedule, "ninety@example.org", 90, 4)

    schedule.happens("thirty@example.org", "purchase", key="t-1")
    schedule.happens("ninety@example.org", "purchase", key="n-1")
    schedule.live_until(START + 120 * DAY)

    assert nudged(schedule) == [("thirty@example.org", "2027-03-26"), ("ninety@example.org", "2027-05-25")]


def test_a_new_purchase_cancels_the_nudge_and_plans_the_next(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    remember(schedule, "thirty@example.org", 30, 4)
    remember(schedule, "ninety@example.org", 90, 4)
    schedule.happens("thirty@example.org", "purchase", key="t-1")
    schedule.happens("ninety@example.org", "purchase", key="n-1")

    schedule.live_until(START + 20 * DAY)
    again = schedule.happens("thirty@example.org", "purchase", key="t-2")
    schedule.live_until(START + 40 * DAY)

    assert (again.started, again.cancelled) == (("shop/nudge",), ("shop/nudge",))
    assert nudged(schedule) == []
    rows = {row.occurrence: (row.state, row.reason, row.due_at.date().isoformat()) for row in schedule.rows()}
    assert rows["t-1"] == ("cancelled", "goal reached: purchase", "2027-03-26")
    assert rows["n-1"][0] == "planned"
    # Four gaps of 30 days and one of 20 make a typical gap of 28: five days before 18 April.
    assert rows["t-2"] == ("planned", "", "2027-04-13")


def test_the_order_itself_ends_the_wait_where_the_file_names_no_goal(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, more="")
    remember(schedule, "thirty@example.org", 30, 4)
    schedule.happens("thirty@example.org", "purchase", key="t-1")

    schedule.live_until(START + 24 * DAY)
    result = schedule.happens("thirty@example.org", "purchase", key="t-2")
    schedule.live_until(START + 26 * DAY)

    assert result.cancelled == ("shop/nudge",)
    assert nudged(schedule) == []
    assert [row.reason for row in schedule.rows() if row.occurrence == "t-1"] == ["purchase came first"]


def test_an_order_that_was_only_remembered_stops_it_at_the_last_moment(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    remember(schedule, "thirty@example.org", 30, 4)
    schedule.happens("thirty@example.org", "purchase", key="t-1")

    schedule.live_until(START + 24 * DAY)
    remember(schedule, "thirty@example.org", 1, 1, until=schedule.clock.now())
    schedule.live_until(START + 40 * DAY)

    assert nudged(schedule) == []
    assert [(row.state, row.reason) for row in schedule.rows()] == [("cancelled", "purchase came first")]


def test_an_order_told_late_starts_no_wait_of_its_own(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    remember(schedule, "thirty@example.org", 30, 4)
    schedule.happens("thirty@example.org", "purchase", key="t-2")

    late = schedule.happens("thirty@example.org", "purchase", at=START - 2 * DAY, key="t-1")
    schedule.live_until(START + 40 * DAY)

    assert late.started == ()
    assert nudged(schedule) == [("thirty@example.org", "2027-03-26")]


def test_a_first_order_is_nudged_by_the_habit_of_the_product(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    others(schedule, 28, product="Cream")
    others(schedule, 60, product="Lamp")

    schedule.happens("new@example.org", "purchase", key="n-1", product="cream")
    schedule.happens("ninety@example.org", "purchase", key="n-2", product="lamp")
    schedule.live_until(START + 70 * DAY)

    assert nudged(schedule) == [("new@example.org", "2027-03-24"), ("ninety@example.org", "2027-04-25")]
    assert why(schedule, 3) == [
        (
            "open",
            "next purchase expected 2027-03-29, late from 2027-03-29: the 20 gaps of 10 people for 'cream',"
            " around 28 days, counted as 2.5 own",
        )
    ]


def test_a_product_with_too_few_gaps_goes_by_the_whole_shop(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    others(schedule, 28, product="Cream")
    others(schedule, 10, many=9, product="Soap")

    schedule.happens("new@example.org", "purchase", key="n-1", product="Soap")

    # 18 gaps of 10 days are too few; of all 38 the densest half lies at 28.
    assert [row.due_at.date().isoformat() for row in schedule.rows()] == ["2027-03-24"]
    assert "the 38 gaps of 19 people for the shop" in why(schedule, 3)[0][1]


def test_own_gaps_are_shrunk_towards_the_shop(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    others(schedule, 28)
    remember(schedule, "ninety@example.org", 90, 2)

    schedule.happens("ninety@example.org", "purchase", key="n-1")

    # Everybody's variance lies between people, so the shop counts half a gap: (0.5 * ln 28 + 2 * ln 90) / 2.5, 71 days.
    [row] = schedule.rows()
    assert row.due_at.date().isoformat() == "2027-05-06"
    assert why(schedule, 2) == [
        (
            "open",
            "next purchase expected 2027-05-11, late from 2027-05-11: 2 own gaps of typically 90 days and"
            " the 21 gaps of 11 people for the shop, around 28 days, counted as 0.5 own",
        )
    ]


def test_nobody_is_nudged_while_there_is_nothing_to_learn_from(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    result = schedule.happens("new@example.org", "purchase", key="n-1")

    assert result.started == ()
    assert schedule.rows() == []
    assert why(schedule, 3) == [
        ("ended", "nobody's next order can be expected yet: there are too few repeat orders to learn from")
    ]


def test_who_orders_more_often_than_the_phrase_reaches_back_is_nudged_halfway(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    remember(schedule, "thirty@example.org", 4, 5)

    schedule.happens("thirty@example.org", "purchase", key="t-1")

    assert [row.due_at for row in schedule.rows()] == [START + 2 * DAY]


def test_the_nudge_repeats_until_they_return_and_keeps_its_first_day(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, more='until: purchase, repeat: "every 10 days, 5 times",')
    remember(schedule, "thirty@example.org", 30, 4)
    schedule.happens("thirty@example.org", "purchase", key="t-1")

    schedule.live_until(START + 40 * DAY)
    others(schedule, 3)  # what the shop learns meanwhile moves nothing that has begun
    schedule.live_until(START + 50 * DAY)
    schedule.happens("thirty@example.org", "purchase", key="t-2")
    schedule.live_until(START + 56 * DAY)

    assert [day for _, day in nudged(schedule)] == ["2027-03-26", "2027-04-05", "2027-04-15"]


def test_a_cool_down_leaves_out_who_came_in_lately(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, more="until: purchase, again: after 60 days,")
    remember(schedule, "thirty@example.org", 30, 4)

    started = []
    for number in range(4):
        started.append(schedule.happens("thirty@example.org", "purchase", key=f"t-{number}").started)
        schedule.live_until(START + (number + 1) * 30 * DAY)

    assert started == [("shop/nudge",), (), ("shop/nudge",), ()]
    assert [day for _, day in nudged(schedule)] == ["2027-03-26", "2027-05-25"]


@pytest.mark.parametrize("channel", ["sms", "call"])
def test_it_goes_by_sms_or_as_a_call_for_the_staff(store: Store, tmp_path: Path, channel: str) -> None:
    text = NUDGE.replace("channel: email", f"channel: {channel}").replace("subject: Again, ", "")
    schedule = shop(store, tmp_path, text=text)
    remember(schedule, "thirty@example.org", 30, 4)

    schedule.happens("thirty@example.org", "purchase", key="t-1")
    schedule.live_until(START + 40 * DAY)

    assert [message.created_at.date().isoformat() for message in schedule.sent(channel)] == ["2027-03-26"]


def test_the_late_nudge_goes_when_three_quarters_of_the_orders_have_come(store: Store, tmp_path: Path) -> None:
    text = NUDGE.replace("5 days before the expected order", "the overdue order")
    schedule = shop(store, tmp_path, text=text)
    for days, many in ((20, 3), (30, 4), (40, 4)):
        others(schedule, days, many)

    schedule.happens("new@example.org", "purchase", key="n-1")
    schedule.live_until(START + 60 * DAY)

    assert nudged(schedule) == [("new@example.org", "2027-04-10")]


def test_the_reason_of_what_was_sent_names_the_orders_it_was_computed_from(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    remember(schedule, "thirty@example.org", 30, 4)

    schedule.happens("thirty@example.org", "purchase", key="t-1")
    schedule.live_until(START + 26 * DAY)
    schedule.happens("thirty@example.org", "purchase", key="t-2")

    [sent] = [row for row in schedule.rows() if row.state == "sent"]
    expected = "next purchase expected 2027-03-31, late from 2027-03-31: 4 own gaps of typically 30 days"
    assert sent.reason == f"purchase 5 days before the expected order; not 21:00–08:00; until purchase; {expected}"
    assert why(schedule, 1)[0] == ("ended", f"goal reached: purchase; {expected}")


def test_an_edit_moves_people_who_wait_to_the_new_day(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    remember(schedule, "thirty@example.org", 30, 4)
    schedule.happens("thirty@example.org", "purchase", key="t-1")
    schedule.live_until(START + HOUR)

    edited = NUDGE.format(more="until: purchase,").replace("5 days before", "2 days before")
    schedule.apply(write(tmp_path, edited))

    assert [row.due_at.date().isoformat() for row in schedule.rows()] == ["2027-03-29"]


def test_of_a_large_shop_only_every_so_many_people_are_read(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    others(schedule, 28)  # people 4 to 13, three orders each

    with store.read() as conn:
        everybody = list(habits.of_everybody(conn, "purchase", before=START))
        every_third = list(habits.of_everybody(conn, "purchase", before=START, most=10))
        before_the_last = list(habits.of_everybody(conn, "purchase", before=START - 28 * DAY))

    assert [len(done) for done in everybody] == [3] * 10
    assert [len(done) for done in every_third] == [3] * 3
    assert [len(done) for done in before_the_last] == [2] * 10
    assert [at for at, _ in everybody[0]] == [START - 84 * DAY, START - 56 * DAY, START - 28 * DAY]


def test_a_repetition_until_the_expected_order_ends_there(store: Store, tmp_path: Path) -> None:
    text = """
stages:
  - stage: again
    kind: loyalty
    touches:
      - {id: tip, channel: email, on: purchase, when: 3 days later, repeat: every 10 days until the expected order,
         until: purchase, subject: Tip, text: A tip}
"""
    schedule = shop(store, tmp_path, text=text.replace("{", "{{").replace("}", "}}"))
    remember(schedule, "thirty@example.org", 30, 4)
    schedule.happens("thirty@example.org", "purchase", key="t-1")

    schedule.live_until(START + 60 * DAY)

    # Expected on 31 March: the tip of 3 April stays away.
    assert [day for _, day in nudged(schedule)] == ["2027-03-04", "2027-03-14", "2027-03-24"]
