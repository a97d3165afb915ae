"""The shop's tasks in a real calendar (Radicale): there once, ticked off on either side, and the ledger the truth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from calendar_shop import START, calendar, collection, rounds, shop, tick_off
from pydantic import SecretStr
from support.fault_proxy import Fault, fault_proxy
from support.radicale_server import PASSWORD, USER, Server, radicale_server
from support.serving import assemble, serve_until
from support.shop import Schedule, person

from scheduler.channels.caldav import TaskCollection
from scheduler.clock import SystemClock
from scheduler.errors import ChannelDown, NotSent, Refused, SchedulerError
from scheduler.operations import tasks as tasks_of
from scheduler.operations.task_calendar import Changes
from scheduler.runtime import Copying, every
from scheduler.store import meta, people, plans
from scheduler.store.database import Store
from scheduler.store.meta import Hold
from scheduler.store.writer import ThreadWriter


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with radicale_server(tmp_path / "radicale") as found:
        yield found


@pytest.fixture
def schedule(store: Store, tmp_path: Path) -> Schedule:
    return shop(store, tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Schedule:
    """The same shop in memory: what a calendar does is nothing to a database."""
    return shop(Store.memory(), tmp_path)


def the_name(server: Server) -> str:
    (name,) = server.names()
    return name


def tasks(schedule: Schedule) -> list[tuple[int, bool, str]]:
    return [
        (row.id, row.done_at is not None, row.note)
        for row in tasks_of.lines(schedule.store, now=START, everything=True)
    ]


def test_an_open_task_is_in_the_calendar_with_all_that_the_call_needs(schedule: Schedule, server: Server) -> None:
    schedule.tick()

    (changes,) = rounds(schedule, server)

    assert changes == Changes(added=1)
    todo = server.todo(the_name(server))
    assert str(todo["SUMMARY"]) == "Call: Léa Martin"
    assert str(todo["DESCRIPTION"]) == "Ask Léa; about the bike, & more.\nThen thank.\nLéa Martin\n+33612345678"
    assert todo.decoded("DUE") == datetime(2027, 1, 4, 8, tzinfo=UTC)
    assert todo.decoded("DTSTAMP") == datetime(2027, 1, 4, 8, tzinfo=UTC)
    assert str(todo["STATUS"]) == "NEEDS-ACTION"
    assert todo["CATEGORIES"].to_ical() == b"shop"
    assert the_name(server) == f"{todo['UID']}.ics"


def test_a_round_after_it_changes_nothing(schedule: Schedule, server: Server) -> None:
    schedule.tick()
    rounds(schedule, server)
    before = server.content(the_name(server))

    assert rounds(schedule, server, 2) == [Changes(), Changes()]
    assert server.content(the_name(server)) == before


def test_two_daemons_at_once_make_one(schedule: Schedule, server: Server) -> None:
    schedule.tick()

    async def scenario() -> list[Changes]:
        both = [calendar(schedule, server.url) for _ in range(2)]
        found = await asyncio.gather(*(one.round() for one in both))
        for one in both:
            await one.close()
        return list(found)

    assert sum(changes.added for changes in asyncio.run(scenario())) == 1
    assert len(server.names()) == 1


def test_what_is_ticked_off_there_is_done_here(schedule: Schedule, server: Server) -> None:
    schedule.tick()
    rounds(schedule, server)
    tick_off(server, the_name(server))
    schedule.clock.advance(timedelta(hours=2))

    (changes,) = rounds(schedule, server)

    assert changes == Changes(ticked=1)
    (row,) = tasks_of.lines(schedule.store, now=START, everything=True)
    assert (row.done_at, row.note) == (START + timedelta(hours=2), "ticked off in the calendar")
    with schedule.store.read() as conn:
        last = plans.audits(conn)[-1]
    assert (last.who, last.action, last.subject) == ("calendar", "task done", "1")
    assert rounds(schedule, server) == [Changes()]


def test_what_is_done_here_is_ticked_off_there_with_the_words_of_a_colleague(
    schedule: Schedule, server: Server
) -> None:
    schedule.tick()
    rounds(schedule, server)
    name = the_name(server)
    server.write(name, server.content(name).replace("Then thank.", "Then thank. Rang twice!"))
    tasks_of.finish(schedule.store, 1, now=START + timedelta(hours=1), who="anna")

    (changes,) = rounds(schedule, server)

    assert changes == Changes(closed=1)
    todo = server.todo(name)
    assert (str(todo["STATUS"]), todo.decoded("COMPLETED")) == ("COMPLETED", datetime(2027, 1, 4, 9, tzinfo=UTC))
    assert "Rang twice!" in str(todo["DESCRIPTION"])
    assert rounds(schedule, server) == [Changes()]


def test_an_open_task_that_somebody_deletes_there_comes_back(schedule: Schedule, server: Server) -> None:
    schedule.tick()
    rounds(schedule, server)
    server.remove(the_name(server))

    assert rounds(schedule, server) == [Changes(added=1)]
    assert tasks(schedule) == [(1, False, "")]


def test_a_task_that_is_done_before_it_was_copied_is_not_copied(schedule: Schedule, server: Server) -> None:
    schedule.tick()
    tasks_of.finish(schedule.store, 1, now=START, who="anna")

    assert rounds(schedule, server) == [Changes()]
    assert server.names() == []


def test_nothing_of_a_person_who_is_forgotten_stays_in_the_calendar(schedule: Schedule, server: Server) -> None:
    schedule.tick()
    rounds(schedule, server)
    with schedule.store.begin() as conn:
        people.erase(conn, 1, people.traces(conn, 1), asked=True, now=START)

    assert rounds(schedule, server, 2) == [Changes(removed=1), Changes()]
    assert server.names() == []


def test_the_person_of_an_old_task_is_forgotten_there_too(schedule: Schedule, server: Server) -> None:
    schedule.tick()
    rounds(schedule, server)
    tasks_of.finish(schedule.store, 1, now=START, who="anna")
    schedule.clock.advance(timedelta(days=200))
    with schedule.store.begin() as conn:
        people.erase(conn, 1, people.traces(conn, 1), asked=True, now=schedule.clock.now())

    assert rounds(schedule, server) == [Changes(removed=1)]


def test_other_peoples_tasks_in_the_same_calendar_are_left_alone(schedule: Schedule, server: Server) -> None:
    own = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTODO\r\nUID:milk\r\nDTSTAMP:20270101T000000Z\r\nSUMMARY:Milk\r\nSTATUS:COMPLETED\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"
    server.write("milk.ics", own)
    schedule.tick()

    rounds(schedule, server, 2)

    assert "SUMMARY:Milk" in server.content("milk.ics")
    assert len(server.names()) == 2


def test_a_database_that_is_held_shows_no_calendar_anything(schedule: Schedule, server: Server) -> None:
    schedule.tick()
    with schedule.store.begin() as conn:
        meta.set_hold(conn, Hold("it may be a copy", START))

    assert rounds(schedule, server) == [Changes()]
    assert server.names() == []


def test_more_tasks_than_one_request_asks_for_are_all_there(schedule: Schedule, server: Server) -> None:
    for number in range(50):
        schedule.know(person(f"p{number}@example.org", first_name="Ion", phone=f"+33612345{number:03}"))
        schedule.happens(f"p{number}@example.org", "purchase", key=f"order of {number}")
    schedule.live_until(START + timedelta(minutes=1))

    assert rounds(schedule, server, 2) == [Changes(added=51), Changes()]
    assert len(server.names()) == 51


# --- a calendar that fails --------------------------------------------------------------------------------------------


def through(schedule: Schedule, server: Server, *faults: Fault, seconds: float = 10) -> list[bool]:
    """Do four rounds, as the daemon does, over a network that fails as it is told."""

    async def scenario() -> list[bool]:
        async with fault_proxy(server.port) as proxy:
            proxy.script(*faults)
            url = server.url.replace(str(server.port), str(proxy.port))
            copies = calendar(schedule, url, seconds=seconds)
            copying = Copying(copies)
            found = [await copying.round() for _ in range(4)]
            await copies.close()
            return found

    return asyncio.run(scenario())


@pytest.mark.parametrize("do", ["cut", "drop", "break", "hang", "stall"])
@pytest.mark.parametrize("match", ["REPORT *", "PUT *"])
def test_whatever_a_request_meets_the_task_is_there_once(small: Schedule, server: Server, match: str, do: str) -> None:
    small.tick()

    found = through(small, server, Fault(match, do, times=2), seconds=0.8 if do in ("hang", "stall") else 10)  # type: ignore[arg-type]

    assert found[-1]
    assert len(server.names()) == 1
    assert tasks(small) == [(1, False, "")]


@pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 409, 429, 500, 507])
def test_a_calendar_that_says_no_loses_and_delays_no_task(small: Schedule, server: Server, status: int) -> None:
    small.tick()

    found = through(small, server, Fault("REPORT *", "answer", status=status, body=b"<x/>", times=2))

    assert tasks(small) == [(1, False, "")]
    assert [row.state for row in small.rows()] == ["sent"]
    assert found == [False, False, True, True]
    assert len(server.names()) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        b"<html/>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><multistatus xmlns="DAV:">&a;</multistatus>',
        b'{"messages": []}',
    ],
)
def test_an_answer_that_is_no_list_is_not_taken_for_an_empty_one(small: Schedule, server: Server, body: bytes) -> None:
    small.tick()
    rounds(small, server)

    found = through(small, server, Fault("REPORT *", "answer", status=207, body=body, times=4))

    assert found == [False] * 4


def test_a_collection_that_is_not_there_says_what_to_mend(small: Schedule, server: Server) -> None:
    async def scenario() -> None:
        found = collection(small, server.url.replace("tasks", "gone"))
        try:
            await found.add("campaign-1.ics", b"x")
        finally:
            await found.close()

    async def asked() -> None:
        async with fault_proxy(server.port) as proxy:
            proxy.script(Fault("REPORT *", "answer", status=404))
            found = collection(small, server.url.replace(str(server.port), str(proxy.port)))
            try:
                await found.read(["campaign-1.ics"])
            finally:
                await found.close()

    with pytest.raises((ChannelDown, Refused)):
        asyncio.run(scenario())
    with pytest.raises(ChannelDown) as caught:
        asyncio.run(asked())
    assert caught.value.remedy == "mend `url` of the account `caldav`"


def test_a_calendar_that_is_away_is_told_of_once_and_when_it_is_back(
    small: Schedule, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    small.tick()

    through(small, server, Fault("REPORT *", "answer", status=503, times=3))

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "the tasks are not in the calendar: the calendar answered 503",
        "the calendar answers again",
    ]


def test_a_wrong_password_says_so_and_not_which(
    small: Schedule, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    small.tick()

    async def scenario() -> Exception:
        found = collection(small, server.url, password="canary-of-the-wrong")
        try:
            await found.read(["campaign-1.ics"])
        except (ChannelDown, NotSent) as error:
            return error
        finally:
            await found.close()
        raise AssertionError

    error = asyncio.run(scenario())

    assert isinstance(error, ChannelDown)
    assert str(error).startswith("the calendar answered 401")
    assert "canary" not in repr(error) + caplog.text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "http://dav.example.org/x/"}, "cannot read CAMPAIGN_ACCOUNTS__CALDAV__URL"),
        ({"url": "https://me:secret@dav.example.org/x/"}, "cannot read CAMPAIGN_ACCOUNTS__CALDAV__URL"),
        ({"url": "https://dav.example.org/x/?a=1"}, "cannot read CAMPAIGN_ACCOUNTS__CALDAV__URL"),
        ({"password": ""}, "the account of caldav has no password"),
        ({"user": "a:b"}, "cannot read CAMPAIGN_ACCOUNTS__CALDAV__USER"),
        ({"calendar": "x"}, "CAMPAIGN_ACCOUNTS__CALDAV__CALENDAR is no setting of caldav"),
    ],
)
def test_an_account_that_cannot_be_used_says_which_field(small: Schedule, fields: dict[str, str], words: str) -> None:
    whole = {"url": "https://dav.example.org/x/", "user": USER, "password": PASSWORD, **fields}

    with pytest.raises(SchedulerError) as caught:
        TaskCollection({"caldav": {name: SecretStr(value) for name, value in whole.items()}}, small.clock)

    assert caught.value.message.startswith(words)
    assert "secret" not in str(caught.value)


def test_the_daemon_puts_a_new_task_there_and_hears_that_it_is_done(
    schedule: Schedule, server: Server, store: Store
) -> None:
    async def scenario() -> None:
        writer = ThreadWriter()
        copies = calendar(schedule, server.url, writer=writer)
        daemon, _ = assemble(
            store,
            schedule.channels,
            writer,
            clock=schedule.clock,
            rounds=[every(timedelta(seconds=0.05), "calendar", Copying(copies).round, SystemClock())],
        )
        try:
            await serve_until(daemon, lambda: len(server.names()) == 1)
            tick_off(server, the_name(server))
            done = lambda: tasks(schedule) == [(1, True, "ticked off in the calendar")]  # noqa: E731
            again, _ = assemble(
                store,
                schedule.channels,
                writer,
                clock=schedule.clock,
                worker_id="w2",
                rounds=[every(timedelta(seconds=0.05), "calendar", Copying(copies).round, SystemClock())],
            )
            await serve_until(again, done)
        finally:
            await copies.close()
            writer.close()

    asyncio.run(scenario())

    assert tasks(schedule) == [(1, True, "ticked off in the calendar")]
