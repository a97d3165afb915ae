"""`POST /in/sms/<account>` over a real socket: whom it believes, what STOP and START do, what became of an SMS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from phone_channel import PhoneChannel, consents
from pydantic import SecretStr
from support.doors import PUBLIC, Answer, Client, opened
from support.shop import Schedule, moment, person, write
from twilio.request_validator import RequestValidator

from scheduler.errors import OptedOut
from scheduler.store import events, people, plans
from scheduler.store.database import Store
from scheduler.store.people import forgotten

START = moment("2027-01-04T09:00:00+01:00")
TOKEN = "canary-of-the-auth-token"
LEA = "+33612345678"
PATH = "/in/sms/sms"
ACCOUNTS = {
    "sms": {"auth_token": SecretStr(TOKEN)},
    "sms_shop": {"auth_token": SecretStr("canary-of-another-token")},
    "sms_silent": {"api_key": SecretStr("SK")},
}
TEXTS = """
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: offer, channel: sms, text: "Offer"}
      - {id: receipt, channel: sms, purpose: transactional, on: purchase, when: as soon as possible, text: "Thanks"}
      - {id: mail, channel: email, on: purchase, when: 1 hour later, subject: Mail, text: "x"}
"""


def sid(number: int) -> str:
    return f"SM{number:032x}"


@pytest.fixture
def texts() -> PhoneChannel:
    return PhoneChannel("sms", sid)


@pytest.fixture
def schedule(store: Store, tmp_path: Path, texts: PhoneChannel) -> Schedule:
    made = Schedule.on(store, START)
    made.channels["sms"] = texts
    made.know(person("lea@example.org", phone=LEA), person("noor@example.org", phone="+33612345679"))
    made.apply(write(tmp_path, TEXTS))
    return made


@pytest.fixture
def client(schedule: Schedule) -> Iterator[Client]:
    with opened(schedule, public_url=PUBLIC, accounts=ACCOUNTS) as found:
        yield found


def post(client: Client, fields: dict[str, str], *, path: str = PATH, token: str = TOKEN, **headers: str) -> Answer:
    """Post a form as Twilio does, signed by Twilio's own library."""
    signature = RequestValidator(token).compute_signature(f"{PUBLIC}{path}", fields)
    named = {"Content_Type": "application/x-www-form-urlencoded", "X_Twilio_Signature": signature, **headers}
    return client.ask("POST", path, urlencode(fields).encode(), **named)


def reply(client: Client, body: str, number: int = 1, **more: str) -> Answer:
    said = {"MessageSid": sid(900 + number), "From": LEA, "To": "+33700000000", "Body": body, "NumMedia": "0"}
    return post(client, said | more)


def stops(schedule: Schedule, contact: int = 1) -> list[tuple[str, str]]:
    with schedule.store.read() as conn:
        return [(one.scope, one.reason) for one in people.suppressions(conn, contact)]


def ends(schedule: Schedule) -> list[tuple[str, int | None, str, str]]:
    return [(row.touch.rpartition("/")[2], row.contact, row.state, row.reason) for row in schedule.rows()]


def test_stop_ends_every_sms_and_nothing_else(client: Client, schedule: Schedule, texts: PhoneChannel) -> None:
    answer = reply(client, "Stop")
    schedule.happens("lea@example.org", "purchase", key="order-1")
    schedule.live_until(START + timedelta(hours=3))

    assert (answer.status, answer.text, answer.headers["content-type"]) == (
        200,
        "<Response/>",
        "text/xml; charset=utf-8",
    )
    assert stops(schedule) == [("sms", "replied STOP")]
    assert [message.recipient.id for message in texts.took if message.recipient] == [2]
    assert [message.touch for message in schedule.sent()] == ["mail"]
    assert ("offer", 1, "suppressed", "replied STOP") in ends(schedule)
    assert ("receipt", 1, "suppressed", "replied STOP") in ends(schedule)
    assert consents(schedule) == [("marketing", True, "test"), ("marketing:sms", False, "SMS: STOP, reply")]


def test_stop_is_an_event_that_campaigns_may_answer_and_is_in_the_audit(client: Client, schedule: Schedule) -> None:
    reply(client, "STOP")

    with schedule.store.read() as conn:
        assert [(one.name, one.facts) for one in events.of_contact(conn, 1)] == [("unsubscribe", {"by": "sms"})]
        assert [(one.who, one.action, one.subject) for one in plans.audits(conn) if one.who == "sms"] == [
            ("sms", "unsubscribe", "contact #1")
        ]


def test_start_takes_a_stop_back_with_its_proof(client: Client, schedule: Schedule, texts: PhoneChannel) -> None:
    reply(client, "STOP", 1)

    reply(client, "START", 2)
    schedule.live_until(START + timedelta(hours=1))

    assert stops(schedule) == []
    assert consents(schedule)[1:] == [
        ("marketing:sms", False, "SMS: STOP, reply"),
        ("marketing:sms", True, "SMS: START, reply"),
    ]
    assert sorted(message.recipient.id for message in texts.took if message.recipient) == [1, 2]
    with schedule.store.read() as conn:
        assert people.consent_history(conn, 1)[-1].proof == {"reply": sid(902), "at": "2027-01-04T08:00:00+00:00"}


def test_start_of_somebody_who_never_agreed_is_no_consent(client: Client, schedule: Schedule) -> None:
    schedule.know(person("ion@example.org", consent=(), phone="+40712345678"))

    reply(client, "STOP", 1, From="+40712345678")
    reply(client, "START", 2, From="+40712345678")

    assert (stops(schedule, 3), consents(schedule, 3)) == ([], [])


def test_start_does_not_take_back_what_was_stopped_elsewhere(client: Client, schedule: Schedule) -> None:
    with schedule.store.begin() as conn:
        people.suppress(conn, 1, scope="marketing", reason="unsubscribed", at=START)

    reply(client, "START")

    assert stops(schedule) == [("marketing", "unsubscribed")]


def test_a_reply_that_comes_again_has_no_second_effect(client: Client, schedule: Schedule) -> None:
    reply(client, "STOP", 1)
    reply(client, "START", 2)

    again = reply(client, "STOP", 1)

    assert again.status == 200
    assert stops(schedule) == []


@pytest.mark.parametrize(
    ("body", "is_stop"),
    [
        ("STOP", True),
        (" stop. ", True),
        ("Stop it please", True),
        ("Arrêt", True),
        ("СТОП", True),
        ("cancel", True),
        ("Can I cancel my order?", False),
        ("End of the week is fine", False),
        ("Don't stop", False),
        ("", False),
        ("x" * 60_000, False),
    ],
)
def test_the_words_of_a_reply_are_read(client: Client, schedule: Schedule, body: str, is_stop: bool) -> None:
    assert reply(client, body).status == 200

    assert bool(stops(schedule)) is is_stop


def test_what_twilio_took_it_for_goes_before_the_words(client: Client, schedule: Schedule) -> None:
    reply(client, "Laissez-moi", 1, OptOutType="STOP")
    stopped = stops(schedule)
    reply(client, "OUI", 2, OptOutType="START")

    assert (stopped, stops(schedule)) == ([("sms", "replied STOP")], [])


def test_the_stop_of_a_number_that_is_nobodys_holds_for_who_comes_with_it(client: Client, schedule: Schedule) -> None:
    assert reply(client, "STOP", From="+33799999999").status == 200

    schedule.know(person("zoe@example.org", phone="+33799999999"))

    assert stops(schedule, 3) == [("sms", "replied STOP")]
    with schedule.store.read() as conn:
        assert forgotten.any_kept(conn)


def test_the_new_owner_of_a_number_decides_for_nobody_else(client: Client, schedule: Schedule) -> None:
    schedule.know(person("lea@example.org", phone="+33655555555"))

    reply(client, "STOP")

    assert stops(schedule) == []


def test_the_former_number_of_a_person_can_stop_but_not_start(client: Client, schedule: Schedule) -> None:
    with schedule.store.begin() as conn:
        people.merge(conn, 2, 1, now=START)  # one person with two numbers; Léa's is the former one

    reply(client, "STOP", 1)
    stopped = stops(schedule, 2)
    reply(client, "START", 2)
    still = stops(schedule, 2)
    reply(client, "START", 3, From="+33612345679")

    assert stopped == still == [("sms", "replied STOP")]
    assert stops(schedule, 2) == []


# --- whom it believes -------------------------------------------------------------------------------------------------


def test_twilios_own_library_signs_as_the_door_reads(client: Client) -> None:
    odd = {"MessageSid": sid(1), "From": LEA, "Body": "à & = + % 💐\r\n", "Empty": "", "B": "1", "A": "2"}

    assert post(client, odd).status == 200
    assert post(client, odd, path=f"{PATH}?message=17&x=%20").status == 200
    with_port = RequestValidator(TOKEN).compute_signature(f"https://news.shop.example:443{PATH}", odd)
    assert post(client, odd, X_Twilio_Signature=with_port).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"token": "canary-of-another-token"},
        {"X_Twilio_Signature": ""},
        {"X_Twilio_Signature": "é"},
        {"path": "/in/sms/shop"},
        {"Content_Type": "application/json"},
    ],
    ids=["token", "missing", "no base64", "account", "kind"],
)
def test_what_nobody_signed_changes_nothing(client: Client, schedule: Schedule, change: dict[str, str]) -> None:
    stop = {"MessageSid": sid(1), "From": LEA, "Body": "STOP"}

    answer = post(client, stop, **change)

    assert answer.status == 403
    assert stops(schedule) == []
    assert TOKEN not in answer.text


def test_a_field_or_an_address_that_was_changed_on_the_way_is_refused(client: Client, schedule: Schedule) -> None:
    signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}{PATH}", {"MessageSid": sid(1), "From": LEA})
    changed = urlencode({"MessageSid": sid(1), "From": LEA, "Body": "STOP"}).encode()
    head = {"Content_Type": "application/x-www-form-urlencoded", "X_Twilio_Signature": signature}

    assert client.ask("POST", PATH, changed, **head).status == 403
    assert (
        client.ask("POST", f"{PATH}?a=1", urlencode({"MessageSid": sid(1), "From": LEA}).encode(), **head).status == 403
    )
    assert stops(schedule) == []


@pytest.mark.parametrize("path", ["/in/sms/nobody", "/in/sms/silent", "/in/sms/..%2fevents"])
def test_an_account_without_a_token_has_no_door(client: Client, path: str) -> None:
    assert post(client, {"Body": "STOP"}, path=path).status == 404


def test_whoever_signs_nothing_is_soon_asked_to_wait(client: Client) -> None:
    statuses = [post(client, {"Body": "x"}, token="guess").status for _ in range(12)]

    assert statuses == [403] * 10 + [429] * 2
    assert reply(client, "STOP").status == 200


# --- what became of it ------------------------------------------------------------------------------------------------


def status(client: Client, word: str, code: str = "", *, delivery: int = 1, number: int = 1) -> Answer:
    said = {"MessageSid": sid(number), "MessageStatus": word, "To": LEA, "ErrorCode": code}
    return post(client, {name: value for name, value in said.items() if value}, path=f"{PATH}?message={delivery}")


def test_what_became_of_an_sms_stands_beside_it(client: Client, schedule: Schedule) -> None:
    schedule.tick()

    for word in ("queued", "sent", "delivered", "delivered", "read"):
        assert status(client, word).status == 200
    status(client, "undelivered", "30003", delivery=2, number=2)

    assert [reason for _, _, _, reason in ends(schedule)] == [
        "as soon as possible; delivered",
        "as soon as possible; not delivered: unreachable handset (30003)",
    ]


@pytest.mark.parametrize(
    ("delivery", "number"), [(2, 1), (999, 1), (1, 7)], ids=["of another", "of nothing", "another id"]
)
def test_what_is_said_of_another_message_changes_nothing(
    client: Client, schedule: Schedule, delivery: int, number: int
) -> None:
    schedule.tick()
    before = ends(schedule)

    assert status(client, "delivered", delivery=delivery, number=number).status == 200

    assert ends(schedule) == before


def test_an_sms_that_failed_because_of_a_stop_stops_the_next(client: Client, schedule: Schedule) -> None:
    schedule.tick()

    status(client, "failed", "21610")

    assert stops(schedule) == [("sms", "replied STOP")]
    assert consents(schedule)[-1] == ("marketing:sms", False, "SMS: STOP, told by the fate of message #1")


def test_a_number_that_twilio_refuses_because_of_a_stop_gets_no_sms_any_more(
    schedule: Schedule, texts: PhoneChannel
) -> None:
    texts.error = OptedOut("Twilio answered 400 code 21610: the person replied STOP")
    schedule.tick()
    texts.error = None

    schedule.happens("lea@example.org", "purchase", key="order-1")
    schedule.live_until(START + timedelta(hours=3))

    assert ("offer", 1, "failed", "Twilio answered 400 code 21610: the person replied STOP") in ends(schedule)
    assert ("receipt", 1, "suppressed", "replied STOP") in ends(schedule)
    assert stops(schedule) == [("sms", "replied STOP")]
    assert consents(schedule)[-1] == ("marketing:sms", False, "SMS: STOP, told by the refusal of message #1")
    assert texts.took == []
