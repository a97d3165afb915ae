"""What one broken thing may not do: stop the others, spin, lose an outcome, or press a server that said no."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from support.shop import HEAD, OFFER, Schedule, addresses, moment, person, write

from scheduler import bootstrap
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import VirtualClock
from scheduler.delivery import State
from scheduler.errors import BusyError, ChannelDown, NotSent, OurFault, SchedulerError
from scheduler.operations import steering, watching
from scheduler.settings import Settings
from scheduler.store import plans, reader
from scheduler.store.database import Connection, Store
from scheduler.store.tables import CONTACTS, REVISIONS
from scheduler.store.writer import InlineWriter

START = moment("2027-01-20T12:00:00+01:00")

YEARLY = """
occasion: valentines-day
stages:
  - stage: conversion
    kind: conversion
    when: 10 february at 10:00
    touches:
      - {id: offer, channel: facebook, text: "x"}
"""

THANKS = """
stages:
  - stage: home
    kind: loyalty
    touches:
      - {id: thanks, channel: email, purpose: transactional, on: purchase, when: 5 minutes later,
         subject: Thanks, text: "x"}
"""


class Failing(RecordingChannel):
    """A channel that raises what it is told, before the attempt mark, and remembers when it was asked."""

    def __init__(self, name: str, clock: VirtualClock, error: Callable[[datetime], Exception]) -> None:
        super().__init__(name)
        self.asked: list[datetime] = []
        self._clock, self._error = clock, error

    async def send(self, message: Message, mark: Mark) -> Receipt:
        self.asked.append(self._clock.now())
        raise self._error(self._clock.now())


def spoil_zone(store: Store, email: str) -> None:
    with store.begin() as conn:
        conn.execute(update(CONTACTS).where(CONTACTS.c.email == email).values(timezone="Mars/Phobos"))


def test_a_person_whose_zone_nobody_knows_does_not_stop_the_others(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"), person("max@example.org"))
    spoil_zone(store, "lea@example.org")
    schedule.apply(write(tmp_path, OFFER))

    schedule.live_until(moment("2027-02-01T11:00:00+01:00"))

    assert addresses(schedule.sent()) == ["max@example.org"]
    assert [(row.contact, row.state) for row in schedule.rows()] == [(1, State.FAILED), (2, State.SENT)]
    assert "Mars/Phobos" in schedule.rows()[0].reason


def test_a_campaign_that_cannot_be_read_does_not_stop_the_others(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    other = HEAD.replace("campaign: shop", "campaign: broken")
    schedule.apply(write(tmp_path, OFFER, name="broken.yaml", head=other))
    with store.begin() as conn:
        conn.execute(
            update(REVISIONS).where(REVISIONS.c.campaign == "broken").values(definition={"campaign": "broken", "no": 1})
        )
    fresh = Schedule.on(store, moment("2027-02-01T10:00:00+01:00"))

    done = fresh.tick()
    asyncio.run(fresh.dispatcher.prepare())

    assert done == 1
    assert [(message.campaign, message.touch) for message in fresh.sent()] == [("shop", "offer")]


def test_a_message_that_went_is_stored_as_sent_although_what_follows_from_it_fails(
    store: Store, tmp_path: Path
) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    text = THANKS.replace("subject: Thanks", 'repeat: "every 30 days, 3 times", subject: Thanks')
    schedule.apply(write(tmp_path, text))
    schedule.happens("lea@example.org", "purchase")

    class Spoils(RecordingChannel):
        """Afterwards the next repetition cannot be planned: the person's zone is no longer known."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            receipt = await super().send(message, mark)
            spoil_zone(store, "lea@example.org")
            return receipt

    schedule.channels["email"] = Spoils("email")
    schedule.clock.advance(timedelta(minutes=5))
    schedule.tick()

    assert [(row.state, row.sent_at) for row in schedule.rows()] == [(State.SENT, START + timedelta(minutes=5))]


def test_a_moment_left_over_from_last_years_edition_ends_and_leaves_nothing_due(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    loaded = write(tmp_path, YEARLY)
    schedule.apply(loaded)

    schedule.clock.advance_to(moment("2028-01-15T10:00:00+01:00"))  # no daemon ran all year
    schedule.apply(loaded)
    schedule.tick()

    assert [(row.edition, row.state) for row in schedule.rows()] == [("2027", State.EXPIRED)]
    with store.read() as conn:
        assert reader.next_due(conn) == moment("2028-02-10T10:00:00+01:00")


def test_a_server_that_says_try_again_at_once_is_left_alone_for_a_minute(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    pressed = Failing("email", schedule.clock, lambda now: NotSent("later", retry_at=now))
    schedule.channels["email"] = pressed

    schedule.live_until(moment("2027-02-01T10:01:30+01:00"))

    assert pressed.asked == [moment("2027-02-01T10:00:00+01:00"), moment("2027-02-01T10:01:00+01:00")]


def test_a_server_that_cannot_be_reached_is_tried_at_growing_intervals(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    away = Failing("email", schedule.clock, lambda _: NotSent("nobody answers"))
    schedule.channels["email"] = away

    schedule.live_until(moment("2027-02-01T10:20:00+01:00"))

    minutes = [int((at - moment("2027-02-01T10:00:00+01:00")).total_seconds() / 60) for at in away.asked]
    assert minutes == [0, 1, 3, 7, 15]


def test_a_channel_that_refused_us_rests_instead_of_being_asked_for_every_person(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(*(person(f"p{number}@example.org") for number in range(20)))
    schedule.apply(write(tmp_path, OFFER))
    locked = Failing("email", schedule.clock, lambda _: ChannelDown("the log-in was refused"))
    schedule.channels["email"] = locked

    schedule.live_until(moment("2027-02-01T10:10:00+01:00"))

    assert len(locked.asked) == 1
    assert [(row.state, row.next_at) for row in schedule.rows()] == [
        (State.RETRY_WAIT, moment("2027-02-01T10:15:00+01:00"))
    ] * 20


@pytest.mark.parametrize(("refused", "other"), [("paris", "lyon"), ("lyon", "paris")])
def test_an_account_that_was_refused_holds_up_no_other_account_of_its_channel(
    refused: str, other: str, store: Store, tmp_path: Path
) -> None:
    schedule = Schedule.on(store, START)
    for shop in ("paris", "lyon"):
        text = f"accounts: {{facebook: {shop}}}\n{YEARLY.replace('occasion: valentines-day', '')}"
        schedule.apply(
            write(tmp_path, text, name=f"{shop}.yaml", head=HEAD.replace("campaign: shop", f"campaign: {shop}"))
        )
    sent: list[str | None] = []

    class Half(RecordingChannel):
        async def send(self, message: Message, mark: Mark) -> Receipt:
            if message.account == refused:
                raise ChannelDown("the token was withdrawn")
            sent.append(message.account)
            return await super().send(message, mark)

    schedule.channels["facebook"] = Half("facebook")

    schedule.live_until(moment("2027-02-10T10:01:00+01:00"))

    assert sent == [other]
    assert {row.campaign: row.state for row in schedule.rows()} == {refused: State.RETRY_WAIT, other: State.SENT}


def test_a_sender_who_was_refused_holds_up_no_other_and_who_was_asked_goes_behind_who_was_not(
    store: Store, tmp_path: Path
) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"), person("max@example.org"))
    for name in ("new", "shop"):
        head = HEAD.replace("campaign: shop", f"campaign: {name}").replace("hello@", f"{name}@")
        schedule.apply(write(tmp_path, "courtesy: {caps: none}\n" + OFFER, name=f"{name}.yaml", head=head))

    class Half(RecordingChannel):
        async def send(self, message: Message, mark: Mark) -> Receipt:
            if message.sender is not None and "new@" in message.sender:
                raise OurFault("the sender is not owned by the user")
            return await super().send(message, mark)

    schedule.channels["email"] = Half("email")

    schedule.live_until(moment("2027-02-01T10:01:00+01:00"))

    assert [row.state for row in schedule.rows(campaign="shop")] == [State.SENT] * 2
    assert sorted((row.state, row.next_at) for row in schedule.rows(campaign="new")) == [
        (State.RETRY_WAIT, moment("2027-02-01T10:15:00+01:00")),
        (State.RETRY_WAIT, moment("2027-02-01T10:16:00+01:00")),
    ]


def test_a_claim_whose_lease_is_over_does_not_even_greet_the_server(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"), person("max@example.org"), person("zoe@example.org"))
    schedule.apply(write(tmp_path, OFFER))

    class Slow(Failing):
        """Every connection hangs for twenty minutes."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            self.asked.append(self._clock.now())
            self._clock.advance(timedelta(minutes=20))
            raise NotSent("did not answer in time")

    slow = Slow("email", schedule.clock, lambda _: NotSent("unused"))
    schedule.channels["email"] = slow
    schedule.clock.advance_to(moment("2027-02-01T10:00:00+01:00"))
    carried = asyncio.run(schedule.dispatcher.tick())

    assert carried == 3
    assert len(slow.asked) == 1


def test_an_outcome_is_written_although_the_database_was_locked_for_a_while(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    begin, refusals = store.begin, iter(range(3))

    @contextmanager
    def busy() -> Iterator[Connection]:
        if next(refusals, None) is not None:
            raise BusyError("the database is locked by another process")
        with begin() as conn:
            yield conn

    class Locks(RecordingChannel):
        """While it sends, somebody locks the database."""

        async def send(self, message: Message, mark: Mark) -> Receipt:
            receipt = await super().send(message, mark)
            monkeypatch.setattr(store, "begin", busy)
            return receipt

    schedule.channels["email"] = Locks("email")
    schedule.clock.advance_to(moment("2027-02-01T10:00:00+01:00"))
    schedule.tick()

    assert next(refusals, None) is None
    assert [row.state for row in schedule.rows()] == [State.SENT]


def test_a_mark_whose_commit_seemed_to_fail_does_not_strand_the_message(store: Store, tmp_path: Path) -> None:
    class Ambiguous(InlineWriter):
        """The connection is lost just after the mark was committed: nobody hears of it."""

        calls = 0

        def together(self, group, item):  # type: ignore[no-untyped-def]
            self.calls += 1
            answer = group((item,))[0]
            return super().together(lambda _: [SchedulerError("gone") if self.calls == 1 else answer], item)

    schedule = Schedule.on(store, START, writer=Ambiguous())
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, OFFER))
    schedule.clock.advance_to(moment("2027-02-01T10:00:00+01:00"))
    schedule.tick()
    first = [row.state for row in schedule.rows()]
    schedule.live_until(moment("2027-02-01T10:30:00+01:00"))

    assert first == [State.RETRY_WAIT]
    assert [row.state for row in schedule.rows()] == [State.SENT]
    assert addresses(schedule.sent()) == ["lea@example.org"]


class Killed(BaseException):
    """The process is killed."""


class Dies(RecordingChannel):
    """The process is killed between the mark and the outcome, once."""

    async def send(self, message: Message, mark: Mark) -> Receipt:
        receipt = await super().send(message, mark)
        if len(self.messages) == 1:
            raise Killed
        return receipt


def _killed_at_a_task(store: Store, folder: Path) -> Schedule:
    schedule = Schedule.on(store, START)
    schedule.know(person("lea@example.org", phone="+33612345678"))
    schedule.apply(write(folder, OFFER.replace("channel: email, subject: Offer", "channel: call")))
    schedule.channels["call"] = Dies("call")
    schedule.clock.advance_to(moment("2027-02-01T10:00:00+01:00"))
    with pytest.raises(Killed):
        schedule.tick()
    return schedule


def test_a_task_that_a_crash_interrupted_still_becomes_one_task(store: Store, tmp_path: Path) -> None:
    schedule = _killed_at_a_task(store, tmp_path)

    recovered = watching.recover(store, watching.Hearing(schedule.clock), now=schedule.clock.now())
    schedule.tick()

    with store.read() as conn:
        texts = [task.text for task in plans.tasks(conn)]
    assert recovered == 1
    assert len(texts) == 1
    assert [row.state for row in schedule.rows()] == [State.SENT]


def test_a_task_that_a_crash_interrupted_ends_with_its_campaign(store: Store, tmp_path: Path) -> None:
    schedule = _killed_at_a_task(store, tmp_path)
    now = schedule.clock.now()
    chosen = steering.targets(store, schedule.catalog, ["shop"])  # type: ignore[arg-type]
    steering.cancel(store, schedule.catalog, chosen, now=now, who="ana")  # type: ignore[arg-type]

    watching.recover(store, watching.Hearing(schedule.clock), now=now)

    (row,) = schedule.rows()
    assert (row.state, row.reason) == (State.CANCELLED, "the campaign was cancelled")
    with store.read() as conn:
        assert [attempt.outcome for attempt in reader.attempts(conn, row.id)] == ["retry_wait"]
        assert plans.tasks(conn) == []


def test_a_message_in_the_hour_that_comes_twice_waits_without_spinning(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-10-30T12:00:00+02:00"))
    schedule.know(person("lea@example.org"))
    text = 'courtesy: {quiet_hours: "21:00-02:30"}' + THANKS.replace("purpose: transactional, ", "")
    schedule.apply(write(tmp_path, text))
    twice = moment("2027-10-31T02:05:00+01:00")  # 02:30 was an instant ago, and it is 02:05 once more
    schedule.clock.advance_to(twice)
    schedule.happens("lea@example.org", "purchase")

    schedule.live_until(moment("2027-10-31T12:00:00+01:00"))

    assert [row.sent_at for row in schedule.rows()] == [moment("2027-10-31T03:10:00+01:00")]


def test_a_daemon_that_was_started_anew_does_not_pass_for_the_one_that_died(store: Store) -> None:
    first, second = bootstrap.live(store, Settings()), bootstrap.live(store, Settings())
    first.writer.close()
    second.writer.close()

    assert first.worker_id != second.worker_id
