"""`campaign lint` on whom a message is for: who cannot be written one, and whose message has a gap."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from support.linted import HEAD, PREHEADER, SUBJECT, TEMPLATE, WORDS, lint, stand_in, told

from scheduler.cli.main import cli

MAX = "  max:\n    contact: {last_name: Max, email: max@example.org, consent: [marketing], salutation: Mr}\n"
WITH_MAX = HEAD.replace("stages:", MAX + "stages:")
DEAR = "Dear {{ contact.salutation }} {{ contact.last_name }}.\n\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    return stand_in(tmp_path, monkeypatch)


def test_each_reader_a_mail_cannot_be_written_for_is_told_with_the_line_and_what_is_missing(folder: Path) -> None:
    people = "first_name,last_name,salutation,email,consent\n"
    people += "".join(f"Eva,Klein,Mrs,eva{number}@example.org,marketing\n" for number in range(4))
    people += ",,,info@example.org,marketing\n,,,nothing-agreed@example.org,\n"
    files = {"shop.yaml": WITH_MAX + SUBJECT + PREHEADER + TEMPLATE, "mail.md": DEAR + WORDS, "people.csv": people}

    found = lint(folder, "", files, "--contacts", "people.csv")

    says = "mail cannot be written for lea and info@example.org: unknown name 'contact.salutation'"
    assert told(found, "not-written") == [("warning", "mail.md:1", says, "where only some have it: `| default('...')`")]


def test_a_mail_that_nobody_can_be_written_is_an_error_for_lint_plan_and_apply(folder: Path) -> None:
    found = lint(folder, SUBJECT + PREHEADER + TEMPLATE, {"mail.md": WORDS + "{{ 3 | money('eur') }} off.\n"})

    says = "mail cannot be written for lea: unknown currency 'eur'"
    assert told(found, "not-written") == [("error", "mail.md:2", says, "expected a code such as EUR, MDL or USD")]
    planned = CliRunner().invoke(cli, ["plan", "--now", "2026-11-20"])
    assert (planned.exit_code, "✗ mail cannot be written for lea" in planned.stdout) == (1, True)
    applied = CliRunner().invoke(cli, ["apply", "--yes", "--now", "2026-11-20"])
    assert (applied.exit_code, says in applied.stderr) == (1, True)


def test_who_lacks_the_event_and_whom_the_mail_is_not_for_is_passed_over(folder: Path) -> None:
    bought = "    events: [{name: purchase, at: day 3 12:10, product: a ring}]\n"
    touch = SUBJECT + PREHEADER + TEMPLATE
    thanked = HEAD.replace("stages:", MAX + bought + "stages:") + touch + "        on: purchase\n"
    chosen = WITH_MAX + touch + "        audience: salutation == 'Mr'\n"

    after_event = lint(folder, "", {"shop.yaml": thanked, "mail.md": WORDS + "You bought {{ event.product }}.\n"})
    for_some = lint(folder, "", {"shop.yaml": chosen, "mail.md": DEAR + WORDS})

    assert told(after_event, "not-written") == told(after_event, "mail-not-read") == []
    assert told(for_some, "not-written") == told(for_some, "mail-not-read") == []


def test_what_the_check_of_the_templates_says_is_not_said_again(folder: Path) -> None:
    found = lint(folder, SUBJECT + PREHEADER + TEMPLATE, {"mail.md": WORDS + "{{ contact.salutation }}\n"})

    assert [one["code"] for one in found if one["level"] == "error"] == ["template-unknown-name"]


def test_a_fact_that_is_nought_or_false_is_known(folder: Path) -> None:
    head = HEAD.replace("first_name: Léa,", "first_name: Léa, points: 0, vip: false,")
    points = "{{ contact.points }} points{% if not contact.vip %}, join us{% endif %}.\n\n"
    people = "first_name,email,points,vip,consent\nEva,eva@example.org,0,false,marketing\n"
    files = {
        "shop.yaml": head + SUBJECT + PREHEADER + TEMPLATE,
        "mail.md": points + "Too short.\n",
        "people.csv": people,
    }

    for words in ((), ("--contacts", "people.csv")):
        found = lint(folder, "", files, *words)
        assert told(found, "not-written") == told(found, "mail-not-read") == []


ANN = HEAD.replace(
    "stages:", "  ann:\n    contact: {last_name: Ann, email: ann@example.org, consent: [marketing]}\nstages:"
)


@pytest.mark.parametrize(
    "written",
    [
        "{{ contact.first_name }}",
        "{{ contact['first_name'] | trim | upper }}",
        "{{ contact.first_name | default('there') }}",
        "{{ 'Dear ' ~ contact.first_name }}",
        "{{ contact.first_name if campaign.country == 'GB' else 'there' }}",
        "{% if campaign.country == 'GB' %}{{ contact.first_name }}{% endif %}",
        "{% for _ in range(1) %}{{ contact.first_name }}{% endfor %}",
        "{% include 'name.txt' %}",
    ],
)
def test_a_fact_that_is_empty_for_a_reader_and_written_as_it_is_leaves_a_gap(folder: Path, written: str) -> None:
    files = {"shop.yaml": ANN + SUBJECT + PREHEADER + TEMPLATE, "name.txt": "{{ contact.first_name }}"}

    found = lint(folder, "", {**files, "mail.md": f"The new rings.\n\nHello {written}, here they are.\n"})

    says = "mail has a gap for ann: contact.first_name is empty"
    hint = "`contact.first_name | default('...', true)`, or what is around it in `{% if contact.first_name %}`"
    where = "name.txt:1" if "include" in written else "mail.md:3"
    assert told(found, "empty-fact") == [("warning", where, says, hint)]


@pytest.mark.parametrize(
    "written",
    [
        "{{ contact.name }}",
        "{{ contact.first_name | default('there', true) }}",
        "{{ contact.first_name | default('there', boolean=true) }}",
        "{{ contact.first_name or 'there' }}",
        "{{ contact.first_name if contact.first_name else 'there' }}",
        "{{ contact.first_name | length }}",
        "{% if contact.first_name %}{{ contact.first_name }}{% endif %}",
        "{% if not contact.first_name %}there{% else %}{{ contact.first_name }}{% endif %}",
        "{% if contact.last_name == 'Max' %}{{ contact.first_name }}{% endif %}",
        "[here](https://shop.example/?who={{ contact.first_name | urlencode }})",
    ],
)
def test_a_fact_that_a_template_has_something_for_where_it_is_empty_is_left_alone(folder: Path, written: str) -> None:
    files = {"shop.yaml": ANN + SUBJECT + PREHEADER + TEMPLATE, "mail.md": f"The new rings.\n\nHello {written}.\n"}

    assert told(lint(folder, "", files), "empty-fact") == []


def test_who_of_the_people_gets_a_gap_is_told_and_nobody_who_gets_no_mail(folder: Path) -> None:
    people = "first_name,last_name,email,consent\n"
    people += "".join(f"Eva,Klein,eva{number}@example.org,marketing\n" for number in range(4))
    people += ",,info@example.org,marketing\n"
    files = {"shop.yaml": HEAD + SUBJECT + PREHEADER + TEMPLATE, "mail.md": WORDS, "people.csv": people}

    with_consent = lint(folder, "", files, "--contacts", "people.csv")
    files["people.csv"] = people.replace("info@example.org,marketing", "info@example.org,")
    without = lint(folder, "", files, "--contacts", "people.csv")

    gap = "mail has a gap for info@example.org: contact.first_name is empty"
    assert [one[2] for one in told(with_consent, "empty-fact")] == [gap]
    assert told(without, "empty-fact") == []


def test_a_reader_nobody_knows_has_no_gap(folder: Path) -> None:
    head = HEAD.partition("personas:")[0] + "stages:" + HEAD.partition("stages:")[2]

    assert told(lint(folder, "", {"shop.yaml": head + SUBJECT + PREHEADER + TEMPLATE}), "empty-fact") == []


@pytest.mark.parametrize(
    ("vip", "written", "is_told"),
    [
        ("no", "{% if contact.vip %}Dear VIP{% endif %}", True),
        ("Nein", "{% if campaign.country and not contact.vip %}Join us{% endif %}", True),
        ("oui", "{{ 'Dear VIP' if contact.vip else 'Join us' }}", True),
        ("no", "{% if contact.vip == 'yes' %}Dear VIP{% endif %}", False),
        ("no", "{% if contact.vip is defined %}{{ contact.vip }}{% endif %}", False),
        ("false", "{% if contact.vip %}Dear VIP{% endif %}", False),
        ("0", "{% if contact.vip %}Dear VIP{% endif %}", False),
        ("north", "{% if contact.vip %}Dear VIP{% endif %}", False),
    ],
)
def test_a_condition_on_a_word_for_yes_or_no_is_told(folder: Path, vip: str, written: str, is_told: bool) -> None:
    head = HEAD.replace("first_name: Léa,", f"first_name: Léa, vip: {vip},")
    files = {"shop.yaml": head + SUBJECT + PREHEADER + TEMPLATE, "mail.md": f"{WORDS}\n{written}\n"}

    found = told(lint(folder, "", files), "yes-no-text")

    says = f"mail asks for contact.vip, for lea the text {vip!r}: any text is a yes"
    hint = "write true or false, or import it by `--map vip=vip:yes-no`"
    assert found == ([("warning", "mail.md:3", says, hint)] if is_told else [])
