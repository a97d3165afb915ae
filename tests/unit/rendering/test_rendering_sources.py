"""Which templates a campaign needs, and the heads of Markdown templates."""

from __future__ import annotations

import re

import pytest
from rendering_world import campaign, mail

from campaigns.rendering import gather
from campaigns.rendering.sources import front_matter, is_safe_name


def test_gather_follows_everything_the_touches_use() -> None:
    files = {
        "emails/offer.md": "---\nlayout: festive\n---\n{% include 'parts/hours.md' %}{% import \"m.txt\" as m %}",
        "parts/hours.md": "{%- extends 'deep.md' -%}",
        "deep.md": "x",
        "m.txt": "",
        "layouts/festive.html": "{% extends 'layouts/base.html' %}",
        "emails/page.html": "x",
        "emails/page.txt": "x",
        "layouts/footer.html": "own footer",
        "sms.txt": "x",
        "unused.md": "x",
    }
    made = campaign(
        mail(id="a", template="emails/offer.md"),
        mail(id="b", template="emails/page.html"),
        {"id": "c", "channel": "sms", "text": "{% include 'sms.txt' %}"},
    )

    found = gather(made, files.get)

    assert sorted(found) == [
        "deep.md",
        "emails/offer.md",
        "emails/page.html",
        "emails/page.txt",
        "layouts/festive.html",
        "layouts/footer.html",
        "m.txt",
        "parts/hours.md",
        "sms.txt",
    ]


def test_gather_asks_for_no_path_outside_the_folder() -> None:
    asked: list[str] = []
    made = campaign(
        mail(text="{% include '../secret.md' %}"), {"id": "x", "channel": "sms", "text": "{% include '/etc/passwd' %}"}
    )

    gather(made, asked.append)

    assert not [path for path in asked if ".." in path or path.startswith("/")]


@pytest.mark.parametrize("name", ["", "/a", "../a", "a/../b", "a//b", "./a", "a\\b", "C:/a", "a\x00b", "a/", "a" * 600])
def test_name_that_could_lead_outside_is_not_safe(name: str) -> None:
    assert not is_safe_name(name)


@pytest.mark.parametrize("name", ["a.md", "emails/offer.md", "émails/offre été.md", "a..b.md", ".hidden"])
def test_plain_relative_name_is_safe(name: str) -> None:
    assert is_safe_name(name)


def test_head_is_key_and_value_lines_between_dashes() -> None:
    head = front_matter('---\nsubject: "Bonjour: {{ contact.first_name }}"\n# a remark\n\nlayout: offer\n---\nCorps\n')

    assert head.values == {"subject": "Bonjour: {{ contact.first_name }}", "layout": "offer"}
    assert head.lines == {"subject": 2, "layout": 5}
    assert head.length == 6


def test_template_that_begins_with_a_rule_has_no_head() -> None:
    assert front_matter("---\n\nBonjour").values == {}
    assert front_matter("Bonjour\n---\nsubject: x\n---\n").values == {}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("---\nsubjet: x\n---\n", "unknown key 'subjet' in the head of the template\ndid you mean 'subject'?"),
        ("---\nsubject: x\nsubject: y\n---\n", "the key 'subject' stands twice in the head of the template"),
        ("---\nsubject\n---\n", "expected `key: value`, got 'subject'"),
    ],
)
def test_head_that_cannot_be_read_says_why(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message.splitlines()[0])) as caught:
        front_matter(source)

    assert caught.value.args[0] == message
