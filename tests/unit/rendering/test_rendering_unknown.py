"""A name nobody knows stops the message and says where it stands."""

from __future__ import annotations

import pytest
from rendering_world import mail, render

from campaigns.errors import RenderError


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("contact.frist_name", "unknown name 'contact.frist_name' - did you mean 'contact.first_name'?"),
        ("contcat.first_name", "unknown name 'contcat' - did you mean 'contact'?"),
        ("offer.code", "unknown name 'offer.code' - name the offer in the touch: `offer: CODE`"),
        ("event.reason", "unknown name 'event.reason' - only a touch with `on:` has an event"),
        ("campaign.titel", "unknown name 'campaign.titel' - did you mean 'campaign.title'?"),
        (
            "weather",
            "unknown name 'weather' - expected one of: campaign, contact, event, links, offer, stage, touch",
        ),
    ],
)
def test_unknown_name_is_said_with_template_line_and_a_near_name(expression: str, said: str) -> None:
    template = "Bonjour,\n\nligne {{ " + expression + " }}\n"

    with pytest.raises(RenderError) as caught:
        render(mail(template="emails/offer.md"), {"emails/offer.md": template})

    assert str(caught.value) == f"emails/offer.md:3: {said}"
    assert caught.value.place is not None
    assert caught.value.place.text == "ligne {{ " + expression + " }}"


def test_line_counts_the_head_of_the_template() -> None:
    template = "---\nsubject: Bonjour\nlayout: plain\n---\nBonjour\n{{ contact.x }}\n"

    with pytest.raises(RenderError, match=r"^a\.md:6: unknown name 'contact\.x'"):
        render(mail(subject=None, template="a.md"), {"a.md": template})


def test_line_of_a_subject_in_the_head_is_its_own() -> None:
    template = "---\nlayout: plain\nsubject: Bonjour {{ contact.x }}\n---\nBonjour\n"

    with pytest.raises(RenderError, match=r"^a\.md:3: unknown name 'contact\.x'"):
        render(mail(subject=None, template="a.md"), {"a.md": template})


def test_line_inside_an_included_template_is_its_own() -> None:
    templates = {"a.md": 'Bonjour\n{% include "parts/hours.md" %}', "parts/hours.md": "\n\n{{ contact.x }}"}

    with pytest.raises(RenderError, match=r"^parts/hours\.md:3: unknown name 'contact\.x'"):
        render(mail(template="a.md"), templates)


def test_standard_facts_are_empty_where_unknown() -> None:
    content = render(mail(text="[{{ contact.first_name }}{{ contact.last_name }}{{ contact.city }}]"), contact={})

    assert content.text.startswith("[]\n")


def test_message_for_everybody_has_no_contact() -> None:
    touch = {"id": "post", "channel": "instagram", "text": "Bonjour {{ contact.first_name }}"}

    with pytest.raises(RenderError, match="a message for everybody has no contact"):
        render(touch, contact=None)


def test_missing_template_names_a_near_one() -> None:
    with pytest.raises(RenderError, match=r"no template 'emails/ofer\.md' - did you mean 'emails/offer\.md'\?"):
        render(mail(template="emails/ofer.md"), {"emails/offer.md": "x"})


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Bonjour\n{% if contact.age %}\nx", "a.md:3: `{% if %}` is not closed - add `{% endif %}`"),
        ("Bonjour\n{{ contact.first_name", "a.md:2: `{{` or `{%` is not closed - add `}}` or `%}`"),
        ("Bonjour\n{% foo %}", "a.md:2: encountered unknown tag 'foo'"),
        ("Bonjour\n\n{{ 1 / 0 }}", "a.md:3: cannot work this out: division by zero"),
        ("---\nsujet: x\n---\nBonjour", "a.md:2: unknown key 'sujet' in the head of the template"),
        ("---\nsubject x\n---\nBonjour", "a.md:2: expected `key: value`, got 'subject x'"),
    ],
)
def test_broken_template_is_named_with_its_line(template: str, said: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(mail(template="a.md"), {"a.md": template})

    assert str(caught.value).startswith(said)
