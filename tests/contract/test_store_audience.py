"""Audiences in SQL decide as `segments.evaluate` does on the same facts, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from campaigns import segments
from campaigns.segments import And, Comparison, Happened, Known, Membership, Not, Operator, Or
from campaigns.timing.model import Span, Unit
from scheduler.store import audience, events, people

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Somebody:
    ref: str | None = "r1"
    email: str | None = None
    phone: str | None = None
    first_name: str = ""
    last_name: str = ""
    city: str = ""
    country: str = ""
    language: str = ""
    timezone: str = ""
    birthday: str | None = None
    consent: tuple[str, ...] | None = None
    facts: dict[str, object] = field(default_factory=dict)


def add(conn, person, history=()):
    people.upsert_contacts(conn, [person], source="test", now=NOW)
    contact = people.find(conn, person.ref)
    for number, (name, at, facts) in enumerate(history):
        events.insert(conn, key=f"{person.ref}/{number}", contact=contact, name=name, at=at, facts=facts, now=NOW)
    return contact


def both(conn, contact, expression):
    """Decide in SQL and in Python."""
    where = audience.clause(conn, expression, now=NOW)
    facts = people.facts(conn, contact, today=NOW.date())
    history = events.past(conn, contact, until=NOW)
    return audience.member(conn, contact, where), segments.evaluate(expression, facts, history, NOW)


@pytest.mark.parametrize(
    ("person", "expression", "expected"),
    [
        (Somebody(city="Paris"), "city = 'Paris'", True),
        (Somebody(city="Paris"), "city = 'paris'", False),
        (Somebody(), "city != 'Paris'", False),
        (Somebody(), "not city = 'Paris'", True),
        (Somebody(), "city is unknown", True),
        (Somebody(city="Iași"), "city in ('Iași', 'Paris')", True),
        (Somebody(birthday="1991-11-20"), "age = 35", True),
        (Somebody(birthday="1991-11-21"), "age < 35", True),
        (Somebody(birthday="1991-11-21", facts={"age": 70}), "age = 34", True),
        (Somebody(facts={"age": 29}), "age < 35", True),
        (Somebody(facts={"age": "29"}), "age < 35", True),
        (Somebody(facts={"age": "about 30"}), "age < 35", False),
        (Somebody(facts={"age": "about 30"}), "age != 35", True),
        (Somebody(facts={"score": "12,5"}), "score > 12.4", True),
        (Somebody(facts={"score": True}), "score = 1", False),
        (Somebody(facts={"vip": True}), "vip = true", True),
        (Somebody(facts={"vip": "TRUE "}), "vip = true", True),
        (Somebody(facts={"vip": False}), "vip = 'false'", True),
        (Somebody(facts={"joined": "2026-02-28"}), "joined < 2026-03-01", True),
        (Somebody(facts={"joined": "2026-02-29"}), "joined < 2026-03-01", False),
        (Somebody(facts={"tags": ["gold", "ring"]}), "tags = 'ring'", True),
        (Somebody(facts={"tags": ["gold", "ring"]}), "tags != 'ring'", False),
        (Somebody(facts={"tags": []}), "tags is known", False),
        (Somebody(facts={"tags": []}), "tags != 'ring'", False),
        (Somebody(facts={"ring": {"size": 52}}), "ring.size >= 52", True),
        (Somebody(facts={"prénom": "Léa"}), "prénom = 'Léa'", True),
        (Somebody(consent=("marketing",)), "consent = 'marketing'", True),
        (Somebody(consent=()), "consent is known", False),
    ],
)
def test_one_fact_is_compared_as_its_author_means(store, person, expression, expected):
    with store.begin() as conn:
        contact = add(conn, person)

        assert both(conn, contact, segments.parse(expression)) == (expected, expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("purchased()", True),
        ("purchased('Ring')", True),
        ("purchased('RING') within 30 days", True),
        ("purchased('ring') within 29 days", False),
        ("purchased('earring')", False),
        ("purchased('%')", False),
        ("purchased('ÉTÉ')", True),
        ("purchased(17)", True),
        ("purchased() since 2026-10-21", True),
        ("purchased() since 2026-10-22", False),
        ("delivered()", False),
        ("signed_up()", False),
        ("not delivered()", True),
    ],
)
def test_the_past_is_asked_as_its_author_means(store, expression, expected):
    a_month_ago = NOW - timedelta(days=30)
    history = [
        ("purchase", a_month_ago, {"product": "ring", "items": ["été", 17]}),
        ("delivered", NOW + timedelta(microseconds=1), {}),
    ]
    with store.begin() as conn:
        contact = add(conn, Somebody(), history)
        add(conn, Somebody(ref="r2"), [("signup", NOW, {})])

        assert both(conn, contact, segments.parse(expression)) == (expected, expected)


def test_everybody_is_an_audience_too(store):
    with store.begin() as conn:
        add(conn, Somebody(ref="a"))
        add(conn, Somebody(ref="b"))

        assert audience.count(conn, audience.clause(conn, None, now=NOW)) == 2


def test_the_zones_of_an_audience_are_sorted_and_unknown_is_one(store):
    with store.begin() as conn:
        for number, zone in enumerate(["Europe/Paris", "", "Europe/Moscow", "Europe/Paris"]):
            add(conn, Somebody(ref=f"r{number}", timezone=zone))

        assert audience.zones(conn, audience.clause(conn, None, now=NOW)) == ["", "Europe/Moscow", "Europe/Paris"]


def test_members_come_in_chunks_by_id(store):
    with store.begin() as conn:
        ids = [add(conn, Somebody(ref=f"r{number}", city="Paris" if number else "")) for number in range(6)]
        where = audience.clause(conn, segments.parse("city = 'Paris'"), now=NOW)

        chunks = list(audience.members_in_chunks(conn, where, 2))

    assert chunks == [[(ids[1], ""), (ids[2], "")], [(ids[3], ""), (ids[4], "")], [(ids[5], "")]]


# --- whatever the facts, both say the same

NUMERALS = ["12", " 12,5 ", "-3", "+4", "1.", ".5", "1.2.3"]
DAYS = ["2026-02-28", "2026-02-29", "2024-02-29", "2026-13-01", "2026-11-20T10:00", "0000-01-01", "20260228"]
WORDS = st.sampled_from(["", "Paris", "paris", "é", "z", "true", "False ", "a%b", "a_b", "'", '"', *NUMERALS, *DAYS])
NUMBERS = st.one_of(st.integers(-40, 40), st.sampled_from([0.5, 12.5, -3.25, 1e6, 10**14]))
SINGLE = st.one_of(WORDS, NUMBERS, st.booleans())
FREE = st.one_of(SINGLE, st.none(), st.lists(st.one_of(SINGLE, st.none()), max_size=3))
NAMES = ("age", "vip", "score", "tags", "ring")
FACTS = st.dictionaries(st.sampled_from(NAMES), st.one_of(FREE, st.fixed_dictionaries({"size": FREE})))
BIRTHDAYS = st.one_of(st.none(), st.dates(date(1980, 1, 1), date(2020, 1, 1)).map(date.isoformat))
PEOPLE = st.builds(
    Somebody,
    city=WORDS,
    birthday=BIRTHDAYS,
    consent=st.sampled_from([None, (), ("marketing",), ("marketing", "marketing:sms")]),
    facts=FACTS,
)
VALUES = st.one_of(WORDS, NUMBERS, st.booleans(), st.dates(date(2024, 2, 28), date(2026, 12, 1)), st.just(10**400))
FIELDS = st.sampled_from([*NAMES, "ring.size", "city", "birthday", "consent", "nobody.knows"])
OFFSETS = st.sampled_from([0, 1, 29, 30, 31, 365, -1]).map(lambda days: NOW - timedelta(days=days))
HISTORY = st.lists(
    st.tuples(st.sampled_from(["purchase", "signup"]), OFFSETS, st.fixed_dictionaries({"product": FREE})), max_size=3
)
LEAVES = st.one_of(
    st.builds(Comparison, FIELDS, st.sampled_from(Operator), VALUES),
    st.builds(Membership, FIELDS, st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
    st.builds(Known, FIELDS),
    st.builds(
        Happened,
        st.sampled_from(["purchase", "signup"]),
        st.one_of(st.none(), WORDS, st.just("12.5")),
        within=st.one_of(st.none(), st.builds(Span, st.integers(0, 40), st.sampled_from([Unit.DAY, Unit.MONTH]))),
    ),
    st.builds(Happened, st.just("purchase"), since=st.dates(date(2026, 10, 1), date(2026, 11, 20))),
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(And, st.lists(parts, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(parts, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(Somebody(facts={"age": [None]}), [], Known("age"))
@example(Somebody(facts={"age": ["", 3]}), [], Not(Comparison("age", Operator.UNEQUAL, 3)))
@example(Somebody(facts={"ring": {"size": []}}), [], Comparison("ring", Operator.UNEQUAL, "x"))
@example(Somebody(facts={"ring": {"size": 1}}), [], Comparison("ring", Operator.MORE, ""))
@given(PEOPLE, HISTORY, EXPRESSIONS)
def test_sql_and_python_agree_on_everybody(store, person, history, expression):
    with store.begin() as conn:
        example_alone = conn.begin_nested()
        contact = add(conn, person, history)

        in_sql, in_python = both(conn, contact, expression)

        example_alone.rollback()
    assert in_sql == in_python, str(expression)
