import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from campaigns.errors import CampaignError, DefinitionError, Mistake, Place
from scheduler.cli import registry
from scheduler.cli.frame import CampaignCommand, CampaignGroup
from scheduler.cli.main import cli
from scheduler.cli.options import Session, common
from scheduler.errors import AttentionError, BusyError


def group_with(function) -> CampaignGroup:
    """A group with one command `do` that runs `function(session)`."""
    group = CampaignGroup("campaign")
    group.add_command(click.command("do", cls=CampaignCommand)(common(function)))
    return group


def raising(error: BaseException) -> CampaignGroup:
    def leaf(session: Session) -> None:
        raise error

    return group_with(leaf)


def run(group: click.Group, *args: str, **options):
    return CliRunner().invoke(group, list(args), **options)


def test_campaign_alone_prints_its_help_and_ends_well() -> None:
    result = run(cli)

    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert result.stdout.index("Examples:") < result.stdout.index("Usage:")


def test_help_lists_the_commands_under_their_sections() -> None:
    lines = run(cli, "-h").stdout.splitlines()

    headings = [line for line in lines if line.rstrip(":") in registry.SECTIONS]
    assert headings[:3] == ["Write:", "See:", "Do:"]


def test_help_loads_no_command_and_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from scheduler.cli.main import cli\n"
        "try:\n"
        "    cli.main(['--help'])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        "heavy = {'pydantic', 'sqlalchemy', 'sqlmodel', 'jinja2', 'ruamel', 'rich', 'holidays', 'babel', 'icalendar'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))\n"
        "print([entry for entry in ('plan', 'when', 'new') if f'scheduler.cli.{entry}' in sys.modules])\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-2:] == ["[]", "[]"]


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_every_command_of_the_table_loads_under_its_name_and_shows_examples(entry: registry.Entry) -> None:
    command = getattr(importlib.import_module(entry.module), entry.attribute)

    result = run(cli, entry.name, "--help")

    assert command.name == entry.name
    assert result.exit_code == 0
    assert "Examples:" in result.stdout or isinstance(command, CampaignGroup)


@pytest.mark.parametrize("name", [entry.name for entry in registry.ENTRIES])
def test_no_command_is_listed_with_half_a_sentence(name: str) -> None:
    text = run(cli, name, "--help").stdout

    assert [line for line in text.splitlines() if line.endswith("...") and not line.startswith("Usage:")] == []


def test_an_unknown_command_is_answered_with_the_nearest_name_and_code_64() -> None:
    result = run(cli, "paln")

    assert result.exit_code == 64
    assert result.stderr.splitlines()[0] == "error: no such command 'paln' - did you mean 'plan'?"


def test_an_unknown_option_is_answered_with_the_nearest_name_and_code_64() -> None:
    result = run(cli, "version", "--jsn")

    assert result.exit_code == 64
    assert result.stderr.splitlines()[0] == "error: no such option '--jsn' - did you mean '--json'?"
    assert result.stderr.splitlines()[-1] == "help:  campaign version --help"


def test_a_bad_value_ends_with_code_64() -> None:
    result = run(cli, "version", "--now", "tomorrow")

    assert result.exit_code == 64
    assert "cannot read 'tomorrow' as a moment, expected e.g. 2027-01-10" in result.stderr


def test_json_and_plain_together_are_refused() -> None:
    assert run(cli, "version", "--json", "--plain").exit_code == 64


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CampaignError("it is so"), 1),
        (BusyError("another daemon holds the schedule"), 75),
        (AttentionError("an approval is missing"), 3),
        (click.Abort(), 3),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("by zero"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_kind_of_failure_has_its_exit_code_and_no_traceback(error: BaseException, code: int) -> None:
    result = run(raising(error), "do")

    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_command_that_returns_a_number_ends_with_it() -> None:
    assert run(group_with(lambda session: 2), "do").exit_code == 2


def test_an_unforeseen_failure_is_one_line_and_v_shows_where() -> None:
    broken = raising(ZeroDivisionError("by zero"))

    short, long = run(broken, "do").stderr, run(broken, "do", "-v").stderr

    assert short.splitlines() == [
        "error: this should not have happened: ZeroDivisionError: by zero",
        "       the same command with -v shows where; please report it",
    ]
    assert "Traceback" in long


def test_mistakes_are_shown_with_their_line_a_caret_and_the_remedy() -> None:
    mistakes = (
        Mistake(
            "key", "unknown key `chanel`", Place("a.yaml", 13, 9, "        chanel: email", 6), "did you mean `channel`?"
        ),
        Mistake("text", "`code` must be text", Place("a.yaml", 20, 3), "put it in quotes"),
    )

    result = run(raising(DefinitionError(mistakes)), "do")

    assert result.stderr.splitlines() == [
        "a.yaml:13:9: error: unknown key `chanel` - did you mean `channel`?",
        "    13 │         chanel: email",
        "       │         ^^^^^^",
        "a.yaml:20:3: error: `code` must be text - put it in quotes",
        "2 errors",
    ]


def test_with_json_an_error_is_one_document_on_stdout() -> None:
    error = CampaignError("cannot read it", place=Place("a.yaml", 3, 1), remedy="mend it")

    result = run(raising(error), "do", "--json")

    assert result.exit_code == 1
    assert result.stderr == ""
    assert result.stdout == (
        '{\n  "error": {\n    "message": "cannot read it",\n    "at": "a.yaml:3:1",\n    "hint": "mend it"\n  }\n}\n'
    )


def test_common_options_are_listed_apart_from_those_of_the_command() -> None:
    text = run(cli, "completion", "--help").stdout

    assert "Options:" not in text.split("Common options:")[0]
    for option in ("--project", "--json", "--plain", "--no-color", "--quiet", "--verbose", "--no-input", "--now", "-h"):
        assert option in text.split("Common options:")[1]


def test_a_date_for_now_is_its_midnight_in_the_zone_asked_for() -> None:
    session = Session(now_text="2027-01-10")

    assert session.now("Europe/Paris").isoformat() == "2027-01-09T23:00:00+00:00"
    assert session.now("America/New_York").isoformat() == "2027-01-10T05:00:00+00:00"


def test_a_moment_with_an_offset_keeps_its_instant_in_every_zone() -> None:
    assert Session(now_text="2027-01-10T09:30+02:00").now("Europe/Paris").isoformat() == "2027-01-10T07:30:00+00:00"


def test_the_clock_is_read_once_a_command() -> None:
    session = Session()

    assert session.now() == session.now("Europe/Paris")


def test_campaign_now_is_the_default_of_now() -> None:
    seen: list[str | None] = []
    group = group_with(lambda session: seen.append(session.now_text))

    run(group, "do", env={"CAMPAIGN_NOW": "2027-01-10"})

    assert seen == ["2027-01-10"]


def test_python_m_scheduler_is_campaign(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "scheduler", "--version"], capture_output=True, text=True, check=True)

    assert done.stdout == "campaign 0.1.0\n"


def test_a_reader_that_goes_away_early_is_no_failure() -> None:
    command = f"{sys.executable} -m scheduler version --plain | head -1; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)

    assert done.stdout == "campaign\t0.1.0\n0\n"
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_gets_its_completion_script(shell: str) -> None:
    result = run(cli, "completion", shell)

    assert result.exit_code == 0
    assert "_CAMPAIGN_COMPLETE" in result.stdout
