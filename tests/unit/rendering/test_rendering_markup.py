"""Values stay values: nobody's name becomes a tag, a link or a header."""

from __future__ import annotations

import pytest
from rendering_world import body_of, mail, render

from campaigns.errors import RenderError


def html_of(template: str, name: str = "a.md", **contact: object) -> str:
    content = render(mail(template=name), {name: template}, contact=contact)
    assert content.html is not None
    return content.html


def test_script_in_a_name_is_shown_as_it_reads() -> None:
    html = html_of("Bonjour {{ contact.first_name }}", first_name="<script>alert(1)</script>")

    assert ">Bonjour &lt;script&gt;alert(1)&lt;/script&gt;</p>" in html
    assert "<script" not in html


def test_markdown_in_a_name_is_shown_as_it_reads() -> None:
    html = html_of("Bonjour {{ contact.first_name }}", first_name="[ici](https://evil.example) **gras** `x` # y")

    assert ">Bonjour [ici](https://evil.example) **gras** `x` # y</p>" in html


def test_value_inside_code_and_emphasis_is_itself() -> None:
    html = html_of("**{{ contact.first_name }}** `{{ contact.code }}`", first_name="*a*", code="A_B`<i>")

    assert "<strong>*a*</strong>" in html
    assert "A_B`&lt;i&gt;</code>" in html


def test_text_part_shows_the_value_as_it_is() -> None:
    content = render(
        mail(template="a.md"), {"a.md": "Bonjour {{ contact.first_name }}"}, contact={"first_name": "<b>&*"}
    )

    assert body_of(content) == "Bonjour <b>&*"


def test_quotes_cannot_leave_an_attribute() -> None:
    html = html_of(
        '<img src="https://x.example/a.png" alt="{{ contact.first_name }}">', "a.html", first_name='" onload="x'
    )

    assert 'alt="&quot; onload=&quot;x"' in html


def test_value_in_an_unquoted_attribute_stays_in_it() -> None:
    html = html_of("<p title={{ contact.first_name }}>x</p>", "a.html", first_name="a onclick=alert(1)")

    assert 'title="a onclick=alert(1)"' in html


@pytest.mark.parametrize("name", ["a.md", "a.html"])
@pytest.mark.parametrize("url", ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_link_that_runs_a_script_is_refused(name: str, url: str) -> None:
    template = "[x]({{ contact.url }})" if name == "a.md" else '<a href="{{ contact.url }}">x</a>'

    with pytest.raises(RenderError, match="cannot link to"):
        html_of(template, name, url=url)


@pytest.mark.parametrize("template", ["[x]({{ contact.a }}{{ contact.b }})", "[x]({{ contact.a }}:alert(1))"])
def test_link_pieced_together_must_show_its_scheme_at_its_head(template: str) -> None:
    with pytest.raises(RenderError, match="cannot link to 'java'"):
        html_of(template, a="java", b="script:alert(1)")


def test_link_may_begin_with_a_whole_address() -> None:
    html = html_of("[x]({{ contact.shop }}/bagues?q={{ contact.q }})", shop="https://x.example", q='a "b" é&c')

    assert 'href="https://x.example/bagues?q=a%20%22b%22%20%C3%A9&amp;c"' in html


@pytest.mark.parametrize(
    "template",
    [
        "<script>var a = '{{ contact.first_name }}'</script>",
        "<style>p { color: {{ contact.first_name }} }</style><p>x</p>",
        '<p onclick="{{ contact.first_name }}">x</p>',
        "<p {{ contact.first_name }}>x</p>",
        '<img srcset="{{ contact.first_name }}">',
        '<p style="color: {{ contact.first_name }}">x</p>',
        '<p class="{{ contact.first_name }}">x</p>',
    ],
)
def test_value_where_it_could_act_is_refused(template: str) -> None:
    with pytest.raises(RenderError):
        html_of(template, "a.html", first_name="x);background:url(https://evil.example")


def test_value_may_be_a_colour_or_a_width() -> None:
    html = html_of(
        '<p style="width: {{ contact.share }}%; color: {{ contact.colour }}">x</p>', "a.html", share=40, colour="#aa0"
    )

    assert "width: 40%" in html
    assert "color: #aa0" in html


def test_value_joined_to_the_templates_markup_stays_a_value() -> None:
    template = (
        "{% macro strong(x) %}**{{ x }}**{% endmacro %}"
        "{% set both = contact.first_name ~ strong('ok') %}{{ both }}"
        " {{ [contact.first_name, strong('a')] | join(' ') }}"
        " {{ strong('zz') | replace('zz', contact.first_name) }}"
    )

    html = html_of(template, first_name="[x](https://evil.example)")

    assert "<a " not in html.partition("Se désinscrire")[0].rpartition("<p")[0].partition('class="words"')[2]
    assert "<strong>ok</strong>" in html


def test_escape_filter_does_not_open_a_door() -> None:
    html = html_of(
        "{{ contact.first_name | e }} {{ contact.first_name | escape }}", first_name="**[x](https://evil.example)"
    )

    assert ">**[x](https://evil.example) **[x](https://evil.example)</p>" in html


def test_direction_overrides_and_control_characters_are_dropped() -> None:
    content = render(
        mail(text="{{ contact.first_name }}!"), contact={"first_name": "a\u202eb\x00\x1b\u2066c\ue0001\ue001"}
    )

    assert body_of(content) == "abc1!"


def test_names_written_from_right_to_left_arrive_whole() -> None:
    content = render(mail(template="a.md"), {"a.md": "# {{ contact.first_name }}"}, contact={"first_name": "שָׂרָה"})

    assert body_of(content) == "שָׂרָה"
    assert content.html is not None
    assert ">שָׂרָה</h1>" in content.html


def test_link_alone_in_a_paragraph_is_a_button() -> None:
    html = html_of("[Choisir](https://x.example)\n\nou [plus tard](https://x.example/later)")

    assert html.count('class="button"') == 1
    assert html.count('class="button-line"') == 1
