"""What an apply authorises, and what an edit does to people in the middle of a touch, as the command line tells it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.terminal import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def test_a_budget_is_told_beside_what_the_plan_comes_to(shop: Shop) -> None:
    text = shop.known().done("apply", "--yes", "--budget", "500")

    assert "Authorises up to 500 messages in all; the plan comes to 7 at most, and what events start." in text
    assert "Authorised shop: 500 messages." in text
    assert shop.json("status")["campaigns"][0]["budget"] == {"authorised": 500, "used": 0}


def test_a_budget_that_is_used_up_holds_and_the_next_one_lets_go(shop: Shop) -> None:
    shop.known().done("apply", "--yes", "--budget", "1")
    shop.send("2026-12-01T16:00+01:00")
    used = shop.json("status", now="2026-12-01T16:00+01:00")["campaigns"][0]

    text = shop.done("apply", "--yes", "--budget", "10", now="2026-12-01T16:00+01:00")

    assert (used["budget"], used["sent"]) == ({"authorised": 1, "used": 1}, 1)
    assert "Authorises up to 10 messages in all (1 of them used); the plan comes to" in text
    assert f"Authorised shop: 10 messages; {used['held']} held messages on the way again." in text


def test_status_and_plan_say_how_much_of_the_budget_is_used(shop: Shop) -> None:
    shop.known().done("apply", "--yes", "--budget", "20")
    shop.edit("shop.yaml", "Ten percent", "Twenty percent")

    assert "budget 0 of 20" in shop.done("status")
    assert "Budget: 0 of 20 messages used; the plan comes to 7 at most, and what events start." in shop.done("plan")


def test_a_budget_is_lifted_by_the_word_none(shop: Shop) -> None:
    shop.known().done("apply", "--yes", "--budget", "20")

    text = shop.done("apply", "--yes", "--budget", "none")

    assert "Authorised shop: as many messages as the plan needs." in text
    assert shop.json("status")["campaigns"][0]["budget"] is None


def test_a_budget_alone_asks_before_it_is_set(shop: Shop) -> None:
    shop.applied()

    asked = shop.run("apply", "--budget", "20")

    assert asked.exit_code == 3
    assert shop.json("status")["campaigns"][0]["budget"] is None


@pytest.mark.parametrize("written", ["many", "-5", "1.5", ""])
def test_what_is_no_number_of_messages_is_refused(shop: Shop, written: str) -> None:
    refused = shop.run("apply", "--budget", written)

    assert refused.exit_code == 64
    assert "as a number of messages, expected e.g. 500, or none" in refused.stderr


def test_an_edit_is_counted_in_people_on_the_screen_and_for_programs(shop: Shop) -> None:
    shop.applied()
    shop.done("event", "lea@example.org", "purchase", "--key", "product=tea")
    shop.edit("shop.yaml", "when: 5 minutes later", "in_flight: pin, when: 2 hours later")

    text = shop.done("plan", "--diff")
    document = shop.json("plan")

    assert (
        "~ shop/thanks   changes how long after its event it goes, 1 person in flight keeps the old time (pin)" in text
    )
    assert document["in_flight"] == [
        {"touch": "thanks", "rule": "pin", "people": 1, "moved": 0, "late": 0, "dropped": 0}
    ]


def test_a_rename_that_nobody_declared_stops_plan_and_apply_with_its_remedy(shop: Shop) -> None:
    shop.applied()
    shop.edit("shop.yaml", "{id: welcome,", "{id: hello,")

    planned, applied = shop.run("plan"), shop.run("apply", "--yes")

    assert (planned.exit_code, applied.exit_code) == (1, 1)
    for result in (planned, applied):
        assert "'welcome' is gone, and 'hello' says exactly the same: is it renamed?" in result.output
        assert "write `moved: welcome` into it, so that nobody gets it twice" in result.output


def test_a_declared_rename_is_applied_and_shown_by_its_new_name(shop: Shop) -> None:
    shop.applied()
    shop.edit("shop.yaml", "{id: welcome,", "{id: hello, moved: welcome,")

    text = shop.done("apply", "--confirm", "shop")

    assert "~ shop/hello   was welcome; its history goes with it" in text
    assert shop.done("apply").startswith("No changes. shop matches its schedule")
    assert shop.json("status")["campaigns"][0]["next"]["touch"] in ("post", "hello")


def test_a_cancelled_touch_stays_cancelled_until_it_is_approved(shop: Shop) -> None:
    shop.applied()
    shop.done("cancel", "shop/welcome", "--confirm", "shop/welcome")
    shop.edit("shop.yaml", "Still open", "Open still")

    text = shop.done("apply", "--confirm", "shop")
    cancelled = shop.json("status")["campaigns"][0]["cancelled_touches"]
    approved = shop.done("approve", "shop/welcome")
    sent = [line["touch"] for line in shop.send("2026-12-01T10:30+01:00") if line.get("state") == "sent"]

    assert "welcome was cancelled by a person and stays so" in text
    assert "to put it back: campaign approve shop/welcome" in text
    assert cancelled == ["welcome"]
    assert approved.startswith("Approved shop/welcome: what was cancelled is back on the schedule with its dates")
    assert shop.json("status")["campaigns"][0]["cancelled_touches"] == []
    assert "welcome" in sent
