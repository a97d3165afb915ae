"""For every value: it arrives as it reads, and never as a tag, a link, a style or a header."""

from __future__ import annotations

from datetime import UTC, date, datetime
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import RenderError
from campaigns.loader import restore
from campaigns.rendering import Content, Renderer, facts
from campaigns.rendering.facts import clean

MARKDOWN = """# Bonjour {{ contact.v }}

Cher *{{ contact.v }}*, **{{ contact.v }}** `{{ contact.v }}` {{ contact.v }}.

- {{ contact.v }}

> {{ contact.v }}

| a | b |
|---|---|
| {{ contact.v }} | {{ contact.v ~ '!' }} |

[{{ contact.v }}](https://x.example/?q={{ contact.v }})

![{{ contact.v }}](https://x.example/a.png)

{% set twice %}_{{ contact.v }}_{% endset %}
{{ twice }} {{ contact.v | upper }} {{ [contact.v, twice] | join('-') }}
"""
HTML = """<p title='{{ contact.v }}' lang={{ contact.v }}>{{ contact.v }}</p><!-- {{ contact.v }} -->
<a href='https://x.example/{{ contact.v }}'>{{ contact.v }}</a>
<img src='https://x.example/a.png' alt={{ contact.v }}>
{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}{{ m(contact.v) }}{{ contact.v ~ m('x') }}
"""
TEMPLATES = {"a.md": MARKDOWN, "a.html": HTML}
HOSTILE = """
<script>alert(1)</script>| </p>| <!--| -->| ]]>| " onload="x| ' x='| &lt;| &#x3c;| ](javascript:x)| **| __| ```| `
[a](https://evil.example)| ![a](b)| <b>| {{ 7 * 7 }}| {% raw %}| https://evil.example| <https://evil.example>| שָׂרָה| Zoë
"""
FRAGMENTS = st.sampled_from(
    [fragment.strip() for line in HOSTILE.strip().splitlines() for fragment in line.split("|")]
    + ["|", "\\", "\n\n# x\n", "\n---\n", "\n    code", "\r\nBcc: all@example.org", "\u2028", "\x00", "\x0b", "\x85"]
    + ["\ue000", "\ue0000\ue001", "\ue0001\ue001", "\u202e", "\u2066"]
)
VALUES = st.lists(st.one_of(FRAGMENTS, st.text(max_size=12)), min_size=1, max_size=6).map("".join)


def render(value: str, template: str, subject: str = "Bonjour") -> Content:
    made = restore(
        {
            "campaign": "c",
            "senders": {"email": "Boutique <a@boutique.example>", "postal_address": "12 rue des Lilas"},
            "stages": [
                {
                    "stage": "s",
                    "kind": "loyalty",
                    "touches": [{"id": "t", "channel": "email", "subject": subject, "template": template}],
                }
            ],
        }
    )
    ((stage, touch),) = made.touches()
    known = facts(
        made,
        stage,
        touch,
        contact={"v": value},
        event=None,
        offer=None,
        now=datetime(2027, 1, 21, 8, 30, tzinfo=UTC),
        zone="Europe/Paris",
        unsubscribe="mailto:stop@boutique.example",
        edition="2027",
        occasion_on=date(2027, 2, 14),
    )
    return Renderer(made, TEMPLATES).render(touch, known)


class _Shape(HTMLParser):
    """Keeps the tags with the names of their attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, ...]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(("/" + tag,))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_decl(self, decl: str) -> None:
        self.tags.append(("!", decl))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("--",))


def shape(content: Content) -> _Shape:
    assert content.html is not None
    parser = _Shape()
    parser.feed(content.html)
    parser.close()
    return parser


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_no_value_changes_the_shape_of_a_markdown_mail(value: str) -> None:
    assert shape(render(value, "a.md")).tags == shape(render("x", "a.md")).tags


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_no_value_changes_the_shape_of_an_html_mail(value: str) -> None:
    assert shape(render(value, "a.html")).tags == shape(render("x", "a.html")).tags


@settings(max_examples=50, deadline=None)
@given(VALUES)
def test_every_value_can_be_read_in_both_parts(value: str) -> None:
    content = render(value, "a.md")

    words = clean(value).split()
    assert " ".join(words) in " ".join(content.text.split())
    assert " ".join(words) in " ".join("".join(shape(content).text).split())


@settings(max_examples=80, deadline=None)
@given(VALUES)
def test_subject_is_always_one_printable_line(value: str) -> None:
    content = render(value, "a.md", subject="Bonjour {{ contact.v }}")

    assert content.subject.splitlines() == [content.subject]
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in content.subject)
    assert content.subject == " ".join(content.subject.split())


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_same_value_gives_the_same_bytes(value: str) -> None:
    assert render(value, "a.md") == render(value, "a.md")


WORDS = """{{ }} {% %} {# #} contact .v ['v'] ( ) | ~ + * ** % if else endif for x in endfor range(9) set x = endset
macro m() endmacro m() include 'a.md' 'b.txt' extends block b endblock loop .index upper join date money default not in
is defined none true 1 'a' [ ] { } : , self .__class__ namespace() call m() endcall filter upper endfilter import as x
with endwith do raw endraw - autoescape false <a href= ' " > **gras**"""
PIECES = st.sampled_from([*WORDS.split(), "for x in range(9)", "{{ contact.v }}", "\n"])


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=14).map(" ".join), st.sampled_from(["b.md", "b.html", "b.txt"]))
def test_any_template_gives_a_message_or_a_render_error(source: str, name: str) -> None:
    made = restore(
        {
            "campaign": "c",
            "stages": [
                {
                    "stage": "s",
                    "kind": "loyalty",
                    "touches": [
                        {"id": "t", "channel": "email", "subject": "x", "template": name, "purpose": "transactional"}
                    ],
                }
            ],
        }
    )
    ((_, touch),) = made.touches()
    renderer = Renderer(made, TEMPLATES | {name: "Bonjour\n" + source})
    known = {
        "contact": {"v": "x"},
        "campaign": {"sender": "Boutique"},
        "links": {},
        "touch": {"purpose": "transactional"},
    }

    renderer.check()
    try:
        text = renderer.render(touch, known).text
    except RenderError as error:
        text = f"Bonjour {error.place}"

    assert text.startswith("Bonjour")
