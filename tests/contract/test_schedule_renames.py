"""A touch that is called something else keeps its history: nobody gets it twice, what waits goes on, approvals hold."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.shop import Schedule, addresses, moment, person, write

from scheduler.delivery import State
from scheduler.errors import SchedulerError
from scheduler.operations import applying, steering, watching
from scheduler.store.database import Store

START = moment("2027-01-20T12:00:00+01:00")

FILE = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february
    touches:
      - {id: offer, channel: email, at: "10:00", subject: Offer, text: "30 percent"}
      - {id: letter, channel: email, on: purchase, when: 3 days later, purpose: transactional,
         subject: Letter, text: "thank you"}
"""


def renamed(old: str, new: str, text: str = FILE, *, moved: bool = True) -> str:
    line = f"{{id: {new}, moved: {old}, channel" if moved else f"{{id: {new}, channel"
    assert f"{{id: {old}, channel" in text
    return text.replace(f"{{id: {old}, channel", line)


def started(store: Store, folder: Path, text: str = FILE) -> Schedule:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(folder, text))
    return schedule


def test_a_renamed_touch_that_was_sent_is_not_sent_again(store: Store, tmp_path: Path) -> None:
    text = FILE.replace("when: 1 february", "when: early february\n    pick: earliest")
    schedule = started(store, tmp_path, text)
    schedule.live_until(moment("2027-02-01T10:30:00+01:00"))

    schedule.apply(write(tmp_path, renamed("offer", "deal", text)))
    schedule.know(person("max@example.org"))
    schedule.tick()
    schedule.live_until(moment("2027-02-05T10:00:00+01:00"))

    assert addresses(schedule.sent()) == ["lea@example.org", "max@example.org"]
    assert [(row.touch, row.state) for row in schedule.rows()] == [("offer", State.SENT), ("offer", State.SENT)]


def test_a_rename_alone_is_one_change_and_after_it_there_is_none(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path)
    loaded = write(tmp_path, renamed("offer", "deal"))

    [change] = applying.preview(store, loaded, now=START).changes
    schedule.apply(loaded)

    assert (change.touch, change.consequence) == ("deal", "was offer; its history goes with it")
    assert applying.preview(store, loaded, now=START).changes.changes == ()


def test_a_renamed_touch_of_a_spread_keeps_its_place_in_it(store: Store, tmp_path: Path) -> None:
    text = FILE.replace("when: 1 february", "when: early february\n    pick: spread")
    schedule = started(store, tmp_path, text)
    [before] = applying.preview(store, write(tmp_path, text), now=START).timeline.touch("offer").occurrences

    loaded = write(tmp_path, renamed("offer", "deal", text))
    seen = applying.preview(store, loaded, now=START)
    schedule.apply(loaded)

    assert [(one.touch, one.consequence) for one in seen.changes] == [("deal", "was offer; its history goes with it")]
    assert [one.due_at for one in seen.timeline.touch("deal").occurrences] == [before.due_at]
    assert applying.preview(store, loaded, now=START).changes.changes == ()


def test_people_in_flight_get_a_renamed_touch_once(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path)
    schedule.happens("lea@example.org", "purchase", key="o-1", at=START)
    schedule.live_until(START + timedelta(days=1))

    schedule.apply(write(tmp_path, renamed("letter", "thanks").replace("thank you", "many thanks")))
    schedule.happens("lea@example.org", "purchase", key="o-1", at=START)
    schedule.live_until(START + timedelta(days=6))

    assert [message.content.text.splitlines()[0] for message in schedule.sent()] == ["many thanks"]


def test_a_rename_that_nobody_declared_is_refused(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path)
    loaded = write(tmp_path, renamed("offer", "deal", moved=False))

    with pytest.raises(
        SchedulerError, match="'offer' is gone, and 'deal' says exactly the same: is it renamed"
    ) as error:
        schedule.apply(loaded)

    assert error.value.remedy == "write `moved: offer` into it, so that nobody gets it twice"
    assert [finding.code for finding in applying.preview(store, loaded, now=START).timeline.findings] == ["renamed"]


def test_an_approval_and_a_pause_hold_for_the_renamed_touch(store: Store, tmp_path: Path) -> None:
    text = FILE.replace('text: "30 percent"', 'text: "30 percent", approval: required')
    schedule = started(store, tmp_path, text)
    chosen = steering.targets(store, schedule.catalog, ["offer"])  # type: ignore[arg-type]
    steering.approve(store, schedule.catalog, chosen, now=START, who="me")  # type: ignore[arg-type]
    steering.pause(store, chosen, until=None, now=START, who="me")

    schedule.apply(write(tmp_path, renamed("offer", "deal", text)))
    status = watching.status(store, now=START).campaigns[0]
    chosen = steering.targets(store, schedule.catalog, ["shop/deal"])  # type: ignore[arg-type]
    steering.resume(store, chosen, now=START, who="me")
    schedule.live_until(moment("2027-02-05T10:00:00+01:00"))

    assert (status.paused_touches, status.approvals) == (("deal",), ())
    assert str(chosen[0]) == "shop/deal"
    assert addresses(schedule.sent()) == ["lea@example.org"]


def test_screens_show_the_new_name_and_the_log_finds_it_by_both(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path)
    schedule.live_until(moment("2027-02-01T10:30:00+01:00"))

    schedule.apply(write(tmp_path, renamed("offer", "deal")))

    assert [row.touch for row in watching.log(store)] == ["deal"]
    assert [row.touch for row in watching.log(store, touch="deal")] == ["deal"]
    assert [row.touch for row in watching.log(store, campaign="shop", touch="offer")] == ["deal"]
    assert [
        one.touch for one in applying.preview(store, write(tmp_path, renamed("offer", "deal")), now=START).changes
    ] == []


def test_an_event_names_the_touch_it_starts_as_it_is_called_now(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path)
    schedule.apply(write(tmp_path, renamed("letter", "thanks")))

    assert schedule.happens("lea@example.org", "purchase").started == ("shop/thanks",)


def test_two_touches_that_swap_their_ids_keep_their_own_history(store: Store, tmp_path: Path) -> None:
    two = """
stages:
  - stage: conversion
    kind: conversion
    touches:
      - {id: first, channel: email, when: 1 february at 10:00, subject: One, text: "one"}
      - {id: second, channel: email, when: 5 february at 10:00, subject: Two, text: "two"}
"""
    swapped = (
        two.replace("id: first,", "id: x,")
        .replace("id: second,", "id: first, moved: second,")
        .replace("id: x,", "id: second, moved: first,")
    )
    schedule = started(store, tmp_path, two)
    schedule.live_until(moment("2027-02-02T10:00:00+01:00"))

    for _ in range(3):
        schedule.apply(write(tmp_path, swapped))
    schedule.live_until(moment("2027-02-10T10:00:00+01:00"))

    assert [message.content.text.splitlines()[0] for message in schedule.sent()] == ["one", "two"]
    assert [(row.touch, row.subject) for row in watching.log(store)] == [("second", "One"), ("first", "Two")]


def test_a_chain_of_renames_ends_in_one_message(store: Store, tmp_path: Path) -> None:
    schedule = started(store, tmp_path)
    schedule.live_until(moment("2027-02-01T10:30:00+01:00"))
    schedule.apply(write(tmp_path, renamed("offer", "deal")))
    schedule.apply(write(tmp_path, renamed("offer", "bargain").replace("moved: offer", "moved: deal")))
    schedule.live_until(moment("2027-02-05T10:00:00+01:00"))

    assert addresses(schedule.sent()) == ["lea@example.org"]
    assert [row.touch for row in watching.log(store)] == ["bargain"]


def test_a_removed_touch_that_is_written_again_never_revives_what_was_cancelled(store: Store, tmp_path: Path) -> None:
    without = FILE[: FILE.index("      - {id: letter")]
    schedule = started(store, tmp_path)
    schedule.happens("lea@example.org", "purchase", key="o-1", at=START)

    schedule.apply(write(tmp_path, without))
    schedule.apply(write(tmp_path, FILE))
    schedule.happens("lea@example.org", "purchase", key="o-1", at=START)
    schedule.live_until(START + timedelta(days=6))

    assert schedule.sent() == []
    assert [(row.state, row.reason) for row in schedule.rows()] == [(State.CANCELLED, "removed from the campaign")]
