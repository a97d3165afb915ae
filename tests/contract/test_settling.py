"""Messages of unknown outcome are settled by what their far end shows, once, and else wait for a person."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from support.settling import LOST_ANSWER, LOST_MESSAGE, TruthfulChannel
from support.shop import DAY, HEAD, HOUR, OFFER, Schedule, moment, person, write

from scheduler.channels.base import Attempted, Evidence, Found, Settles
from scheduler.channels.recording import RecordingChannel
from scheduler.errors import NotSent, Unknown
from scheduler.operations import applying, privacy, settling, steering
from scheduler.store import inquiries, ledger, meta, plans, reader
from scheduler.store.database import Store

BEFORE = moment("2027-01-20T12:00:00+01:00")
TEN = moment("2027-02-01T10:00:00+01:00")
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LEA = "lea@example.org"


def shop(store: Store, folder: Path, channel: TruthfulChannel, text: str = OFFER, *, head: str = HEAD) -> Schedule:
    schedule = Schedule.on(store, BEFORE, channels={"email": channel})
    schedule.know(person(LEA, first_name="Lea"))
    schedule.apply(write(folder, text, head=head))
    schedule.live_until(TEN)
    return schedule


def look(schedule: Schedule, at: datetime) -> int:
    """Let the settler look at a moment, and the dispatcher then; return how many questions were asked."""
    schedule.clock.advance_to(at)
    asked = asyncio.run(schedule.settler.look())
    schedule.tick()
    return asked


def state(schedule: Schedule) -> tuple[str, str]:
    (row,) = schedule.rows()
    return row.state, row.reason


def next_look(schedule: Schedule) -> datetime | None:
    with schedule.store.read() as conn:
        return schedule.settler.next_look(conn)


def question(schedule: Schedule) -> inquiries.Question:
    with schedule.store.read() as conn:
        (found,) = inquiries.unknown(conn)
    return found


def audited(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as conn:
        return [(row.who, row.subject, row.detail) for row in plans.audits(conn) if row.action == "settle"]


def test_a_message_whose_answer_was_lost_is_found_sent_and_never_sent_again(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)
    assert state(schedule) == ("unknown", "the connection was lost before the answer")

    early = look(schedule, TEN + MINUTE - SECOND)
    asked = look(schedule, TEN + MINUTE)
    schedule.live_until(TEN + 30 * DAY)

    assert (early, asked) == (0, 1)
    (row,) = schedule.rows()
    (arrived,) = channel.arrived
    assert (row.state, row.provider_id) == ("sent", f"post-{arrived.key[:6]}")
    assert row.reason.endswith("; found in the list of what arrived")
    assert row.sent_at == TEN  # when it really went, not when that was found out
    assert audited(store) == [("daemon", f"message #{row.id}", "sent: found in the list of what arrived")]
    assert next_look(schedule) is None


def test_the_channel_is_asked_with_what_the_attempt_knew(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)

    look(schedule, TEN + HOUR)

    (asked,) = channel.asked
    (arrived,) = channel.arrived
    assert (asked.handle, asked.number, asked.started_at, asked.same_words) == ("draft-offer", 1, TEN, True)
    assert (asked.message.key, asked.message.created_at) == (arrived.key, arrived.created_at)
    assert asked.message.content == arrived.content
    assert asked.message.recipient == arrived.recipient


def test_words_that_were_edited_since_are_told_as_other_words(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)
    schedule.apply(write(tmp_path, OFFER.replace('text: "x"', 'text: "y"')))

    look(schedule, TEN + HOUR)

    (asked,) = channel.asked
    assert not asked.same_words
    assert "y" in asked.message.content.text
    assert state(schedule)[0] == "sent"


def test_a_message_that_was_lost_itself_is_sent_again_with_the_same_key(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_MESSAGE)
    schedule = shop(store, tmp_path, channel)

    look(schedule, TEN + MINUTE)

    reason = "not sent: not in the list of what arrived; same key again"
    assert state(schedule) == ("retry_wait", reason)
    assert schedule.rows()[0].next_at == TEN + 2 * MINUTE
    schedule.live_until(TEN + HOUR)
    (arrived,) = channel.arrived
    assert arrived.key == channel.asked[0].message.key
    assert (state(schedule)[0], schedule.rows()[0].attempts) == ("sent", 2)


def test_what_did_not_go_gives_its_place_under_the_cap_back(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, TruthfulChannel("email", LOST_MESSAGE))

    def counted() -> int:
        with store.read() as conn:
            return reader.marketing_sent_since(conn, 1, TEN - DAY)

    before = counted()
    schedule.clock.advance_to(TEN + MINUTE)
    asyncio.run(schedule.settler.look())
    between = counted()
    schedule.live_until(TEN + HOUR)

    assert (before, between, counted()) == (1, 0, 1)


def test_what_did_not_go_is_counted_once_in_the_budget(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_MESSAGE)
    schedule = Schedule.on(store, BEFORE, channels={"email": channel})
    schedule.know(person(LEA))
    schedule.apply(write(tmp_path, OFFER))
    applying.authorise(store, "shop", budget=1, now=BEFORE)
    schedule.live_until(TEN)

    look(schedule, TEN + MINUTE)
    schedule.live_until(TEN + HOUR)

    assert state(schedule)[0] == "sent"
    with store.read() as conn:
        budget = plans.budget(conn, "shop", "2027")
    assert budget is not None
    assert (budget.authorised, budget.used) == (1, 1)


def test_what_did_not_go_and_is_too_late_by_now_is_not_sent(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_MESSAGE)
    schedule = shop(store, tmp_path, channel, OFFER.replace("subject: Offer", "subject: Offer, max_late: 6 hours"))

    look(schedule, TEN + 7 * HOUR)
    schedule.live_until(TEN + 10 * HOUR)

    assert state(schedule) == ("expired", "later than allowed")
    assert channel.arrived == []


def test_what_did_not_go_of_a_campaign_that_was_cancelled_ends(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_MESSAGE)
    schedule = shop(store, tmp_path, channel)
    chosen = steering.targets(store, schedule.catalog, ["shop"])  # type: ignore[arg-type]
    steering.cancel(store, schedule.catalog, chosen, now=TEN, who="ana")  # type: ignore[arg-type]

    look(schedule, TEN + MINUTE)

    assert state(schedule) == ("cancelled", "the campaign was cancelled")


def test_a_run_goes_on_from_a_message_that_was_found_sent(store: Store, tmp_path: Path) -> None:
    steps = """
events: {cart_abandoned: [cart]}
courtesy: {caps: none, quiet_hours: none}
stages:
  - stage: cart
    kind: conversion
    touches:
      - id: cart
        channel: email
        on: cart_abandoned
        steps:
          - {id: cart-1, when: 4 hours later, subject: First, text: Your cart}
          - {id: cart-2, when: 3 hours later, subject: Second, text: Still there}
"""
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = Schedule.on(store, BEFORE, channels={"email": channel})
    schedule.know(person(LEA))
    schedule.apply(write(tmp_path, steps))
    schedule.happens(LEA, "cart_abandoned", cart="17")
    schedule.live_until(BEFORE + 5 * HOUR)

    look(schedule, BEFORE + 5 * HOUR)
    schedule.live_until(BEFORE + DAY)

    assert [message.touch for message in channel.arrived] == ["cart-1", "cart-2"]
    assert [row.state for row in schedule.rows()] == ["sent", "sent"]


def test_what_cannot_be_told_now_is_asked_again_when_the_channel_said(store: Store, tmp_path: Path) -> None:
    def says(_attempted: Attempted) -> Evidence:
        at = schedule.clock.now()
        return Evidence(Found.OPEN, "still being processed", look_at=at + 10 * MINUTE)

    channel = TruthfulChannel("email", LOST_ANSWER, says=says)
    schedule = shop(store, tmp_path, channel)
    assert next_look(schedule) == TEN + MINUTE

    look(schedule, TEN + MINUTE)

    assert next_look(schedule) == TEN + 11 * MINUTE
    assert look(schedule, TEN + 11 * MINUTE - SECOND) == 0
    assert state(schedule)[0] == "unknown"
    assert (question(schedule).words, question(schedule).found) == ("still being processed", "open")
    channel.says = None
    look(schedule, TEN + 11 * MINUTE)
    assert state(schedule)[0] == "sent"


def test_after_a_day_of_looks_with_growing_pauses_a_person_decides(store: Store, tmp_path: Path) -> None:
    def says(_attempted: Attempted) -> Evidence:
        return Evidence(Found.OPEN, "still being processed", look_at=schedule.clock.now())

    channel = TruthfulChannel("email", LOST_ANSWER, says=says)
    schedule = shop(store, tmp_path, channel)
    moments = []

    while (at := next_look(schedule)) is not None:
        moments.append(at)
        look(schedule, at)

    pauses = [(after - before).total_seconds() for before, after in pairwise(moments)]
    assert pauses[:9] == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert DAY <= moments[-1] - moments[0] < DAY + HOUR
    assert question(schedule).waits_for_a_person
    assert look(schedule, moments[-1] + 10 * DAY) == 0
    assert state(schedule)[0] == "unknown"


def test_a_channel_that_can_never_tell_leaves_it_to_a_person_at_once(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER, says=lambda _: Evidence(Found.OPEN, "the list was cleared"))
    schedule = shop(store, tmp_path, channel)

    look(schedule, TEN + MINUTE)

    assert next_look(schedule) is None
    assert (question(schedule).waits_for_a_person, question(schedule).words) == (True, "the list was cleared")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Unknown("the platform did not answer in time"), "no answer: the platform did not answer in time"),
        (ValueError("nobody foresaw this"), "no answer: ValueError: nobody foresaw this"),
    ],
)
def test_a_far_end_that_does_not_answer_is_asked_again_after_a_pause(
    store: Store, tmp_path: Path, error: Exception, words: str
) -> None:
    def says(_attempted: Attempted) -> Evidence:
        raise error

    channel = TruthfulChannel("email", LOST_ANSWER, says=says)
    schedule = shop(store, tmp_path, channel)

    look(schedule, TEN + MINUTE)

    assert question(schedule).words == words
    assert next_look(schedule) == TEN + MINUTE + 30 * SECOND
    assert state(schedule)[0] == "unknown"


def test_a_far_end_that_asks_for_patience_gets_it(store: Store, tmp_path: Path) -> None:
    def says(_attempted: Attempted) -> Evidence:
        raise NotSent("too many questions", retry_at=TEN + 3 * HOUR)

    schedule = shop(store, tmp_path, TruthfulChannel("email", LOST_ANSWER, says=says))

    look(schedule, TEN + MINUTE)

    assert next_look(schedule) == TEN + 3 * HOUR


def test_a_moment_without_a_zone_is_no_answer(store: Store, tmp_path: Path) -> None:
    naive = datetime(2027, 2, 1, 12)  # noqa: DTZ001 - the mistake it is about
    channel = TruthfulChannel("email", LOST_ANSWER, says=lambda _: Evidence(Found.OPEN, "soon", look_at=naive))
    schedule = shop(store, tmp_path, channel)

    look(schedule, TEN + MINUTE)

    assert question(schedule).words == "no answer: ValueError: the moment of the next look has no time zone"


def test_a_touch_that_holds_is_never_asked_about(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel, OFFER.replace("subject: Offer", "subject: Offer, on_unknown: hold"))

    look(schedule, TEN + MINUTE)

    assert channel.asked == []
    assert question(schedule).words == "the touch says on_unknown: hold"
    assert (state(schedule)[0], next_look(schedule)) == ("unknown", None)


def test_a_channel_that_cannot_look_is_not_asked(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, TruthfulChannel("email", LOST_ANSWER))
    schedule.channels["email"] = RecordingChannel("email")

    assert not isinstance(RecordingChannel("email"), Settles)
    assert next_look(schedule) is None
    assert look(schedule, TEN + HOUR) == 0
    assert state(schedule)[0] == "unknown"


def test_nothing_is_asked_while_the_database_is_held(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)
    with store.begin() as conn:
        meta.set_hold(conn, meta.Hold("the clock jumped", TEN))

    assert next_look(schedule) is None
    assert look(schedule, TEN + HOUR) == 0
    assert channel.asked == []


def test_a_message_whose_touch_is_gone_cannot_be_asked_about(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)
    schedule.apply(
        write(
            tmp_path,
            OFFER.replace(
                'offer, channel: email, subject: Offer, text: "x"', 'other, channel: email, subject: Other, text: "y"'
            ),
        )
    )

    look(schedule, TEN + MINUTE)

    assert channel.asked == []
    words = "its message cannot be composed any more: the touch is no longer in the campaign"
    assert question(schedule).words == words


def test_a_crash_leaves_an_attempt_that_is_settled_like_any_other(store: Store, tmp_path: Path) -> None:
    class Killed(BaseException):
        """The process ends here."""

    class Dies(TruthfulChannel):
        async def send(self, message, mark):  # type: ignore[no-untyped-def]
            await mark("draft-17")
            self.arrived.append(message)
            raise Killed

    channel = Dies("email")
    schedule = Schedule.on(store, BEFORE, channels={"email": channel})
    schedule.know(person(LEA))
    schedule.apply(write(tmp_path, OFFER))
    with pytest.raises(Killed):
        schedule.live_until(TEN)
    with store.begin() as conn:
        ledger.recover(conn, worker_alive=(), now=TEN + HOUR)

    early = look(schedule, TEN + HOUR)
    look(schedule, TEN + HOUR + MINUTE)

    assert early == 0
    assert [asked.handle for asked in channel.asked] == ["draft-17"]
    assert (state(schedule)[0], len(channel.arrived)) == ("sent", 1)


def test_two_daemons_never_ask_one_question_at_once(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)
    schedule.clock.advance_to(TEN + MINUTE)
    theirs = question(schedule)

    async def both() -> list[object]:
        return list(await asyncio.gather(*(schedule.settler.ask(channel, theirs) for _ in range(2))))

    answers = asyncio.run(both())

    assert sorted(answer is None for answer in answers) == [False, True]
    assert len(channel.asked) == 1


def test_a_question_whose_asker_died_comes_up_again(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)
    with store.begin() as conn:
        assert inquiries.take(conn, question(schedule), now=TEN + MINUTE, until=TEN + 6 * MINUTE)

    assert look(schedule, TEN + 2 * MINUTE) == 0
    assert look(schedule, TEN + 6 * MINUTE) == 1
    assert state(schedule)[0] == "sent"


def test_an_answer_that_comes_after_a_person_decided_changes_nothing(store: Store, tmp_path: Path) -> None:
    def says(attempted: Attempted) -> Evidence:
        settling.settle_unknown(
            store,
            schedule.catalog,  # type: ignore[arg-type]
            attempted.message.delivery_id,
            went=False,
            reason="not in their mailbox",
            now=schedule.clock.now(),
            who="ana",
        )
        return Evidence(Found.SENT, "found in the list of what arrived")

    schedule = shop(store, tmp_path, TruthfulChannel("email", LOST_ANSWER, says=says))

    look(schedule, TEN + MINUTE)

    assert state(schedule) == ("failed", "not in their mailbox")


def test_a_person_may_have_it_sent_again(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_MESSAGE)
    schedule = shop(store, tmp_path, channel)
    (row,) = schedule.rows()

    settled = settling.settle_unknown(
        store,
        schedule.catalog,  # type: ignore[arg-type]
        row.id,
        went=False,
        again=True,
        reason="not in their mailbox",
        now=TEN + HOUR,
        who="ana",
    )
    schedule.live_until(TEN + 2 * HOUR)

    assert settled
    assert (state(schedule)[0], len(channel.arrived)) == ("sent", 1)


def test_a_look_that_was_written_by_a_clock_far_ahead_is_made_now(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)
    with store.begin() as conn:
        far = TEN + 400 * DAY
        assert inquiries.take(conn, question(schedule), now=far, until=far + 5 * MINUTE)

    assert look(schedule, TEN + MINUTE) == 1
    assert state(schedule)[0] == "sent"


def test_what_a_far_end_says_is_kept_on_one_line_and_short(store: Store, tmp_path: Path) -> None:
    long = "seen\n  there " + "x" * 600
    channel = TruthfulChannel("email", LOST_ANSWER, says=lambda _: Evidence(Found.OPEN, long))
    schedule = shop(store, tmp_path, channel)

    look(schedule, TEN + MINUTE)

    words = question(schedule).words
    assert words.startswith("seen there xxx")
    assert len(words) == 500


def test_what_a_far_end_says_is_kept_without_the_address_of_the_person(store: Store, tmp_path: Path) -> None:
    says = Evidence(Found.OPEN, "no mail to Lea@Example.org is listed")
    schedule = shop(store, tmp_path, TruthfulChannel("email", LOST_ANSWER, says=lambda _: says))

    look(schedule, TEN + MINUTE)

    assert question(schedule).words == "no mail to … is listed"


def test_the_handle_of_an_attempt_is_kept_to_its_first_500_characters(store: Store, tmp_path: Path) -> None:
    class Long(TruthfulChannel):
        async def send(self, message, mark):  # type: ignore[no-untyped-def]
            await mark("é" * 600 + "\x00")
            raise Unknown("lost")

    schedule = shop(store, tmp_path, Long("email"))

    assert question(schedule).handle == "é" * 500


def test_nobody_is_asked_about_a_person_who_was_erased(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("email", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)
    privacy.forget(store, LEA, now=TEN, by="ana")

    look(schedule, TEN + MINUTE)

    assert channel.asked == []
    assert question(schedule).words == "whom it went to is not known here any more"
    assert question(schedule).waits_for_a_person


def test_what_is_not_found_of_somebody_whose_address_changed_is_for_a_person(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, TruthfulChannel("email", LOST_MESSAGE))
    schedule.clock.advance_to(TEN + 30 * SECOND)
    schedule.know(person(LEA, phone="+33612345678"))

    look(schedule, TEN + MINUTE)

    words = "not in the list of what arrived, but their address may have changed since"
    assert (state(schedule)[0], question(schedule).words) == ("unknown", words)
    assert question(schedule).waits_for_a_person
