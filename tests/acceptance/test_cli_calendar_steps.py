"""A sequence on the calendar on every screen that shows it: plan, its JSON, rehearsal, the plan of an edit, explain.

The golden screens are written anew with `CAMPAIGN_UPDATE_GOLDEN=1 pytest tests/acceptance/test_cli_calendar_steps.py`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.terminal import golden

from scheduler.cli.main import cli

HERE = Path(__file__).parent / "see"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the launch of a collection and its people, standing in its folder."""
    for name in ("launch.yaml", "launch.csv", "launch.ndjson"):
        shutil.copy(HERE / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for name in ("CAMPAIGN_NOW", "CAMPAIGN_DATABASE_URL", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def shown(*args: str, now: str = "2027-02-01T10:00+01:00") -> str:
    result = CliRunner().invoke(cli, [*args, "--now", now])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def test_the_plan_shows_the_steps_on_their_dates(shop: Path) -> None:
    text = shown("plan", "launch.yaml", "--contacts", "launch.csv")

    assert text == golden(HERE / "screens" / "launch-plan.txt", text)


def test_the_rehearsal_lives_through_the_steps(shop: Path) -> None:
    text = shown("run", "--dry-run", "launch.yaml", "--contacts", "launch.csv", "--events", "launch.ndjson")

    assert text == golden(HERE / "screens" / "launch-rehearsal.txt", text)


def test_the_json_of_a_plan_has_the_dates_of_steps_and_what_they_follow(shop: Path) -> None:
    document = json.loads(shown("plan", "launch.yaml", "--contacts", "launch.csv", "--json"))

    assert [(one["id"], one["due_at"], one["trigger"], one.get("after")) for one in document["touches"]] == [
        ("launch", "2027-03-01T10:00:00+01:00", None, None),
        ("visited", None, "received launch", "visit"),
        ("reminder", "2027-03-04T10:00:00+01:00", "received launch", "no visit in 3 days"),
        ("ring-up", "2027-03-06T10:00:00+01:00", "received launch", "reminder"),
        ("news", "2027-03-08T10:00:00+01:00", None, None),
        ("news", "2027-03-15T10:00:00+01:00", None, None),
        ("more-news", "2027-03-10T10:00:00+01:00", "received news", "news"),
        ("more-news", "2027-03-17T10:00:00+01:00", "received news", "news"),
    ]
    assert {one["recipients"] for one in document["touches"]} == {3}


def test_days_that_are_asked_for_have_their_steps(shop: Path) -> None:
    document = json.loads(shown("plan", "launch.yaml", "--from", "2027-03-04", "--to", "2027-03-10", "--json"))

    assert [(one["id"], one["due_at"][:10]) for one in document["touches"]] == [
        ("reminder", "2027-03-04"),
        ("ring-up", "2027-03-06"),
        ("news", "2027-03-08"),
        ("more-news", "2027-03-10"),
    ]


def test_the_plan_of_an_edit_names_the_step_it_changes(shop: Path) -> None:
    shown("contacts", "import", "launch.csv", "--yes")
    shown("apply", "launch.yaml", "--yes")
    file = shop / "launch.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("when: 2 days later, text", "when: 4 days later, text"))

    text = shown("plan", "launch.yaml", "--diff", now="2027-02-02T10:00+01:00")

    assert text == golden(HERE / "screens" / "launch-diff.txt", text)


def test_explaining_a_step_before_its_date_says_what_it_follows(shop: Path) -> None:
    shown("contacts", "import", "launch.csv", "--yes")
    shown("apply", "launch.yaml", "--yes")

    text = shown("explain", "lea@example.org", "launch/reminder", now="2027-02-02T10:00+01:00")

    assert text == golden(HERE / "screens" / "launch-explain.txt", text)
