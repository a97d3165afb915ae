import json
from pathlib import Path

import pytest
from support.terminal import Shop

SECOND = """\
campaign: second
timezone: Europe/Paris
stages:
  - stage: one
    kind: awareness
    when: 2 December
    touches:
      - {id: post-two, channel: facebook, text: Hello}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def revision(shop: Shop) -> int:
    return shop.json("status")["campaigns"][0]["revision"]


def test_applying_prints_what_was_done_in_the_keys_of_the_contract(shop: Shop) -> None:
    document = shop.json("apply", "--yes")

    assert document == {
        "applied": [
            {
                "campaign": "shop",
                "edition": "2026",
                "revision": 1,
                "changes": {"add": 6, "change": 0, "cancel": 0, "ignored": 0, "messages": 0},
                "cancelled": 0,
                "applied": True,
            }
        ]
    }


def test_without_a_person_to_ask_nothing_is_added_and_no_database_is_made(shop: Shop) -> None:
    result = shop.run("apply")

    assert result.exit_code == 3
    assert "Put shop on the schedule - nothing was done; say so with --yes" in result.stderr
    assert not (shop.folder / "var").exists()


def test_a_touch_between_two_events_names_both(shop: Shop) -> None:
    touch = "{id: check, channel: call, text: Is it on its way?, on: purchase, when: between purchase and delivered}"
    shop.write("second.yaml", SECOND.replace("{id: post-two, channel: facebook, text: Hello}", touch))

    text = shop.done("apply", "second.yaml", "--yes")

    assert "+ second/check   new, purchase → delivered\n" in text


def test_what_is_in_force_as_it_is_gets_no_new_revision(shop: Shop) -> None:
    shop.applied()
    shop.edit("shop.yaml", "title: The Shop opens", "title: The Shop opens  # soon")

    text = shop.done("apply")

    assert text == "No changes. shop matches its schedule; next: welcome, Tue 1 Dec 09:30 (in 11 days).\n"
    assert revision(shop) == 1


def test_an_edit_nobody_gets_to_see_is_applied_after_a_simple_yes(shop: Shop) -> None:
    shop.applied()
    shop.edit("shop.yaml", "title: The Shop opens", "title: The Shop opens again")

    asked = shop.run("apply")
    text = shop.done("apply", "--yes")

    assert asked.exit_code == 3
    assert "Nothing people get changes. Apply shop" in asked.stderr
    assert "Applied shop 2026: nothing people get changed. Revision 2." in text


def test_a_change_of_what_is_scheduled_needs_the_name(shop: Shop) -> None:
    shop.applied()
    shop.edit("shop.yaml", "Ten percent", "Twenty percent")

    refused = shop.run("apply", "--yes")
    wrong = shop.run("apply", "--confirm", "shoe")
    done = shop.done("apply", "--confirm", "shop")

    assert refused.exit_code == 3
    assert "1 touch on the schedule will be different - nothing was done; say so with --confirm shop" in refused.stderr
    assert wrong.exit_code == 3
    assert "Applied shop 2026: 1 changed. Revision 2." in done


def test_people_who_will_not_get_a_message_they_were_due_are_counted_in_the_question(shop: Shop) -> None:
    shop.applied()
    shop.done("event", "lea@example.org", "purchase", "--key", "product=tea")
    text = (shop.folder / "shop.yaml").read_text(encoding="utf-8")
    shop.write("shop.yaml", "\n".join(line for line in text.splitlines() if "id: thanks" not in line) + "\n")

    refused = shop.run("apply", "--yes")
    done = shop.json("apply", "--confirm", "shop")

    assert "1 person will not get a message they were due" in refused.stderr
    assert done["applied"][0]["cancelled"] == 1


def test_every_mistake_of_every_file_is_told_and_nothing_is_applied(shop: Shop) -> None:
    shop.write("second.yaml", SECOND.replace("text: Hello", "text: Hello, variants: [{text: Hi}]"))
    shop.edit("shop.yaml", "  unsubscribe: mailto:stop@shop.example\n", "")

    result = shop.run("apply", "--yes")

    assert result.exit_code == 1
    assert "second.yaml:8:56: error: `variants:` is not built yet" in result.stderr
    assert "shop.yaml:7:1: error: the marketing mail 'welcome' and 2 more: no way to unsubscribe" in result.stderr
    assert "2 errors" in result.stderr
    assert not (shop.folder / "var").exists()


def test_two_files_that_cannot_be_read_are_told_together(shop: Shop) -> None:
    shop.write("second.yaml", SECOND.replace("channel:", "chanel:"))
    shop.edit("shop.yaml", "when: 3 days later", "when: 3 day later on")

    result = shop.run("apply", "--yes")

    assert result.exit_code == 1
    assert "second.yaml:8:24: error: unknown key `chanel`" in result.stderr
    assert "shop.yaml:28:" in result.stderr


def test_with_json_the_mistakes_are_one_document(shop: Shop) -> None:
    shop.edit("shop.yaml", "  unsubscribe: mailto:stop@shop.example\n", "")

    result = shop.run("apply", "--yes", "--json")

    assert result.exit_code == 1
    assert [finding["code"] for finding in json.loads(result.stdout)["findings"]] == ["template-unsubscribe"]


def test_several_files_are_applied_in_one_command(shop: Shop) -> None:
    shop.write("second.yaml", SECOND)

    document = shop.json("apply", "--yes")

    assert [one["campaign"] for one in document["applied"]] == ["second", "shop"]
    assert [one["id"] for one in shop.json("status")["campaigns"]] == ["second", "shop"]


def test_with_several_files_each_change_needs_its_own_name(shop: Shop) -> None:
    shop.write("second.yaml", SECOND)
    shop.applied()
    shop.edit("shop.yaml", "Ten percent", "Twenty percent")
    shop.edit("second.yaml", "text: Hello", "text: Good day")

    one = shop.run("apply", "--confirm", "shop")
    both = shop.run("apply", "--confirm", "shop", "--confirm", "second")

    assert one.exit_code == 3
    assert both.exit_code == 0
    assert [one["revision"] for one in shop.json("status")["campaigns"]] == [2, 2]


def test_a_cancelled_campaign_is_put_back_by_its_name_alone(shop: Shop) -> None:
    shop.applied()
    shop.done("cancel", "shop", "--confirm", "shop")

    refused = shop.run("apply", "--yes")
    state = shop.json("status")["campaigns"][0]["state"]
    done = shop.done("apply", "--confirm", "shop")

    assert refused.exit_code == 3
    assert "! shop was cancelled by a person: nothing of it goes\n" in refused.stdout
    assert (
        "shop was cancelled by a person and goes again - nothing was done; say so with --confirm shop" in refused.stderr
    )
    assert state == "cancelled"
    assert "Applied shop 2026: back on the schedule. Revision 2." in done
    assert shop.json("status")["campaigns"][0]["state"] == "running"


def test_an_addition_to_a_cancelled_campaign_needs_its_name_too(shop: Shop) -> None:
    shop.write("second.yaml", SECOND)
    shop.applied()
    shop.done("cancel", "second", "--confirm", "second")
    shop.write("second.yaml", f"{SECOND}      - {{id: post-three, channel: facebook, text: Good day}}\n")

    refused = shop.run("apply", "--yes")
    shop.done("apply", "--confirm", "second")

    assert refused.exit_code == 3
    assert "say so with --confirm second" in refused.stderr
    assert [one["state"] for one in shop.json("status")["campaigns"]] == ["running", "running"]


def test_an_apply_leaves_a_paused_campaign_paused_and_says_so(shop: Shop) -> None:
    shop.applied()
    shop.done("pause", "shop")
    shop.edit("shop.yaml", "title: The Shop opens", "title: The Shop opens again")

    text = shop.done("apply", "--yes")

    assert "! shop is paused: nothing of it goes\n    to let it go on: campaign resume shop\n" in text
    assert shop.json("status")["campaigns"][0]["state"] == "paused"


def test_a_date_that_comes_again_for_nobody_is_not_called_the_next(shop: Shop) -> None:
    late = "2026-12-03T18:00+01:00"
    shop.applied()
    shop.send(late)
    shop.edit("shop.yaml", "when: 1 December", "when: 10 December")

    planned = shop.done("plan", now=late)
    rows = [row.split("\t") for row in shop.done("plan", "--plain", now=late).splitlines()]
    shop.done("apply", "--confirm", "shop", now=late)
    again = shop.done("plan", now=late)

    assert "! welcome ended as expired for 2 people, who get nothing of it   shop.yaml:24\n" in planned
    assert rows[0][:5] == ["~", "2026-12-10T09:30:00+01:00", "shop/welcome", "email", "0"]
    assert (
        again.splitlines()[-1] == "No changes. shop matches its schedule; next: letter, Sun 13 Dec 10:00 (in 9 days)."
    )


def test_a_saved_plan_of_a_fresh_project_applies(shop: Shop) -> None:
    shop.done("plan", "-o", "plan.json")

    text = shop.done("apply", "plan.json", "--yes", now="2026-11-21T09:00+01:00")

    assert "Applied shop 2026: 6 added. Revision 1." in text


@pytest.mark.parametrize(
    ("happening", "reason"),
    [
        (lambda shop: shop.edit("shop.yaml", "Twenty percent", "Nine percent"), "shop.yaml was edited since"),
        (lambda shop: shop.done("event", "lea@example.org", "purchase"), "the database changed since"),
        (lambda shop: None, "its first moment, 2026-12-01T09:30:00+01:00, has passed"),
    ],
    ids=["an edit", "an event", "time"],
)
def test_a_saved_plan_that_no_longer_holds_is_refused(shop: Shop, happening, reason: str) -> None:  # type: ignore[no-untyped-def]
    shop.applied()
    shop.edit("shop.yaml", "Ten percent", "Twenty percent")
    shop.done("plan", "-o", "plan.json")
    happening(shop)
    now = "2026-12-03T09:00+01:00" if "passed" in reason else "2026-11-20T09:00+01:00"

    result = shop.run("apply", "plan.json", "--confirm", "shop", now=now)

    assert result.exit_code == 1
    assert reason in result.stderr
    assert revision(shop) == 1


def test_a_change_and_a_note_of_what_would_be_held_stand_before_the_question(shop: Shop) -> None:
    text = shop.run("apply").stdout

    assert "! no account for email, instagram: their messages will be held" in text
    assert text.rstrip().endswith("Plan: 6 to add, 0 to change, 0 to cancel. Nothing has been sent.")
