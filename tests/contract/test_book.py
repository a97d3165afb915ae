"""Marks and outcomes of many messages at once: rules between messages of one group, one bad one among good ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.shop import Schedule, moment, person, write

from scheduler import bootstrap
from scheduler.channels.base import Channel, Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import VirtualClock
from scheduler.delivery import State
from scheduler.errors import NotSent, Refused, StorageError
from scheduler.operations import applying, settling, steering
from scheduler.rendering.inline import InlineRenderer
from scheduler.store import ledger, plans, reader
from scheduler.store.database import Connection, Store
from scheduler.store.writer import ThreadWriter
from scheduler.tokens import Keyring, Links, SignedLinks

START = moment("2027-01-20T12:00:00+01:00")
DUE = moment("2027-02-01T10:00:00+01:00")
MAIL = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february at 10:00
    touches:
      - {id: offer, channel: email, subject: Offer, text: "Hello {{ contact.email }}"}
"""
TWO = (
    MAIL
    + """\
      - {id: again, channel: email, subject: Again, text: "Hello again"}
"""
)
SAME = (
    MAIL
    + """\
      - {id: renamed, channel: email, subject: Offer, text: "Hello {{ contact.email }}"}
"""
)
FREE = 'courtesy: {quiet_hours: none, caps: "10 per 1 day"}'


class Lanes:
    """The live parts around channels: a writer thread and lanes, on a clock that stands at the due moment."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        *,
        lanes: int = 16,
        journal: Journal | None = None,
        links: Links | None = None,
    ) -> None:
        self.store = store
        self.parts = bootstrap.assemble(
            store,
            ThreadWriter(),
            InlineRenderer(),
            channels,
            VirtualClock(DUE),
            worker_id="lanes",
            secret_key=b"0" * 32,
            connections=lanes,
            journal=journal,
            links=links,
        )

    def work_off(self) -> int:
        """Carry out everything due."""
        try:
            return asyncio.run(self.parts.dispatcher.work_off())
        finally:
            self.parts.writer.close()

    def states(self) -> Counter[tuple[str, str]]:
        """Return how many messages are in each state, with the reason where it says more than the date."""
        with self.store.read() as conn:
            rows = reader.deliveries(conn)
        return Counter((str(row.state), "" if row.state == State.SENT else row.reason) for row in rows)


class Journal:
    """Keeps outcomes in memory."""

    def __init__(self) -> None:
        self.records: list[dict[str, object]] = []

    def append(self, records: Sequence[dict[str, object]]) -> None:
        """Keep them."""
        self.records += records


def people(store: Store, folder: Path, text: str, number: int, *, head: str = "") -> Schedule:
    schedule = Schedule.on(store, START)
    schedule.know(*(person(f"p{index:03}@example.org") for index in range(number)))
    schedule.apply(write(folder, head + text))
    return schedule


def test_a_whole_mailing_over_lanes_is_marked_and_closed_once_each(store: Store, tmp_path: Path) -> None:
    people(store, tmp_path, MAIL, 250)
    mail = RecordingChannel("email")
    lanes = Lanes(store, {"email": mail})

    done = lanes.work_off()

    assert done == 250
    assert sorted(message.recipient.email for message in mail.messages if message.recipient) == [
        f"p{index:03}@example.org" for index in range(250)
    ]
    assert lanes.states() == {("sent", ""): 250}
    with store.read() as conn:
        rows = reader.deliveries(conn)
        attempts = [attempt for row in rows for attempt in reader.attempts(conn, row.id)]
        stages = plans.funnel(conn, "shop", "2027")
    assert [(attempt.number, attempt.outcome) for attempt in attempts] == [(1, "sent")] * 250
    assert len({message.key for message in mail.messages}) == 250
    assert stages == {"conversion": 250}


def test_a_cap_counts_the_messages_of_the_same_group(store: Store, tmp_path: Path) -> None:
    people(store, tmp_path, TWO, 20)
    lanes = Lanes(store, {"email": RecordingChannel("email")})

    lanes.work_off()

    assert lanes.states() == {("sent", ""): 20, ("suppressed", "cap: 1 per day"): 20}


def test_the_same_words_by_two_touches_reach_a_person_once_in_a_week(store: Store, tmp_path: Path) -> None:
    people(store, tmp_path, SAME, 5, head=FREE)
    lanes = Lanes(store, {"email": RecordingChannel("email")})

    lanes.work_off()

    states = lanes.states()
    assert states["sent", ""] == 5
    assert sum(states[name] for name in states if name[0] == "suppressed") == 5
    assert {name[1] for name in states if name[0] == "suppressed"} <= {
        "the same message went by offer",
        "the same message went by renamed",
    }


@pytest.mark.parametrize("layout", ["", "layout: announcement, "])
def test_the_same_words_are_known_again_with_another_link_out_of_them(
    store: Store, tmp_path: Path, layout: str
) -> None:
    text = SAME.replace("subject: Offer", f"{layout}subject: Offer").replace('}"}', '}} {{ links.unsubscribe }}"}')
    people(store, tmp_path, text, 5, head=FREE)
    mail = RecordingChannel("email")
    lanes = Lanes(store, {"email": mail}, links=SignedLinks(Keyring(b"0" * 32), "https://news.shop.example/a&b"))

    lanes.work_off()

    assert [message.unsubscribe[:31] for message in mail.messages if message.unsubscribe] == [
        "https://news.shop.example/a&b/u"
    ] * 5
    assert Counter(state for state, _ in lanes.states().elements()) == {"sent": 5, "suppressed": 5}


def test_no_more_messages_are_begun_than_apply_authorised(store: Store, tmp_path: Path) -> None:
    schedule = people(store, tmp_path, MAIL, 30)
    with store.begin() as conn:
        plans.authorise(conn, "shop", "2027", 12)
    mail = RecordingChannel("email")
    lanes = Lanes(store, {"email": mail})

    lanes.work_off()

    assert len(mail.messages) == 12
    assert lanes.states() == {("sent", ""): 12, ("held", "the budget of 12 messages is used up"): 18}
    with store.read() as conn:
        assert plans.budget(conn, "shop", "2027") == plans.Budget(authorised=12, used=12)
    assert schedule.sent() == []


class Odd(RecordingChannel):
    """The far end answers one message with bytes that are no text."""

    async def send(self, message: Message, mark: Mark) -> Receipt:
        receipt = await super().send(message, mark)
        if message.recipient is not None and message.recipient.email == "p003@example.org":
            return Receipt("id\x00\ud800", "250 \ud800")
        return receipt


def test_an_answer_that_no_database_can_store_as_it_is_does_not_keep_the_outcome_from_the_ledger(
    store: Store, tmp_path: Path
) -> None:
    people(store, tmp_path, MAIL, 10)
    lanes = Lanes(store, {"email": Odd("email")})

    lanes.work_off()

    assert lanes.states() == {("sent", ""): 10}


def test_a_message_that_breaks_its_group_fails_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(store, tmp_path, MAIL, 10)
    mail = RecordingChannel("email")
    lanes = Lanes(store, {"email": mail})
    real = plans.note_first_sent
    calls = iter(range(100))

    def breaks(conn: Connection, *rest: object) -> bool:
        if next(calls) == 0:
            conn.exec_driver_sql("SELECT nothing FROM nowhere")
        return real(conn, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(plans, "note_first_sent", breaks)
    lanes.work_off()

    assert lanes.states() == {("sent", ""): 10}
    assert len(mail.messages) == 10


def test_an_outcome_the_database_cannot_take_is_kept_in_the_journal(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(store, tmp_path, MAIL, 1)
    journal = Journal()
    begin = store.begin

    @contextmanager
    def full() -> Iterator[Connection]:
        raise StorageError("the disk is full", passing=True)
        yield  # type: ignore[unreachable]

    class Fills(RecordingChannel):
        """While the message goes, the disk fills up."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            receipt = await super().send(message, mark)
            monkeypatch.setattr(store, "begin", full)
            return receipt

    lanes = Lanes(store, {"email": Fills("email")}, journal=journal)
    with pytest.raises(StorageError, match="the disk is full"):
        lanes.work_off()
    monkeypatch.setattr(store, "begin", begin)

    assert lanes.states() == {("attempting", ""): 1}
    assert [(record["delivery"], record["number"], record["state"]) for record in journal.records] == [(1, 1, "sent")]


def test_a_campaign_that_is_refused_everywhere_pauses_itself(store: Store, tmp_path: Path) -> None:
    class Refuses(RecordingChannel):
        """Refuses everybody."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            await super().send(message, mark)
            raise Refused("550 no such user")

    people(store, tmp_path, MAIL, 40)
    lanes = Lanes(store, {"email": Refuses("email")}, lanes=1)

    lanes.work_off()

    states = lanes.states()
    assert states == {("failed", "550 no such user"): 10, ("planned", "paused"): 30}
    with store.read() as conn:
        audit = [(line.who, line.action, line.subject, line.detail) for line in plans.audits(conn)]
    assert audit[-1] == (
        "daemon",
        "pause",
        "shop",
        "10 of the last 10 messages were refused: look at campaign log --failed, then campaign resume shop",
    )


def test_what_was_claimed_before_too_many_were_refused_is_not_tried_until_somebody_resumes(
    store: Store, tmp_path: Path
) -> None:
    class Refuses(RecordingChannel):
        """Refuses everybody before anything of the message is said, until it is mended."""

        asked, is_mended = 0, False

        async def send(self, message: Message, mark: Mark) -> Receipt:
            self.asked += 1
            if self.is_mended:
                return await super().send(message, mark)
            raise Refused("550 over your limit")

    people(store, tmp_path, MAIL, 40)
    channel = Refuses("email")
    lanes = Lanes(store, {"email": channel}, lanes=4)

    async def work() -> tuple[Counter[tuple[str, str]], int]:
        await lanes.parts.dispatcher.work_off()
        braked, asked = lanes.states(), channel.asked
        channel.is_mended = True
        with store.begin() as conn:
            plans.pause_campaign(conn, "shop", paused=False)
        await lanes.parts.dispatcher.work_off()
        return braked, asked

    braked, asked = asyncio.run(work())
    lanes.parts.writer.close()

    failed = braked["failed", "550 over your limit"]
    assert braked == {("failed", "550 over your limit"): failed, ("planned", "paused"): 40 - failed}
    assert 10 <= failed <= 18  # ten, and two that each lane had in hand by then
    assert asked <= failed + 4
    assert lanes.states() == {("failed", "550 over your limit"): failed, ("sent", ""): 40 - failed}
    assert len(channel.messages) == 40 - failed


def test_a_message_that_failed_for_now_while_its_campaign_was_cancelled_is_cancelled_too(
    store: Store, tmp_path: Path
) -> None:
    schedule = people(store, tmp_path, MAIL, 1)

    class Greylists(RecordingChannel):
        """Says try again later, after somebody has cancelled the campaign."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            await super().send(message, mark)
            chosen = steering.targets(store, schedule.catalog, ["shop"])  # type: ignore[arg-type]
            steering.cancel(store, schedule.catalog, chosen, now=DUE, who="test")  # type: ignore[arg-type]
            raise NotSent("451 try again later")

    lanes = Lanes(store, {"email": Greylists("email")})

    lanes.work_off()

    assert lanes.states() == {("cancelled", "the campaign was cancelled"): 1}


def test_what_went_after_somebody_had_settled_it_otherwise_stands_in_the_audit_trail(
    store: Store, tmp_path: Path
) -> None:
    schedule = people(store, tmp_path, MAIL, 2)

    class Stalled(RecordingChannel):
        """Stands still after the mark of one message for so long that others take over, and then sends it."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            receipt = await super().send(message, mark)
            if len(self.messages) == 1:
                with store.begin() as conn:
                    ledger.give_up(conn, "lanes", now=DUE)
                settling.settle_unknown(
                    store,
                    schedule.catalog,  # type: ignore[arg-type]
                    message.delivery_id,
                    went=False,
                    reason="not in the log of the server",
                    now=DUE,
                    who="ana",
                )
            return receipt

    lanes = Lanes(store, {"email": Stalled("email")}, lanes=1)

    lanes.work_off()

    assert lanes.states() == {("failed", "not in the log of the server"): 1, ("sent", ""): 1}
    with store.read() as conn:
        told = [(line.who, line.subject, line.detail) for line in plans.audits(conn) if line.action == "contradict"]
    said = "message #1 was sent after all, after it had been settled as failed"
    assert told == [("daemon", "shop/offer", said)]


def test_a_rate_lets_go_what_it_allows_and_gives_each_of_the_others_a_moment(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(*(person(f"p{index:03}@example.org") for index in range(30)))
    loaded = write(tmp_path, "rate: {email: 100 per hour}\n" + MAIL)
    applying.apply(store, loaded, now=START, catalog=schedule.catalog)  # type: ignore[arg-type]
    schedule.clock.advance_to(DUE)

    schedule.tick()
    at_once = len(schedule.sent())
    waiting = [row for row in schedule.rows() if row.state == State.PLANNED]
    schedule.live_until(moment("2027-02-01T11:00:00+01:00"))

    assert at_once == 10
    assert {row.reason for row in waiting} == {"waits: 100 per hour"}
    assert len({row.next_at for row in waiting}) == 20
    assert len(schedule.sent()) == 30
