"""Hostile templates: each refused, or bounded, quickly and with a message."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from rendering_world import body_of, mail, render

from campaigns.errors import RenderError

REFUSED = {
    "class of a text": "{{ ''.__class__.__mro__ }}",
    "class of the facts": "{{ contact.__class__ }}",
    "class by item": "{{ contact['__class__'] }}",
    "class by filter": "{{ contact.first_name | attr('__class__') }}",
    "class by map": "{{ [contact] | map(attribute='__class__') | list | join }}",
    "class by format": "{{ '{0.__class__}'.format(contact) }}",
    "globals of the template": "{{ self.__init__.__globals__ }}",
    "globals of a function": "{{ range.__globals__ }}",
    "context of the template": "{{ self._TemplateReference__context }}",
    "private parts of a loop": "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "owner of a method": "{{ contact.items.__self__ }}",
    "process environment": "{{ cycler.__init__.__globals__.os.environ }}",
    "settings": "{{ config }}",
    "module": "{% import 'os' as os %}{{ os.environ }}",
    "writing into the facts": "{{ contact.update({'a': 1}) }}",
    "growing a list": "{{ [].append(1) }}",
    "escaping switched off": "{% autoescape false %}{{ contact.first_name }}{% endautoescape %}",
    "value called safe": "{{ contact.first_name | safe }}",
    "file outside": "{% include '../../etc/passwd' %}",
    "absolute file": "{% include '/etc/passwd' %}",
    "windows file": "{% include 'C:\\\\secrets.txt' %}",
    "computed template": "{% include 'par' ~ 'ts.md' %}",
    "template that includes itself": "{% include 'evil.md' %}",
    "text times a thousand million": "{{ 'a' * 1000000000 }}",
    "padding": "{{ 'a'.ljust(1000000000) }}",
    "centring": "{{ 'a' | center(1000000000) }}",
    "indenting": "{{ 'a' | indent(1000000000) }}",
    "formatting": "{{ '%1000000000d' % 1 }}",
    "format width": "{{ '{:>1000000000}'.format('a') }}",
    "replacing": "{{ ('a' * 200000) | replace('a', 'b' * 200000) }}",
    "tower of powers": "{{ 10 ** 10 ** 10 }}",
    "large power": "{{ 99999999999 ** 99999999 }}",
    "rounding": "{{ 1 | round(1000000000) }}",
    "filling up": "{{ ['a'] | batch(1000000000, 'x') | list | length }}",
    "long range": "{% for n in range(1000000000) %}x{% endfor %}",
    "loops in loops": "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x"
    "{% endfor %}{% endfor %}{% endfor %}",
    "doubling macro": "{% macro f(s) %}{{ f(s ~ s) }}{% endmacro %}{{ f('aaaaaaaa') }}",
    "forking macro": "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "doubling block": "{% set x = 'aaaaaaaaaaaaaaaa' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40 + "{{ x }}",
    "doubling text": "{% set ns = namespace(x='aa') %}{% for n in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "doubling list": "{% set ns = namespace(x=[1]) %}{% for n in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "long comparisons": "{% set x = 'a' * 250000 %}{% for a in range(1000) %}{% for b in range(19) %}"
    "{% if x != x ~ '' %}{% endif %}{% if (x < x) or (x in x and x != x) %}{% endif %}{% endfor %}{% endfor %}",
    "sorting for ever": "{% set x = range(1000) | list %}{% for n in x %}{% for m in x %}{{ x | sort | length }}"
    "{% endfor %}{% endfor %}",
    "recursive loop": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "a thousand brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "conditions in conditions": "{% if 1 %}" * 5000 + "{% endif %}" * 5000,
    "sixty loops deep": "{% for i in range(2) %}" * 60 + "x" + "{% endfor %}" * 60,
    "long sum": "{{ " + "1+" * 20000 + "1 }}",
    "huge template": "x" * 400_000,
    "huge output": "{% for n in range(1000) %}" + "y" * 2000 + "{% endfor %}",
    "huge number of decimals": "{{ 1 | number(1000000000) }}",
    "huge exponent": "{{ '1e1000000000' | number }}",
    "huge pattern": "{{ '2027-01-01' | date('" + "y" * 60 + "') }}",
    "list where text is meant": "{{ [[1]] | sum(start=[]) }}",
}


@pytest.mark.parametrize("name", ["evil.txt", "evil.md", "evil.html"])
@pytest.mark.parametrize("attack", REFUSED)
def test_hostile_template_is_refused_quickly(attack: str, name: str) -> None:
    template = REFUSED[attack].replace("evil.md", name)
    began = time.process_time()

    with pytest.raises(RenderError) as caught:
        render(mail(template=name), {name: template})

    assert time.process_time() - began < 1.5
    assert caught.value.place is not None
    assert caught.value.place.file == name
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("attack", ["doubling macro", "doubling block", "text times a thousand million", "padding"])
def test_hostile_template_takes_no_memory(attack: str) -> None:
    tracemalloc.start()

    with pytest.raises(RenderError):
        render(mail(template="evil.txt"), {"evil.txt": REFUSED[attack]})

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def test_template_cannot_change_the_facts_of_the_next_reader() -> None:
    contact = {"first_name": "Léa", "tags": ["vip"]}
    touch = mail(text="{% set contact = {'first_name': 'x'} %}{{ contact.first_name }}")

    assert body_of(render(touch, contact=contact)) == "x"
    assert contact == {"first_name": "Léa", "tags": ["vip"]}


def test_honest_template_of_many_products_has_room() -> None:
    touch = mail(text="{% for item in event.items %}- {{ item.name | title }} : {{ item.price | money }}\n{% endfor %}")

    content = render(touch, event={"items": [{"name": f"bague {n}", "price": n} for n in range(500)]})

    assert "- Bague 499 : 499,00\u00a0€" in content.text
