"""Posts, SMS, tasks and hooks: plain text as written, media carried over."""

from __future__ import annotations

import pytest
from rendering_world import render

from campaigns.errors import RenderError


def test_post_takes_a_markdown_template_as_it_is_written() -> None:
    touch = {
        "id": "ring-teaser",
        "channel": "instagram",
        "template": "posts/teaser.md",
        "media": [{"file": "media/ring.jpg", "alt": "Bague en or"}, "media/b.jpg"],
    }

    content = render(touch, {"posts/teaser.md": "L'amour *arrive*.\n\n\n\n#bague #amour  \n"}, contact=None)

    assert content.text == "L'amour *arrive*.\n\n#bague #amour"
    assert content.html is None
    assert content.subject == ""
    assert content.media == (("media/ring.jpg", "Bague en or"), ("media/b.jpg", ""))


def test_post_may_show_its_pictures_alone() -> None:
    content = render({"id": "p", "channel": "instagram", "media": ["a.jpg"]}, contact=None)

    assert content.text == ""


def test_post_without_text_and_pictures_says_nothing() -> None:
    with pytest.raises(RenderError, match="the touch 'p' says nothing"):
        render({"id": "p", "channel": "facebook"}, contact=None)


def test_sms_has_plain_spaces_only() -> None:
    content = render({"id": "s", "channel": "sms", "text": "{{ contact.first_name }} : {{ 29.9 | money }}"})

    assert content.text == "Léa : 29,90 €"


def test_call_shows_the_event_that_asks_for_it() -> None:
    touch = {
        "id": "c",
        "channel": "call",
        "on": "bad_experience",
        "text": "Appeler {{ contact.name }} : {{ event.reason }}",
    }

    content = render(touch, event={"reason": "<colis> *abîmé*"})

    assert content.text == "Appeler Léa Martin : <colis> *abîmé*"


def test_task_may_have_a_subject() -> None:
    content = render({"id": "c", "channel": "manual", "subject": "Rappel {{ contact.first_name }}", "text": "x"})

    assert content.subject == "Rappel Léa"


def test_sms_that_turns_out_empty_is_an_error() -> None:
    with pytest.raises(RenderError, match="the text of 's' is empty"):
        render({"id": "s", "channel": "sms", "text": "{% if contact.age > 99 %}x{% endif %}"})


def test_sms_takes_no_html() -> None:
    with pytest.raises(RenderError, match=r"sms takes plain text, got 'a\.html'"):
        render({"id": "s", "channel": "sms", "template": "a.html"}, {"a.html": "<p>x</p>"})


def test_hook_needs_no_words() -> None:
    content = render({"id": "h", "channel": "webhook", "on": "purchase"}, event={"id": 7})

    assert (content.subject, content.text) == ("", "")
