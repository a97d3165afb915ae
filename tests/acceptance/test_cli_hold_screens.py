"""What a person sees of a HOLD, and what can be said to it.

The golden screens are written anew with `CAMPAIGN_UPDATE_GOLDEN=1 pytest tests/acceptance/test_cli_hold_screens.py`.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from support.terminal import Shop, screen

from scheduler.store import meta
from scheduler.store.database import Store
from scheduler.store.meta import Cause, Hold

LATER = "2026-12-02T18:00+01:00"
LATE = Hold(
    "nothing was sent for 30 h, and 6 messages are late", datetime.fromisoformat("2026-12-02T16:00+00:00"), {"late": 6}
)
RESTORED = Hold(
    "6 attempts are missing that were there on 2026-12-01 at 10:00 UTC: messages may have been sent already",
    datetime.fromisoformat("2026-12-02T16:00+00:00"),
    {"missing": 6, "until": "2026-12-01T10:01:00+00:00"},
    Cause.RESTORED,
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = Shop.example(tmp_path, monkeypatch).applied()
    shop.done("event", "lea@example.org", "purchase", "--key", "product=tea", now="2026-11-30T12:00")
    return shop


def put_on_hold(shop: Shop, hold: Hold) -> None:
    store = Store(f"sqlite:///{shop.folder}/var/campaign.db")
    with store.begin() as conn:
        meta.set_hold(conn, hold)
    store.close()


def test_the_status_tells_a_hold_first_and_asks_for_attention(shop: Shop) -> None:
    put_on_hold(shop, LATE)

    status = shop.run("status", now=LATER)

    assert status.exit_code == 3
    assert status.stdout == screen("status-hold", status.stdout)


def test_the_status_as_json_has_the_hold(shop: Shop) -> None:
    put_on_hold(shop, LATE)

    assert json.loads(shop.run("status", "--json", now=LATER).stdout)["hold"] == {
        "cause": "late",
        "reason": "nothing was sent for 30 h, and 6 messages are late",
        "since": "2026-12-02T16:00:00+00:00",
        "late": 6,
    }
    shop.done("resume", "--yes", now=LATER)
    assert shop.json("status", now=LATER)["hold"] is None


def test_the_plan_of_a_resume_shows_what_is_late_and_changes_nothing(shop: Shop) -> None:
    put_on_hold(shop, LATE)

    plan = shop.run("resume", "--plan", now=LATER)

    assert plan.exit_code == 3
    assert plan.stdout == screen("resume-plan", plan.stdout)
    assert shop.run("status", now=LATER).exit_code == 3


def test_a_resume_asks_unless_it_was_told_to_go_on(shop: Shop) -> None:
    put_on_hold(shop, LATE)

    asked = shop.run("resume", now=LATER)
    told = shop.shown("resume", "--yes", "--late", "skip", now=LATER)

    assert asked.exit_code == 3
    assert "Lift the HOLD" in asked.stderr
    assert told == screen("resume-yes", told)
    assert shop.send(LATER) != []


def test_a_resume_after_a_restore_keeps_back_what_may_have_gone(shop: Shop) -> None:
    put_on_hold(shop, RESTORED)

    text = shop.shown("resume", "--yes", now=LATER)

    assert text == screen("resume-restored", text)
    assert {line["touch"] for line in shop.send(LATER) if line["state"] == "sent"} == set()


def test_an_apply_is_refused_while_nobody_knows_what_has_gone(shop: Shop) -> None:
    shop.edit("shop.yaml", 'at: "15:00"', 'at: "18:00"')
    put_on_hold(shop, RESTORED)

    applied = shop.run("apply", "shop.yaml", "--confirm", "shop", now=LATER)

    assert (applied.exit_code, applied.stdout) == (3, "")
    assert " ".join(applied.stderr.split()) == (
        "error: everything is on HOLD, and what would be moved now could go twice: 6 attempts are missing that were there"
        " on 2026-12-01 at 10:00 UTC: messages may have been sent already - look at it first: campaign resume --plan"
    )


def test_an_apply_goes_on_while_all_is_known(shop: Shop) -> None:
    shop.edit("shop.yaml", 'at: "15:00"', 'at: "18:00"')
    put_on_hold(shop, LATE)

    assert "Applied" in shop.done("apply", "shop.yaml", "--confirm", "shop", now=LATER)


def test_naming_a_campaign_resumes_that_and_leaves_the_hold(shop: Shop) -> None:
    shop.done("pause", "shop", now=LATER)
    put_on_hold(shop, LATE)

    resumed = shop.run("resume", "shop", now=LATER)

    assert resumed.stdout == "Resumed shop.\n"
    assert "nothing is sent yet: the HOLD stands (campaign resume --plan)" in resumed.stderr


def test_a_look_at_a_database_on_hold_sends_nothing_and_ends_with_3(shop: Shop) -> None:
    put_on_hold(shop, LATE)

    run = shop.run("run", "--once", "--outbox", "out", "--database", "sqlite:///var/campaign.db", now=LATER)

    assert (run.exit_code, run.stdout) == (3, "")
    assert "HOLD nothing is sent: nothing was sent for 30 h, and 6 messages are late" in run.stderr
    assert run.stderr.endswith("\nnothing goes on HOLD\n")


def test_a_trial_is_never_on_hold(shop: Shop) -> None:
    put_on_hold(shop, LATE)

    assert shop.lines("run", "--once", "--outbox", "out", now=LATER) != []


def test_the_doctor_names_the_hold(shop: Shop) -> None:
    put_on_hold(shop, LATE)

    doctor = shop.run("doctor", now=LATER)

    assert doctor.exit_code == 1
    assert "nothing is sent: nothing was sent for 30 h, and 6 messages are late" in " ".join(doctor.stdout.split())
