"""Hostile templates: each refused, or bounded, quickly and with a message."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from rendering_world import body_of, mail, render
from support.hostile import REFUSED

from campaigns.errors import RenderError


@pytest.mark.parametrize("name", ["evil.txt", "evil.md", "evil.html"])
@pytest.mark.parametrize("attack", REFUSED)
def test_hostile_template_is_refused_quickly(attack: str, name: str) -> None:
    template = REFUSED[attack].replace("evil.md", name)
    spent = []

    for _ in range(2):  # processor time too is longer while a neighbour has the caches
        began = time.process_time()
        with pytest.raises(RenderError) as caught:
            render(mail(template=name), {name: template})
        spent.append(time.process_time() - began)

    assert min(spent) < 1.5
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
