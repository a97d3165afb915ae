"""For all facts: a renderer's process says what this process would say, character for character."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.revisions import mail, revision

from campaigns.errors import Place, RenderError
from campaigns.rendering import Content
from scheduler.rendering import wire
from scheduler.rendering.base import Job, OutOfMemory
from scheduler.rendering.inline import InlineRenderer
from scheduler.rendering.pool import PoolRenderer

SHOWN = """{% macro show(v) %}{% if v is mapping %}{{ '{' }}{% for k in v %}{{ k }}: {{ show(v[k]) }}, {% endfor %}{{ '}' }}
{%- elif v is none %}none{% elif v is string or v is number or v is boolean %}<{{ v }}>
{%- else %}[{% for x in v %}{{ show(x) }}, {% endfor %}]{% endif %}{% endmacro %}
{{ show(contact) }} {{ contact.v is string }} {{ contact.v is float }} {{ contact.v is integer }}"""
SHOP = revision(
    mail("md", template="a.md"), mail("html", template="a.html"), templates={"a.md": SHOWN, "a.html": SHOWN}
)
TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**40)
    | st.floats()
    | st.decimals()
    | st.dates()
    | st.datetimes(timezones=st.sampled_from([None, UTC, timezone.min]))
    | st.times()
    | TEXT
    | st.sampled_from(["\ud83d\ude00", "\udfff", "\ud800", "\x00", "\u2028", "\ue000", "\r\n"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(TEXT | st.integers() | st.dates(), inner, max_size=4)
    ),
    max_leaves=8,
)
OTHERS = {
    "campaign": {"sender": "The Shop", "postal_address": "12 rue des Lilas"},
    "links": {"unsubscribe": "mailto:stop@shop.example"},
    "touch": {"purpose": "marketing"},
}


@pytest.fixture(scope="module")
def pool() -> Iterator[PoolRenderer]:
    made = PoolRenderer()
    yield made
    asyncio.run(made.close())


def test_plain_value_is_shown(pool: PoolRenderer) -> None:
    (answer,) = asyncio.run(pool.render([Job(SHOP, "md", {"contact": {"v": 1, "name": "Zoë"}, **OTHERS})]))

    assert isinstance(answer, Content)
    assert answer.text.startswith("{v: <1>, name: <Zoë>, } False False True\n")


@settings(max_examples=60)
@given(st.lists(VALUES, min_size=1, max_size=6))
def test_any_facts_give_the_same_message_in_both_processes(pool: PoolRenderer, values: list[object]) -> None:
    jobs = [
        Job(SHOP, touch, {"contact": {"v": value, "name": value}, **OTHERS})
        for value in values
        for touch in ("md", "html")
    ]

    there = asyncio.run(pool.render(jobs))

    here = asyncio.run(InlineRenderer().render(jobs))
    assert [answer if isinstance(answer, Content) else str(answer) for answer in there] == [
        answer if isinstance(answer, Content) else str(answer) for answer in here
    ]


PLACES = st.none() | st.builds(
    Place,
    TEXT,
    st.none() | st.integers(0, 9999),
    st.none() | st.integers(0, 999),
    st.none() | TEXT,
    st.integers(1, 99),
)


@given(st.builds(Content, TEXT, TEXT, st.none() | TEXT, TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)))
def test_message_arrives_as_it_was_sent(content: Content) -> None:
    (arrived,) = wire.Inbox(1 << 20).take(wire.answers([content, content]))

    assert arrived.said == (content, content)


@given(st.sampled_from([RenderError, OutOfMemory]), TEXT, PLACES, TEXT)
def test_error_arrives_as_it_was_sent(kind: type[RenderError], message: str, place: Place | None, remedy: str) -> None:
    (arrived,) = wire.Inbox(1 << 20).take(wire.answers([kind(message, place=place, remedy=remedy)]))

    (error,) = arrived.said

    assert isinstance(error, RenderError)
    assert (type(error), error.message, error.place, error.remedy) == (kind, message, place, remedy)
    assert (error.place and error.place.text) == (place and place.text)


@given(st.lists(TEXT, max_size=5), st.integers(1, 7))
def test_frames_may_arrive_in_pieces(texts: list[str], piece: int) -> None:
    sent = b"".join(wire.command(text) for text in texts)
    inbox = wire.Inbox(1 << 20)

    arrived = [value for at in range(0, len(sent), piece) for value in inbox.take(sent[at : at + piece])]

    assert arrived == [[text] for text in texts]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=8,
)


@given(JSON | st.lists(JSON, min_size=4, max_size=5))
def test_anything_else_that_arrives_is_refused(value: object) -> None:
    try:
        (answers,) = wire.Inbox(1 << 20).take(wire.frame(f"={json.dumps([value])}\nabcdef"))
    except wire.BrokenFrameError:
        return

    assert all(isinstance(answer, (Content, RenderError)) for answer in answers.said)
