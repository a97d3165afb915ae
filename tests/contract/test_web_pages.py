"""The pages behind the links: a GET shows and changes nothing, a POST does; forged links do nothing at all."""

from __future__ import annotations

import base64
import itertools
import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support.doors import PUBLIC, SECRET, Answer, Client, opened
from support.shop import DAY, HEAD, Schedule, moment, person, write

from scheduler.store import events, people
from scheduler.store.database import Store
from scheduler.tokens import Keyring, Purpose, SignedLinks, Token
from scheduler.web.doors import Limits
from scheduler.web.rates import Buckets

START = moment("2027-01-04T09:00:00+01:00")
KEYS = Keyring(SECRET)
WORDING = "I would like news & offers of <The Shop> by e-mail."
NEWS = """
signup: {wording: "I would like news & offers of <The Shop> by e-mail.", version: "2027-01"}
events: {confirmed: []}
stages:
  - stage: welcome
    kind: awareness
    when: as soon as possible
    touches:
      - {id: ask, channel: email, purpose: transactional, on: signup, when: 0 minutes later, template: emails/confirm.md}
      - {id: hello, channel: email, purpose: transactional, on: confirmed, when: 1 minute later, subject: Hello, text: "x"}
      - {id: cart, channel: email, on: cart_abandoned, when: 1 hour later, until: unsubscribe, subject: Cart, text: "x"}
"""
ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'


@pytest.fixture
def schedule(store: Store, tmp_path: Path) -> Schedule:
    made = Schedule.on(store, START, links=SignedLinks(KEYS, PUBLIC))
    made.know(person("lea@example.org"))
    made.apply(write(tmp_path, NEWS))
    return made


@pytest.fixture
def client(schedule: Schedule) -> Iterator[Client]:
    with opened(schedule) as found:
        yield found


def everything(schedule: Schedule) -> dict[str, list[Any]]:
    """Return all rows of all tables."""
    from scheduler.store.tables import METADATA

    with schedule.store.read() as conn:
        return {
            table.name: sorted(map(repr, conn.execute(text(f'SELECT * FROM "{table.name}"')).all()))
            for table in METADATA.sorted_tables
        }


def standing(schedule: Schedule, who: str) -> tuple[dict[str, bool], str | None]:
    """Return what somebody agreed to, and why there is no marketing for them."""
    with schedule.store.read() as conn:
        contact = people.find(conn, who)
        assert contact is not None
        return people.consents(conn, contact), people.suppressed(conn, contact, marketing=True)


def marketing_link(schedule: Schedule) -> str:
    """Let Léa get a marketing mail and return its link."""
    schedule.happens("lea@example.org", "cart_abandoned", key=secrets.token_hex(4))
    schedule.live_until(schedule.clock.now() + DAY)
    link = schedule.sent()[-1].unsubscribe
    assert link is not None
    return link


def confirmation_link(schedule: Schedule) -> str:
    """Send the mails that are due and return the link of the last confirmation."""
    schedule.tick()
    mail = [message for message in schedule.sent() if message.touch == "ask"][-1]
    found = re.search(r"https://news\.shop\.example/o/[\w-]+", mail.content.text)
    assert found is not None
    return found[0]


# --- unsubscribe ------------------------------------------------------------------------------------------------------


def test_one_click_stops_marketing_before_the_answer_and_what_waits_is_dropped(
    client: Client, schedule: Schedule
) -> None:
    link = marketing_link(schedule)
    schedule.happens("lea@example.org", "cart_abandoned", key="another cart")

    answer = client.ask("POST", link, ONE_CLICK, Content_Type="application/x-www-form-urlencoded")

    assert (answer.status, "location" in answer.headers, "set-cookie" in answer.headers) == (200, False, False)
    assert standing(schedule, "lea@example.org") == ({"marketing": True}, "unsubscribed")
    assert [row.state for row in schedule.rows()] == ["sent", "cancelled"]
    with schedule.store.read() as conn:
        last = events.of_contact(conn, 1)[-1]
    assert (last.name, last.facts) == ("unsubscribe", {"by": "link", "campaign": "shop", "touch": "cart"})


def test_one_click_may_be_sent_as_multipart(client: Client, schedule: Schedule) -> None:
    link = marketing_link(schedule)

    answer = client.ask("POST", link, MULTIPART, Content_Type="multipart/form-data; boundary=x")

    assert answer.status == 200
    assert standing(schedule, "lea@example.org")[1] == "unsubscribed"


def test_the_page_s_own_form_does_what_one_click_does(client: Client, schedule: Schedule) -> None:
    link = marketing_link(schedule)

    page = client.get(link, Accept_Language="fr")
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page.text))
    done = client.form(link, **fields)

    assert (page.status, page.headers["content-language"]) == (200, "fr")
    assert "Me désinscrire" in page.text
    assert fields == {"List-Unsubscribe": "One-Click"}
    assert done.status == 200
    assert standing(schedule, "lea@example.org")[1] == "unsubscribed"


def test_a_thousand_visits_of_scanners_change_nothing(client: Client, schedule: Schedule) -> None:
    schedule.happens("ana@example.org", "signup")
    links = [confirmation_link(schedule), marketing_link(schedule)]
    before = everything(schedule)

    answers = [
        client.ask(method, link, **{"Sec_Purpose": "prefetch"} if number % 3 else {}).status
        for number in range(170)
        for method, link in itertools.product(("GET", "HEAD", "GET"), links)
    ]

    assert set(answers) == {200}
    assert everything(schedule) == before


def test_posts_that_say_nothing_change_nothing(client: Client, schedule: Schedule) -> None:
    schedule.happens("ana@example.org", "signup")
    links = [confirmation_link(schedule), marketing_link(schedule)]
    before = everything(schedule)

    answers = [
        client.ask("POST", link, body, Content_Type=kind).status
        for link in links
        for body, kind in (
            (b"", "application/x-www-form-urlencoded"),
            (b"List-Unsubscribe=Two-Clicks&confirm=no", "application/x-www-form-urlencoded"),
            (b"{}", "application/json"),
            (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
            (b"", "multipart/form-data"),
        )
    ]

    assert set(answers) == {400}
    assert everything(schedule) == before


def test_forged_links_and_links_for_another_door_are_not_known_and_change_nothing(
    client: Client, schedule: Schedule
) -> None:
    schedule.happens("ana@example.org", "signup")
    confirm, stop = (link.rpartition("/")[2] for link in (confirmation_link(schedule), marketing_link(schedule)))
    raw = bytearray(base64.urlsafe_b64decode(stop + "="))
    raw[12] ^= 1  # another person
    forged = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    strange = Keyring(b"the key of somebody else").sign(Purpose.UNSUBSCRIBE, Token(1))
    before = everything(schedule)

    answers = [
        (
            client.get(path).status,
            client.ask("POST", path, body, Content_Type="application/x-www-form-urlencoded").status,
        )
        for path, body in (
            (f"/u/{forged}", ONE_CLICK),
            (f"/u/{strange}", ONE_CLICK),
            (f"/u/{confirm}", ONE_CLICK),
            (f"/u/{stop}x", ONE_CLICK),
            ("/u/x", ONE_CLICK),
            (f"/o/{stop}", b"confirm=yes"),
            ("/o/" + "A" * 55, b"confirm=yes"),
        )
    ]

    assert answers == [(404, 404)] * 7
    assert everything(schedule) == before


def test_who_guesses_links_is_slowed_down_and_who_has_one_is_not(schedule: Schedule) -> None:
    link = marketing_link(schedule)
    with opened(schedule, limits=Limits(forged=Buckets(per_second=0.1, burst=2))) as client:
        guesses = [client.get("/u/guess").status for _ in range(4)]
        own = [
            client.ask("POST", link, ONE_CLICK, Content_Type="application/x-www-form-urlencoded").status
            for _ in range(4)
        ]

    assert (guesses, own) == ([404, 404, 429, 429], [200, 200, 200, 200])


def test_a_link_of_somebody_who_is_not_there_any_more_is_answered_as_any_other(client: Client) -> None:
    link = f"/u/{KEYS.sign(Purpose.UNSUBSCRIBE, Token(contact=99_999, delivery=77_777))}"

    answer = client.ask("POST", link, ONE_CLICK, Content_Type="application/x-www-form-urlencoded")

    assert answer.status == 200


def test_marketing_bears_a_link_of_its_own_and_no_address_stands_in_it(schedule: Schedule) -> None:
    link = marketing_link(schedule)
    html = schedule.sent()[-1].content.html or ""

    assert link in html
    assert KEYS.read(Purpose.UNSUBSCRIBE, link.rpartition("/")[2], now=schedule.clock.now()) == Token(1, 1)
    assert "lea" not in link
    assert "mailto:stop@shop.example" not in html


# --- double opt-in ----------------------------------------------------------------------------------------------------


def test_a_sign_up_is_confirmed_by_the_button_and_the_consent_is_kept_with_its_wording(
    client: Client, schedule: Schedule
) -> None:
    client.tell({"who": "ana@example.org", "name": "signup", "id": "s1", "source": "https://shop.example/news"})
    link = confirmation_link(schedule)
    before = standing(schedule, "ana@example.org")

    page = client.get(link)
    done = client.form(link, confirm="yes")

    assert before == ({}, None)
    assert "<blockquote>I would like news &amp; offers of &lt;The Shop&gt; by e-mail.</blockquote>" in page.text
    assert (page.status, done.status) == (200, 200)
    assert standing(schedule, "ana@example.org") == ({"marketing:email": True}, None)
    with schedule.store.read() as conn:
        (kept,) = people.consent_history(conn, 2)
    assert (kept.purpose, kept.at, kept.source) == (
        "marketing:email",
        schedule.clock.now(),
        "double opt-in: https://shop.example/news",
    )
    assert (kept.text, kept.version) == (WORDING, "2027-01")
    assert kept.proof == {
        "signed_up": "s1",
        "signed_up_at": "2027-01-04T08:00:00+00:00",
        "message": 1,
        "sent_at": "2027-01-04T08:00:00+00:00",
    }


def test_a_file_that_declares_confirmed_may_answer_it(client: Client, schedule: Schedule) -> None:
    schedule.happens("ana@example.org", "signup")

    client.form(confirmation_link(schedule), confirm="yes")
    schedule.live_until(START + DAY)

    assert [message.touch for message in schedule.sent()] == ["ask", "hello"]


def test_a_sign_up_is_confirmed_once_and_its_old_link_does_not_undo_a_later_opt_out(
    client: Client, schedule: Schedule
) -> None:
    schedule.happens("ana@example.org", "signup", key="s1")
    link = confirmation_link(schedule)
    client.form(link, confirm="yes")
    stop = f"/u/{KEYS.sign(Purpose.UNSUBSCRIBE, Token(contact=2))}"
    client.ask("POST", stop, ONE_CLICK, Content_Type="application/x-www-form-urlencoded")

    again = client.form(link, confirm="yes")

    assert again.status == 200
    assert standing(schedule, "ana@example.org")[1] == "unsubscribed"


def test_who_left_and_signs_up_anew_is_welcome_again(client: Client, schedule: Schedule) -> None:
    client.ask("POST", marketing_link(schedule), ONE_CLICK, Content_Type="application/x-www-form-urlencoded")
    schedule.happens("lea@example.org", "signup")

    client.form(confirmation_link(schedule), confirm="yes")

    assert standing(schedule, "lea@example.org") == ({"marketing": False, "marketing:email": True}, None)


def test_who_left_and_confirms_by_e_mail_agrees_to_no_other_channel(client: Client, schedule: Schedule) -> None:
    lea = person("lea@example.org", consent=("marketing", "marketing:sms"), phone="+33612345678")
    schedule.know(lea)
    client.ask("POST", marketing_link(schedule), ONE_CLICK, Content_Type="application/x-www-form-urlencoded")
    schedule.happens("lea@example.org", "signup")

    client.form(confirmation_link(schedule), confirm="yes")
    schedule.know(lea)

    assert standing(schedule, "lea@example.org") == (
        {"marketing": False, "marketing:email": True, "marketing:sms": False},
        None,
    )


def test_who_never_left_keeps_what_they_had_when_they_confirm(client: Client, schedule: Schedule) -> None:
    schedule.happens("lea@example.org", "signup")

    client.form(confirmation_link(schedule), confirm="yes")

    assert standing(schedule, "lea@example.org") == ({"marketing": True, "marketing:email": True}, None)


def test_a_complaint_is_not_lifted_by_a_sign_up(client: Client, schedule: Schedule) -> None:
    schedule.happens("lea@example.org", "complaint")
    schedule.happens("lea@example.org", "signup")

    client.form(confirmation_link(schedule), confirm="yes")

    assert standing(schedule, "lea@example.org")[1] == "complaint"


def test_a_link_of_ten_days_ago_is_too_old_and_changes_nothing(client: Client, schedule: Schedule) -> None:
    schedule.happens("ana@example.org", "signup")
    link = confirmation_link(schedule)
    schedule.clock.advance(timedelta(days=10))
    on_the_day = client.get(link).status
    schedule.clock.advance(timedelta(seconds=1))
    before = everything(schedule)

    answers = [client.get(link).status, client.form(link, confirm="yes").status]

    assert (on_the_day, answers) == (200, [410, 410])
    assert everything(schedule) == before


# --- signing up by the form -------------------------------------------------------------------------------------------


def test_the_form_shows_the_wording_and_a_sign_up_gets_its_mail(client: Client, schedule: Schedule) -> None:
    page = client.get("/signup/shop", Accept_Language="de")
    done = client.form("/signup/shop", email="Ana@Example.org", first_name="Ana", agree="yes", wording="anything")
    client.form(confirmation_link(schedule), confirm="yes")

    assert "I would like news &amp; offers" in page.text
    assert 'name="email"' in page.text
    assert done.status == 200
    with schedule.store.read() as conn:
        (kept,) = people.consent_history(conn, 2)
        signed_up = events.of_contact(conn, 2)[0]
    assert (kept.text, kept.version, kept.source) == (WORDING, "2027-01", "double opt-in: form /signup/shop")
    assert signed_up.facts["wording"] == WORDING
    assert people_of(schedule) == ["lea@example.org", "ana@example.org"]


def people_of(schedule: Schedule) -> list[str | None]:
    with schedule.store.read() as conn:
        return [row.email for row in people.contacts(conn)]


def test_known_and_unknown_people_get_the_same_answer_and_one_mail_a_day(client: Client, schedule: Schedule) -> None:
    answers = [
        client.form("/signup/shop", email=who, first_name=name, agree="yes")
        for who, name in (("ana@example.org", "A"), ("ANA@example.org", "B"), ("lea@example.org", "C"))
    ]
    schedule.tick()

    assert {(answer.status, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert sorted(message.recipient.email or "" for message in schedule.sent() if message.recipient) == [
        "ana@example.org",
        "lea@example.org",
    ]


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/signup/shop", {"email": "ana@example.org"}, 400),  # no agreement
        (
            "/signup/shop",
            {"email": "ana@example.org", "agree": "yes", "website": "x"},
            200,
        ),  # a machine: it is told nothing
        ("/signup/shop", {"email": "nonsense", "agree": "yes"}, 422),
        ("/signup/shop", {"email": "a@@example.org", "agree": "yes"}, 422),
        ("/signup/shop", {"email": "a" * 300 + "@example.org", "agree": "yes"}, 422),
        ("/signup/shop", {"agree": "yes"}, 422),
        ("/signup/other", {"email": "ana@example.org", "agree": "yes"}, 404),
    ],
)
def test_what_is_no_sign_up_changes_nothing(
    client: Client, schedule: Schedule, path: str, fields: dict[str, str], status: int
) -> None:
    before = everything(schedule)

    answer = client.form(path, **fields)

    assert answer.status == status
    assert everything(schedule) == before


def test_forms_cannot_be_used_to_flood_mailboxes(schedule: Schedule) -> None:
    with opened(schedule, limits=Limits(forms=Buckets(per_second=0.01, burst=2))) as client:
        answers = [client.form("/signup/shop", email=f"p{n}@example.org", agree="yes").status for n in range(4)]

    assert answers == [200, 200, 429, 429]
    assert people_of(schedule) == ["lea@example.org", "p0@example.org", "p1@example.org"]


def test_a_campaign_without_a_wording_has_no_form(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, START)
    schedule.apply(
        write(tmp_path, NEWS.split("events:")[1].partition("\n")[2], head=HEAD + "events: {confirmed: []}\n")
    )

    with opened(schedule) as client:
        answers = [
            client.get("/signup/shop").status,
            client.form("/signup/shop", email="a@example.org", agree="yes").status,
        ]

    assert answers == [404, 404]


def test_pages_load_nothing_from_elsewhere_and_stand_in_no_frame(client: Client, schedule: Schedule) -> None:
    pages: list[Answer] = [client.get(marketing_link(schedule)), client.get("/signup/shop"), client.get("/u/x")]

    for page in pages:
        assert page.headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert (
            page.headers["x-content-type-options"],
            page.headers["referrer-policy"],
            page.headers["cache-control"],
        ) == (
            "nosniff",
            "no-referrer",
            "no-store",
        )
        linked = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
        assert [re.sub(r"^\.\./p/[\w-]{55}$", "own page", link) for link in linked] in (
            ["../style.css"],
            ["../style.css", "own page"],
        )
    assert client.get("/style.css").headers["content-type"].startswith("text/css")
