import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.terminal import golden

from scheduler.cli.main import cli

HERE = Path(__file__).parent / "see"
NOW = "2026-11-20"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one campaign file and its people, standing in its folder."""
    for name in ("shop.yaml", "people.csv"):
        shutil.copy(HERE / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for name in ("CAMPAIGN_NOW", "CAMPAIGN_DATABASE_URL", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def campaign(*args: str, now: str = NOW) -> Result:
    return CliRunner().invoke(cli, [*args, "--now", now])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_plan_of_a_shop_is_the_golden_screen(shop: Path) -> None:
    result = campaign("plan", "shop.yaml", "--contacts", "people.csv")

    assert result.exit_code == 0
    assert result.stdout == golden(HERE / "screens" / "plan.txt", result.stdout)
    assert result.stderr == ""


def test_every_line_of_the_head_and_strip_fits_into_88_columns(shop: Path) -> None:
    lines = campaign("plan", "shop.yaml", "--contacts", "people.csv").stdout.splitlines()

    assert [line for line in lines[:9] if len(line) > 88] == []


def test_a_plan_in_a_pipe_has_no_colour_and_no_trailing_blanks(shop: Path) -> None:
    text = campaign("plan").stdout

    assert "\x1b" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_the_plan_as_json_has_exactly_the_keys_of_the_contract(shop: Path) -> None:
    result = campaign("plan", "shop.yaml", "--contacts", "people.csv", "--json")

    plan = json.loads(result.stdout)
    promised = ["campaign", "timezone", "now", "tzdata", "stages", "touches", "changes", "findings", "hash"]
    more = ["in_flight", "budget", "personas", "fatigue", "costs", "tokens", "state", "paused_until", "paused_touches"]
    assert list(plan) == [*promised, *more]
    assert (plan["campaign"], plan["timezone"], plan["now"]) == ("spring", "Europe/Paris", "2026-11-20T00:00:00+01:00")
    assert plan["stages"][0] == {
        "id": "awareness",
        "kind": "awareness",
        "earliest": "2027-01-01T00:00:00+01:00",
        "latest": "2027-01-10T23:59:59+01:00",
    }
    assert plan["stages"][2] == {"id": "loyalty", "kind": "loyalty", "earliest": None, "latest": None}
    assert plan["touches"][1] == {
        "id": "offer-email",
        "stage": "conversion",
        "channel": "email",
        "by_hand": False,
        "earliest": "2027-01-21T00:00:00+01:00",
        "latest": "2027-01-31T23:59:59+01:00",
        "due_at": "2027-01-29T09:30:00+01:00",
        "local": "2027-01-29T09:30:00+01:00",
        "trigger": None,
        "recipients": 2,
        "reason": "late january; Sun 31 Jan is no sending day (Mon-Fri) · LOVE30",
    }
    waiting = plan["touches"][2]
    assert (waiting["trigger"], waiting["due_at"], waiting["recipients"]) == ("cart_abandoned", None, 2)
    assert plan["changes"] == {"add": 5, "change": 0, "cancel": 0, "ignored": 0, "messages": 0}
    assert (plan["state"], plan["paused_until"], plan["paused_touches"]) == (None, None, [])


def test_recipients_are_null_where_nobody_was_counted(shop: Path) -> None:
    plan = json.loads(campaign("plan", "--json").stdout)

    assert [touch["recipients"] for touch in plan["touches"]] == [None] * 5


def test_the_hash_is_the_same_from_another_day(shop: Path) -> None:
    first, second = (json.loads(campaign("plan", "--json", now=now).stdout) for now in (NOW, "2026-11-21"))

    assert first["hash"] == second["hash"]
    assert first["now"] != second["now"]


def test_several_files_are_a_list_of_plans(shop: Path) -> None:
    shutil.copy("shop.yaml", "second.yaml")
    edit(shop / "second.yaml", "campaign: spring", "campaign: second")

    plans = json.loads(campaign("plan", "--json").stdout)

    assert [plan["campaign"] for plan in plans] == ["second", "spring"]


def test_plain_rows_are_separated_by_tabs(shop: Path) -> None:
    rows = [line.split("\t") for line in campaign("plan", "--plain", "--contacts", "people.csv").stdout.splitlines()]

    assert rows[1] == [
        "+",
        "2027-01-29T09:30:00+01:00",
        "spring/offer-email",
        "email",
        "2",
        "late january; Sun 31 Jan is no sending day (Mon-Fri) · LOVE30",
    ]
    assert rows[2][:5] == ["+", "cart_abandoned +1 d", "spring/cart-reminder", "email", "≤2"]


def test_only_the_touches_asked_for_are_listed(shop: Path) -> None:
    rows = campaign("plan", "--plain", "--touch", "teaser", "--touch", "spring/thanks").stdout.splitlines()

    assert [row.split("\t")[2] for row in rows] == ["spring/teaser", "spring/thanks"]


def test_a_touch_asked_for_tells_its_window_and_the_rule_it_comes_from(shop: Path) -> None:
    shown = campaign("plan", "--touch", "offer-email").stdout

    assert "that is  Thu 21 - Sun 31 Jan 2027, target Fri 29 Jan" in shown
    assert "the 21st to the last day, target the last day (UCP 600, art. 3" in shown


def test_only_the_days_asked_for_are_listed(shop: Path) -> None:
    rows = campaign("plan", "--plain", "--from", "2027-01-10", "--to", "2027-01-29").stdout.splitlines()

    assert [row.split("\t")[2] for row in rows] == ["spring/offer-email"]


def test_an_unknown_touch_is_answered_with_a_near_name(shop: Path) -> None:
    result = campaign("plan", "--touch", "teasr")

    assert result.exit_code == 64
    assert "no touch 'teasr' - did you mean 'teaser'?" in result.stderr


def test_without_a_database_everything_is_a_change(shop: Path) -> None:
    assert campaign("plan", "--detailed-exitcode").exit_code == 2
    assert campaign("plan").exit_code == 0


def test_a_broken_file_is_shown_with_its_lines_and_ends_with_1(shop: Path) -> None:
    edit(shop / "shop.yaml", "channel: instagram", "chanel: instagram")

    result = campaign("plan", "--detailed-exitcode")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "shop.yaml:37:22: error: unknown key `chanel`" in result.stderr
    assert "    37 │       - {id: teaser, chanel: instagram" in result.stderr


def test_an_error_finding_ends_with_1_and_points_to_lint(shop: Path) -> None:
    edit(shop / "shop.yaml", "  unsubscribe: mailto:stop@rings.example\n", "")

    result = campaign("plan")

    assert result.exit_code == 1
    assert "✗ " in result.stdout
    assert "Next: campaign lint shop.yaml" in result.stdout


def test_the_name_of_an_example_is_looked_up_and_the_path_is_told_first(shop: Path) -> None:
    (shop / "shop.yaml").unlink()

    result = campaign("plan", "valentines.yaml")

    assert result.exit_code == 0
    first = result.stdout.splitlines()[0]
    assert first.startswith("using ")
    assert first.endswith("valentines/valentines.yaml")


def test_with_json_the_path_is_told_on_stderr(shop: Path) -> None:
    result = campaign("plan", "valentines.yaml", "--json")

    assert json.loads(result.stdout)["campaign"] == "valentines"
    assert result.stderr.startswith("using ")


def test_without_a_campaign_file_the_next_step_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    result = campaign("plan")

    assert result.exit_code == 1
    assert "no campaign file in" in result.stderr
    assert "campaign new" in result.stderr


def test_a_plan_leaves_no_file(shop: Path) -> None:
    before = sorted(path.name for path in shop.rglob("*"))

    campaign("plan", "--contacts", "people.csv")
    campaign("plan", "--diff")

    assert sorted(path.name for path in shop.rglob("*")) == before


def test_the_calendar_file_has_the_dates_and_is_the_same_every_time(shop: Path) -> None:
    from icalendar import Calendar

    campaign("plan", "--ics", "first.ics")
    campaign("plan", "--ics", "second.ics")

    data = (shop / "first.ics").read_bytes()
    events = {str(event["summary"]): event for event in Calendar.from_ical(data).walk("VEVENT")}
    assert data == (shop / "second.ics").read_bytes()
    assert sorted(events) == [
        "Spring rings: LOVE30",
        "Spring rings: awareness",
        "Spring rings: conversion",
        "Spring rings: offer-email (email)",
        "Spring rings: teaser (instagram)",
        "Spring rings: valentine's day",
    ]
    assert events["Spring rings: offer-email (email)"]["dtstart"].to_ical() == b"20270129T083000Z"
    assert events["Spring rings: awareness"]["dtstart"].to_ical() == b"20270101"
    assert events["Spring rings: awareness"]["dtend"].to_ical() == b"20270111"


def test_a_saved_plan_carries_its_fingerprint(shop: Path) -> None:
    result = campaign("plan", "-o", "plan.json")

    document = json.loads((shop / "plan.json").read_text(encoding="utf-8"))
    [entry] = document["plans"]
    assert document["format"] == "campaign-plan/1"
    assert entry["file"] == str(shop / "shop.yaml")
    assert (entry["campaign"], entry["generation"]) == ("spring", "")
    assert entry["next_due_at"] == "2027-01-04T10:00:00+01:00"
    assert entry["hash"] == entry["plan"]["hash"]
    assert len(entry["file_hash"]) == 64
    assert "campaign apply plan.json" in result.stderr


def test_a_plan_that_cannot_be_saved_is_an_error(shop: Path) -> None:
    result = campaign("plan", "-o", "missing/plan.json")

    assert result.exit_code == 1
    assert "cannot write missing/plan.json: no such file or directory" in result.stderr


def test_diff_says_what_each_change_means(shop: Path) -> None:
    result = campaign("plan", "--diff")

    assert result.stdout.splitlines()[:3] == [
        "+ spring/teaser          new, Mon 4 Jan 10:00",
        "+ spring/offer-email     new, Fri 29 Jan 09:30",
        "+ spring/cart-reminder   new, cart_abandoned +1 d",
    ]


def test_repeats_are_shortened_until_all_are_asked_for(shop: Path) -> None:
    edit(
        shop / "shop.yaml",
        "      - {id: teaser, channel: instagram, ",
        '      - {id: teaser, channel: instagram, repeat: "every 7 days, 5 times", ',
    )

    short, whole = campaign("plan").stdout, campaign("plan", "--all").stdout

    assert short.count(" teaser ") == 3
    assert "  … and 2 more dates of teaser: --all shows them" in short.splitlines()
    assert whole.count(" teaser ") == 5


def test_a_bad_contacts_file_is_told_with_its_remedy(shop: Path) -> None:
    (shop / "people.csv").write_bytes("email;prénom\nlea@example.org;Léa\n".encode("cp1252"))

    result = campaign("plan", "--contacts", "people.csv")

    assert result.exit_code == 1
    assert "people.csv:1: error: not UTF-8: byte 8 (0xe9) cannot be read - save it as UTF-8" in result.stderr


def test_a_plan_imports_no_database_and_no_network_client(shop: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "scheduler", "plan", "shop.yaml", "--contacts", "people.csv"],
        capture_output=True,
        text=True,
        check=True,
        cwd=shop,
    )

    modules = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert modules & {"sqlalchemy", "sqlmodel", "alembic", "apscheduler", "httpx2", "smtplib", "icalendar"} == set()
    assert "Plan: 5 to add" in done.stdout


def test_after_an_apply_the_plan_says_that_nothing_changes_and_what_comes_next(shop: Path) -> None:
    applied = campaign("apply", "shop.yaml", "--yes")

    result = campaign("plan", "--detailed-exitcode")

    assert applied.exit_code == 0, applied.stderr
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == (
        "No changes. spring matches its schedule; next: teaser, Mon 4 Jan 10:00 (in 45 days)."
    )


def test_after_an_edit_the_plan_marks_what_changes(shop: Path) -> None:
    campaign("apply", "shop.yaml", "--yes")
    edit(shop / "shop.yaml", "when: late january", "when: mid january")
    edit(shop / "shop.yaml", "id: teaser", "id: teaser-two")
    edit(shop / "shop.yaml", "Which ring will it be?", "Whose ring will it be?")

    result = campaign("plan", "--detailed-exitcode")
    difference = campaign("plan", "--diff").stdout.splitlines()

    assert result.exit_code == 2
    assert [line for line in result.stdout.splitlines() if line.startswith(("+", "~", "- "))] == [
        "+ Mon  4 Jan 10:00     teaser-two     instagram    –  early january; Fri 1 Jan is a holiday (New Year's Day)",
        "~ Fri 15 Jan 09:30     offer-email    email        0  mid january · LOVE30",
        "-                      teaser                         cancels a date",
    ]
    assert difference[:5] == [
        "+ spring/teaser-two    new, Mon 4 Jan 10:00",
        "~ spring/offer-email   moves a date",
        "    Fri 29 Jan 09:30 → Fri 15 Jan 09:30",
        "    when: late january → mid january",
        "- spring/teaser        cancels a date",
    ]
    assert "Plan: 1 to add, 1 to change, 1 to cancel. Nothing has been sent." in result.stdout.splitlines()


def test_a_saved_plan_is_refused_once_the_file_was_edited(shop: Path) -> None:
    campaign("plan", "-o", "plan.json")
    edit(shop / "shop.yaml", "when: late january", "when: mid january")

    result = campaign("apply", "plan.json", "--yes")

    assert result.exit_code == 1
    assert "the saved plan of spring no longer holds" in result.stderr


def test_the_mistakes_of_all_files_of_one_plan_are_told_together(shop: Path) -> None:
    for name, wrong in (("one.yaml", "chanel"), ("two.yaml", "chanell")):
        (shop / name).write_text(f"campaign: {name[:3]}\n{wrong}: x\nstages: []\n", encoding="utf-8")

    result = campaign("plan", "one.yaml", "two.yaml")

    assert result.exit_code == 1
    assert "one.yaml:2:1: error: unknown key `chanel`" in result.stderr
    assert "two.yaml:2:1: error: unknown key `chanell`" in result.stderr
