import json
from pathlib import Path

import pytest
from support.terminal import Shop

KEYS = [
    "at",
    "campaign",
    "touch",
    "stage",
    "channel",
    "by_hand",
    "contact",
    "state",
    "reason",
    "subject",
    "text",
    "html",
]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def test_each_message_is_a_line_in_exactly_the_keys_of_the_contract(shop: Shop) -> None:
    lines = shop.lines("run", "--dry-run", "shop.yaml")

    assert all(list(line) == KEYS for line in lines)
    post = next(line for line in lines if line["touch"] == "post")
    assert post == {
        "at": "2026-12-01T10:00:00+01:00",
        "campaign": "shop",
        "touch": "post",
        "stage": "launch",
        "channel": "instagram",
        "by_hand": False,
        "contact": None,
        "state": "sent",
        "reason": "1 December",
        "subject": None,
        "text": "We are open",
        "html": None,
    }


def test_the_messages_come_in_the_order_they_would_go(shop: Shop) -> None:
    shop.write("events.ndjson", "")

    lines = shop.lines("run", "--dry-run", "shop.yaml", "--contacts", "people.csv", "--events", "events.ndjson")

    assert [
        (line["touch"], line["contact"], line["state"]) for line in lines if line["contact"] != "nina@example.org"
    ] == [
        ("welcome", "lea@example.org", "sent"),
        ("welcome", "karim@example.org", "sent"),
        ("post", None, "sent"),
        ("reminder", "lea@example.org", "suppressed"),
        ("reminder", "karim@example.org", "suppressed"),
        ("letter", "lea@example.org", "sent"),
        ("letter", "karim@example.org", "sent"),
    ]


def test_the_same_input_and_seed_give_the_same_bytes_and_leave_no_file(shop: Shop) -> None:
    before = sorted(path.name for path in shop.folder.iterdir())

    first = shop.done("run", "--dry-run", "shop.yaml", "--contacts", "people.csv", "--json", "--seed", "7")
    second = shop.done("run", "--dry-run", "shop.yaml", "--contacts", "people.csv", "--json", "--seed", "7")

    assert first == second
    assert sorted(path.name for path in shop.folder.iterdir()) == before


def test_the_files_of_a_rehearsal_are_the_same_bytes_too(shop: Shop) -> None:
    def written(name: str) -> dict[str, bytes]:
        shop.done("run", "--dry-run", "shop.yaml", "--outbox", name)
        folder = shop.folder / name
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    first = written("one")

    assert first == written("two")
    assert [name.rsplit("-", 1)[0] for name in sorted(first) if name.endswith((".eml", ".md"))] == [
        "shop-2026/2026-11-24T1105Z-thanks-lea",
        "shop-2026/2026-12-01T0830Z-welcome-lea",
        "shop-2026/2026-12-01T0900Z-post",
        "shop-2026/2026-12-04T0900Z-letter-lea",
    ]


def test_events_of_a_file_take_the_place_of_the_personas_own(shop: Shop) -> None:
    shop.write(
        "events.ndjson", '{"who": "karim@example.org", "name": "purchase", "at": "day 2 09:00", "product": "cup"}\n'
    )

    lines = shop.lines("run", "--dry-run", "shop.yaml", "--contacts", "people.csv", "--events", "events.ndjson")

    thanks = [(line["at"], line["contact"], line["text"]) for line in lines if line["touch"] == "thanks"]
    assert [(at, who) for at, who, _ in thanks] == [("2026-11-22T09:05:00+01:00", "karim@example.org")]
    assert str(thanks[0][2]).startswith("For cup")


def test_events_before_the_start_are_history_that_no_touch_answers(shop: Shop) -> None:
    shop.edit("shop.yaml", "approval: required, subject", "audience: not purchased('cup'), approval: required, subject")
    shop.write(
        "events.ndjson", '{"who": "karim@example.org", "name": "purchase", "at": "day -9 09:00", "product": "cup"}\n'
    )

    lines = shop.lines("run", "--dry-run", "shop.yaml", "--contacts", "people.csv", "--events", "events.ndjson")

    assert [line["contact"] for line in lines if line["touch"] == "letter" and line["state"] == "sent"] == [
        "lea@example.org"
    ]
    assert [line for line in lines if line["touch"] == "thanks"] == []


def test_people_nobody_knows_and_events_nobody_declared_are_refused_with_their_lines(shop: Shop) -> None:
    shop.write(
        "events.ndjson",
        '{"who": "zoe@example.org", "name": "purchase", "at": "day 2 09:00"}\n'
        '{"who": "lea@example.org", "name": "purchase", "at": "day 2 09:00"}\n'
        '{"who": "lea@example.org", "name": "purchse", "at": "day 2 09:00"}\n',
    )

    result = shop.run("run", "--dry-run", "shop.yaml", "--events", "events.ndjson")

    assert result.exit_code == 1
    assert "events.ndjson:1:1: error: nobody is known as 'zoe@example.org'" in result.stderr
    assert "events.ndjson:3:1: error: unknown event 'purchse' - did you mean 'purchase'?" in result.stderr
    assert "2 errors" in result.stderr


def test_a_key_that_is_not_built_yet_is_refused_by_name_and_line(shop: Shop) -> None:
    shop.edit("shop.yaml", "id: post,", "id: post, variants: [{text: Hi}],")

    result = shop.run("run", "--dry-run", "shop.yaml", "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["error"]["at"].startswith("shop.yaml:23:")
    assert "`variants:` is not built yet" in document["findings"][0]["message"]


def test_a_message_that_fails_ends_with_1(shop: Shop) -> None:
    shop.write("events.ndjson", '{"who": "lea@example.org", "name": "purchase", "at": "day 2 09:00"}\n')

    result = shop.run("run", "--dry-run", "shop.yaml", "--events", "events.ndjson")

    assert result.exit_code == 1
    assert "   1  thanks    failed      campaign: unknown name 'event.product'" in result.stdout


def test_rows_of_the_contacts_that_are_left_out_are_told(shop: Shop) -> None:
    result = shop.run("run", "--dry-run", "shop.yaml", "--contacts", "people.csv")

    assert "! people.csv:5: email: “zoe@@example” is not an e-mail address; left out" in result.stderr


def test_a_rehearsal_begins_and_ends_where_it_is_told_to(shop: Shop) -> None:
    text = shop.done("run", "--dry-run", "shop.yaml", "--from", "2026-11-30", "--until", "2026-12-01T12:00")

    assert "Mon 30 Nov 2026 00:00 to Tue 1 Dec 2026 12:00 · Europe/Paris · 1 persona" in text
    assert "Rehearsed: 2 messages would go, 0 withheld." in text


def test_an_end_before_the_start_is_a_wrong_command_line(shop: Shop) -> None:
    result = shop.run("run", "--dry-run", "shop.yaml", "--until", "2026-11-01")

    assert result.exit_code == 64
    assert "'2026-11-01' lies before the start of the rehearsal, Fri 20 Nov 2026 09:00" in result.stderr


def test_several_campaigns_are_rehearsed_together_and_share_the_caps_of_a_person(shop: Shop) -> None:
    text = (shop.folder / "shop.yaml").read_text(encoding="utf-8")
    shop.write("other.yaml", text.replace("campaign: shop", "campaign: other").replace('at: "09:30"', 'at: "11:00"'))

    lines = shop.lines("run", "--dry-run", "shop.yaml", "other.yaml")

    welcomes = [(line["campaign"], line["state"], line["reason"]) for line in lines if line["touch"] == "welcome"]
    assert welcomes == [("shop", "sent", "1 December"), ("other", "suppressed", "cap: 1 per day")]


def test_the_same_campaign_twice_is_refused(shop: Shop) -> None:
    shop.write("copy.yaml", (shop.folder / "shop.yaml").read_text(encoding="utf-8"))

    result = shop.run("run", "--dry-run", "shop.yaml", "copy.yaml")

    assert result.exit_code == 1
    assert "shop.yaml and copy.yaml are both the campaign 'shop'" in result.stderr


def test_a_preview_of_a_whole_campaign_is_its_rehearsal(shop: Shop) -> None:
    preview = shop.done("preview", "shop.yaml")

    assert preview == shop.done("run", "--dry-run", "shop.yaml")


def test_people_with_their_own_zone_are_told_their_own_time(shop: Shop) -> None:
    shop.edit("shop.yaml", "timezone: Europe/Paris", "timezone: contact\nfallback_timezone: Europe/Paris")
    shop.write("people.csv", "email,first_name,timezone,consent\nann@example.org,Ann,America/New_York,marketing\n")
    shop.write("events.ndjson", "")

    text = shop.done("run", "--dry-run", "shop.yaml", "--contacts", "people.csv", "--events", "events.ndjson")

    assert "Tue  1 Dec 15:30  email      welcome  ann@example.org  (Tue 1 Dec 09:30 America/New_York)" in text


def test_an_outbox_that_cannot_be_written_is_one_line(shop: Shop) -> None:
    shop.write("file", "")

    result = shop.run("run", "--dry-run", "shop.yaml", "--outbox", "file/out")

    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "file/out" in result.stderr
