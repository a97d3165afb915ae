import json
from pathlib import Path

import pytest
from support.terminal import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch).applied()


def test_an_event_says_what_it_started_in_the_keys_of_the_contract(shop: Shop) -> None:
    assert shop.json("event", "lea@example.org", "purchase", "--key", "product=tea", "--value", "240") == {
        "accepted": True,
        "duplicate": False,
        "started": ["shop/thanks"],
        "cancelled": [],
    }


def test_a_person_reads_what_an_event_started(shop: Shop) -> None:
    text = shop.done("event", "lea@example.org", "purchase")

    assert text == "purchase of lea@example.org: accepted\n  starts   shop/thanks\n"


def test_the_same_id_again_has_no_second_effect_whenever_it_is_told(shop: Shop) -> None:
    event = ("event", "lea@example.org", "purchase", "--id", "o1", "--key", "product=tea")

    first = shop.json(*event, now="2026-11-24T12:00+01:00")
    second = shop.json(*event, now="2026-11-25T12:00+01:00")

    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert second["started"] == []
    assert [line["touch"] for line in shop.send("2026-11-26T12:00+01:00")] == ["thanks"]


def test_the_same_id_for_something_else_is_refused(shop: Shop) -> None:
    shop.done("event", "lea@example.org", "purchase", "--id", "o1")

    result = shop.run("event", "karim@example.org", "purchase", "--id", "o1")

    assert result.exit_code == 1
    assert "the event key 'o1' is already used for another event" in result.stderr


def test_a_moment_without_an_offset_is_of_the_schedules_zone(shop: Shop) -> None:
    shop.done("event", "lea@example.org", "purchase", "--at", "2026-11-20T08:58")

    person = shop.json("contacts", "show", "lea@example.org")

    assert [line["at"] for line in person["history"] if line["what"] == "event"] == ["2026-11-20T07:58:00+00:00"]


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("zoe@example.org", "purchase"), 1, "nobody is known as 'zoe@example.org'"),
        (("lea@example.org", "purchse"), 1, "unknown event 'purchse' - did you mean 'purchase'?"),
        (("lea@example.org", "zzz"), 1, "or declare it in `events:`"),
        (("lea@example.org",), 64, "say who did what, e.g. campaign event lea@example.org purchase"),
        (("lea@example.org", "purchase", "--at", "noon"), 64, "cannot read 'noon' as a moment"),
        (("lea@example.org", "purchase", "--key", "cart"), 64, "expected NAME=VALUE such as cart=17"),
        (("lea@example.org", "purchase", "--value", "much"), 64, "cannot read 'much' as an amount"),
        (("lea@example.org", "purchase", "--at", "2027-06-01"), 1, "'purchase' lies in the future"),
        (
            ("lea@example.org", "purchase", "--id", "campaign:1"),
            1,
            "the event key 'campaign:1' begins with 'campaign:'",
        ),
        (("--file", "no.ndjson"), 1, "cannot read no.ndjson: no such file or directory"),
        (("--file", "no.ndjson", "lea@example.org"), 64, "with NDJSON in a file everything stands in its lines"),
        (("-", "purchase"), 64, "with NDJSON on stdin everything stands in its lines"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_recorded_is_refused(shop: Shop, args: tuple[str, ...], code: int, message: str) -> None:
    result = shop.run("event", *args)

    assert result.exit_code == code
    assert message in result.stderr


def test_events_come_as_lines_of_json_through_a_pipe(shop: Shop) -> None:
    lines = (
        '{"who": "lea@example.org", "name": "purchase", "id": "o1", "product": "tea"}\n'
        "\n"
        '{"who": "karim@example.org", "name": "bad_experience", "at": "2026-11-20T08:00"}\n'
        '{"who": "lea@example.org", "name": "purchase", "id": "o1", "product": "tea"}\n'
    )

    results = shop.lines("event", "-", stdin=lines)

    assert [(result["duplicate"], result["started"]) for result in results] == [
        (False, ["shop/thanks"]),
        (False, ["shop/call-back"]),
        (True, []),
    ]


def test_without_a_name_a_pipe_is_read(shop: Shop) -> None:
    text = shop.done("event", stdin='{"who": "lea@example.org", "name": "purchase"}\n')

    assert text.startswith("purchase of lea@example.org: accepted\n")


def test_a_line_that_is_refused_stops_no_other_and_ends_with_1(shop: Shop) -> None:
    lines = 'nonsense\n{"who": "zoe@example.org", "name": "purchase"}\n{"who": "lea@example.org", "name": "purchase"}\n'

    result = shop.run("event", "-", stdin=lines)

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: stdin:1:1: not JSON: expecting value at character 1"
        ' - write {"who": "lea@example.org", "name": "purchase"}',
        "error: stdin:2: nobody is known as 'zoe@example.org'"
        " - give the e-mail address, phone number or customer number of a contact",
    ]
    assert result.stdout == "purchase of lea@example.org: accepted\n  starts   shop/thanks\n"


def test_with_json_every_line_has_its_answer(shop: Shop) -> None:
    result = shop.run("event", "-", "--json", stdin='{"who": "zoe@example.org", "name": "purchase"}\n')

    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert answer["accepted"] is False
    assert answer["line"] == 1
    assert answer["error"]["message"] == "nobody is known as 'zoe@example.org'"


def test_opting_out_by_an_event_stops_marketing(shop: Shop) -> None:
    shop.done("event", "lea@example.org", "unsubscribe")

    lines = shop.send("2026-12-01T10:00+01:00")

    assert [line["reason"] for line in lines if line["recipient"] == "c1"] == ["unsubscribed"]


def test_a_file_of_events_has_a_verdict_for_each_line(shop: Shop, tmp_path: Path) -> None:
    lines = [
        '{"who": "lea@example.org", "name": "purchase", "id": "o1"}',
        '{"who": "lea@example.org", "name": "purchase", "id": "o1"}',
        '{"who": "lea@example.org", "name": "review", "id": "o1"}',
        '{"who": "lea@example.org", "name": "purchase", "at": "2027-06-01T10:00"}',
    ]
    (tmp_path / "events.ndjson").write_text("\n".join(lines), encoding="utf-8")

    result = shop.run("event", "--file", str(tmp_path / "events.ndjson"), "--json")

    verdicts = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [(one["line"], one["accepted"], one["duplicate"], one.get("conflict")) for one in verdicts] == [
        (1, True, False, None),
        (2, True, True, None),
        (3, False, False, True),
        (4, False, False, False),
    ]


def test_a_sign_up_makes_a_contact_of_a_stranger_without_consent(shop: Shop) -> None:
    shop.done("event", "zoe@example.org", "signup", "--key", "first_name=Zoé")

    found = shop.json("contacts", "show", "zoe@example.org")

    assert (found["facts"]["first_name"], found["standing"]) == ("Zoé", "no consent")
