"""The linter's frame: what it merges, what can be switched off, and what was not checked."""

from datetime import datetime

from campaigns import loader, planner
from campaigns.errors import Place
from campaigns.finding import Finding, Level
from campaigns.lint.facts import Facts
from campaigns.lint.linter import lint

NOW = datetime.fromisoformat("2026-11-20T09:12:00+01:00")
EVERYTHING = Facts(
    files=frozenset(),
    channels=frozenset({"facebook", "email"}),
    recipients={},
    contact_fields=frozenset(),
    approved=frozenset(),
)
SHOP = """\
campaign: shop
language: en
timezone: Europe/Paris
{head}stages:
  - stage: a
    kind: awareness
    when: early january
    touches:
      - {{id: post, channel: facebook, text: Hi, at: "22:00", offer: S}}
offers:
  S: {{terms: x, staff_briefed: false}}
"""


def found(head="", facts=EVERYTHING, text=SHOP):
    campaign = loader.load(text.format(head=head), "shop.yaml")
    return lint(campaign, planner.plan(campaign, now=NOW), facts)


def codes(findings):
    return [finding.code for finding in findings]


def test_findings_come_by_gravity_then_by_line():
    assert codes(found()) == ["quiet-hours", "staff-not-briefed"]


def test_a_warning_is_switched_off_with_a_reason():
    head = "disable: {staff-not-briefed: we have no staff}\n"

    assert codes(found(head)) == ["quiet-hours"]


def test_a_switch_without_a_reason_or_with_an_unknown_name_is_a_finding():
    head = "disable: {staff-not-breifed: we have none, quiet-hours: ''}\n"

    switches = [finding for finding in found(head) if finding.code == "disable"]

    assert [finding.message for finding in switches] == [
        "no rule is called 'staff-not-breifed'",
        "'quiet-hours' is disabled without a reason",
    ]
    assert switches[0].remedy == "did you mean 'staff-not-briefed'?"
    assert switches[0].place.line == 4


def test_what_protects_people_stays():
    head = "senders: {email: s@shop.example}\ndisable: {postal-address: no office}\n"
    text = SHOP.replace('channel: facebook, text: Hi, at: "22:00"', "channel: email, subject: Hi, text: Hi")

    findings = found(head, text=text)

    assert "postal-address" in codes(findings)
    assert any(finding.message == "'postal-address' cannot be disabled" for finding in findings)


def test_what_nobody_looked_at_is_told_in_one_note():
    [note] = [finding for finding in found(facts=Facts()) if finding.level is Level.NOTE]

    assert note.code == "not-checked"
    assert note.message.endswith(
        "media-missing, media-url, approval, no-account, no-recipients, many-tasks, unknown-fact"
    )


def test_the_findings_of_others_are_passed_on_and_stand_over_the_rules_they_cover():
    place = Place("shop.yaml", 9, 1)
    other = Finding("template-body", Level.ERROR, "the touch 'post' says nothing", place, "give it a text")
    text = SHOP.replace("text: Hi, ", "")

    assert codes(found(text=text))[0] == "no-content"
    findings = found(text=text, facts=Facts(findings=(other,)))
    assert other in findings
    assert "no-content" not in codes(findings)


def test_the_findings_of_the_plan_are_among_them():
    text = SHOP.replace("early january", "10 january 2026")

    assert "past-date" in codes(found(text=text))


def test_a_warning_of_the_plan_can_be_switched_off():
    text = SHOP.replace("early january", "early november")

    assert "next-year" in codes(found(text=text))
    assert "next-year" not in codes(found("disable: {next-year: we know}\n", text=text))
