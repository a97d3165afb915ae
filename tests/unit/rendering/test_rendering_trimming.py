"""Which lines of a template leave nothing behind: those of tags alone, in every text that is written."""

from __future__ import annotations

import pytest
from rendering_world import body_of, mail, render

from campaigns.errors import RenderError


def written(text: str, **files: str) -> str:
    """Return what a template of text says to a reader in York, as it is, between brackets."""
    content = render(mail(template="a.txt"), {"a.txt": f"[{text}]", **files}, contact={"city": "York"})
    return body_of(content).removeprefix("[").removesuffix("]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% if contact.city %}Hello,{% endif %}\n\nwe are here", "Hello,\n\nwe are here"),
        ("In {% if contact.city %}{{ contact.city }}{% else %}?{% endif %}\nand more", "In York\nand more"),
        ("{{ contact.city }}{% set a = 1 %}\nand more", "York\nand more"),
        ("- one {% if true %}(here){% endif %}\n- two", "- one (here)\n- two"),
        ("one {# a remark #}\ntwo", "one\ntwo"),
        ("one {# a remark\nof two lines #}\ntwo", "one\ntwo"),
        ("one {% raw %}{{ two }}{% endraw %}\nthree", "one {{ two }}\nthree"),
        ("one {% raw %}{% if x %}\n{% endif %}\n{% endraw %}\ntwo", "one {% if x %}\n{% endif %}\ntwo"),
        ("one{% if '%}' %}!{% endif %}\ntwo", "one!\ntwo"),
        ("one{% if {'a': {'b': 1}} %}{% endif %}\ntwo", "one\ntwo"),
        ("one{% for n in [1, 2] %}, {{ n }}{% endfor %}\ntwo", "one, 1, 2\ntwo"),
        ("one {% if true %}\ntwo{% endif %}\nthree", "one\ntwo\nthree"),
    ],
)
def test_line_with_more_than_tags_keeps_its_end(text: str, expected: str) -> None:
    assert written(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\n{% if true %}\ntwo\n{% endif %}\nthree", "one\ntwo\nthree"),
        ("one\n  {% if true %}{% set a = 1 %}\ntwo\n  {% endif %}\nthree", "one\ntwo\nthree"),
        ("one\n{% if true %}  \ntwo\n{% endif %} \t\nthree", "one\ntwo\nthree"),
        ("one\n{# a remark #}\n{# and one\nof two lines #}\ntwo", "one\ntwo"),
        ("one\n{% if true\n   and true %}\ntwo\n{% endif %}\nthree", "one\ntwo\nthree"),
        ("one\n{% for n in [1, 2] %}\n{{ n }}\n{% endfor %}\ntwo", "one\n1\n2\ntwo"),
        ("one\n{% include 'hours.txt' %}\ntwo", "one\nten to six\ntwo"),
    ],
)
def test_line_of_tags_alone_goes_without_a_trace(text: str, expected: str) -> None:
    assert written(text, **{"hours.txt": "ten to six\n"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one{% if true -%}\n  two{% endif %}\nthree", "onetwo\nthree"),
        ("one\n{% if true +%}\ntwo{% endif %}", "one\n\ntwo"),
        ("one{% if true +%}\ntwo{% endif +%}\nthree", "one\ntwo\nthree"),
        ("one{% if true %}\n\n{%- endif %}\ntwo", "onetwo"),
        ("{{ contact.city -}}\n{% if true %}\ntwo{% endif %}", "Yorktwo"),
        ("one{% raw -%}\n two{% endraw -%}\n three", "onetwothree"),
    ],
)
def test_sign_of_the_author_has_the_last_word(text: str, expected: str) -> None:
    assert written(text) == expected


def test_every_kind_of_text_keeps_its_lines() -> None:
    said = "{% if contact.city %}Hello{% endif %}\n{{ contact.city }}"
    greeting = mail(subject=said, preheader=said, template="a.md")
    post = {"id": "sms", "channel": "sms", "purpose": "transactional", "text": said}

    content = render(greeting, {"a.md": "- {% include 'b.md' %}\n- b", "b.md": said}, contact={"city": "York"})
    page = render(mail(html=f"<pre>{said}</pre>"), contact={"city": "York"})
    sms = render(post, contact={"city": "York"}, senders={"sms": "Shop"})

    assert (content.subject, content.preheader) == ("Hello York", "Hello York")
    assert body_of(content) == "- Hello York\n- b"
    assert body_of(page) == "Hello\nYork"
    assert sms.text == "Hello\nYork"


def test_mistake_is_on_the_line_it_stands_on() -> None:
    text = (
        "one {% if true %}(here){% endif %}\n{% if true %}  \n{# a\nremark #}\ntwo {{ contact.nothing }}\n{% endif %}"
    )

    with pytest.raises(RenderError) as caught:
        written(text)

    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.text) == (5, "two {{ contact.nothing }}")


def test_what_cannot_be_read_is_said_as_ever() -> None:
    with pytest.raises(RenderError, match=r"`\{% if %\}` is not closed"):
        written("one {% if true %}\ntwo")
    with pytest.raises(RenderError, match=r"`\{\{` or `\{%` is not closed"):
        render(mail(text="one {{ contact.city"))
