"""Which mails are folded, which are left to the sandbox, and that both say the same."""

from __future__ import annotations

from datetime import date

import pytest
from rendering_world import AMOUR30, LEA, NOW, STOP, campaign, mail

from campaigns.errors import RenderError
from campaigns.rendering import Content, Renderer, facts

OWN = """<html><head><style>td { padding: 4px } .a { color: red }</style></head>
<body><table>{{ mail.body }}</table>{{ mail.footer }}</body></html>"""
ROWS = """{% macro row(item, place) %}<tr><td>{{ place }}</td><td>{{ item.name | default("-") }}</td></tr>{% endmacro %}
{% for item in event.items %}{{ row(item, loop.index) }}{% endfor %}"""


class World:
    """One touch rendered both ways."""

    def __init__(self, template: str, *, name: str = "a.html", preheader: str | None = None, **more: str) -> None:
        touch = mail(template=name, layout="own", offer="AMOUR30", subject="Bonjour {{ contact.first_name }}")
        made = campaign(touch | ({} if preheader is None else {"preheader": preheader}))
        ((self.stage, self.touch),) = made.touches()
        self.campaign = made
        self.told: list[str] = []
        templates = {name: template, "layouts/own.html": OWN, **more}
        self.folds = Renderer(
            made, templates, folds_after=0, told=lambda touch, why: self.told.append(f"{touch}: {why}")
        )
        self.plain = Renderer(made, templates, folds_after=1_000_000)

    def said(self, *, zone: str = "Europe/Paris", contact: dict[str, object] = LEA, **event: object) -> Content | str:
        """Return what both say; a difference fails."""
        known = facts(
            self.campaign,
            self.stage,
            self.touch,
            contact=contact,
            event=event,
            offer=AMOUR30,
            now=NOW,
            zone=zone,
            unsubscribe=STOP,
            edition="2027",
            occasion_on=date(2027, 2, 14),
        )
        answers: list[Content | str] = []
        for renderer in (self.folds, self.plain):
            try:
                answers.append(renderer.render(self.touch, known))
            except RenderError as error:
                answers.append(
                    f"{error.place and error.place.file}:{error.place and error.place.line}: {error.message}"
                )
        assert answers[0] == answers[1]
        return answers[0]

    @property
    def folded(self) -> int:
        """How many messages were said by a form."""
        return self.folds._folds[self.touch.id]._done


def test_rows_of_a_table_stay_in_it_and_each_gets_its_style() -> None:
    world = World("<tr><td>first</td></tr>" + ROWS)

    one = world.said(items=[{"name": "Bague <b>"}])
    none = world.said(items=[])
    three = world.said(items=[{"name": "x"}, {}, {"name": "y"}])

    row = '<tr><td style="padding: 4px;">1</td><td style="padding: 4px;">Bague &lt;b&gt;</td></tr>'
    assert f"first</td></tr>{row}</tbody>" in one.html.replace("\n", "")
    assert none.html.count("<td") == 1
    assert '<td style="padding: 4px;">3</td><td style="padding: 4px;">y</td>' in three.html
    assert (world.folded, world.told) == (3, [])


def test_fact_that_is_missing_is_the_same_error_at_the_same_line() -> None:
    world = World("<p>Bonjour</p>\n<p>{{ event.name }}</p>")

    world.said(name="x")

    assert world.said() == "a.html:2: unknown name 'event.name'"
    assert world.said(name="y").html.count("<p>y</p>") == 1
    assert (world.folded, world.told) == (2, [])


def test_what_takes_too_many_steps_is_refused_as_in_the_sandbox() -> None:
    world = World("{% for a in event.items %}{% for b in event.items %}.{% endfor %}{% endfor %}")
    world.said(items=[1])

    assert world.said(items=[1] * 500) == "a.html:1: the template takes more than 20000 steps"
    assert world.folded == 1


def test_what_writes_too_much_is_refused_as_in_the_sandbox() -> None:
    world = World("{% for a in event.items %}{{ event.long }}{% endfor %}")
    world.said(items=[1], long="x")

    assert world.said(items=[1] * 1000, long="x" * 8000) == "a.html:1: the template writes more than 4 MiB"
    assert world.folded == 1


def test_readers_in_other_zones_read_their_own_hours() -> None:
    world = World("<p>{{ offer.until | time }}</p>")

    paris, tokyo, again = world.said(), world.said(zone="Asia/Tokyo"), world.said()

    assert "<p>23:59</p>" in paris.html
    assert "<p>07:59</p>" in tokyo.html
    assert again == paris
    assert (world.folded, world.told) == (3, [])


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("<p class='{{ contact.city }}'>a</p>", "a value stands inside `class` or `id`"),
        ("{% set b %}x{% endset %}{{ b }}", "`AssignBlock` on line 1"),
        ("{{ contact.first_name.upper() }}", "a call on line 1"),
        ("{{ contact.tags | default([]) | map('upper') | join }}", "the filter 'map' on line 1"),
        ("{{ mail.footer | length }}", "`mail` on line 1"),
        ("{% from 'm.html' import m %}{{ m() }}", "facts in what is imported, on line 1"),
    ],
)
def test_what_cannot_be_proved_is_left_to_the_sandbox_for_good_and_told(template: str, why: str) -> None:
    world = World(template, **{"m.html": "{% macro m() %}{{ contact.city }}{% endmacro %}"})

    world.said()
    world.said()

    assert (world.folded, world.told) == (0, [f"offer-email: {why}"])


def test_macro_is_known_from_its_definition_on() -> None:
    world = World("{{ row(1) }}{% macro row(x) %}<b>{{ x }}</b>{% endmacro %}")

    assert world.said() == "a.html:1: unknown name 'row'"
    assert world.folded == 0


def test_zero_and_its_negative_and_true_are_not_mixed_up() -> None:
    world = World("<p>{{ event.n | round(1) }}|{{ event.n | float }}|{{ event.n }}</p>")

    said = [world.said(n=value).html.partition("<p>")[2].partition("</p>")[0] for value in (1, 1.0, True, 0.0, -0.0, 0)]

    assert said == ["1|1.0|1", "1.0|1.0|1.0", "1|1.0|True", "0.0|0.0|0.0", "-0.0|-0.0|-0.0", "0|0.0|0"]
    assert (world.folded, world.told) == (6, [])


def test_page_with_footer_and_preheader_of_its_own_for_some_is_the_same_both_ways() -> None:
    world = World(
        "<html><body>{{ contact.line }}<p>{{ mail.address }}, {{ contact.link }}</p>"
        "{% if contact.age > 30 %}<a href='{{ mail.unsubscribe }}'>Stop</a>{% endif %}</body></html>",
        preheader="Vite, {{ contact.first_name }}",
    )
    people = [{"age": age, "line": "x", "link": "y", "first_name": "Léa"} for age in (29, 31, 40)]

    young, old, older = (world.said(contact=person) for person in people)
    linked = world.said(contact={**people[0], "link": STOP})
    shown = world.said(contact={**people[0], "line": "Vite, Léa"})

    assert [one.html.count("Se désinscrire") for one in (young, old, older, linked)] == [1, 0, 0, 0]
    assert [one.html.count('class="preheader"') for one in (young, old, older, linked, shown)] == [1, 1, 1, 1, 0]
    assert (world.folded, world.told) == (5, [])
