"""What is held is let go by one word, or by the account that was missing, whatever the touch has become since."""

from __future__ import annotations

from pathlib import Path

from support.shop import DAY, HOUR, Schedule, moment, person, write

from scheduler.channels.recording import RecordingChannel
from scheduler.operations import steering
from scheduler.store import ledger
from scheduler.store.database import Store
from scheduler.verdicts import POISON

START = moment("2027-01-20T10:00:00+01:00")
LEA = "lea@example.org"
THANKS = """
courtesy: {quiet_hours: none}
stages:
  - stage: home
    kind: loyalty
    touches:
      - {id: thanks, channel: sms, purpose: transactional, on: purchase, when: 1 day later, text: "Thanks"}
"""
BY_MAIL = THANKS.replace("channel: sms,", "channel: email, subject: Thanks,")


def bought(store: Store, folder: Path, text: str, *, channels: tuple[str, ...] = ("email",)) -> Schedule:
    """Put the thanks in force, and let Léa buy something."""
    recording = {name: RecordingChannel(name) for name in channels}
    schedule = Schedule.on(store, START, channels=recording)
    schedule.recorded |= recording
    schedule.know(person(LEA, phone="+33612345678"))
    schedule.apply(write(folder, text))
    schedule.happens(LEA, "purchase", key="o-1")
    return schedule


def standing(schedule: Schedule) -> list[tuple[str, str]]:
    return [(row.state, row.reason) for row in schedule.rows()]


def approve(schedule: Schedule) -> int:
    chosen = steering.targets(schedule.store, schedule.catalog, ["shop/thanks"])
    return steering.approve(schedule.store, schedule.catalog, chosen, now=schedule.clock.now(), who="lea")


def test_an_account_lets_go_what_an_edit_brought_to_its_channel(store: Store, tmp_path: Path) -> None:
    schedule = bought(store, tmp_path, THANKS, channels=())
    schedule.apply(write(tmp_path, BY_MAIL))
    schedule.live_until(START + DAY)
    held = standing(schedule)

    moved = steering.release_for_accounts(store, ["email", "sms"], now=schedule.clock.now())

    assert held == [("held", "no account for email: set it up, or send to files with --outbox")]
    assert moved == 1


def test_an_account_lets_nothing_go_that_another_one_is_missing_for(store: Store, tmp_path: Path) -> None:
    schedule = bought(store, tmp_path, THANKS, channels=())
    schedule.live_until(START + DAY)

    assert steering.release_for_accounts(store, ["email", "s"], now=schedule.clock.now()) == 0


def test_an_edit_to_a_channel_that_has_an_account_lets_go_what_had_none(store: Store, tmp_path: Path) -> None:
    schedule = bought(store, tmp_path, THANKS)
    schedule.live_until(START + DAY)
    held = standing(schedule)

    schedule.apply(write(tmp_path, BY_MAIL))
    schedule.tick()

    assert held == [("held", "no account for sms: set it up, or send to files with --outbox")]
    assert [message.channel for message in schedule.sent()] == ["email"]


def test_one_word_lets_go_what_is_late_by_the_time_it_is_approved(store: Store, tmp_path: Path) -> None:
    text = BY_MAIL.replace("text:", "approval: required, max_late: 2 hours, on_late: ask, text:")
    schedule = bought(store, tmp_path, text)
    schedule.live_until(START + DAY + 5 * HOUR)
    held = standing(schedule)

    moved = approve(schedule)
    schedule.tick()

    assert held == [("held", "waits for approval")]
    assert (moved, len(schedule.sent())) == (1, 1)


def test_one_word_lets_go_what_stopped_its_renderer_twice(store: Store, tmp_path: Path) -> None:
    schedule = bought(store, tmp_path, BY_MAIL)
    schedule.clock.advance_to(START + DAY)
    with store.begin() as conn:
        ledger.hold(conn, reason=f"{POISON}: it was ended by SIGKILL", now=schedule.clock.now(), campaign="shop")
    schedule.tick()
    before = len(schedule.sent())

    moved = approve(schedule)
    schedule.tick()

    assert (before, moved, len(schedule.sent())) == (0, 1, 1)
