"""A person's own page: a GET shows what holds, a POST makes exactly what was chosen hold; in six languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from support.doors import Client, opened
from support.readers import KEYS, START, shop
from support.shop import Schedule, person

from scheduler.operations import preferring, privacy
from scheduler.store import events, people
from scheduler.store.database import Store
from scheduler.tokens import Purpose, Token
from scheduler.web.doors import Limits
from scheduler.web.rates import Buckets

LEA = "/p/" + KEYS.sign(Purpose.PREFERENCES, Token(1))
SAVE = {"save": "yes"}
PAGES = {
    "en": "What you get from us",
    "fr": "Ce que vous recevez de nous",
    "ro": "Ce primiți de la noi",
    "ru": "Что вы от нас получаете",
    "es": "Lo que recibe de nosotros",
    "de": "Was Sie von uns bekommen",
}


@pytest.fixture
def schedule(store: Store, tmp_path: Path) -> Schedule:
    made = shop(store, tmp_path)
    made.know(person("lea@example.org", consent=("marketing",), phone="+33612345678", language="fr"))
    return made


@pytest.fixture
def client(schedule: Schedule) -> Iterator[Client]:
    with opened(schedule) as found:
        yield found


def boxes(page: str) -> dict[str, bool]:
    """Return the boxes of a page, and which are ticked."""
    return {
        name: bool(ticked) for name, ticked in re.findall(r'name="(\w+)" type="checkbox" value="yes"( checked)?', page)
    }


def standing(schedule: Schedule, contact: int = 1) -> tuple[dict[str, bool], str | None]:
    with schedule.store.read() as conn:
        return people.consents(conn, contact), people.suppressed(conn, contact, marketing=True)


def rows(schedule: Schedule) -> list[int]:
    with schedule.store.read() as conn:
        return [
            conn.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in ("consent", "event", "audit")
        ]


def test_the_page_shows_what_holds_and_changes_nothing(client: Client, schedule: Schedule) -> None:
    before = rows(schedule)

    page = client.get(LEA, Accept_Language="en")
    statuses = {client.ask(method, LEA, Sec_Purpose="prefetch").status for method in ("GET", "HEAD") for _ in range(20)}

    assert (page.status, statuses) == (200, {200})
    assert boxes(page.text) == {"email": True, "sms": True, "measurement": False}
    assert '<option value="fr" selected>Français</option>' in page.text
    assert rows(schedule) == before


@pytest.mark.parametrize(("language", "title"), PAGES.items())
def test_the_page_speaks_the_reader_s_language_and_each_field_has_its_label(
    client: Client, language: str, title: str
) -> None:
    page = client.get(LEA, Accept_Language=language)

    assert (page.headers["content-language"], f'<html lang="{language}">' in page.text) == (language, True)
    assert f"<h1>{title}</h1>" in page.text
    fields = re.findall(r'<(?:input|select) id="(\w+)"', page.text)
    assert fields == ["email", "sms", "measurement", "language"]
    assert re.findall(r'<label for="(\w+)">', page.text) == fields
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_what_is_chosen_holds_and_what_they_read_is_kept(client: Client, schedule: Schedule) -> None:
    answer = client.form(LEA, **SAVE, sms="yes", measurement="yes", language="de")

    assert answer.status == 200
    assert boxes(answer.text) == {"email": False, "sms": True, "measurement": True}
    assert standing(schedule) == ({"marketing": True, "marketing:email": False, "measurement": True}, None)
    with schedule.store.read() as conn:
        said = people.consent_history(conn, 1)[-1]
        person_now = people.contact(conn, 1)
    assert (said.purpose, said.source) == ("measurement", "preference page")
    assert said.text == "Let us see whether our e-mails are opened and which links are followed"
    assert said.proof == {"page": "preference page", "message": None}
    assert person_now is not None
    assert person_now.language == "de"


def test_saving_what_holds_already_writes_nothing(client: Client, schedule: Schedule) -> None:
    before = rows(schedule)

    answer = client.form(LEA, **SAVE, email="yes", sms="yes", language="fr")

    assert (answer.status, rows(schedule)) == (200, before)


def test_no_channel_at_all_is_an_opt_out_that_campaigns_hear_of(client: Client, schedule: Schedule) -> None:
    schedule.happens("lea@example.org", "cart_abandoned")

    client.form(LEA, **SAVE)

    assert standing(schedule) == ({"marketing": True, "measurement": False}, "unsubscribed")
    with schedule.store.read() as conn:
        assert events.of_contact(conn, 1)[-1].name == "unsubscribe"
    schedule.live_until(START + timedelta(days=1))
    assert schedule.sent() == []


def test_who_comes_back_gets_what_they_ticked_and_nothing_else(client: Client, schedule: Schedule) -> None:
    client.form(LEA, **SAVE)

    answer = client.form(LEA, **SAVE, email="yes")

    assert boxes(answer.text) == {"email": True, "sms": False, "measurement": False}
    assert standing(schedule) == (
        {"marketing": False, "marketing:email": True, "measurement": False},
        None,
    )


def test_who_comes_back_for_one_channel_keeps_it_and_no_other_over_the_same_file_again(
    client: Client, schedule: Schedule
) -> None:
    lea = person("lea@example.org", consent=("marketing", "marketing:whatsapp"), phone="+33612345678")
    schedule.know(lea)
    client.form(LEA, **SAVE)

    client.form(LEA, **SAVE, sms="yes")
    back = standing(schedule)
    schedule.know(lea)

    assert back == (
        {"marketing": False, "marketing:whatsapp": False, "marketing:sms": True, "measurement": False},
        None,
    )
    assert standing(schedule) == back


def test_a_channel_that_held_before_they_left_is_their_own_word_once_they_come_back(
    client: Client, schedule: Schedule
) -> None:
    schedule.know(person("lea@example.org", consent=("marketing:email", "marketing:sms")))
    client.form(LEA, **SAVE)

    client.form(LEA, **SAVE, sms="yes")
    schedule.know(person("lea@example.org", consent=("marketing:email",)))

    assert standing(schedule)[0] == {
        "marketing": False,
        "marketing:email": False,
        "marketing:sms": True,
        "measurement": False,
    }
    with schedule.store.read() as conn:
        said = [one for one in people.consent_history(conn, 1) if one.purpose == "marketing:sms"][-1]
    assert (said.source, said.text) == ("preference page", "News and offers by SMS")


def test_a_complaint_is_not_taken_back_by_a_page(client: Client, schedule: Schedule) -> None:
    schedule.happens("lea@example.org", "complaint")

    answer = client.form(LEA, **SAVE, email="yes", sms="yes")

    assert boxes(answer.text) == {"email": False, "sms": False, "measurement": False}
    assert standing(schedule)[1] == "complaint"


def test_a_complaint_after_an_opt_out_is_not_taken_back_either(client: Client, schedule: Schedule) -> None:
    client.form(LEA, **SAVE)
    schedule.happens("lea@example.org", "complaint")

    client.form(LEA, **SAVE, email="yes", sms="yes")

    assert standing(schedule)[1] == "complaint"


def test_a_channel_without_an_address_is_not_asked_about_and_not_agreed_to(client: Client, schedule: Schedule) -> None:
    ana = "/p/" + KEYS.sign(Purpose.PREFERENCES, Token(3))

    page = client.get(ana)
    client.form(ana, **SAVE, email="yes", sms="yes", whatsapp="yes")

    assert boxes(page.text) == {"email": True, "measurement": False}
    assert "<select" not in page.text  # nobody knows her language
    assert standing(schedule, 3) == ({"marketing": True}, None)


@pytest.mark.parametrize(
    "fields",
    [{}, {"save": "no", "email": "yes"}, {"email": "yes", "language": "de"}, {"List-Unsubscribe": "One-Click"}],
)
def test_a_post_that_does_not_say_save_changes_nothing(
    client: Client, schedule: Schedule, fields: dict[str, str]
) -> None:
    before = rows(schedule)

    answer = client.form(LEA, **fields)

    assert (answer.status, rows(schedule)) == (400, before)


@pytest.mark.parametrize("language", ["xx", "<script>", "de\r\nX: y", "d" * 5_000])
def test_a_language_that_no_page_has_is_left_out(client: Client, schedule: Schedule, language: str) -> None:
    answer = client.form(LEA, **SAVE, email="yes", sms="yes", language=language)

    assert answer.status == 200
    assert '<option value="fr" selected>Français</option>' in answer.text


def test_a_language_we_have_no_page_in_is_shown_escaped_and_stays(client: Client, schedule: Schedule) -> None:
    with schedule.store.begin() as conn:
        conn.execute(text("UPDATE contact SET language = :said WHERE id = 1"), {"said": '"><script>x'})

    page = client.form(LEA, **SAVE, email="yes", sms="yes", language="")

    assert '<option value="" selected>&#34;&gt;&lt;script&gt;x</option>' in page.text
    assert "<script" not in page.text


def test_links_of_other_doors_and_forged_ones_show_and_change_nothing(client: Client, schedule: Schedule) -> None:
    before = rows(schedule)
    stop = KEYS.sign(Purpose.UNSUBSCRIBE, Token(1))
    over = KEYS.sign(Purpose.PREFERENCES, Token(1), until=START - timedelta(seconds=1))
    paths = [f"/p/{stop}", f"/p/{LEA[3:-1]}", f"/p/{LEA[3:]}A", "/p/" + "A" * 55, f"/u/{LEA[3:]}"]

    shown = [client.get(path).status for path in paths]
    saved = [client.form(path, **SAVE, List_Unsubscribe="One-Click").status for path in paths]

    assert (shown, saved) == ([404] * 5, [404] * 5)
    assert (client.get(f"/p/{over}").status, client.form(f"/p/{over}", **SAVE).status) == (410, 410)
    assert rows(schedule) == before


def test_who_was_forgotten_has_no_page(client: Client, schedule: Schedule) -> None:
    privacy.forget(schedule.store, "lea@example.org", now=START, by="test")
    before = rows(schedule)

    answers = [client.get(LEA).status, client.form(LEA, **SAVE, email="yes").status]

    assert (answers, rows(schedule)) == ([404, 404], before)


def test_somebody_who_saves_all_the_time_is_told_to_wait(schedule: Schedule) -> None:
    with opened(schedule, limits=Limits(choices=Buckets(per_second=0.1, burst=2))) as client:
        answers = [client.form(LEA, **SAVE, email="yes").status for _ in range(4)]

    assert answers == [200, 200, 429, 429]


def test_the_way_out_leads_to_the_page_too(client: Client) -> None:
    stop = client.get("/u/" + KEYS.sign(Purpose.UNSUBSCRIBE, Token(1)), Accept_Language="de")

    found = re.search(r'<a href="\.\./(p/[\w-]{55})">Lieber auswählen, was Sie bekommen</a>', stop.text)

    assert found is not None
    assert client.get(f"/{found[1]}").status == 200


def test_two_saves_at_once_leave_what_one_of_them_chose(schedule: Schedule) -> None:
    import threading

    with opened(schedule) as client:
        threads = [
            threading.Thread(target=client.form, args=(LEA,), kwargs={**SAVE, **chosen})
            for chosen in ({"email": "yes"}, {"sms": "yes"})
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    found = preferring.choices(schedule.store, Token(1))
    assert found is not None
    assert dict(found.channels) in ({"email": True, "sms": False}, {"email": False, "sms": True})


def test_a_template_may_lead_to_the_page(client: Client, schedule: Schedule, tmp_path: Path) -> None:
    from support.readers import MAILING, html_of
    from support.shop import write

    schedule.apply(write(tmp_path, MAILING, **{"emails/rings.md": "[choose]({{ links.preferences }})"}))

    found = re.search(r'href="https://news\.shop\.example(/p/[\w-]{55})"', html_of(schedule, "max@example.org"))

    assert found is not None  # measured, and yet no link that passes by /c/
    assert boxes(client.get(found[1]).text) == {"email": True, "measurement": True}
