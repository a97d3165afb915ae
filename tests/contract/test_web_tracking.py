"""The doors of links and pictures over a real socket: readers are sent on and counted, programs are told apart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from support.doors import Client, opened
from support.readers import FIREFOX, KEYS, clicks, html_of, picture, scan, shop, trap
from support.shop import DAY, HOUR, Schedule, person

from scheduler.operations import privacy, tracking
from scheduler.store import events, people
from scheduler.store.database import Store
from scheduler.store.tracking import Counts
from scheduler.tokens import Purpose, Token
from scheduler.web.doors import Limits
from scheduler.web.follow import PIXEL
from scheduler.web.rates import Buckets

SECOND = timedelta(seconds=1)
RINGS = "https://shop.example/rings?a=1&b=2#top"


@pytest.fixture
def schedule(store: Store, tmp_path: Path) -> Schedule:
    return shop(store, tmp_path)


@pytest.fixture
def client(schedule: Schedule) -> Iterator[Client]:
    with opened(schedule) as found:
        yield found


def later(schedule: Schedule, by: timedelta) -> None:
    schedule.clock.advance_to(schedule.clock.now() + by)


def settle(schedule: Schedule) -> None:
    """Judge everything that was done until now."""
    later(schedule, tracking.SETTLED)
    while tracking.settle(schedule.store, schedule.catalog, now=schedule.clock.now()):  # type: ignore[arg-type]
        pass


def stored(schedule: Schedule) -> list[tuple[int, str, str]]:
    """Return every hit: its link, what the request said, what it was taken for."""
    with schedule.store.read() as conn:
        rows = conn.execute(text("SELECT link, seen, kind FROM hit ORDER BY id")).all()
    return [(row[0], row[1], row[2]) for row in rows]


def done(schedule: Schedule, contact: int = 1) -> list[tuple[str, object]]:
    """Return the events that mails gave rise to: their names and links."""
    with schedule.store.read() as conn:
        found = events.of_contact(conn, contact)
    return [(one.name, one.facts.get("link")) for one in found if one.name in ("clicked", "opened")]


def counted(schedule: Schedule) -> Counts:
    return tracking.counts(schedule.store).get(("shop", "2027"), Counts())


# --- readers ----------------------------------------------------------------------------------------------------------


def test_a_reader_is_sent_on_and_the_click_is_an_event(client: Client, schedule: Schedule) -> None:
    link = clicks(html_of(schedule))[0]
    later(schedule, HOUR)

    answer = client.get(link, User_Agent=FIREFOX)
    settle(schedule)

    assert (answer.status, answer.headers["location"]) == (302, RINGS)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert stored(schedule) == [(1, "", "human")]
    with schedule.store.read() as conn:
        event = events.of_contact(conn, 1)[-1]
    assert (event.name, event.facts) == (
        "clicked",
        {"campaign": "shop", "touch": "offer", "kind": "human", "link": 1},
    )
    assert counted(schedule) == Counts(opened=0, opened_raw=0, clicked=1, clicked_raw=1)


def test_the_picture_is_forty_three_bytes_that_nobody_keeps(client: Client, schedule: Schedule) -> None:
    address = picture(html_of(schedule))
    later(schedule, HOUR)

    answer = client.get(address, User_Agent=FIREFOX)
    settle(schedule)

    assert answer.text.encode("utf-8", "surrogateescape") == PIXEL
    assert len(PIXEL) == 43
    assert (answer.status, answer.headers["content-type"], answer.headers["content-length"]) == (200, "image/gif", "43")
    assert answer.headers["cache-control"] == "no-store"
    assert done(schedule) == [("opened", None)]
    assert counted(schedule) == Counts(opened=1, opened_raw=1)


def test_a_click_starts_what_waits_for_it(client: Client, schedule: Schedule) -> None:
    link = clicks(html_of(schedule))[0]
    later(schedule, HOUR)

    client.get(link, User_Agent=FIREFOX)
    settle(schedule)
    schedule.tick()

    assert [(row.touch, row.state) for row in schedule.rows()] == [("offer", "sent"), ("thanks", "sent")]


def test_the_same_link_twice_at_once_is_one_click_and_again_later_another(client: Client, schedule: Schedule) -> None:
    first, second = clicks(html_of(schedule))[:2]
    later(schedule, HOUR)

    for wait in (0, 1, 30, 45, 3_600):
        later(schedule, SECOND * wait)
        client.get(first, User_Agent=FIREFOX)
    client.get(second, User_Agent=FIREFOX)
    settle(schedule)

    assert done(schedule) == [("clicked", 1), ("clicked", 1), ("clicked", 2)]
    assert counted(schedule).clicked == 1  # a message, however often


def test_a_message_is_opened_once(client: Client, schedule: Schedule) -> None:
    address = picture(html_of(schedule))

    for _ in range(3):
        later(schedule, HOUR)
        client.get(address, User_Agent=FIREFOX)
        settle(schedule)

    assert done(schedule) == [("opened", None)]
    assert len(stored(schedule)) == 3


def test_a_click_is_a_sign_of_life_and_an_opening_alone_is_none(client: Client, schedule: Schedule) -> None:
    html = html_of(schedule)
    later(schedule, DAY)
    since = schedule.clock.now()
    client.get(picture(html), User_Agent=FIREFOX)
    settle(schedule)
    with schedule.store.read() as conn:
        opened_alone = people.inactive(conn, since)

    client.get(clicks(html)[0], User_Agent=FIREFOX)
    settle(schedule)

    with schedule.store.read() as conn:
        clicked = people.inactive(conn, since)
    assert done(schedule) == [("opened", None), ("clicked", 1)]
    assert (1 in opened_alone, 1 in clicked) == (True, False)


def test_a_hit_is_judged_only_when_what_comes_next_is_known(client: Client, schedule: Schedule) -> None:
    link = clicks(html_of(schedule))[0]
    later(schedule, HOUR)
    client.get(link, User_Agent=FIREFOX)

    later(schedule, tracking.SETTLED - SECOND)
    early = tracking.settle(schedule.store, schedule.catalog, now=schedule.clock.now())  # type: ignore[arg-type]
    before = stored(schedule)
    later(schedule, SECOND)
    due = tracking.settle(schedule.store, schedule.catalog, now=schedule.clock.now())  # type: ignore[arg-type]

    assert (early, before, due) == (False, [(1, "", "")], True)
    assert stored(schedule) == [(1, "", "human")]


# --- programs ---------------------------------------------------------------------------------------------------------


def test_a_scanner_that_follows_every_link_at_once_is_no_reader_and_unsubscribes_nobody(
    client: Client, schedule: Schedule
) -> None:
    html = html_of(schedule)
    later(schedule, SECOND)

    statuses = scan(client, html)
    settle(schedule)

    assert sorted(statuses) == [200, 200, 204, 302, 302, 302]
    assert done(schedule) == []
    assert {kind for _, _, kind in stored(schedule)} == {"prefetch"}
    assert counted(schedule) == Counts(opened=0, opened_raw=1, clicked=0, clicked_raw=1)
    with schedule.store.read() as conn:
        assert people.suppressed(conn, 1, marketing=True) is None


def test_a_scanner_that_comes_late_gives_itself_away_and_a_reader_after_it_counts(
    client: Client, schedule: Schedule
) -> None:
    html = html_of(schedule)
    later(schedule, HOUR)
    scan(client, html)
    later(schedule, HOUR)

    client.get(clicks(html)[1], User_Agent=FIREFOX)
    settle(schedule)

    assert done(schedule) == [("clicked", 2)]
    assert counted(schedule) == Counts(opened=0, opened_raw=1, clicked=1, clicked_raw=1)


def test_the_hidden_link_leads_nowhere_and_tells_a_program(client: Client, schedule: Schedule) -> None:
    html = html_of(schedule)
    later(schedule, HOUR)

    client.get(clicks(html)[0], User_Agent=FIREFOX)
    hidden = client.get(trap(html), User_Agent=FIREFOX)
    settle(schedule)

    assert (hidden.status, hidden.text, "location" in hidden.headers) == (204, "", False)
    assert done(schedule) == []


def test_head_never_counts(client: Client, schedule: Schedule) -> None:
    html = html_of(schedule)
    later(schedule, HOUR)

    answers = [client.ask("HEAD", link, User_Agent=FIREFOX) for link in (clicks(html)[0], picture(html), trap(html))]

    assert [answer.status for answer in answers] == [302, 200, 204]
    assert answers[0].headers["location"] == RINGS
    assert stored(schedule) == []


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Mozilla/5.0", "proxy"),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "proxy"),
        ("", "unknown"),
        ("curl/8.5.0", "prefetch"),
    ],
)
def test_an_opening_by_a_machine_is_kept_under_its_kind_and_is_no_event(
    client: Client, schedule: Schedule, agent: str, kind: str
) -> None:
    address = picture(html_of(schedule))
    later(schedule, HOUR)

    client.get(address, User_Agent=agent)
    settle(schedule)

    assert stored(schedule) == [(0, kind, kind)]
    assert done(schedule) == []
    assert counted(schedule) == Counts(opened=0, opened_raw=1)


# --- what nobody signed, and who is not there any more ------------------------------------------------------------------


def test_links_nobody_signed_are_not_known_and_write_nothing(schedule: Schedule) -> None:
    html = html_of(schedule)
    good = clicks(html)[0].rpartition("/")[2]
    opening = picture(html).rpartition("/")[2].removesuffix(".gif")
    stop = KEYS.sign(Purpose.UNSUBSCRIBE, Token(1, 1))
    mark = KEYS.marker(Purpose.CLICK, 1)
    paths = [
        f"/c/{good[:-1]}",
        f"/c/{good}A",
        f"/c/{'B' if good[0] == 'A' else 'A'}{good[1:]}",
        f"/c/{opening}",
        f"/c/{stop}",
        f"/c/{mark(4)}",  # a link the touch has not
        f"/c/{mark(16_777_215)}",
        f"/c/{KEYS.marker(Purpose.CLICK, 999)(1)}",  # a message nobody sent
        f"/o/{good}.gif",
        f"/o/{stop}.gif",
        "/c/" + "A" * 32,
        "/c/",
        "/c/%00",
        "/c/https://evil.example/",
        "/c//evil.example",
    ]

    with opened(schedule, limits=Limits(forged=Buckets(per_second=1, burst=1_000))) as client:
        answers = [client.get(path, User_Agent=FIREFOX) for path in paths]

    assert {answer.status for answer in answers} == {404}
    assert not any("location" in answer.headers for answer in answers)
    assert stored(schedule) == []


def test_guesses_are_told_to_wait(schedule: Schedule) -> None:
    link = clicks(html_of(schedule))[0]
    with opened(schedule, limits=Limits(forged=Buckets(per_second=0.1, burst=2))) as client:
        guesses = [client.get(f"/c/{'A' * 31}{letter}").status for letter in "ABCD"]
        right = client.get(link).status

    assert (guesses, right) == ([404, 404, 429, 429], 302)


@pytest.mark.parametrize(
    "more", ["?url=https://evil.example", "?to=//evil.example", "#https://evil.example", "?u=%0d%0aLocation:%20x"]
)
def test_nothing_in_the_address_says_where_to_go(client: Client, schedule: Schedule, more: str) -> None:
    link = clicks(html_of(schedule))[0]

    answer = client.get(link + more)

    assert (answer.status, answer.headers["location"]) == (302, RINGS)


@pytest.mark.parametrize(
    "destination",
    [
        "javascript:alert(1)",
        "//evil.example/",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "data:text/html,<script>alert(1)</script>",
        "https://shop.example@evil.example/",
    ],
)
def test_a_table_that_somebody_wrote_into_sends_nobody_anywhere(
    client: Client, schedule: Schedule, destination: str
) -> None:
    link = clicks(html_of(schedule))[0]
    with schedule.store.begin() as conn:
        conn.execute(text("UPDATE link SET destination = :to WHERE number = 1"), {"to": destination})

    answer = client.get(link, User_Agent=FIREFOX)

    assert answer.status == 404
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers


def test_the_links_of_who_was_forgotten_are_not_known_any_more(client: Client, schedule: Schedule) -> None:
    html = html_of(schedule)
    later(schedule, HOUR)
    client.get(clicks(html)[1], User_Agent=FIREFOX)
    privacy.forget(schedule.store, "lea@example.org", now=schedule.clock.now(), by="test")
    before = stored(schedule)

    answers = [client.get(clicks(html)[0], User_Agent=FIREFOX), client.get(picture(html), User_Agent=FIREFOX)]
    settle(schedule)

    assert answers[0].status == 404
    assert (answers[1].status, answers[1].headers["content-type"]) == (200, "image/gif")
    assert (before, stored(schedule)) == ([(2, "", "")], [(2, "", "human")])
    assert done(schedule) == []


def test_who_took_the_agreement_back_is_sent_on_and_not_counted(client: Client, schedule: Schedule) -> None:
    html = html_of(schedule)
    later(schedule, HOUR)
    with schedule.store.begin() as conn:
        people.add_consent(conn, 1, people.MEASUREMENT, given=False, at=schedule.clock.now(), source="test")

    answers = [client.get(clicks(html)[0], User_Agent=FIREFOX).status, client.get(picture(html)).status]

    assert answers == [302, 200]
    assert stored(schedule) == []


def test_what_a_merged_person_followed_is_whom_they_became_did(client: Client, schedule: Schedule) -> None:
    link = clicks(html_of(schedule))[0]
    later(schedule, HOUR)
    privacy.merge(schedule.store, "max@example.org", "lea@example.org", now=schedule.clock.now(), by="test")

    answer = client.get(link, User_Agent=FIREFOX)
    settle(schedule)

    assert answer.status == 302
    assert done(schedule, 2) == [("clicked", 1)]


# --- floods and a database that is away -----------------------------------------------------------------------------------


def test_a_flood_of_one_message_writes_little(client: Client, schedule: Schedule) -> None:
    link = clicks(html_of(schedule))[0]
    later(schedule, HOUR)

    statuses = {client.get(link, User_Agent=FIREFOX).status for _ in range(100)}

    assert statuses == {302}
    assert len(stored(schedule)) == 1


def test_two_hundred_hits_of_one_message_are_kept_and_no_more(schedule: Schedule) -> None:
    html_of(schedule)
    from scheduler.store.tracking import Hit

    now = schedule.clock.now()
    hits = [Hit(1, 1, 1, now + SECOND * (10 * number), "") for number in range(300)]
    for number in range(0, 300, 50):
        tracking.keep(schedule.store, hits[number : number + 50])

    assert len(stored(schedule)) == 200


def test_a_burst_of_readers_is_written_down_whole(schedule: Schedule) -> None:
    schedule.know(
        *(person(f"r{n}@example.org", consent=("marketing", "measurement"), first_name="R") for n in range(40))
    )
    for number in range(40):
        schedule.happens(f"r{number}@example.org", "cart_abandoned")
    schedule.live_until(schedule.clock.now() + HOUR)
    links = [clicks(message.content.html or "")[0] for message in schedule.sent()]
    later(schedule, DAY)
    statuses: list[int] = []
    with opened(schedule) as client:
        threads = [
            threading.Thread(target=lambda link=link: statuses.append(client.get(link, User_Agent=FIREFOX).status))
            for link in links
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    settle(schedule)

    assert statuses == [302] * 40
    assert counted(schedule) == Counts(clicked=40, clicked_raw=40)


def test_a_reader_is_sent_on_when_nothing_can_be_written_down(client: Client, schedule: Schedule) -> None:
    html = html_of(schedule)
    later(schedule, HOUR)
    with schedule.store.begin() as conn:
        conn.execute(text("DROP TABLE hit"))

    answers = [client.get(clicks(html)[0], User_Agent=FIREFOX), client.get(picture(html))]

    assert [answer.status for answer in answers] == [302, 200]
    assert answers[0].headers["location"] == RINGS


def test_a_reader_does_not_wait_for_a_database_that_somebody_holds(empty_sqlite: Store, tmp_path: Path) -> None:
    schedule = shop(empty_sqlite, tmp_path)
    link = clicks(html_of(schedule))[0]
    later(schedule, HOUR)

    with opened(schedule) as client, schedule.store.begin():
        answer = client.get(link, User_Agent=FIREFOX)
        meanwhile = stored(schedule)

    assert (answer.status, meanwhile) == (302, [])
    assert stored(schedule) == [(1, "", "")]  # once it was let go


@pytest.fixture
def empty_sqlite(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/held.db")
    store.migrate()
    yield store
    store.close()
