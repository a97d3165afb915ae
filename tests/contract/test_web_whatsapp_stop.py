"""Who tells WhatsApp that they want no more, by a word, a button or its setting: marketing by WhatsApp ends there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from phone_channel import PhoneChannel, consents
from support.doors import Client
from support.shop import Schedule
from test_web_whatsapp import client, messages, post, schedule, sent

from scheduler.store import events, people, plans

LEA = "33612345678"


def said(number: str = LEA, given: str = "wamid.A1", **message: Any) -> bytes:
    value = {"messaging_product": "whatsapp", "messages": [{"from": number, "id": given, **message}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"value": value}]}]}).encode()


def text(body: str, **more: Any) -> bytes:
    return said(type="text", text={"body": body}, **more)


def setting(value: str, category: str = "marketing_messages") -> bytes:
    one = {"wa_id": LEA, "detail": "", "category": category, "value": value, "timestamp": 1_731_705_721}
    change = {"field": "user_preferences", "value": {"messaging_product": "whatsapp", "user_preferences": [one]}}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [change]}]}).encode()


def withdrawn(schedule: Schedule) -> bool:
    return ("marketing:whatsapp", False, "WhatsApp: stopped marketing, said there") in consents(schedule)


@pytest.mark.parametrize(
    "body",
    [
        text("stop"),
        text("STOP, please"),
        text("Arrêt"),
        said(type="button", button={"text": "Stop", "payload": "x"}),
        said(type="interactive", interactive={"type": "button_reply", "button_reply": {"id": "1", "title": "Stop"}}),
        setting("stop"),
    ],
)
def test_who_says_stop_gets_no_more_marketing_by_whatsapp(
    client: Client, schedule: Schedule, messages: PhoneChannel, body: bytes
) -> None:
    answers = [post(client, body) for _ in range(2)]

    schedule.tick()
    assert [answer.status for answer in answers] == [200, 200]
    assert withdrawn(schedule)
    assert messages.tried == []
    assert [(row.state, row.reason) for row in schedule.rows()] == [("suppressed", "no consent")]
    with schedule.store.read() as conn:
        happened = [one.name for one in events.since(conn, 1, ("unsubscribe",), schedule.clock.now())]
        told = [(line.who, line.action, line.subject) for line in plans.audits(conn) if line.who == "whatsapp"]
    assert happened == ["unsubscribe"]
    assert told == [("whatsapp", "unsubscribe", "contact #1")]


@pytest.mark.parametrize(
    "body",
    [
        text("the bus stop is near"),
        text("START"),
        text("stop", number="33699999999"),
        text("stop", number="../1"),
        said(type="image", image={"caption": "stop"}),
        said(type="text", text={"body": ["stop"]}),
        setting("resume"),
        setting("stop", category="others"),
    ],
)
def test_what_is_no_stop_of_anybody_here_changes_nothing(
    client: Client, schedule: Schedule, messages: PhoneChannel, body: bytes
) -> None:
    answer = post(client, body)

    sent(schedule, messages)
    assert answer.status == 200
    assert not withdrawn(schedule)
    assert [row.state for row in schedule.rows()] == ["sent"]


def test_a_stop_that_is_told_again_after_a_new_consent_changes_nothing(client: Client, schedule: Schedule) -> None:
    post(client, text("stop"))
    with schedule.store.begin() as conn:
        people.add_consent(conn, 1, "marketing:whatsapp", given=True, at=schedule.clock.now(), source="the shop")

    post(client, text("stop"))
    again = consents(schedule)[-1]
    post(client, text("stop", given="wamid.A2"))

    assert again == ("marketing:whatsapp", True, "the shop")
    assert consents(schedule)[-1][1] is False


def test_a_stop_that_is_not_signed_stops_nobody(client: Client, schedule: Schedule) -> None:
    answer = post(client, text("stop"), secret="somebody else's")

    assert answer.status == 403
    assert not withdrawn(schedule)


__all__ = ["client", "messages", "schedule"]
