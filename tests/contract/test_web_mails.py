"""`/in/email/<provider>` over a real socket: whom it believes, and what follows from what a provider tells of a mail."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook
from support.doors import PUBLIC, Answer, Client, opened
from support.shop import Schedule, moment, person, write

from scheduler.channels.naming import message_name
from scheduler.store import events, people, plans, reader
from scheduler.store.database import Store

START = moment("2027-01-04T09:00:00+01:00")
LEA = "lea@example.org"
PASSWORD = "canary-of-the-password"
SECRET = "whsec_" + base64.b64encode(b"canary of the webhook secret").decode()
ACCOUNTS = {
    "postmark": {"server_token": SecretStr("t"), "webhook_password": SecretStr(PASSWORD)},
    "resend": {"api_key": SecretStr("k"), "webhook_secret": SecretStr(SECRET)},
}
TOUCHES = """
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: offer, channel: email, subject: Offer, text: "Offer"}
"""


@pytest.fixture
def schedule(store: Store, tmp_path: Path) -> Schedule:
    """A shop whose offer went to Léa, as message 1."""
    made = Schedule.on(store, START)
    made.know(person(LEA, ref="17"))
    made.apply(write(tmp_path, TOUCHES))
    made.tick()
    assert [message.delivery_id for message in made.sent()] == [1]
    return made


@pytest.fixture
def client(schedule: Schedule) -> Iterator[Client]:
    with opened(schedule, public_url=PUBLIC, accounts=ACCOUNTS) as found:
        yield found


def name(schedule: Schedule) -> str:
    return message_name(1, schedule.sent()[0].key)


def by_postmark(client: Client, post: object, *, password: str = PASSWORD, scheme: str = "Basic") -> Answer:
    body = post if isinstance(post, bytes) else json.dumps(post).encode()
    return client.ask("POST", "/in/email/postmark", body, **proof(password, scheme))


def proof(password: str = PASSWORD, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {base64.b64encode(f'campaign:{password}'.encode()).decode()}"}


def by_resend(client: Client, post: object, *, secret: str = SECRET, at: datetime = START) -> Answer:
    body = post.decode() if isinstance(post, bytes) else json.dumps(post)
    signature = Webhook(secret).sign("msg_1", at.astimezone(UTC), body)
    return client.ask(
        "POST",
        "/in/email/resend",
        body.encode(),
        Svix_Id="msg_1",
        Svix_Timestamp=str(int(at.timestamp())),
        Svix_Signature=f"v1,bm90aGluZw== {signature}",
    )


def bounce(message: object, kind: str, details: str = "", *, record: str = "Bounce", to: str = LEA) -> dict[str, Any]:
    return {
        "RecordType": record,
        "ID": 42,
        "Type": kind,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"message": message},
        "Description": "The server was unable to deliver your message.",
        "Details": details,
        "Email": to,
    }


def change(message: object, reason: str, *, origin: str = "Recipient", stopped: object = True) -> dict[str, Any]:
    return {
        "RecordType": "SubscriptionChange",
        "Recipient": LEA,
        "Origin": origin,
        "SuppressSending": stopped,
        "SuppressionReason": reason,
        "Metadata": {"message": message},
    }


def resent(
    message: object, word: str, kind: str = "", detail: str = "", *, listed: bool = False, to: str = LEA
) -> dict[str, Any]:
    tags = [{"name": "message", "value": message}] if listed else {"message": message}
    data: dict[str, Any] = {"email_id": "56761188", "to": [to], "tags": tags}
    if kind:
        data["bounce"] = {"type": kind, "subType": detail, "message": "The mail came back."}
    return {"type": f"email.{word}", "created_at": "2027-01-04T08:00:00.000Z", "data": data}


def stops(schedule: Schedule) -> list[tuple[str, str]]:
    with schedule.store.read() as conn:
        return [(row.scope, row.reason) for row in people.suppressions(conn, 1)]


def happened(schedule: Schedule) -> list[tuple[str, object]]:
    with schedule.store.read() as conn:
        found = events.since(conn, 1, ("bounce", "complaint", "unsubscribe"), START)
    return [(one.name, one.facts.get("class")) for one in found]


def beside(schedule: Schedule) -> str:
    with schedule.store.read() as conn:
        row = reader.delivery(conn, 1)
    assert row is not None
    return row.reason


def state(schedule: Schedule) -> str | None:
    with schedule.store.read() as conn:
        return plans.campaign_state(conn, "shop")


Case = Callable[[Client, str], Answer]
DEAD = ([("email", "bounce")], [("bounce", "dead_address")], "running")
COMPLAINT = ([("marketing", "complaint")], [("complaint", None)], "running")
OPT_OUT = ([("marketing", "unsubscribed")], [("unsubscribe", None)], "running")
PAUSED = ([], [], "paused")
NOTHING = ([], [], "running")


def soft(meaning: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]], str]:
    return ([], [("bounce", meaning)], "running")


@pytest.mark.parametrize(
    ("tell", "expected"),
    [
        (lambda c, m: by_postmark(c, bounce(m, "HardBounce")), DEAD),
        (lambda c, m: by_postmark(c, bounce(m, "BadEmailAddress")), DEAD),
        (lambda c, m: by_postmark(c, bounce(m, "SoftBounce")), soft("mailbox_full")),
        (lambda c, m: by_postmark(c, bounce(m, "Transient")), soft("temporary")),
        (lambda c, m: by_postmark(c, bounce(m, "SpamNotification")), soft("content_refused")),
        (lambda c, m: by_postmark(c, bounce(m, "Blocked")), soft("content_refused")),
        (lambda c, m: by_postmark(c, bounce(m, "Blocked", "smtp;550 5.7.26 unauthenticated, SPF failed")), PAUSED),
        (lambda c, m: by_postmark(c, bounce(m, "DMARCPolicy")), PAUSED),
        (lambda c, m: by_postmark(c, bounce(m, "SpamComplaint", record="SpamComplaint")), COMPLAINT),
        (lambda c, m: by_postmark(c, bounce(m, "Unsubscribe")), OPT_OUT),
        (lambda c, m: by_postmark(c, bounce(m, "AutoResponder")), NOTHING),
        (lambda c, m: by_postmark(c, bounce(m, "ChallengeVerification")), NOTHING),
        (lambda c, m: by_postmark(c, bounce(m, "HardBounce", record="Open")), NOTHING),
        (lambda c, m: by_postmark(c, change(m, "HardBounce")), DEAD),
        (lambda c, m: by_postmark(c, change(m, "SpamComplaint")), COMPLAINT),
        (lambda c, m: by_postmark(c, change(m, "ManualSuppression")), OPT_OUT),
        (lambda c, m: by_postmark(c, change(m, "ManualSuppression", origin="Customer")), NOTHING),
        (lambda c, m: by_postmark(c, change(m, "HardBounce", stopped=False)), NOTHING),
        (lambda c, m: by_resend(c, resent(m, "bounced", "Permanent", "General")), DEAD),
        (lambda c, m: by_resend(c, resent(m, "bounced", "Permanent", "Suppressed", listed=True)), DEAD),
        (lambda c, m: by_resend(c, resent(m, "bounced", "Transient", "MailboxFull")), soft("mailbox_full")),
        (lambda c, m: by_resend(c, resent(m, "bounced", "Transient", "General")), soft("temporary")),
        (lambda c, m: by_resend(c, resent(m, "bounced", "Transient", "ContentRejected")), soft("content_refused")),
        (lambda c, m: by_resend(c, resent(m, "bounced", "Undetermined", "Undetermined")), soft("permanent_other")),
        (lambda c, m: by_resend(c, resent(m, "suppressed")), DEAD),
        (lambda c, m: by_resend(c, resent(m, "complained")), COMPLAINT),
        (lambda c, m: by_resend(c, resent(m, "delivered")), NOTHING),
        (lambda c, m: by_resend(c, resent(m, "opened")), NOTHING),
    ],
)
def test_what_a_provider_tells_has_the_effect_of_a_mail_that_says_so_once(
    client: Client,
    schedule: Schedule,
    tell: Case,
    expected: tuple[list[tuple[str, str]], list[tuple[str, object]], str],
) -> None:
    answers = [tell(client, name(schedule)) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert (stops(schedule), happened(schedule), state(schedule)) == expected


def test_what_came_back_stands_beside_the_mail(client: Client, schedule: Schedule) -> None:
    by_postmark(client, bounce(name(schedule), "HardBounce"))

    assert beside(schedule) == "as soon as possible; came back: dead address"


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (LEA, '"Léa, from \\"here\\" <3" <Lea@example.org>'),
        (LEA, "Lea <lea@example.org>"),
        ("lea@müller.example", "lea@xn--mller-kva.example"),
        ("lea@müller.example", '"Léa" <lea@xn--mller-kva.example>'),
    ],
)
@pytest.mark.parametrize("tell", [by_postmark, by_resend])
def test_a_mailbox_is_known_as_the_provider_was_handed_it(
    store: Store, tmp_path: Path, tell: Callable[..., Answer], known: str, told: str
) -> None:
    shop = Schedule.on(store, START)
    shop.know(person(known))
    shop.apply(write(tmp_path, TOUCHES))
    shop.tick()
    post = bounce(name(shop), "HardBounce", to=told)
    if tell is by_resend:
        post = resent(name(shop), "bounced", "Permanent", "General", to=told)

    with opened(shop, public_url=PUBLIC, accounts=ACCOUNTS) as client:
        assert tell(client, post).status == 200

    assert (stops(shop), happened(shop), state(shop)) == DEAD


def test_a_report_about_a_mailbox_that_the_person_has_left_stops_that_alone(client: Client, schedule: Schedule) -> None:
    schedule.know(person("lea@new.example", ref="17"))

    answers = [by_postmark(client, bounce(name(schedule), "HardBounce")) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert (stops(schedule), happened(schedule)) == ([], [])
    schedule.know(person(LEA, ref="17"))
    assert stops(schedule) == [("email", "bounce")]  # nor is it written to again


@pytest.mark.parametrize("tell", [by_postmark, by_resend])
@pytest.mark.parametrize(
    "given", [None, 1, "1", "", "1-0123456789abcdef", "2-{print}", "../1", ["1"], {"a": 1}, "9" * 300]
)
def test_a_mail_that_is_none_of_ours_changes_nothing(
    client: Client, schedule: Schedule, tell: Callable[..., Answer], given: Any
) -> None:
    if isinstance(given, str):
        given = given.replace("{print}", name(schedule).partition("-")[2])
    post = bounce(given, "HardBounce") if tell is by_postmark else resent(given, "bounced", "Permanent", "General")

    assert tell(client, post).status == 200
    assert (stops(schedule), happened(schedule), state(schedule)) == NOTHING


def test_a_complaint_that_brings_the_mail_along_is_heard(client: Client, schedule: Schedule) -> None:
    post = bounce(name(schedule), "SpamComplaint", record="SpamComplaint") | {"Content": "x" * 10_000_000}

    assert by_postmark(client, post).status == 200
    assert (stops(schedule), happened(schedule), state(schedule)) == COMPLAINT


def test_nobody_else_may_bring_so_much_nor_the_provider_more(client: Client, schedule: Schedule) -> None:
    post = bounce(name(schedule), "SpamComplaint", record="SpamComplaint")

    assert by_postmark(client, post | {"Content": "x" * 65_536}, password="wrong").status == 413
    assert client.ask("POST", "/in/email/postmark", b"x" * 65_537).status == 413
    assert by_resend(client, {"type": "x" * 65_536}).status == 413
    assert client.ask("POST", "/in/email/postmark", b"", Content_Length="16777217", **proof()).status == 413
    assert (stops(schedule), happened(schedule), state(schedule)) == NOTHING


@pytest.mark.parametrize("tell", [by_postmark, by_resend])
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b"[" * 5_000, b'{"Metadata": 1, "data": []}', b'{"data": {"tags": [1, {}]}}']
)
def test_what_cannot_be_read_is_taken_and_changes_nothing(
    client: Client, schedule: Schedule, tell: Callable[..., Answer], body: bytes
) -> None:
    assert tell(client, body).status == 200
    assert (stops(schedule), happened(schedule), state(schedule)) == NOTHING


@pytest.mark.parametrize(
    "forge",
    [
        lambda c, m: by_postmark(c, bounce(m, "HardBounce"), password="wrong"),
        lambda c, m: by_postmark(c, bounce(m, "HardBounce"), password=""),
        lambda c, m: by_postmark(c, bounce(m, "HardBounce"), scheme="Bearer"),
        lambda c, m: c.ask("POST", "/in/email/postmark", json.dumps(bounce(m, "HardBounce")).encode()),
        lambda c, m: c.ask("POST", "/in/email/postmark", b"{}", Authorization="Basic \xff"),
        lambda c, m: by_resend(c, resent(m, "complained"), secret="whsec_" + base64.b64encode(b"x" * 32).decode()),
        lambda c, m: by_resend(c, resent(m, "complained"), at=moment("2027-01-04T08:54:59+01:00")),
        lambda c, m: by_resend(c, resent(m, "complained"), at=moment("2027-01-04T09:05:01+01:00")),
        lambda c, m: c.ask("POST", "/in/email/resend", json.dumps(resent(m, "complained")).encode()),
    ],
)
def test_who_does_not_prove_to_be_the_provider_changes_nothing(client: Client, schedule: Schedule, forge: Case) -> None:
    answer = forge(client, name(schedule))

    assert answer.status == 403
    assert PASSWORD not in answer.text
    assert (stops(schedule), happened(schedule), state(schedule)) == NOTHING


@pytest.mark.parametrize("path", ["/in/email/postmark", "/in/email/resend"])
def test_a_door_without_a_secret_is_shut(schedule: Schedule, path: str) -> None:
    bare = {"postmark": {"server_token": SecretStr("t")}, "resend": {"webhook_secret": SecretStr("not one")}}
    with opened(schedule, public_url=PUBLIC, accounts=bare) as shut:
        assert shut.ask("POST", path, b"{}").status == 404
    with opened(schedule, public_url=PUBLIC) as shut:
        assert shut.ask("POST", path, b"{}").status == 404


def test_who_guesses_is_asked_to_wait(client: Client, schedule: Schedule) -> None:
    answers = [by_postmark(client, bounce(name(schedule), "HardBounce"), password=str(n)).status for n in range(12)]

    assert answers == [403] * 10 + [429] * 2
