"""For every template and every reader: a folded mail is the mail the sandbox writes, or the same error."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.definition import Stage, Touch
from campaigns.errors import RenderError
from campaigns.loader import restore
from campaigns.rendering import Content, Renderer, facts

VALUES = [
    "contact.first_name",
    "contact['city']",
    "contact.nick",
    "contact.n",
    "contact.x.y",
    "contact.tags[0]",
    "contact.tags",
    "contact.items",
    "contact.get('n')",
    "event.items[0].name",
    "event.price",
    "event.on",
    "offer.code",
    "offer.until",
    "offer.nothing",
    "campaign.title",
    "campaign.postal_address",
    "touch.now",
    "touch.purpose",
    "links.unsubscribe",
    "mail.brand",
    "mail.subject",
    "mail.preheader",
    "mail.address",
    "mail.unsubscribe",
    "mail.body",
    "unknown",
    "item",
    "item.name",
    "item.price",
    "loop.index",
    "loop.last",
    "loop.cycle('a', 'b')",
    "mine",
    "'<b>'",
    "7",
    "2.5",
    "none",
    "[1, 2]",
    "contact.n + 1",
    "contact.n * 3 - 2",
    "contact.first_name + contact.city",
    "contact.first_name * 2",
    "contact.n / 2",
    "contact.n % 0",
    "-contact.n",
    "'q=' ~ contact.first_name ~ contact.n",
    "contact.n if contact.n > 2 else 'few'",
    "contact.n if contact.n > 2",
    "contact.tags | map('upper') | join(', ')",
    "contact.first_name.upper()",
    "row(contact.city)",
    "later(1)",
]
FILTERS = [
    "",
    "",
    "",
    " | upper",
    " | title",
    " | trim | lower",
    " | default('none', true)",
    " | default(contact.city)",
    " | d",
    " | truncate(5)",
    " | truncate(contact.n)",
    " | replace('a', '<i>')",
    " | money('EUR')",
    " | number",
    " | percent",
    " | date",
    " | date('d MMM')",
    " | time",
    " | length",
    " | join('<br>')",
    " | first",
    " | sum",
    " | round(1)",
    " | int",
    " | float",
    " | urlencode",
    " | e",
    " | string",
    " | nothing",
]
TESTS = [
    "",
    "",
    " is defined",
    " is undefined",
    " is none",
    " is odd",
    " == 'Paris'",
    " > 2",
    " in ['Paris', 3]",
    " <= contact.n",
]
LISTS = [
    "event.items",
    "contact.tags",
    "range(3)",
    "range(contact.n)",
    "contact.first_name",
    "event.none",
    "['a', 'b']",
    "contact",
    "contact.n",
]
TARGETS = ["item", "item", "item", "contact", "a, b"]
WHERE = [
    "{}",
    "<b>{}</b>",
    "<a href='https://x.example/?q={}'>a</a>",
    '<a href="{}">b</a>',
    "<i style='color: {}'>c</i>",
    "<u class='{}'>d</u>",
    "_{}_ *x*\n\n",
]


def join(*parts: object) -> st.SearchStrategy[str]:
    """Return texts put together of these parts."""
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)  # type: ignore[arg-type]


EXPRESSION = join(st.sampled_from(VALUES), st.sampled_from(FILTERS))
TEST = join(st.sampled_from(["", "", "not "]), st.sampled_from(VALUES), st.sampled_from(TESTS))
OUTPUT = st.tuples(st.sampled_from(WHERE), EXPRESSION).map(lambda pair: pair[0].replace("{}", f"{{{{ {pair[1]} }}}}"))
LEAF = (
    OUTPUT
    | OUTPUT
    | st.sampled_from(
        [
            "text é\n",
            "{{ row(contact.first_name) }}",
            "{{ row(item.name, 2) }}",
            "{% include 'part.html' %}",
            "{% set mine = contact.n %}",
            "{% set mine = 'x' %}",
            "{% set block %}x{{ contact.city }}{% endset %}{{ block }}",
        ]
    )
)


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=3).map("".join)
    return st.one_of(
        join("{% if ", TEST, " %}", body, "{% endif %}"),
        join("{% if ", TEST, " %}", body, "{% elif ", TEST, " %}", body, "{% else %}", body, "{% endif %}"),
        join("{% for ", st.sampled_from(TARGETS), " in ", st.sampled_from(LISTS), " %}", body, "{% endfor %}"),
        join("{% for item in ", st.sampled_from(LISTS), " if ", TEST, " %}", body, "{% else %}", body, "{% endfor %}"),
        join(
            "{% macro made(item, n=2) %}", body, "{% endmacro %}{{ made(contact.city) }}{{ made(n=contact.n, item=3) }}"
        ),
    )


TEMPLATE = st.lists(st.recursive(LEAF, nested, max_leaves=8), min_size=1, max_size=4).map("".join)
MACRO = "{% macro row(name, n=1) %}<li>{{ name }}{% if n > 1 %} x{{ n }}{% endif %}</li>{% endmacro %}\n"
LATER = "\n{% macro later(x) %}{{ x }}{% endmacro %}"

TEXT = st.sampled_from(
    [
        "Léa",
        "",
        "Paris",
        "<script>",
        "a&b'\"",
        "x" * 150,
        "https://x.example/?a=1&b='",
        "javascript:x",
        "2027-02-14",
        "é\u00a0è\n\n\n b ",
        "3",
    ]
) | st.text(max_size=6)
NUMBER = st.sampled_from([0, 1, 3, -2, True, False, 2.5, 0.0, -0.0, 1e300, None])
ITEM = st.fixed_dictionaries({}, optional={"name": TEXT, "price": NUMBER | TEXT})
CONTACT = st.fixed_dictionaries(
    {},
    optional={
        "first_name": TEXT,
        "city": TEXT,
        "nick": TEXT,
        "n": NUMBER,
        "tags": st.lists(TEXT, max_size=3),
        "x": ITEM,
        "items": ITEM,
    },
)
EVENT = st.fixed_dictionaries({}, optional={"items": st.lists(ITEM, max_size=3), "price": NUMBER | TEXT, "on": TEXT})
PEOPLE = st.lists(st.tuples(CONTACT, EVENT), min_size=2, max_size=4)

CAUGHT = ("it does not say the same", "its values are not the same again")


def world(kind: str, template: str, subject: str) -> tuple[Renderer, Renderer, Stage, Touch, list[str]]:
    touch = {
        "id": "t",
        "channel": "email",
        "subject": subject,
        "preheader": "{{ contact.city | default('') }}",
        "template": "a.md" if kind == "md" else "a.html",
        "offer": "O",
        "layout": {"md": "offer", "html": "own", "page": "plain"}[kind],
    }
    campaign = restore(
        {
            "campaign": "c",
            "title": "A & B",
            "language": "fr",
            "country": "FR",
            "senders": {"email": "Boutique <a@boutique.example>", "postal_address": "12 rue des Lilas"},
            "offers": {"O": {"terms": "-30 %", "until": {"date": "02-07"}}},
            "stages": [{"stage": "s", "kind": "loyalty", "touches": [touch]}],
        }
    )
    said = MACRO + template + LATER
    templates = {
        str(touch["template"]): f"<html><body>{said}</body></html>" if kind == "page" else said,
        "part.html": "({{ contact.first_name }}{{ item }})",
        "layouts/own.html": "<html><body>{{ mail.body }}<p>{{ mail.address }}, {{ contact.nick | d }}</p></body></html>",
    }
    ((stage, only),) = campaign.touches()
    told: list[str] = []
    folds = Renderer(campaign, templates, folds_after=0, told=lambda _, why: told.append(why))
    plain = Renderer(campaign, templates, folds_after=10**9)
    return folds, plain, stage, only, told


def said(renderer: Renderer, touch: Touch, known: dict[str, object]) -> object:
    try:
        return renderer.render(touch, known)
    except RenderError as error:
        return error.message, error.place, error.place and error.place.text, error.remedy


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(["html", "md", "page"]),
    TEMPLATE,
    st.sampled_from(["Bonjour", "{{ contact.first_name }}!"]),
    PEOPLE,
)
def test_folded_mail_is_what_the_sandbox_writes(
    kind: str, template: str, subject: str, people: list[tuple[dict[str, object], dict[str, object]]]
) -> None:
    folds, plain, stage, touch, told = world(kind, template, subject)

    for number, (contact, event) in enumerate([*people, *people]):
        known = facts(
            folds._campaign,
            stage,
            touch,
            contact=contact,
            event=event,
            offer=None,
            now=datetime(2027, 1, 21, 8, number, tzinfo=UTC),
            zone=("Europe/Paris", "Asia/Tokyo")[number % 2],
            unsubscribe="mailto:stop@boutique.example",
            edition="2027",
            occasion_on=date(2027, 2, 14),
        )
        meant = said(plain, touch, known)
        assert said(folds, touch, known) == meant
        assert isinstance(meant, (Content, tuple))

    # The comparison that every form has to stand is a net: the analysis itself must not need it.
    assert not [why for why in told if why in CAUGHT]
