"""Corrections: exactly those who were sent the wrong words, once each, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread

from sqlalchemy import text
from support.shop import DAY, HOUR, Schedule, addresses, moment, person, write

from scheduler.catalog import Catalog
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.delivery import State
from scheduler.errors import Unknown
from scheduler.operations import applying, explaining, people, privacy, settling
from scheduler.store import corrections
from scheduler.store.database import Store

START = moment("2027-01-20T12:00:00+01:00")
MORNING = moment("2027-02-01T10:00:00+01:00")

# An hour of its rate lets one mail go at once and the second six minutes later.
WRONG = """
rate: {email: 10 per hour}
stages:
  - stage: conversion
    kind: conversion
    when: 1 february at 10:00
    touches:
      - {id: offer, channel: email, subject: Offer, text: "The code is SPRNG"}
"""
RIGHT = WRONG.replace("SPRNG", "SPRING")
SORRY = """
      - {id: sorry, channel: email, corrects: offer, subject: Our mistake, text: "The code is SPRING",
         courtesy: {caps: none}}
"""
FOUR = [f"{name}@example.org" for name in ("ana", "ben", "cleo", "dan")]


class Faltering(RecordingChannel):
    """A server that takes mails, and of some addresses says nothing after the final dot."""

    def __init__(self, *lost: str) -> None:
        super().__init__("email")
        self.lost = set(lost)

    async def send(self, message: Message, mark: Mark) -> Receipt:
        assert message.recipient is not None
        if message.recipient.email in self.lost:
            await mark()
            raise Unknown("the line broke after the dot")
        receipt = await super().send(message, mark)
        return replace(receipt, provider_id=f"<{message.key}@shop.example>")


def on(store: Store, folder: Path, *lost: str, before: str = WRONG) -> Schedule:
    """Let the wrong words go to the first two of four people, and be about to go to the others."""
    channel = Faltering(*lost)
    schedule = Schedule.on(store, START, channels={"email": channel})
    schedule.recorded["email"] = channel
    schedule.know(*(person(email) for email in FOUR))
    schedule.apply(write(folder, before))
    schedule.live_until(MORNING + timedelta(minutes=7))
    return schedule


def told(schedule: Schedule, subject: str = "Our mistake") -> list[str]:
    return addresses([message for message in schedule.sent() if message.content.subject == subject])


def until_told(schedule: Schedule, people: int) -> None:
    """Live on minute by minute until so many were told, at most two hours."""
    for _ in range(120):
        if len(told(schedule)) == people:
            return
        schedule.live_until(schedule.clock.now() + timedelta(minutes=1))


def fates(schedule: Schedule, touch: str = "sorry") -> list[tuple[State, str]]:
    return [(State(row.state), row.reason) for row in schedule.rows(touch=touch)]


def test_who_was_sent_the_wrong_words_is_told_once_and_nobody_else(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    assert addresses(schedule.sent()) == FOUR[:2]

    schedule.apply(write(tmp_path, RIGHT + SORRY))
    schedule.live_until(MORNING + HOUR)
    schedule.apply(write(tmp_path, RIGHT.replace("The code", "Your code") + SORRY))
    schedule.live_until(MORNING + 4 * DAY)

    assert told(schedule) == FOUR[:2]
    assert len(schedule.rows(touch="sorry")) == 2
    offers = {message.recipient.email: message for message in schedule.sent() if message.content.subject == "Offer"}
    assert ["SPRNG" in offers[email].content.text for email in FOUR] == [True, True, False, False]


def test_a_correction_goes_as_an_answer_to_the_wrong_mail(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, RIGHT + SORRY))
    schedule.live_until(MORNING + HOUR)

    wrong = {message.recipient.email: message.key for message in schedule.sent()[:2]}
    answers = {one.recipient.email: one.answers for one in schedule.sent() if one.touch == "sorry"}
    assert answers == {email: f"<{wrong[email]}@shop.example>" for email in FOUR[:2]}
    assert {one.answers for one in schedule.sent() if one.touch == "offer"} == {None}


def test_who_may_not_be_written_to_any_more_is_not_and_the_reason_is_stored(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, RIGHT + SORRY))
    people.unsubscribe(store, "ana@example.org", now=schedule.clock.now(), by="test")
    schedule.live_until(MORNING + HOUR)

    assert told(schedule) == ["ben@example.org"]
    assert fates(schedule) == [
        (State.SUPPRESSED, "unsubscribed"),
        (State.SENT, "corrects offer; as soon as possible"),
    ]


def test_who_was_erased_is_not_looked_for(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    privacy.forget(store, "ana@example.org", now=schedule.clock.now(), by="test")
    schedule.apply(write(tmp_path, RIGHT + SORRY))
    schedule.live_until(MORNING + HOUR)

    assert told(schedule) == ["ben@example.org"]
    assert len(schedule.rows(touch="sorry")) == 1


def test_two_who_turned_out_to_be_one_person_are_told_once(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    privacy.merge(store, "ben@example.org", "ana@example.org", now=schedule.clock.now(), by="test")
    schedule.apply(write(tmp_path, RIGHT + SORRY))
    schedule.live_until(MORNING + HOUR)

    assert told(schedule) == ["ben@example.org"]


def test_who_was_merged_with_somebody_who_was_told_is_not_told_again(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, RIGHT + SORRY))
    until_told(schedule, 1)
    assert told(schedule) == ["ana@example.org"]

    privacy.merge(store, "ben@example.org", "ana@example.org", now=schedule.clock.now(), by="test")
    schedule.live_until(MORNING + 2 * HOUR)

    assert told(schedule) == ["ana@example.org"]


def test_whoever_may_have_got_the_wrong_words_is_told_too(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path, "ana@example.org")
    assert [row.state for row in schedule.rows(touch="offer")][:2] == [State.UNKNOWN, State.SENT]
    schedule.channels["email"].lost = set()  # type: ignore[attr-defined]

    schedule.apply(write(tmp_path, RIGHT + SORRY))
    schedule.live_until(MORNING + HOUR)

    assert told(schedule) == FOUR[:2]


def test_whoever_turned_out_not_to_have_got_them_gets_the_right_words_alone(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path, "ana@example.org")
    schedule.channels["email"].lost = set()  # type: ignore[attr-defined]
    schedule.apply(write(tmp_path, RIGHT + SORRY))
    schedule.tick()
    assert fates(schedule) == [(State.PLANNED, "waits: 10 per hour")] * 2

    [wrong] = [row for row in schedule.rows(touch="offer") if row.state == State.UNKNOWN]
    now = schedule.clock.now()
    settling.settle_unknown(store, Catalog(), wrong.id, went=False, reason="no", now=now, who="test", again=True)
    schedule.live_until(MORNING + 2 * HOUR)

    assert told(schedule) == ["ben@example.org"]
    assert [("SPRNG" in one.content.text) for one in schedule.sent() if one.recipient.email == FOUR[0]] == [False]
    assert fates(schedule)[0] == (State.SUPPRESSED, "was not sent the wrong words")


class Meanwhile(Faltering):
    """A server during whose answer something else happens, once."""

    happens: Callable[[], None] | None = None

    async def send(self, message: Message, mark: Mark) -> Receipt:
        async def noted(handle: str = "") -> None:
            await mark(handle)
            happens, self.happens = self.happens, None
            if happens is not None:
                happens()

        return await super().send(message, noted)


def test_whoever_was_being_sent_them_at_the_apply_is_told_once_it_ended(store: Store, tmp_path: Path) -> None:
    channel = Meanwhile()
    schedule = Schedule.on(store, START, channels={"email": channel})
    schedule.know(person("ana@example.org"), person("ben@example.org"))
    schedule.apply(write(tmp_path, WRONG))
    schedule.live_until(MORNING + timedelta(minutes=1))
    assert addresses(channel.messages) == ["ana@example.org"]
    other = Schedule.on(store, MORNING, clock=schedule.clock)

    def correct() -> None:
        schedule.apply(write(tmp_path, RIGHT + SORRY))
        fired.append(Thread(target=other.tick))  # another daemon looks while the mail is on its way
        fired[0].start()
        fired[0].join()
        assert fates(schedule, "offer")[1][0] is State.ATTEMPTING
        assert len(fates(schedule)) == 1

    fired: list[Thread] = []
    channel.happens = correct

    async def once() -> None:
        """Tick a single time, so that it is for the other daemon to notice what became of the mail."""
        await schedule.dispatcher.tick(early=False)
        await schedule.dispatcher._engine.drain()

    schedule.clock.advance_to(MORNING + timedelta(minutes=7))
    asyncio.run(once())
    assert addresses(channel.messages) == ["ana@example.org", "ben@example.org"]
    other.live_until(MORNING + HOUR)

    assert sorted(told(other)) == ["ana@example.org", "ben@example.org"]


BY_VERSION = SORRY.replace("corrects: offer,", "corrects: {touch: offer, version: %s},")
BY_TIME = SORRY.replace("corrects: offer,", "corrects: {touch: offer, %s},")


def version(store: Store, number: int) -> str:
    with store.read() as conn:
        return corrections.history(conn, "shop", "2027").versions[number]["offer"]


def test_words_are_named_by_their_version(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, WRONG.replace("SPRNG", "SPRIGN")))
    schedule.live_until(MORNING + timedelta(minutes=13))
    schedule.apply(write(tmp_path, RIGHT))
    assert addresses(schedule.sent()) == FOUR[:3]

    schedule.apply(write(tmp_path, RIGHT + BY_VERSION % version(store, 2)))
    schedule.live_until(MORNING + HOUR)

    assert told(schedule) == ["cleo@example.org"]


def test_words_are_named_by_when_they_were_sent(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, WRONG + BY_TIME % "since: 2027-02-01 10:01, before: 2027-02-01 10:10"))
    schedule.live_until(MORNING + 2 * HOUR)

    assert told(schedule) == ["ben@example.org"]


def test_the_wording_of_an_offer_with_another_end_is_another_version(store: Store, tmp_path: Path) -> None:
    offers = """
offers:
  SPRING: {terms: all for half, until: 5 february}
"""
    dated = WRONG.replace('SPRNG"', 'SPRING until {{ offer.until }}", offer: SPRING')
    schedule = on(store, tmp_path, before=offers + dated)
    schedule.apply(write(tmp_path, offers.replace("5 february", "6 february") + dated + SORRY))
    schedule.live_until(MORNING + HOUR)

    assert told(schedule) == FOUR[:2]


def test_a_second_correction_of_the_same_words_finds_nobody_left(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, RIGHT + SORRY))
    schedule.live_until(MORNING + HOUR)
    wrong = BY_VERSION % version(store, 1)

    schedule.apply(write(tmp_path, RIGHT + SORRY + wrong.replace("sorry", "again").replace("Our", "Again our")))
    schedule.live_until(MORNING + 2 * HOUR)
    schedule.apply(write(tmp_path, RIGHT + wrong.replace("sorry", "third").replace("Our", "Once more our")))
    schedule.live_until(MORNING + 3 * HOUR)

    assert told(schedule) == FOUR[:2]
    assert schedule.rows(touch="again") == schedule.rows(touch="third") == []


def test_a_correction_is_corrected_for_those_who_were_sent_it(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    bad = SORRY.replace("SPRING", "SPIRNG")
    schedule.apply(write(tmp_path, RIGHT + bad))
    until_told(schedule, 1)
    assert told(schedule) == ["ana@example.org"]

    last = SORRY.replace("id: sorry", "id: sorry-again").replace("corrects: offer", "corrects: sorry")
    schedule.apply(write(tmp_path, RIGHT + SORRY + last.replace("Our mistake", "Our second mistake")))
    schedule.live_until(MORNING + 2 * HOUR)

    assert told(schedule) == FOUR[:2]
    assert told(schedule, "Our second mistake") == ["ana@example.org"]


def test_a_touch_that_was_renamed_is_corrected_under_its_new_name(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    renamed = RIGHT.replace("{id: offer,", "{id: spring-offer, moved: offer,")
    sorry = SORRY.replace("corrects: offer", "corrects: spring-offer")
    schedule.apply(write(tmp_path, renamed + sorry))
    schedule.live_until(MORNING + timedelta(minutes=13))
    apology = sorry.replace("{id: sorry,", "{id: apology, moved: sorry,")
    schedule.apply(write(tmp_path, renamed + apology))
    schedule.live_until(MORNING + 2 * HOUR)

    assert told(schedule) == FOUR[:2]


def test_each_channel_of_a_touch_is_corrected_on_its_own(store: Store, tmp_path: Path) -> None:
    wrong = WRONG.replace("channel: email, subject", "channel: [email, sms], subject")
    sorry = SORRY.replace("channel: email", "channel: [email, sms]")
    schedule = Schedule.on(store, START)
    schedule.know(person("ana@example.org"), person("", phone="+33612345678", consent=["marketing"]))
    schedule.apply(write(tmp_path, wrong))
    schedule.live_until(MORNING + timedelta(minutes=1))

    schedule.apply(write(tmp_path, wrong.replace("SPRNG", "SPRING") + sorry))
    schedule.live_until(MORNING + 2 * HOUR)

    assert [one.touch for one in schedule.sent()] == ["offer.email", "sorry.email"]
    assert [one.touch for one in schedule.sent("sms")] == ["offer.sms", "sorry.sms"]


def test_a_step_of_a_sequence_is_corrected(store: Store, tmp_path: Path) -> None:
    wrong = """
stages:
  - stage: thanks
    kind: loyalty
    touches:
      - id: ask
        channel: email
        on: delivered
        when: 1 hour later
        subject: How is it?
        text: "Tell us"
        courtesy: {caps: none}
        steps:
          - {id: gift, when: 1 hour later, subject: A gift, text: "The code is SPRNG"}
"""
    schedule = Schedule.on(store, MORNING)
    schedule.know(person("ana@example.org"), person("ben@example.org"))
    schedule.apply(write(tmp_path, wrong))
    schedule.happens("ana@example.org", "delivered")
    schedule.live_until(MORNING + 3 * HOUR)
    schedule.happens("ben@example.org", "delivered")
    schedule.live_until(MORNING + 3.5 * HOUR)

    schedule.apply(
        write(tmp_path, wrong.replace("SPRNG", "SPRING") + SORRY.replace("corrects: offer", "corrects: gift"))
    )
    schedule.live_until(MORNING + 7 * HOUR)

    assert told(schedule) == ["ana@example.org"]
    assert told(schedule, "A gift") == ["ana@example.org", "ben@example.org"]


def test_a_correction_waits_for_the_room_that_a_cap_leaves(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, RIGHT + SORRY.replace(",\n         courtesy: {caps: none}", "")))
    schedule.live_until(MORNING + HOUR)
    assert fates(schedule) == [(State.PLANNED, "waits: 1 per day")] * 2

    schedule.live_until(MORNING + 2 * DAY)

    assert told(schedule) == FOUR[:2]


def test_who_bought_by_the_wrong_words_is_told_all_the_same(store: Store, tmp_path: Path) -> None:
    until = WRONG.replace("id: offer,", "id: offer, until: purchase,").replace(
        "    when:", "    audience: not purchased within 30 days\n    when:"
    )
    schedule = on(store, tmp_path, before=until)
    schedule.happens("ana@example.org", "purchase")

    schedule.apply(write(tmp_path, until.replace("SPRNG", "SPRING") + SORRY))
    schedule.live_until(MORNING + HOUR)

    assert told(schedule) == FOUR[:2]


def test_a_correction_asks_an_audience_of_its_own(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(
        write(tmp_path, RIGHT + SORRY.replace("id: sorry,", "id: sorry, audience: email = 'ben@example.org',"))
    )
    schedule.live_until(MORNING + HOUR)

    assert told(schedule) == ["ben@example.org"]


def test_the_plan_counts_those_who_would_be_told(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    loaded = write(tmp_path, RIGHT + SORRY)

    before = applying.preview(store, loaded, now=schedule.clock.now())
    schedule.apply(loaded)
    schedule.live_until(MORNING + 2 * HOUR)
    after = applying.preview(store, loaded, now=schedule.clock.now())

    assert before.recipients == {"offer": 4, "sorry": 2}
    assert after.recipients["sorry"] == 2


def test_messages_from_before_their_words_were_kept_are_told_by_their_moment(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, RIGHT))
    schedule.live_until(MORNING + timedelta(minutes=13))
    with store.begin() as conn:
        conn.execute(text("UPDATE attempt SET revision = NULL"))

    schedule.apply(write(tmp_path, RIGHT + BY_VERSION % version(store, 1)))
    schedule.live_until(MORNING + HOUR)

    assert told(schedule) == FOUR[:2]


def test_explaining_a_correction_names_the_message_it_follows(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, RIGHT + SORRY))
    schedule.tick()

    told_of = [
        explaining.explain(store, Catalog(), who, "shop/sorry", now=schedule.clock.now()) for who in (FOUR[0], FOUR[3])
    ]

    lines = [next((line.value for line in one.lines if line.rule == "correction"), None) for one in told_of]
    assert lines == ["of offer, which was sent Mon 1 Feb 2027 10:00", "of nothing: was not sent the wrong words"]
    assert [one.verdict.goes for one in told_of] == [True, False]


def test_two_corrections_that_wait_for_the_same_person_send_one(store: Store, tmp_path: Path) -> None:
    schedule = on(store, tmp_path)
    schedule.apply(write(tmp_path, RIGHT + SORRY))
    schedule.tick()
    twin = SORRY.replace("id: sorry", "id: twin").replace("Our mistake", "Our own mistake")
    schedule.apply(write(tmp_path, RIGHT + SORRY + twin))
    with store.begin() as conn:  # as another daemon might, that looked at the same moment
        conn.execute(
            text(
                "INSERT INTO delivery (campaign, edition, touch, stage, channel, recipient, contact, occurrence, marketing,"
                " state, reason, due_at, next_at, on_late, attempts, provider_id, subject, updated_at) SELECT campaign,"
                " edition, 'twin', stage, channel, recipient, contact, occurrence, marketing, state, reason, due_at,"
                " next_at, on_late, 0, '', '', updated_at FROM delivery WHERE touch = 'sorry'"
            )
        )
    schedule.live_until(MORNING + 3 * HOUR)

    assert sorted(told(schedule) + told(schedule, "Our own mistake")) == FOUR[:2]
