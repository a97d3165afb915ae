"""What the do, watch and people commands say, screen by screen, through a whole life of a small shop.

The golden screens are written anew with `CAMPAIGN_UPDATE_GOLDEN=1 pytest tests/acceptance/test_cli_do_screens.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.terminal import Shop, screen


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def lived(shop: Shop) -> Shop:
    """The first of December has come: people were written to, one bought something, one complained."""
    shop.applied()
    shop.done("event", "lea@example.org", "purchase", "--key", "product=tea", now="2026-11-24T12:00")
    shop.send("2026-11-24T12:10")
    shop.send("2026-12-01T10:00")
    shop.done("contacts", "unsubscribe", "karim@example.org", now="2026-12-01T11:00")
    shop.done("event", "lea@example.org", "bad_experience", "--id", "b1", now="2026-12-01T12:00")
    shop.send("2026-12-01T15:00")
    shop.send("2026-12-02T10:00")
    shop.send("2026-12-04T10:00")
    return shop


def test_an_import_shows_what_it_understood_and_what_it_refused(shop: Shop) -> None:
    text = shop.shown("contacts", "import", "people.csv", "--yes")

    assert text == screen("import", text)


def test_the_same_file_again_has_nothing_to_import(shop: Shop) -> None:
    shop.known()

    text = shop.shown("contacts", "import", "people.csv", "--yes")

    assert text == screen("import-again", text)


def test_an_apply_shows_each_touch_and_what_would_be_held(shop: Shop) -> None:
    shop.known()

    text = shop.shown("apply", "--yes")

    assert text == screen("apply", text)


def test_an_apply_of_an_edit_says_what_it_means(shop: Shop) -> None:
    shop.applied()
    shop.edit("shop.yaml", "Come in, {{ contact.first_name }}", "Do come in")
    shop.edit("shop.yaml", "when: 3 days later", "when: 5 days later")

    text = shop.shown("apply", "--confirm", "shop")

    assert text == screen("apply-edit", text)


def test_the_status_of_a_schedule_tells_the_next_and_what_waits(shop: Shop) -> None:
    shop.applied()

    text = shop.shown("status")

    assert text == screen("status", text)


def test_the_status_after_two_weeks(shop: Shop) -> None:
    lived(shop)

    text = shop.shown("status", now="2026-12-04T11:00")

    assert text == screen("status-later", text)


def test_the_log_names_nobody(shop: Shop) -> None:
    text = lived(shop).shown("log", now="2026-12-04T11:00")

    assert "lea@" not in text
    assert text == screen("log", text)


def test_a_person_is_shown_with_everything_that_happened(shop: Shop) -> None:
    lived(shop)

    text = shop.shown("contacts", "show", "lea@example.org", now="2026-12-04T11:00")

    assert text == screen("person", text)


def test_people_are_listed_with_what_they_agreed_to(shop: Shop) -> None:
    lived(shop)

    text = shop.shown("contacts", "list", now="2026-12-04T11:00")

    assert text == screen("people", text)


def test_a_task_says_whom_to_call(shop: Shop) -> None:
    lived(shop)

    text = shop.shown("tasks", now="2026-12-04T11:00")

    assert text == screen("tasks", text)


def test_the_rehearsal_shows_every_message_and_what_was_withheld(shop: Shop) -> None:
    text = shop.shown("run", "--dry-run", "shop.yaml")

    assert text == screen("rehearsal", text)


def test_the_doctor_looks_at_everything(shop: Shop) -> None:
    shop.applied()

    text = re.sub(r"(campaign|Python|data) \d\S*\b", r"\1 N", shop.shown("doctor"))

    assert text == screen("doctor", text)


def test_an_explanation_names_every_rule_and_what_is_still_to_come(shop: Shop) -> None:
    told = shop.applied().shown("explain", "lea@example.org", "reminder")

    assert told == screen("explain-reminder", told)


def test_an_explanation_of_what_was_sent_says_when_and_why(shop: Shop) -> None:
    shop.applied().send("2026-12-01T09:31+01:00")

    told = shop.shown("explain", "lea@example.org", "shop/welcome", now="2026-12-01T10:00+01:00")

    assert told == screen("explain-sent", told)


def test_an_explanation_as_json_is_masked_and_has_the_verdict(shop: Shop) -> None:
    found = shop.applied().json("explain", "lea@example.org", "letter")

    assert found["who"] == "l…@example.org"
    assert found["verdict"] == {
        "state": "held",
        "goes": False,
        "over": False,
        "at": "2026-12-04T10:00:00+01:00",
        "reason": "waits for approval",
        "next_at": None,
        "expected_at": None,
    }
    assert {"rule": "consent", "value": "marketing given", "passes": True} in found["rules"]
    assert "lea@example.org" not in shop.done("explain", "lea@example.org", "letter")
    assert "lea@example.org" in shop.done("explain", "lea@example.org", "letter", "--show-contacts")
