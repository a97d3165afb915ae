"""What `plan` and `lint` find in templates without anybody's data."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from rendering_world import campaign, mail

from campaigns.definition import Campaign
from campaigns.errors import Place
from campaigns.finding import Finding, Level
from campaigns.rendering import Renderer

MD = "emails/offer.md"


def found(made: Campaign, templates: Mapping[str, str] = {}) -> list[str]:
    return [f"{one.code} {one.place}: {one.message} - {one.remedy}" for one in Renderer(made, templates).check()]


def test_sound_templates_have_no_findings() -> None:
    made = campaign(
        mail(id="a", template=MD, offer="AMOUR30", layout="offer"),
        mail(id="b", on="cart_abandoned", text="{{ event.items | length }} {{ links.unsubscribe }}"),
        mail(id="c", template="page.html"),
        {"id": "d", "channel": "instagram", "text": "{{ campaign.title }}", "media": ["a.jpg"]},
        {"id": "e", "channel": "webhook", "on": "purchase"},
    )
    templates = {
        MD: "{% set x = 1 %}{{ x }} {{ contact.first_name }} {{ offer.until | date }}{% include 'p.md' %}",
        "p.md": "{% for i in range(3) %}{{ loop.index }}{{ i }}{% endfor %}"
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}",
        "page.html": "{% extends 'layouts/plain.html' %}{% block body %}{{ mail.words.code }}{% endblock %}",
    }

    assert found(made, templates) == []


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "Bonjour\n{{ contact.frist_name }}",
            "template-unknown-name emails/offer.md:2: unknown name 'contact.frist_name'"
            " - did you mean 'contact.first_name'?",
        ),
        ("{{ contcat }}", "template-unknown-name emails/offer.md:1: unknown name 'contcat' - did you mean 'contact'?"),
        (
            "{{ offer.code }}",
            "template-unknown-name emails/offer.md:1: unknown name 'offer.code'"
            " - name the offer in the touch 'offer-email': `offer: CODE`",
        ),
        (
            "{{ event['reason'] }}",
            "template-unknown-name emails/offer.md:1: unknown name 'event.reason'"
            " - the touch 'offer-email' has no `on:`, so no event",
        ),
        ("\n{% if %}", "template-syntax emails/offer.md:2: expected an expression, got 'end of statement block' - "),
        ("{{ 'x' | uper }}", "template-syntax emails/offer.md:1: unknown filter 'uper' - did you mean 'upper'?"),
        ("{% include 'parts/hours.md' %}", "template-missing emails/offer.md:1: no template 'parts/hours.md' - "),
        (
            "---\nsujet: x\n---\nx",
            "template-syntax emails/offer.md:2: unknown key 'sujet' in the head of the template"
            " - did you mean 'subject'?",
        ),
        (
            "---\nlayout: festive\n---\nx",
            "template-missing emails/offer.md:2: no layout 'festive' - expected one of: announcement, offer, plain, product, receipt, review",
        ),
    ],
)
def test_fault_of_a_template_is_found_with_its_line(template: str, expected: str) -> None:
    assert found(campaign(mail(template=MD)), {MD: template}) == [expected]


def test_missing_template_is_found_where_the_touch_names_it() -> None:
    made = campaign(mail(template="emails/ofer.md")).placed(
        "valentines.yaml", {("stages", 0, "touches", 0, "template"): Place("valentines.yaml", 12, 9)}
    )

    assert found(made, {MD: "x"}) == [
        "template-missing valentines.yaml:12:9: no template 'emails/ofer.md' - did you mean 'emails/offer.md'?"
    ]


def test_fault_of_an_inline_text_is_found_in_the_campaign_file() -> None:
    places = {("stages", 0, "touches", 0, "text"): Place("valentines.yaml", 20, 9, "        text: |")}
    made = campaign(mail(text="Bonjour\n{{ contact.x }}\n")).placed("valentines.yaml", places)

    assert found(made)[0].startswith("template-unknown-name valentines.yaml:22: unknown name 'contact.x'")


def test_facts_of_personas_audiences_and_contacts_are_known() -> None:
    made = campaign(
        mail(text="{{ contact.size }} {{ contact.age }} {{ contact.dog }} {{ contact.shoe | default('?') }}"),
        personas={"lea": {"contact": {"size": 52}}},
        audience="age < 35",
    )

    findings = Renderer(made, {}).check(known_contact_fields=["dog"])

    assert findings == ()


def test_fact_asked_for_before_it_is_used_is_known() -> None:
    made = campaign(mail(text="{% if contact.dog is defined %}{{ contact.dog }}{% endif %}"))

    assert found(made) == []


def test_declared_event_has_its_declared_keys() -> None:
    made = campaign(mail(on="grooming", text="{{ event.dog }} {{ event.cat }}"), events={"grooming": ["dog"]})

    assert found(made) == [
        "template-unknown-name campaign: unknown name 'event.cat' - expected one of: at, dog, id, key, name"
    ] or found(made)[0].startswith("template-unknown-name campaign: unknown name 'event.cat'")


def test_post_that_speaks_to_one_person_is_found() -> None:
    made = campaign({"id": "p", "channel": "instagram", "text": "Bonjour {{ contact.first_name }}"})

    assert found(made) == [
        "template-unknown-name campaign: unknown name 'contact.first_name' - 'p' is for everybody and has no contact"
    ]


def test_mail_without_subject_and_touch_without_words_are_found() -> None:
    made = campaign(mail(id="a", subject=None, text="x"), mail(id="b"), {"id": "c", "channel": "sms"})

    assert found(made) == [
        "template-subject campaign: the mail 'a' has no subject - give it a `subject:`, or one in the template's head",
        "template-body campaign: the touch 'b' says nothing - give it a `template:` or a `text:`",
        "template-body campaign: the touch 'c' says nothing - give it a `template:` or a `text:`",
    ]


def test_touch_whose_words_stand_in_its_variants_or_steps_is_not_silent() -> None:
    made = campaign(
        mail(id="a", subject=None, variants=[{"subject": "A", "text": "a"}, {"subject": "B", "text": "b"}]),
        mail(id="b", subject=None, on="purchase", steps=[mail(id="c", subject="C", text="c")]),
    )

    assert found(made) == []


def test_marketing_mail_without_address_and_opt_out_is_found_once() -> None:
    made = campaign(mail(id="a", text="x"), mail(id="b", text="x"), senders={"email": "bonjour@biksouv.example"})

    assert found(made) == [
        "template-postal-address campaign: the marketing mail 'a' and 1 more: no postal address for the footer"
        " - give `senders:` a `postal_address:`",
        "template-unsubscribe campaign: the marketing mail 'a' and 1 more: no way to unsubscribe"
        " - give `senders:` an `unsubscribe: mailto:...`",
    ]


def test_public_address_takes_opt_outs() -> None:
    made = campaign(mail(text="x"), senders={"email": "bonjour@biksouv.example", "postal_address": "12 rue"})

    assert Renderer(made, {}).check(public_address=True) == ()


def test_transactional_mail_needs_neither() -> None:
    made = campaign(mail(text="x", purpose="transactional"), senders={"email": "bonjour@biksouv.example"})

    assert found(made) == []


def test_moment_written_as_it_is_stored_is_a_warning() -> None:
    made = campaign(mail(text="Jusqu'au {{ offer.until }}", offer="AMOUR30"))

    assert Renderer(made, {}).check() == (
        Finding(
            "template-raw-date",
            Level.WARNING,
            "the moment offer.until would be written as 2027-02-14T09:30:00+01:00",
            Place("campaign"),
            "write `offer.until | date`",
        ),
    )


def test_offer_without_end_has_no_until() -> None:
    made = campaign(mail(text="{{ offer.until | date }}", offer="AMOUR30"), offers={"AMOUR30": {"terms": "-30 %"}})

    assert found(made) == [
        "template-unknown-name campaign: unknown name 'offer.until' - give the offer 'AMOUR30' a `until:`"
    ]


def test_html_template_of_an_sms_is_found() -> None:
    made = campaign({"id": "s", "channel": "sms", "template": "a.html"})

    assert found(made, {"a.html": "x"}) == [
        "template-kind campaign: sms takes plain text, got 'a.html' - use a .md or .txt template, or `text:`"
    ]


def test_fault_shared_by_two_touches_is_found_once() -> None:
    made = campaign(mail(id="a", template=MD), mail(id="b", template=MD))

    assert len(found(made, {MD: "{{ contact.x }}"})) == 1


def test_the_link_of_a_confirmation_is_known_where_there_is_a_public_address() -> None:
    made = campaign(mail(text="{{ links.confirm }}", purpose="transactional", on="signup"))

    assert Renderer(made, {}).check(public_address=True) == ()
    assert found(made)[0].endswith("unknown name 'links.confirm' - set CAMPAIGN_PUBLIC_URL, on which it stands")


def test_the_link_of_a_confirmation_stands_in_no_other_message() -> None:
    made = campaign(mail(text="{{ links.confirm }}", purpose="transactional", on="purchase"))

    (finding,) = Renderer(made, {}).check(public_address=True)

    assert finding.remedy == "only a transactional touch with `on: signup` has `links.confirm`"


@pytest.mark.parametrize("language", ["en", "fr", "ro", "ru", "es", "de"])
def test_the_bundled_confirmation_has_no_findings_in_any_language(language: str) -> None:
    touch = mail(template="emails/confirm.md", subject=None, purpose="transactional", on="signup")
    made = campaign(touch, language=language)

    assert Renderer(made, {}).check(public_address=True) == ()


@pytest.mark.parametrize(
    ("name", "template", "expected"),
    [
        (MD, "Bonjour\n[x](JavaScript:alert(1))", "emails/offer.md:2: a link cannot begin with javascript:"),
        (MD, "x\n\n[x]: javascript:alert(1)", "emails/offer.md:3: a link cannot begin with javascript:"),
        (MD, "[x](data:text/html,x)", "emails/offer.md:1: a link cannot begin with data:"),
        (
            "page.html",
            '{{ campaign.title }}\n<a class="b" HREF = " vbscript:x">x</a>',
            "page.html:2: a link cannot begin with vbscript:",
        ),
        ("page.html", "<a href=javascript:x>x</a>", "page.html:1: a link cannot begin with javascript:"),
        ("page.html", "<a href='file:///etc/passwd'>x</a>", "page.html:1: a link cannot begin with file:"),
    ],
)
def test_a_link_that_would_run_a_script_is_found(name: str, template: str, expected: str) -> None:
    made = campaign(mail(id="a", template=name))

    assert found(made, {name: template}) == [f"template-link {expected} - write a web address: https://..."]


def test_a_web_link_and_a_picture_in_the_mail_are_no_scripts() -> None:
    page = '<img src="data:image/gif;base64,R0" alt="x"><a href="https://shop.example/?javascript:x">javascript: x</a>'

    assert found(campaign(mail(id="a", template="page.html")), {"page.html": page}) == []


def test_the_link_to_the_reader_s_own_page_needs_a_public_address() -> None:
    made = campaign(mail(id="a", text="{{ links.preferences }}"))

    assert [f"{one.message} - {one.remedy}" for one in Renderer(made, {}).check()] == [
        "unknown name 'links.preferences' - set CAMPAIGN_PUBLIC_URL, on which it stands"
    ]
    assert Renderer(made, {}).check(public_address=True) == ()
