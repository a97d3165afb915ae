"""A post by hand from the plan to the tick, screen by screen.

The golden screens are written anew with `CAMPAIGN_UPDATE_GOLDEN=1 pytest tests/acceptance/test_cli_by_hand.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from support.terminal import Shop, screen

NOON = "2026-12-01T12:00+01:00"
POST = 'channel: instagram, text: "We are open", media: [{file: door.jpg, alt: Our door}]'
BY_HAND = (
    'channel: instagram, by_hand: true, text: "We are open 🌷\\n\\nCome in: https://shop.example/open #paris",'
    " media: [{file: media/door.png, alt: Our door}, {file: media/side.jpg, alt: The side}, {file: door.jpg}]"
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop.example(tmp_path, monkeypatch)
    made.edit("shop.yaml", POST, BY_HAND)
    (tmp_path / "media").mkdir()
    Image.new("RGBA", (1080, 1080), (200, 30, 60, 128)).save(tmp_path / "media" / "door.png")
    side = Image.Exif()
    side[0x0112] = 6  # taken with the camera turned by a quarter
    Image.new("RGB", (1350, 1080), "green").save(tmp_path / "media" / "side.jpg", exif=side)
    return made


def posted(shop: Shop) -> Shop:
    shop.applied().send("2026-12-01T10:00+01:00")
    return shop


def test_the_plan_says_that_it_is_by_hand_and_misses_no_account(shop: Shop) -> None:
    shop.known()

    text = shop.shown("apply", "--yes")

    assert text == screen("by-hand-apply", text)
    assert "no account for instagram" not in text


def test_the_plan_names_the_channel_and_that_it_is_by_hand(shop: Shop) -> None:
    text = shop.shown("plan")

    assert text == screen("by-hand-plan", text)


def test_the_plan_as_data_has_it_too(shop: Shop) -> None:
    touches = {touch["id"]: touch for touch in shop.json("plan")["touches"]}

    assert [touches[name]["by_hand"] for name in ("post", "welcome")] == [True, False]


def test_the_rehearsal_shows_it(shop: Shop) -> None:
    text = shop.done("run", "--dry-run", "shop.yaml")

    assert "instagram, by hand  post" in text


def test_the_list_says_what_is_overdue(shop: Shop) -> None:
    posted(shop)

    text = shop.shown("tasks", now="2026-12-01T15:00+01:00")

    assert text == screen("by-hand-tasks", text)
    assert "1 task overdue: campaign tasks" in shop.done("status", now="2026-12-01T15:00+01:00")


def test_a_task_is_shown_with_all_that_it_needs(shop: Shop) -> None:
    text = posted(shop).shown("tasks", "show", "1", now=NOON)

    assert text == screen("by-hand-task", text)


def test_its_words_alone_go_to_the_clipboard(shop: Shop) -> None:
    text = posted(shop).done("tasks", "show", "1", "--text", now=NOON)

    assert text == "We are open 🌷\n\nCome in: https://shop.example/open #paris\n"


def test_its_files_are_upright_and_as_the_network_wants_them(shop: Shop) -> None:
    paths = posted(shop).done("tasks", "show", "1", "--media", now=NOON).splitlines()

    assert paths == [
        str(shop.folder / "var" / "tasks" / "1" / "1-door.jpg"),
        str(shop.folder / "var" / "tasks" / "1" / "2-side.jpg"),
        str(shop.folder / "door.jpg"),
    ]
    with Image.open(paths[0]) as first, Image.open(paths[1]) as second:
        assert (first.format, first.size, second.format, second.size) == ("JPEG", (1080, 1080), "JPEG", (1080, 1350))
        assert second.getexif().get(0x0112, 1) == 1


def test_a_file_that_is_gone_is_said_so(shop: Shop) -> None:
    posted(shop)
    (shop.folder / "media" / "side.jpg").unlink()

    result = shop.run("tasks", "show", "1", now=NOON)

    assert result.exit_code == 1
    assert "there is no file 'media/side.jpg'" in result.stderr
    assert shop.done("tasks", "show", "1", "--text", now=NOON).startswith("We are open")


def test_it_is_ticked_off_with_a_link_and_opened_again(shop: Shop) -> None:
    posted(shop)

    done = shop.done("tasks", "done", "1", "--link", "https://insta.example/p/C1", "--note", "as a reel", now=NOON)
    (task,) = shop.json("tasks", "--all", now=NOON)["tasks"]
    again = shop.done("tasks", "reopen", "1", now=NOON)

    assert done == "Done: 1. 0 open tasks.\n"
    assert (task["state"], task["link"], task["note"]) == ("done", "https://insta.example/p/C1", "as a reel")
    assert again == "Open again: 1. 1 open task.\n"


def test_a_task_as_data(shop: Shop) -> None:
    task = posted(shop).json("tasks", "show", "1", now=NOON)

    assert {name: task[name] for name in ("channel", "by_hand", "state", "account", "links", "late_at", "ends_at")} == {
        "channel": "instagram",
        "by_hand": True,
        "state": "open",
        "account": "theshop",
        "links": ["https://shop.example/open"],
        "late_at": "2026-12-01T13:00:00+01:00",
        "ends_at": "2026-12-02T23:59:59+01:00",
    }
    assert [(one["alt"], one["copied"]) for one in task["media"]] == [
        ("Our door", "as JPEG: instagram does not take it as it is"),
        ("The side", "turned upright"),
        ("", None),
    ]


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("show",), 64, "say which: campaign tasks show ID"),
        (("show", "1", "2"), 64, "one at a time: campaign tasks show 1"),
        (("show", "7"), 1, "task 7 is not there - see what is open: campaign tasks"),
        (("show", "1", "--text", "--media"), 64, "--text or --media, not both"),
        (("done", "1", "--text"), 64, "--text and --media belong to campaign tasks show ID"),
        (("done", "1", "--link", "not a link"), 1, "cannot read the link 'not a link': expected https://…"),
        (("done", "1", "--link", "javascript:alert(1)"), 1, "cannot read the link 'javascript:alert(1)'"),
        (("list", "--link", "https://x.example"), 64, "--link belongs to one task that is done"),
        (("reopen", "1"), 1, "task 1 is open - see those that are done: campaign tasks --all"),
        (("reopen", "7"), 1, "task 7 is not there"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_refused(shop: Shop, args: tuple[str, ...], code: int, message: str) -> None:
    result = posted(shop).run("tasks", *args, now=NOON)

    assert result.exit_code == code
    assert message in result.stderr


def test_a_task_of_somebody_who_was_forgotten_stays_done(shop: Shop) -> None:
    shop.applied().done("event", "lea@example.org", "bad_experience", now="2026-12-01T09:00+01:00")
    shop.send("2026-12-02T10:00+01:00")
    shop.done("contacts", "forget", "lea@example.org", "--yes", now="2026-12-02T11:00")
    number = next(str(one["id"]) for one in shop.json("tasks", "--all")["tasks"] if one["channel"] == "call")

    result = shop.run("tasks", "reopen", number)

    assert result.exit_code == 1
    assert "is about somebody who was forgotten: it stays as it is" in result.stderr


def test_the_doctor_says_where_the_staff_is_told_and_what_is_missing(shop: Shop) -> None:
    result = shop.run("doctor", "--json", CAMPAIGN_TASKS="mailto:staff@shop.example slack:team")

    checks = [check for check in json.loads(result.stdout)["checks"] if check["name"] == "tasks"]
    assert [(check["message"], check["hint"]) for check in checks] == [
        ("they cannot go to mailto:staff@shop.example", "set CAMPAIGN_SMTP_URL or CAMPAIGN_EMAIL_PROVIDER"),
        ("they cannot go to slack:team", "set CAMPAIGN_ACCOUNTS__SLACK_TEAM__TOKEN"),
    ]
    assert "tasks" not in {check["name"] for check in shop.json("doctor")["checks"]}
