"""Posts by hand in a real calendar (Radicale), and tasks that are opened again there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from calendar_shop import CALLS, START, rounds, shop, tick_off
from support.radicale_server import Server, radicale_server
from support.shop import Schedule

from scheduler.channels.task import TaskChannel
from scheduler.operations import tasks
from scheduler.operations.task_calendar import Changes
from scheduler.store import people
from scheduler.store.database import Store

POST = """
accounts: {instagram: biksouv}
courtesy: {send_hours: none}
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - id: teaser
        channel: instagram
        by_hand: true
        text: "Spring is here"
        media: [{file: media/ring.jpg, alt: A ring}, media/door.jpg]
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with radicale_server(tmp_path / "radicale") as found:
        yield found


def lived(store: Store, folder: Path, text: str = CALLS) -> Schedule:
    """Return the shop a minute after its start, with channels that make tasks alone; only a call waits for a purchase."""
    channels = {name: TaskChannel(name) for name in ("manual", "call")}
    made = shop(store, folder, text, channels=channels, bought=text is CALLS)
    made.live_until(START + timedelta(minutes=1))
    return made


def status(server: Server) -> dict[str, str]:
    return {name.removeprefix("campaign-")[30:]: str(server.todo(name)["STATUS"]) for name in server.names()}


def test_a_post_by_hand_is_there_with_its_words_and_files(store: Store, tmp_path: Path, server: Server) -> None:
    schedule = lived(store, tmp_path, POST)

    assert rounds(schedule, server) == [Changes(added=1)]

    (name,) = server.names()
    todo = server.todo(name)
    assert str(todo["SUMMARY"]) == "instagram, by hand: Spring is here"
    assert str(todo["DESCRIPTION"]) == (
        "Spring is here\non: instagram @biksouv\nfile: media/ring.jpg (A ring)\nfile: media/door.jpg"
    )


def test_what_is_ticked_off_there_is_told_nobody_again(store: Store, tmp_path: Path, server: Server) -> None:
    schedule = lived(store, tmp_path, POST)
    rounds(schedule, server)
    (name,) = server.names()
    tick_off(server, name)

    assert rounds(schedule, server) == [Changes(ticked=1)]
    assert tasks.lines(store, now=START + timedelta(days=1)) == []


def test_what_is_opened_again_is_there_anew_and_ticked_off_anew(store: Store, tmp_path: Path, server: Server) -> None:
    schedule = lived(store, tmp_path)
    rounds(schedule, server)
    (first,) = server.names()
    tick_off(server, first)
    rounds(schedule, server)

    tasks.reopen(store, 1, now=schedule.clock.now(), who="anna")

    assert rounds(schedule, server, 2) == [Changes(added=1), Changes()]
    assert len(tasks.lines(store, now=START)) == 1
    assert status(server) == {".ics": "COMPLETED", "-2.ics": "NEEDS-ACTION"}
    tick_off(server, first.replace(".ics", "-2.ics"))
    assert rounds(schedule, server, 2) == [Changes(ticked=1), Changes()]
    assert tasks.lines(store, now=START) == []


def test_what_was_done_and_opened_again_between_two_rounds_is_there_once(
    store: Store, tmp_path: Path, server: Server
) -> None:
    schedule = lived(store, tmp_path)
    rounds(schedule, server)
    tasks.finish(store, 1, now=START, who="anna")
    tasks.reopen(store, 1, now=START, who="anna")

    assert rounds(schedule, server, 2) == [Changes(added=1, closed=1), Changes()]

    assert status(server) == {".ics": "COMPLETED", "-2.ics": "NEEDS-ACTION"}


def test_nothing_of_a_person_stays_in_any_object_of_a_task(store: Store, tmp_path: Path, server: Server) -> None:
    schedule = lived(store, tmp_path)
    rounds(schedule, server)
    tasks.finish(store, 1, now=START, who="anna")
    tasks.reopen(store, 1, now=START, who="anna")
    rounds(schedule, server)
    with store.begin() as conn:
        people.erase(conn, 1, people.traces(conn, 1), asked=True, now=START)

    assert rounds(schedule, server, 2) == [Changes(removed=2), Changes()]
    assert server.names() == []
    assert not tasks.reopen(store, 1, now=START, who="anna")
