"""What an edit does to people in the middle of a touch: pin, retime, drain and restart, counted and carried out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.shop import Schedule, addresses, moment, person, write

from scheduler.delivery import State
from scheduler.operations import applying, steering
from scheduler.store.database import Store

START = moment("2027-01-20T12:00:00+01:00")

LETTER = """
stages:
  - stage: conversion
    kind: conversion
    touches:
      - id: letter
        channel: email
        on: purchase
        when: 3 days later
        purpose: transactional
        subject: Letter
        text: "old words"
"""


def edited(text: str, *changes: tuple[str, str], rule: str = "") -> str:
    """Return the file after changes of its words, with a rule for people in flight."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return (
        text.replace("        channel: email\n", f"        channel: email\n        in_flight: {rule}\n")
        if rule
        else text
    )


SOONER = ("3 days later", "1 day later")
LATER = ("3 days later", "5 days later")
NEW_WORDS = ("old words", "new words")


def in_the_middle(
    store: Store, folder: Path, text: str = LETTER, *, after: timedelta = timedelta(hours=12)
) -> Schedule:
    """Apply, let Lea buy, and stand some time later."""
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"), person("max@example.org"))
    schedule.apply(write(folder, text))
    schedule.happens("lea@example.org", "purchase", key="o-1")
    schedule.live_until(START + after)
    return schedule


def consequence(schedule: Schedule, folder: Path, text: str) -> str:
    """Return what the plan says the edit does."""
    [change] = applying.preview(schedule.store, write(folder, text), now=schedule.clock.now()).changes
    return change.consequence


def words(schedule: Schedule) -> list[tuple[str, str, str]]:
    """Return who got which words when, in order."""
    return [
        (address, message.content.text.splitlines()[0], f"{message.due_at:%d %b %H:%M}")
        for address, message in zip(addresses(schedule.sent()), schedule.sent(), strict=True)
    ]


def test_people_in_flight_follow_a_later_time(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path)

    says = consequence(schedule, tmp_path, edited(LETTER, LATER, NEW_WORDS))
    schedule.apply(write(tmp_path, edited(LETTER, LATER, NEW_WORDS)))
    schedule.live_until(START + timedelta(days=8))

    assert says == "changes how long after its event it goes, new wording, moves 1 person in flight"
    assert words(schedule) == [("lea@example.org", "new words", "25 Jan 11:00")]
    assert [(row.state, row.reason) for row in schedule.rows()] == [(State.SENT, "purchase +5 d")]


def test_several_people_in_flight_move_each_to_their_own_moment(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path)
    schedule.happens("max@example.org", "purchase", key="o-2")
    schedule.happens("max@example.org", "purchase", key="o-3", at=START + timedelta(hours=6))

    says = consequence(schedule, tmp_path, edited(LETTER, LATER))
    schedule.apply(write(tmp_path, edited(LETTER, LATER)))
    schedule.live_until(START + timedelta(days=8))

    assert says == "changes how long after its event it goes, moves 2 people in flight"
    assert words(schedule) == [
        ("lea@example.org", "old words", "25 Jan 11:00"),
        ("max@example.org", "old words", "25 Jan 17:00"),
        ("max@example.org", "old words", "25 Jan 23:00"),
    ]


def test_people_in_flight_follow_an_earlier_time(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path)

    schedule.apply(write(tmp_path, edited(LETTER, SOONER)))
    schedule.live_until(START + timedelta(days=8))

    assert words(schedule) == [("lea@example.org", "old words", "21 Jan 11:00")]


def test_what_is_due_in_the_past_by_the_new_time_goes_at_once(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path, after=timedelta(days=2))

    schedule.apply(write(tmp_path, edited(LETTER, SOONER)))
    schedule.tick()

    assert words(schedule) == [("lea@example.org", "old words", "21 Jan 11:00")]


def test_what_is_too_late_by_the_new_time_does_not_go_and_is_counted(store: Store, tmp_path: Path) -> None:
    text = edited(LETTER, ("3 days later", "30 days later"), ("        purpose: transactional\n", ""))
    schedule = in_the_middle(store, tmp_path, text, after=timedelta(days=10))
    sooner = edited(text, ("30 days later", "1 day later"))

    says = consequence(schedule, tmp_path, sooner)
    schedule.apply(write(tmp_path, sooner))
    schedule.tick()

    assert says == (
        "changes how long after its event it goes, moves 1 person in flight, 1 of them too late for the new time"
    )
    assert words(schedule) == []
    assert [(row.state, row.reason) for row in schedule.rows()] == [(State.EXPIRED, "later than allowed")]


def test_pinned_people_keep_words_and_time_and_new_ones_follow_the_file(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path)
    pinned = edited(LETTER, SOONER, NEW_WORDS, rule="pin")

    says = consequence(schedule, tmp_path, pinned)
    schedule.apply(write(tmp_path, pinned))
    schedule.happens("max@example.org", "purchase", key="o-2")
    schedule.live_until(START + timedelta(days=8))

    assert says == (
        "changes how long after its event it goes, new wording, 1 person in flight keeps what they began with (pin)"
    )
    assert words(schedule) == [
        ("max@example.org", "new words", "21 Jan 23:00"),
        ("lea@example.org", "old words", "23 Jan 11:00"),
    ]
    assert [row.reason for row in schedule.rows()] == ["purchase +1 d", "purchase +3 d"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (NEW_WORDS, "wording only, 1 person in flight keeps the old wording (pin)"),
        (SOONER, "changes how long after its event it goes, 1 person in flight keeps the old time (pin)"),
    ],
)
def test_the_plan_says_what_pinned_people_keep(
    store: Store, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    schedule = in_the_middle(store, tmp_path, edited(LETTER, rule="pin"))

    assert consequence(schedule, tmp_path, edited(LETTER, change, rule="pin")) == says


def test_a_pinned_sequence_of_repeats_ends_as_it_began(store: Store, tmp_path: Path) -> None:
    text = edited(LETTER, ("        purpose", "        repeat: every 2 days, 3 times\n        purpose"))
    schedule = in_the_middle(store, tmp_path, text, after=timedelta(days=4))

    schedule.apply(write(tmp_path, edited(text, NEW_WORDS, ("every 2 days", "every 7 days"), rule="pin")))
    schedule.live_until(START + timedelta(days=30))

    assert words(schedule) == [
        ("lea@example.org", "old words", "23 Jan 11:00"),
        ("lea@example.org", "old words", "25 Jan 11:00"),
        ("lea@example.org", "old words", "27 Jan 11:00"),
    ]


def test_a_shorter_repetition_ends_for_people_in_flight_too(store: Store, tmp_path: Path) -> None:
    text = edited(LETTER, ("        purpose", "        repeat: every 2 days, 3 times\n        purpose"))
    schedule = in_the_middle(store, tmp_path, text, after=timedelta(days=4))
    shorter = edited(text, (", 3 times", ", 1 time"))

    says = consequence(schedule, tmp_path, shorter)
    schedule.apply(write(tmp_path, shorter))
    schedule.live_until(START + timedelta(days=30))

    assert says == "changes how long after its event it goes, 1 person in flight will not get it any more"
    assert [(row.state, row.reason) for row in schedule.rows()] == [
        (State.SENT, "purchase +3 d; every 2 days, 3 times"),
        (State.CANCELLED, "its repetition is over"),
    ]


def test_a_draining_touch_lets_people_finish_and_takes_in_nobody_new(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path)
    drained = edited(LETTER, NEW_WORDS, rule="drain")

    says = consequence(schedule, tmp_path, drained)
    schedule.apply(write(tmp_path, drained))
    result = schedule.happens("max@example.org", "purchase", key="o-2")
    schedule.live_until(START + timedelta(days=8))

    assert says == (
        "changes its rules, new wording, 1 person in flight finishes as they began, nobody new is taken in (drain)"
    )
    assert result.started == ()
    assert words(schedule) == [("lea@example.org", "old words", "23 Jan 11:00")]


def test_restarted_people_wait_anew_from_the_edit(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path, after=timedelta(days=2))
    restarted = edited(LETTER, SOONER, NEW_WORDS, rule="restart")

    says = consequence(schedule, tmp_path, restarted)
    schedule.apply(write(tmp_path, restarted))
    schedule.live_until(START + timedelta(days=8))

    assert says == "changes how long after its event it goes, new wording, 1 person in flight begins again (restart)"
    assert words(schedule) == [("lea@example.org", "new words", "23 Jan 11:00")]


def test_what_a_restarted_person_has_had_does_not_go_again(store: Store, tmp_path: Path) -> None:
    text = edited(LETTER, ("        purpose", "        repeat: every 2 days, 3 times\n        purpose"))
    schedule = in_the_middle(store, tmp_path, text, after=timedelta(days=4))

    schedule.apply(write(tmp_path, edited(text, SOONER, NEW_WORDS, rule="restart")))
    schedule.live_until(START + timedelta(days=30))

    assert words(schedule) == [
        ("lea@example.org", "old words", "23 Jan 11:00"),
        ("lea@example.org", "new words", "27 Jan 11:00"),
        ("lea@example.org", "new words", "29 Jan 11:00"),
    ]


def test_a_goal_told_late_still_ends_a_restarted_run(store: Store, tmp_path: Path) -> None:
    text = edited(LETTER, ("on: purchase", "on: cart_abandoned\n        until: purchase"))
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, text))
    schedule.happens("lea@example.org", "cart_abandoned", key="c-1")
    schedule.live_until(START + timedelta(days=1))

    schedule.apply(write(tmp_path, edited(text, NEW_WORDS, rule="restart")))
    schedule.happens("lea@example.org", "purchase", key="o-1", at=START + timedelta(hours=2))
    schedule.live_until(START + timedelta(days=8))

    assert words(schedule) == []
    assert [(row.state, row.reason) for row in schedule.rows()] == [(State.CANCELLED, "goal reached: purchase")]


def test_a_touch_that_answers_another_event_drops_people_in_flight(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path)
    other = edited(LETTER, ("on: purchase", "on: delivered"))

    says = consequence(schedule, tmp_path, other)
    schedule.apply(write(tmp_path, other))
    schedule.live_until(START + timedelta(days=8))

    assert says == "changes what starts it, 1 person in flight will not get it any more"
    assert [(row.state, row.reason) for row in schedule.rows()] == [
        (State.CANCELLED, "the touch is started by delivered now")
    ]


def test_an_edit_of_another_touch_and_of_the_rule_alone_moves_nobody(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path, edited(LETTER, rule="pin"))
    schedule.apply(write(tmp_path, edited(LETTER, NEW_WORDS, rule="pin")))

    schedule.apply(write(tmp_path, edited(LETTER, NEW_WORDS)))
    schedule.live_until(START + timedelta(days=8))

    assert words(schedule) == [("lea@example.org", "old words", "23 Jan 11:00")]


def test_people_who_were_pinned_follow_a_later_edit_that_takes_them_along(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path)
    schedule.apply(write(tmp_path, edited(LETTER, LATER, rule="pin")))

    says = consequence(schedule, tmp_path, edited(LETTER, LATER, NEW_WORDS))
    schedule.apply(write(tmp_path, edited(LETTER, LATER, NEW_WORDS)))
    schedule.live_until(START + timedelta(days=8))

    assert says == "changes its rules, new wording, moves 1 person in flight"
    assert words(schedule) == [("lea@example.org", "new words", "25 Jan 11:00")]


def test_an_approval_of_the_old_words_holds_for_those_who_keep_them(store: Store, tmp_path: Path) -> None:
    text = edited(LETTER, ("        purpose", "        approval: required\n        purpose"))
    schedule = in_the_middle(store, tmp_path, text)
    chosen = steering.targets(store, schedule.catalog, ["letter"])  # type: ignore[arg-type]
    steering.approve(store, schedule.catalog, chosen, now=schedule.clock.now(), who="me")  # type: ignore[arg-type]

    schedule.apply(write(tmp_path, edited(text, NEW_WORDS, rule="pin")))
    steering.approve(store, schedule.catalog, chosen, now=schedule.clock.now(), who="me")  # type: ignore[arg-type]
    schedule.live_until(START + timedelta(days=8))

    assert words(schedule) == [("lea@example.org", "old words", "23 Jan 11:00")]


OFFER = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february
    touches:
      - id: offer
        channel: email
        at: "10:00"
        subject: Offer
        text: "old words"
"""
HEAD = """\
campaign: shop
language: en
timezone: contact
fallback_timezone: Europe/Paris
senders:
  email: The Shop <hello@shop.example>
  postal_address: 12 rue des Lilas, 75011 Paris
  unsubscribe: mailto:stop@shop.example
"""


@pytest.mark.parametrize(("rule", "got"), [("pin", "old words"), ("retime", "new words"), ("drain", "old words")])
def test_people_of_a_later_zone_are_in_flight_while_a_calendar_touch_goes(
    store: Store, tmp_path: Path, rule: str, got: str
) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(
        person("aiko@example.org", timezone="Asia/Tokyo"), person("nora@example.org", timezone="America/New_York")
    )
    schedule.apply(write(tmp_path, OFFER, head=HEAD))
    schedule.live_until(moment("2027-02-01T12:00:00+09:00"))

    schedule.apply(write(tmp_path, edited(OFFER, NEW_WORDS, rule=rule), head=HEAD))
    schedule.know(person("olga@example.org", timezone="America/New_York"))
    schedule.live_until(moment("2027-02-03T10:00:00+01:00"))

    latecomer = [] if rule == "drain" else [("olga@example.org", "new words", "01 Feb 15:00")]
    assert sorted(words(schedule)) == sorted(
        [("aiko@example.org", "old words", "01 Feb 01:00"), ("nora@example.org", got, "01 Feb 15:00"), *latecomer]
    )


def test_what_was_sent_is_never_changed_by_any_rule(store: Store, tmp_path: Path) -> None:
    schedule = in_the_middle(store, tmp_path, after=timedelta(days=4))
    before = schedule.rows()

    for rule in ("pin", "retime", "drain", "restart"):
        schedule.apply(write(tmp_path, edited(LETTER, ("old words", f"words to {rule}"), LATER, rule=rule)))
        schedule.live_until(schedule.clock.now() + timedelta(days=10))

    assert schedule.rows() == before
    assert len(schedule.sent()) == 1
