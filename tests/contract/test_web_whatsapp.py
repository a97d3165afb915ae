"""`/in/whatsapp/<account>` over a real socket: whom it believes, and what follows from what became of a message."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from phone_channel import PhoneChannel, consents
from pydantic import SecretStr
from support.doors import PUBLIC, Answer, Client, opened
from support.shop import Schedule, moment, person, write

from scheduler.channels.naming import message_name
from scheduler.errors import OptedOut, Unknown
from scheduler.store import reader
from scheduler.store.database import Store

START = moment("2027-01-04T09:00:00+01:00")
SECRET = "canary-of-the-app-secret"
VERIFY = "canary-of-the-verify-token"
PATH = "/in/whatsapp/whatsapp"
ACCOUNTS = {
    "whatsapp": {"app_secret": SecretStr(SECRET), "verify_token": SecretStr(VERIFY)},
    "whatsapp_bare": {"token": SecretStr("EAA")},
}
TOUCHES = """
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: offer, channel: whatsapp, text: "Offer"}
"""


def wamid(number: int) -> str:
    return f"wamid.HBgLMzM2MTIzNDU2NzgVAgARGBI{number:04d}AA=="


@pytest.fixture
def messages() -> PhoneChannel:
    return PhoneChannel("whatsapp", wamid)


@pytest.fixture
def schedule(store: Store, tmp_path: Path, messages: PhoneChannel) -> Schedule:
    made = Schedule.on(store, START)
    made.channels["whatsapp"] = messages
    made.know(person("lea@example.org", phone="+33612345678"))
    made.apply(write(tmp_path, TOUCHES))
    return made


@pytest.fixture
def client(schedule: Schedule) -> Iterator[Client]:
    with opened(schedule, public_url=PUBLIC, accounts=ACCOUNTS) as found:
        yield found


def post(client: Client, body: bytes, *, secret: str = SECRET, path: str = PATH) -> Answer:
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return client.ask("POST", path, body, Content_Type="application/json", X_Hub_Signature_256=signature)


def told(word: str, *, delivery: int = 1, key: str, code: int = 0, given: str | None = None) -> bytes:
    status: dict[str, Any] = {
        "id": given or wamid(delivery),
        "status": word,
        "timestamp": "1800000000",
        "recipient_id": "33612345678",
        "biz_opaque_callback_data": message_name(delivery, key),
    }
    if code:
        status["errors"] = [{"code": code, "title": "no"}]
    value = {"messaging_product": "whatsapp", "statuses": [status]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"value": value}]}]}).encode()


def ends(schedule: Schedule) -> list[tuple[str, str, str]]:
    with schedule.store.read() as conn:
        rows = reader.deliveries(conn)
    return [(row.state, row.provider_id, row.reason) for row in rows]


def sent(schedule: Schedule, messages: PhoneChannel, error: Exception | None = None) -> str:
    """Let the message go, or fail in this way; return its key."""
    messages.error = error
    schedule.tick()
    return messages.tried[0].key


def test_meta_is_told_its_challenge_by_who_has_the_verify_token(client: Client) -> None:
    asked = f"{PATH}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="

    right, wrong = client.ask("GET", asked + VERIFY), client.ask("GET", asked + "guessed")

    assert (right.status, right.text) == (200, "1158201444")
    assert wrong.status == 403
    assert "1158201444" not in wrong.text


def test_a_challenge_that_is_a_page_is_not_told(client: Client) -> None:
    path = f"{PATH}?hub.mode=subscribe&hub.verify_token={VERIFY}&hub.challenge=%3Cscript%3E"

    assert client.ask("GET", path).status == 403


@pytest.mark.parametrize("path", ["/in/whatsapp/bare", "/in/whatsapp/nobody"])
def test_an_account_without_a_secret_has_no_door(client: Client, path: str) -> None:
    assert post(client, b"{}", path=path).status == 404
    assert client.ask("GET", f"{path}?hub.mode=subscribe&hub.challenge=1&hub.verify_token=").status == 404


def test_what_became_of_a_message_stands_beside_it_once(
    client: Client, schedule: Schedule, messages: PhoneChannel
) -> None:
    key = sent(schedule, messages)

    answers = [post(client, told(word, key=key)) for word in ("sent", "delivered", "delivered", "read", "delivered")]

    assert {answer.status for answer in answers} == {200}
    assert ends(schedule) == [("sent", wamid(1), "as soon as possible; delivered; read")]


def test_a_message_that_whatsapp_could_not_deliver_says_why(
    client: Client, schedule: Schedule, messages: PhoneChannel
) -> None:
    key = sent(schedule, messages)

    post(client, told("failed", key=key, code=131026))

    assert ends(schedule)[0][2] == (
        "as soon as possible; not delivered: the number has no WhatsApp, or one that is too old (131026)"
    )


def test_an_unknown_message_that_was_delivered_is_sent_by_that_evidence(
    client: Client, schedule: Schedule, messages: PhoneChannel
) -> None:
    key = sent(schedule, messages, Unknown("WhatsApp did not answer in time: it may have taken the message"))
    before = ends(schedule)[0][0]

    assert post(client, told("delivered", key=key)).status == 200

    assert before == "unknown"
    assert ends(schedule) == [("sent", wamid(1), "WhatsApp tells that it was delivered")]


def test_what_is_told_before_our_own_answer_is_asked_for_again(
    client: Client, schedule: Schedule, messages: PhoneChannel
) -> None:
    early: list[int] = []
    messages.during = lambda key: early.append(post(client, told("delivered", key=key)).status)

    key = sent(schedule, messages, Unknown("WhatsApp did not answer in time: it may have taken the message"))
    again = post(client, told("delivered", key=key)).status

    assert (early, again) == ([503], 200)
    assert ends(schedule)[0][0] == "sent"


def test_an_unknown_message_that_failed_is_failed(client: Client, schedule: Schedule, messages: PhoneChannel) -> None:
    key = sent(schedule, messages, Unknown("WhatsApp did not answer in time: it may have taken the message"))

    post(client, told("failed", key=key, code=131026))

    assert ends(schedule)[0][0] == "failed"
    assert "(131026)" in ends(schedule)[0][2]


@pytest.mark.parametrize(
    "change", ["secret", "body", "no signature", "another delivery", "another database", "another id"]
)
def test_what_is_forged_or_of_another_message_changes_nothing(
    client: Client, schedule: Schedule, messages: PhoneChannel, change: str
) -> None:
    key = sent(schedule, messages)
    before = ends(schedule)
    body = told("failed", key=key, code=131050)

    match change:
        case "secret":
            assert post(client, body, secret="guessed").status == 403
        case "body":
            signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            changed = body.replace(b"failed", b"delivered")
            headers = {"Content_Type": "application/json", "X_Hub_Signature_256": signature}
            assert client.ask("POST", PATH, changed, **headers).status == 403
        case "no signature":
            assert client.ask("POST", PATH, body, Content_Type="application/json").status == 403
        case "another delivery":
            assert post(client, told("failed", key=key, delivery=2, code=131050)).status == 200
        case "another database":
            assert post(client, told("failed", key="0" * 32, code=131050)).status == 200
        case "another id":
            assert post(client, told("failed", key=key, code=131050, given=wamid(7))).status == 200

    assert ends(schedule) == before
    assert [entry for entry in consents(schedule) if not entry[1]] == []


def test_who_stopped_the_marketing_gets_none_any_more(
    client: Client, schedule: Schedule, messages: PhoneChannel
) -> None:
    key = sent(schedule, messages)

    post(client, told("failed", key=key, code=131050))

    assert consents(schedule)[-1] == (
        "marketing:whatsapp",
        False,
        "WhatsApp: stopped marketing, told by the fate of message #1",
    )


def test_a_refusal_because_somebody_stopped_is_kept_as_their_wish(schedule: Schedule, messages: PhoneChannel) -> None:
    sent(schedule, messages, OptedOut("WhatsApp answered 400 (131050) the person stopped marketing of this sender"))

    assert ends(schedule)[0][0] == "failed"
    assert consents(schedule)[-1] == (
        "marketing:whatsapp",
        False,
        "WhatsApp: stopped marketing, told by the refusal of message #1",
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"entry": 1}', b'{"entry": [{"changes": [{"value": []}]}]}', b"\xff"]
)
def test_what_is_signed_and_tells_nothing_is_taken_and_changes_nothing(client: Client, body: bytes) -> None:
    assert post(client, body).status == 200


def test_whoever_signs_nothing_is_soon_asked_to_wait(client: Client) -> None:
    statuses = [post(client, b"{}", secret="guessed").status for _ in range(12)]

    assert statuses == [403] * 10 + [429] * 2
    assert post(client, b"{}").status == 200


def test_a_thousand_statuses_come_in_one_request(client: Client, schedule: Schedule, messages: PhoneChannel) -> None:
    key = sent(schedule, messages)
    one = json.loads(told("delivered", key=key))
    changes = one["entry"][0]["changes"]
    changes[0]["value"]["statuses"] *= 1_000
    large = json.dumps(one).encode()

    assert 100_000 < len(large) < 3_000_000
    assert post(client, large).status == 200
    assert post(client, b" " * (3 << 20) + large).status == 413
    assert ends(schedule) == [("sent", wamid(1), "as soon as possible; delivered")]
