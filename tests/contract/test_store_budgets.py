"""A send budget counts messages begun, once each, and holds while several workers mark at the same moment."""

from __future__ import annotations

import threading
from pathlib import Path

from support.shop import Schedule, addresses, moment, person, write

from scheduler.delivery import State
from scheduler.operations import applying, watching
from scheduler.store import plans
from scheduler.store.database import Store
from scheduler.store.plans import Budget

NOON = moment("2027-01-20T12:00:00+00:00")
FILE = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february at 10:00
    touches:
      - {id: offer, channel: email, subject: Offer, text: "Come in", max_late: 20 days}
"""
FIVE = [person(f"p{number}@example.org") for number in range(1, 6)]


def started(store: Store, folder: Path, budget: int | None) -> Schedule:
    schedule = Schedule.on(store, NOON)
    schedule.know(*FIVE)
    applying.apply(store, write(folder, FILE), now=NOON, catalog=schedule.catalog, budget=budget)  # type: ignore[arg-type]
    return schedule


def budget_of(store: Store) -> Budget | None:
    return watching.status(store, now=NOON).campaigns[0].budget


def test_without_a_budget_nothing_is_limited_or_counted(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path, None)
    schedule.live_until(moment("2027-02-02T10:00:00+01:00"))

    with store.begin() as conn:
        assert plans.budget_left(conn, "shop", "2027") is None
    assert len(schedule.sent()) == 5


def test_messages_over_the_budget_are_held_and_the_next_budget_lets_them_go(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path, 2)
    schedule.live_until(moment("2027-02-02T10:00:00+01:00"))
    first = addresses(schedule.sent())
    held = {(row.state, row.reason) for row in schedule.rows() if row.state == State.HELD}
    used = budget_of(store)

    released = applying.authorise(store, "shop", budget=4, now=schedule.clock.now())
    schedule.tick()

    assert (len(first), held) == (2, {(State.HELD, "the budget of 2 messages is used up")})
    assert used == Budget(2, 2)
    assert released == 3
    assert len(addresses(schedule.sent())) == 4
    assert budget_of(store) == Budget(4, 4)


def test_a_budget_counts_what_went_before_it_was_set(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path, None)
    schedule.live_until(moment("2027-02-02T10:00:00+01:00"))

    applying.authorise(store, "shop", budget=7, now=schedule.clock.now())

    assert budget_of(store) == Budget(7, 5)


def test_an_apply_without_a_budget_leaves_the_one_there_is(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path, 2)

    schedule.apply(write(tmp_path, FILE.replace("Come in", "Do come in")))
    kept = budget_of(store)
    applying.authorise(store, "shop", budget=None, now=NOON)

    assert (kept, budget_of(store)) == (Budget(2, 0), None)


def test_a_budget_below_what_went_leaves_nothing(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path, None)
    schedule.live_until(moment("2027-02-02T10:00:00+01:00"))

    applying.authorise(store, "shop", budget=3, now=schedule.clock.now())

    with store.begin() as conn:
        assert plans.budget_left(conn, "shop", "2027") == 0


def test_workers_that_mark_at_once_never_begin_more_than_the_budget(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    started(store, tmp_path, 10)
    begun: list[int] = []

    def work() -> None:
        own = Store(database_url)
        for _ in range(5):
            with own.begin() as conn:
                left = plans.budget_left(conn, "shop", "2027")
                assert left is not None
                if left:
                    plans.spend(conn, "shop", "2027")
                    begun.append(1)
        own.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(begun) == 10
