"""Writing and looking: when, lint, schema, new, preview."""

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


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def campaign(*args: str) -> Result:
    return CliRunner().invoke(cli, [*args, "--now", NOW])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_when_says_from_when_to_when_and_how_to_write_it_structurally() -> None:
    result = campaign("when", "early january", "--tz", "Europe/Paris")

    assert result.exit_code == 0
    assert result.stdout == golden(HERE / "screens" / "when.txt", result.stdout)


def test_when_as_json_has_the_keys_of_the_contract() -> None:
    result = campaign("when", "early january", "--tz", "Europe/Paris", "--json")

    document = json.loads(result.stdout)
    assert [key for key in document if key not in ("why", "timing")] == [
        "phrase",
        "earliest",
        "latest",
        "target",
        "says",
    ]
    assert document["phrase"] == "early january"
    assert document["earliest"] == "2027-01-01T00:00:00+01:00"
    assert document["latest"] == "2027-01-10T23:59:59+01:00"
    assert document["timing"]["phrase"] == "early january"


def test_the_structure_that_when_prints_is_read_as_the_same_timing() -> None:
    from campaigns.timing import phrases, structure

    timing = json.loads(campaign("when", "3 to 5 days later", "--previous", "2027-01-04", "--json").stdout)["timing"]

    read = structure.read(timing, language="en", country=None, events=(), occasions=())
    assert read == phrases.parse("3 to 5 days later")


def test_when_counts_from_the_event_it_is_given() -> None:
    result = campaign("when", "2 days after delivered", "--event", "delivered=2027-02-01T15:00", "--json")

    assert json.loads(result.stdout)["target"].startswith("2027-02-03")


def test_when_lists_the_first_dates_of_a_repeat() -> None:
    document = json.loads(campaign("when", "every 30 days, 3 times", "--start", "2027-01-04", "--json").stdout)

    assert len(document["occurrences"]) == 3


def test_a_phrase_that_cannot_be_read_is_an_error_with_its_place_and_code_1() -> None:
    result = campaign("when", "a week befor easter", "--json")

    error = json.loads(result.stdout)["error"]
    assert result.exit_code == 1
    assert error["at"] == 7
    assert "'befor'" in error["message"]
    assert "did you mean 'before'?" in error["hint"]
    assert list(error) == ["message", "at", "hint"]


def test_on_a_screen_the_unreadable_word_is_underlined() -> None:
    result = campaign("when", "a week befor easter")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines()[1:3] == ["  │ a week befor easter", "  │        ^^^^^"]


def test_a_phrase_that_waits_for_a_moment_says_how_to_give_it() -> None:
    result = campaign("when", "3 days later")

    assert result.exit_code == 1
    assert "--previous 2027-01-04" in result.stderr


def test_when_in_an_unknown_zone_names_a_near_one() -> None:
    assert "did you mean 'Europe/Paris'?" in campaign("when", "tomorrow", "--tz", "Europe/Pari").stderr


def test_lint_reports_every_mistake_with_its_line_and_code_1(shop: Path) -> None:
    shutil.copy(HERE / "bad.yaml", "bad.yaml")

    result = campaign("lint", "bad.yaml")

    assert result.exit_code == 1
    assert result.stdout == golden(HERE / "screens" / "lint.txt", result.stdout)


def test_lint_as_json_has_the_keys_of_the_contract(shop: Path) -> None:
    shutil.copy(HERE / "bad.yaml", "bad.yaml")

    findings = json.loads(campaign("lint", "bad.yaml", "--json").stdout)["findings"]

    assert [(finding["level"], finding["line"], finding["column"]) for finding in findings] == [
        ("error", 5, 11),
        ("error", 6, 5),
        ("error", 10, 18),
    ]
    assert list(findings[0]) == ["code", "level", "message", "hint", "file", "line", "column"]


def test_lint_looks_at_every_file_of_the_project(shop: Path) -> None:
    shutil.copy(HERE / "bad.yaml", "bad.yaml")

    result = campaign("lint")

    assert result.stdout.splitlines()[-1] == "3 errors, 0 warnings in 2 files"


def test_a_good_file_lints_well_and_warnings_fail_only_when_strict(shop: Path) -> None:
    assert campaign("lint", "--strict").exit_code == 0
    edit(shop / "shop.yaml", "staff_briefed: true", "staff_briefed: false")

    assert campaign("lint").exit_code == 0
    assert campaign("lint", "--strict").exit_code == 1


def test_a_template_with_an_unknown_variable_is_found_by_lint(shop: Path) -> None:
    edit(shop / "shop.yaml", "Thank you!", "{{ kontact.first_name }}")

    result = campaign("lint")

    assert result.exit_code == 1
    assert "kontact" in result.stdout


def test_the_schema_is_a_json_schema_and_accepts_the_example_file(empty: Path) -> None:
    campaign("schema", "-o", "campaign.schema.json")

    schema = json.loads((empty / "campaign.schema.json").read_text(encoding="utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(campaign("schema").stdout) == schema


def test_new_copies_an_example_with_schema_and_a_plan_works_at_once(empty: Path) -> None:
    result = campaign("new", "valentines")

    text = (empty / "valentines" / "valentines.yaml").read_text(encoding="utf-8")
    assert result.exit_code == 0
    assert text.startswith("# yaml-language-server: $schema=campaign.schema.json\ncampaign: valentines\n")
    assert json.loads((empty / "valentines" / "campaign.schema.json").read_text(encoding="utf-8"))
    assert "var/" in (empty / "valentines" / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert campaign("plan").exit_code == 0


def test_new_gives_the_example_another_id(empty: Path) -> None:
    campaign("new", "spring", "--from", "valentines", "--into", "shop")

    text = (empty / "shop" / "spring.yaml").read_text(encoding="utf-8")
    assert "\ncampaign: spring\n" in text
    assert campaign("plan", "spring", "--json").exit_code == 0


def test_new_never_overwrites(empty: Path) -> None:
    (empty / "valentines").mkdir()
    (empty / "valentines" / "mine.txt").write_text("mine")

    result = campaign("new", "valentines")

    assert result.exit_code == 1
    assert "valentines is not empty" in result.stderr
    assert [path.name for path in (empty / "valentines").iterdir()] == ["mine.txt"]


def test_new_takes_an_example_in_the_language_asked_for(empty: Path) -> None:
    campaign("new", "primavara", "--lang", "ro")

    assert "\nlanguage: ro" in (empty / "primavara" / "primavara.yaml").read_text(encoding="utf-8")


def test_an_unknown_example_is_answered_with_a_near_name(empty: Path) -> None:
    result = campaign("new", "x", "--from", "valentine")

    assert result.exit_code == 1
    assert result.stderr == "error: no example 'valentine' - did you mean 'valentines'?\n"


def test_new_lists_the_examples_with_language_and_title(empty: Path) -> None:
    listed = json.loads(campaign("new", "--list", "--json").stdout)

    assert {"name": "valentines", "language": "fr", "title": "Saint-Valentin"} in listed


def test_a_bad_id_is_refused_before_anything_is_written(empty: Path) -> None:
    result = campaign("new", "My Shop")

    assert result.exit_code == 64
    assert list(empty.iterdir()) == []


def test_preview_shows_the_message_as_the_persona_reads_it(shop: Path) -> None:
    result = campaign("preview", "offer-email", "--persona", "lea")

    assert result.exit_code == 0
    assert result.stdout == golden(HERE / "screens" / "preview.txt", result.stdout)


def test_preview_reads_a_person_from_a_contacts_file(shop: Path) -> None:
    result = campaign("preview", "offer-email", "--contact", "karim@example.org", "--contacts", "people.csv", "--json")

    document = json.loads(result.stdout)
    assert (document["contact"], document["subject"]) == ("karim@example.org", "Karim, 30 % off")
    assert document["at"] == "2027-01-29T09:30:00+01:00"


def test_preview_takes_facts_of_the_event(shop: Path) -> None:
    result = campaign("preview", "cart-reminder", "--key", "product=a ring", "--as", "text")

    assert "You left a ring behind." in result.stdout


def test_preview_without_a_needed_fact_names_the_template_and_the_variable(shop: Path) -> None:
    result = campaign("preview", "cart-reminder")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "event.product" in result.stderr


def test_preview_as_raw_is_a_mail_the_standard_library_reads(shop: Path) -> None:
    import email
    import email.policy

    mail = email.message_from_string(
        campaign("preview", "offer-email", "--as", "raw").stdout, policy=email.policy.default
    )

    assert mail["subject"] == "Léa, 30 % off"
    assert mail["list-unsubscribe"] == "<mailto:stop@rings.example>"


def test_preview_of_a_post_is_what_will_be_posted(shop: Path) -> None:
    assert campaign("preview", "teaser", "--as", "text").stdout.strip() == "Which ring will it be?"


def test_preview_finds_a_touch_of_an_example(shop: Path) -> None:
    result = campaign("preview", "valentines/offer-email", "--persona", "karim", "--json")

    assert json.loads(result.stdout)["campaign"] == "valentines"


def test_a_touch_that_several_campaigns_have_must_be_named_with_its_campaign(shop: Path) -> None:
    shutil.copy("shop.yaml", "second.yaml")
    edit(shop / "second.yaml", "campaign: spring", "campaign: second")

    result = campaign("preview", "teaser")

    assert result.exit_code == 1
    assert "write one of second/teaser, shop/teaser" in result.stderr
    assert campaign("preview", "second/teaser").exit_code == 0


def test_an_unknown_touch_and_an_unknown_persona_are_answered_with_near_names(shop: Path) -> None:
    assert "did you mean 'offer-email'?" in campaign("preview", "ofer-email").stderr
    assert "did you mean 'lea'?" in campaign("preview", "offer-email", "--persona", "leo").stderr


def test_nobody_is_known_without_a_database_or_a_file(shop: Path) -> None:
    result = campaign("preview", "offer-email", "--contact", "lea@example.org")

    assert result.exit_code == 1
    assert "name a file (--contacts FILE.csv) or a --persona" in result.stderr


@pytest.mark.parametrize(
    "args",
    [["when", "early january"], ["lint", "shop.yaml"], ["preview", "offer-email"], ["schema"]],
    ids=lambda a: a[0],
)
def test_looking_imports_no_database(shop: Path, args: list[str]) -> None:
    code = "import sys\nfrom scheduler.cli.main import cli\ntry:\n cli.main(sys.argv[1:])\nexcept SystemExit:\n pass\n"
    code += "print([name for name in ('sqlalchemy', 'sqlmodel', 'apscheduler', 'alembic') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True, cwd=shop)

    assert done.stdout.splitlines()[-1] == "[]", done.stderr
