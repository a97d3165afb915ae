"""`POST /events` over a real socket: who may, what is taken once, and what each mistake is answered."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.doors import Client, opened
from support.shop import Schedule, moment, person, write

from campaigns.timing import zones
from scheduler.store import events, people
from scheduler.store.database import Store
from scheduler.web.doors import Limits
from scheduler.web.rates import Buckets

START = moment("2027-01-04T09:00:00+01:00")
CART = """
events: {grooming: [dog]}
stages:
  - stage: conversion
    kind: conversion
    when: as soon as possible
    touches:
      - {id: reminder, channel: email, on: cart_abandoned, when: 1 day later, until: purchase, subject: Cart, text: "x"}
"""


@pytest.fixture
def schedule(store: Store, tmp_path: Path) -> Schedule:
    made = Schedule.on(store, START)
    made.know(person("lea@example.org"))
    made.apply(write(tmp_path, CART))
    return made


@pytest.fixture
def client(schedule: Schedule) -> Iterator[Client]:
    with opened(schedule) as found:
        yield found


def stored(schedule: Schedule) -> list[tuple[str, str]]:
    with schedule.store.read() as conn:
        return [(row.key, row.name) for row in events.of_contact(conn, 1)]


def test_an_event_plans_what_waits_for_it_and_its_goal_cancels_that(client: Client, schedule: Schedule) -> None:
    cart = client.tell({"who": "lea@example.org", "name": "cart_abandoned", "id": "cart-17"})
    bought = client.tell({"who": "Lea@Example.org", "name": "purchase", "id": "order-9", "value": 240})

    assert (cart.status, cart.data) == (
        200,
        {"accepted": True, "duplicate": False, "started": ["shop/reminder"], "cancelled": []},
    )
    assert (bought.status, bought.data) == (
        200,
        {"accepted": True, "duplicate": False, "started": [], "cancelled": ["shop/reminder"]},
    )
    assert [row.state for row in schedule.rows()] == ["cancelled"]


def test_the_same_event_again_has_no_second_effect(client: Client, schedule: Schedule) -> None:
    body = {"who": "lea@example.org", "name": "cart_abandoned", "id": "cart-17", "total": 12.5}

    answers = [client.tell(body) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [json.loads(answer.text)["duplicate"] for answer in answers] == [False, True, True]
    assert stored(schedule) == [("cart-17", "cart_abandoned")]


def test_the_same_id_with_another_content_is_a_conflict_and_changes_nothing(client: Client, schedule: Schedule) -> None:
    client.tell({"who": "lea@example.org", "name": "cart_abandoned", "id": "17"})

    other = client.tell({"who": "lea@example.org", "name": "purchase", "id": "17"})

    assert (other.status, other.headers["content-type"]) == (409, "application/problem+json")
    assert other.data == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "the event key '17' is already used for another event",
        "remedy": "give every event a key of its own, and the same event always the same key",
    }
    assert stored(schedule) == [("17", "cart_abandoned")]


def test_twenty_at_once_with_one_id_have_one_effect(client: Client, schedule: Schedule) -> None:
    body = {"who": "lea@example.org", "name": "cart_abandoned", "id": "17"}
    said: list[bool] = []
    threads = [
        threading.Thread(target=lambda: said.append(json.loads(client.tell(body).text)["duplicate"])) for _ in range(20)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(said) == [False] + [True] * 19
    assert len(schedule.rows()) == 1


def test_the_id_may_stand_in_the_header_but_not_be_two(client: Client, schedule: Schedule) -> None:
    body = {"who": "lea@example.org", "name": "review"}

    assert client.tell(body, Idempotency_Key="r-1").status == 200
    assert json.loads(client.tell(body, Idempotency_Key="r-1").text)["duplicate"] is True
    assert client.tell({**body, "id": "r-2"}, Idempotency_Key="r-3").status == 422
    assert client.tell(body, Idempotency_Key=" ").status == 422
    assert stored(schedule) == [("r-1", "review")]


@pytest.mark.parametrize(
    "token", [None, "", "wrong", "a-token-of-the-shop-012345678", "a-token-of-the-shop-0123456789x"]
)
def test_without_the_token_nothing_is_taken(client: Client, schedule: Schedule, token: str | None) -> None:
    answer = client.tell({"who": "lea@example.org", "name": "purchase"}, token=token)

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert stored(schedule) == []


def test_where_no_token_is_set_the_door_is_shut(schedule: Schedule) -> None:
    with opened(schedule, token=None) as client:
        answers = [
            client.tell({"who": "lea@example.org", "name": "purchase"}, token=token).status for token in (None, "x")
        ]

    assert answers == [401, 401]
    assert stored(schedule) == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "not JSON"),
        (b"[]", "expected a JSON object"),
        (b"{", "not JSON"),
        (b'{"who": "lea@example.org"}', "`name` is missing"),
        (b'{"who": 1, "name": "purchase"}', "`who` is missing"),
        (b'{"who": "lea@example.org", "name": "purchase", "name": "review"}', "a key stands twice"),
        (b'{"who": "lea@example.org", "name": "purchase", "value": NaN}', "NaN is not a number"),
        (b'{"who": "lea@example.org", "name": "purchase", "value": 1e999}', "too large"),
        (b'{"who": "lea@example.org", "name": "purchase", "x": ' + b"[" * 40 + b"]" * 40 + b"}", "nested too deep"),
        (
            b'{"who": "lea@example.org", "name": "purchase", "x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
            "nested too deep",
        ),
        (b'{"who": "lea@example.org", "name": "purchase", "x": ' + b"9" * 5_000 + b"}", "too large"),
        (b'{"who": "lea@example.org\\u0000", "name": "purchase"}', "`who` must be one line"),
        (b'{"who": "lea@example.org", "name": "purchase", "id": "' + b"k" * 201 + b'"}', "`id` must be one line"),
        (b'{"who": "lea@example.org", "name": "purchase", "at": "yesterday"}', "cannot read 'yesterday'"),
        (b'{"who": "lea@example.org", "name": "purchase", "at": "day 1 10:00"}', "counts from the first day"),
        (b'{"who": "nobody@example.org", "name": "purchase"}', "nobody is known as"),
        (b'{"who": "lea@example.org", "name": "purchse"}', "unknown event 'purchse'"),
        (b'{"who": "lea@example.org", "name": "entered conversion"}', "unknown event"),
        (b'{"who": "lea@example.org", "name": "purchase", "id": "campaign:entered:1"}', "begins with 'campaign:'"),
        (b'{"who": "lea@example.org", "name": "purchase", "x": "\xff"}', "not UTF-8"),
    ],
)
def test_what_is_no_event_is_explained_and_changes_nothing(
    client: Client, schedule: Schedule, body: bytes, detail: str
) -> None:
    answer = client.tell(body)

    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert detail in json.loads(answer.text)["detail"]
    assert stored(schedule) == []


def test_own_events_are_taken_and_near_names_are_told(client: Client) -> None:
    own = client.tell({"who": "lea@example.org", "name": "grooming", "dog": "Rex"})
    near = client.tell({"who": "lea@example.org", "name": "groming"})

    assert own.status == 200
    assert json.loads(near.text)["remedy"] == "did you mean 'grooming'?"


def test_events_come_in_any_order_and_late(client: Client, schedule: Schedule) -> None:
    client.tell({"who": "lea@example.org", "name": "purchase", "id": "o", "at": "2027-01-04T08:30:00+01:00"})

    cart = client.tell(
        {"who": "lea@example.org", "name": "cart_abandoned", "id": "c", "at": "2027-01-04T08:00:00+01:00"}
    )
    next_cart = client.tell(
        {"who": "lea@example.org", "name": "cart_abandoned", "id": "d", "at": "2027-01-04T08:45:00+01:00"}
    )

    assert json.loads(cart.text)["started"] == []  # the goal was reached before its start was told
    assert json.loads(next_cart.text)["started"] == ["shop/reminder"]
    assert [row.state for row in schedule.rows()] == ["cancelled", "planned"]


def test_what_lies_ahead_by_a_fast_clock_counts_as_now_and_what_has_not_happened_is_refused(
    client: Client, schedule: Schedule
) -> None:
    ahead = {"who": "lea@example.org", "name": "purchase", "id": "a", "at": "2027-01-04T09:05:00+01:00"}

    first, again = client.tell(ahead), client.tell(ahead)
    beyond = client.tell({**ahead, "id": "b", "at": "2027-01-04T09:05:01+01:00"})

    assert [json.loads(answer.text)["duplicate"] for answer in (first, again)] == [False, True]
    assert beyond.status == 422
    assert "lies in the future" in json.loads(beyond.text)["detail"]
    with schedule.store.read() as conn:
        assert [row.at for row in events.of_contact(conn, 1)] == [START.astimezone(zones.zone("UTC"))]


def test_several_events_a_line_each_get_a_verdict_each(client: Client, schedule: Schedule) -> None:
    lines = [
        b'{"who": "lea@example.org", "name": "cart_abandoned", "id": "17"}',
        b"",
        b'{"who": "lea@example.org", "name": "cart_abandoned", "id": "17"}',
        b'{"who": "lea@example.org", "name": "purchase", "id": "17"}',
        b"nonsense",
        b'{"who": "lea@example.org", "name": "purchase", "id": "18"}',
    ]

    answer = client.tell(b"\n".join(lines), Content_Type="application/x-ndjson; charset=utf-8")

    verdicts = json.loads(answer.text)["lines"]
    assert [(one["line"], one["status"], one["duplicate"]) for one in verdicts] == [
        (1, 200, False),
        (3, 200, True),
        (4, 409, False),
        (5, 422, False),
        (6, 200, False),
    ]
    assert verdicts[4]["cancelled"] == ["shop/reminder"]
    assert stored(schedule) == [("17", "cart_abandoned"), ("18", "purchase")]


def test_another_media_type_is_refused(client: Client) -> None:
    answer = client.tell(b"who=lea", Content_Type="application/x-www-form-urlencoded")

    assert (answer.status, answer.headers["content-type"]) == (415, "application/problem+json")


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(client: Client, schedule: Schedule) -> None:
    large = {"who": "lea@example.org", "name": "purchase", "x": "y" * 65_536}
    told = client.tell(large)

    with socket.create_connection((client.host, client.port)) as line:
        line.sendall(b"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        line.sendall(b"10001\r\n" + b"y" * 65_537 + b"\r\n0\r\n\r\n")
        untold = line.recv(1_000)

    assert told.status == 413
    assert untold.startswith(b"HTTP/1.1 413 ")
    assert stored(schedule) == []


def test_a_flood_is_told_when_to_come_again(schedule: Schedule) -> None:
    limits = Limits(events=Buckets(per_second=0.1, burst=2), strangers=Buckets(per_second=0.1, burst=2))
    with opened(schedule, limits=limits) as client:
        answers = [client.tell({"who": "lea@example.org", "name": "review", "id": str(n)}) for n in range(3)]
        guesses = [client.tell({}, token=f"guess {n}").status for n in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "10"
    assert guesses == [401, 401, 429, 429]


def test_wrong_tokens_do_not_keep_out_who_has_the_right_one(schedule: Schedule) -> None:
    with opened(schedule, limits=Limits(strangers=Buckets(per_second=0.1, burst=1))) as client:
        guesses = [client.tell({}, token="guess").status for _ in range(3)]
        right = client.tell({"who": "lea@example.org", "name": "review"}).status

    assert (guesses, right) == ([401, 429, 429], 200)


def test_somebody_else_s_name_for_this_machine_is_not_served(client: Client, schedule: Schedule) -> None:
    body = {"who": "lea@example.org", "name": "purchase"}

    evil = client.tell(body, Host="evil.test")
    own = client.tell(body, Host="news.shop.example")

    assert (evil.status, own.status) == (421, 200)
    assert client.get("/u/x", Host="evil.test:8080").status == 421
    assert client.get("/healthz", Host="10.0.0.7").status == 200


def test_a_sign_up_makes_a_contact_of_a_stranger_and_changes_nothing_of_a_known_person(
    client: Client, schedule: Schedule
) -> None:
    new = client.tell({"who": "New@Example.org", "name": "signup", "first_name": "Ana", "consent": "marketing"})
    known = client.tell({"who": "lea@example.org", "name": "signup", "first_name": "Mallory"})

    assert (new.status, known.status) == (200, 200)
    with schedule.store.read() as conn:
        ana = people.find(conn, "new@example.org")
        assert ana is not None
        assert people.facts(conn, ana, today=START.date())["first_name"] == "Ana"
        assert people.consents(conn, ana) == {}
        assert "first_name" not in people.facts(conn, 1, today=START.date())


@pytest.mark.parametrize("who", ["nobody", "a@@b", "+1", "@"])
def test_a_sign_up_needs_an_address(client: Client, who: str) -> None:
    assert client.tell({"who": who, "name": "signup"}).status == 422


def test_the_openapi_description_tells_of_the_door_and_no_page_loads_anything_from_elsewhere(client: Client) -> None:
    document = json.loads(client.get("/openapi.json").text)

    door = document["paths"]["/events"]["post"]
    assert sorted(door["responses"]) == ["200", "401", "409", "413", "422", "429", "503"]
    assert sorted(door["requestBody"]["content"]) == ["application/json", "application/x-ndjson"]
    assert door["security"] == [{"HTTPBearer": []}]
    assert list(document["paths"]) == [
        "/events",
        "/in/sms/{account}",
        "/in/whatsapp/{account}",
        "/in/email/postmark",
        "/in/email/resend",
        "/healthz",
    ]
    assert [client.get(path).status for path in ("/docs", "/redoc", "/", "/events")] == [404, 404, 404, 405]
    assert client.get("/nowhere").headers["content-type"] == "application/problem+json"


def test_the_door_is_well_while_the_store_answers(client: Client) -> None:
    answer = client.get("/healthz")

    assert (answer.status, answer.data) == (200, {"status": "ok"})
