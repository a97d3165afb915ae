"""Audience expressions as conditions on contacts; they decide as `segments.evaluate` does on `people.facts`.

Every condition made here is true or false, never NULL, so that `not` turns it round. How a single fact is compared is
`facts_sql`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time

from sqlalchemy import ColumnElement, Connection, and_, distinct, false, func, not_, or_, select, true

from campaigns.segments import And, Comparison, Expression, Happened, Known, Membership, Not, Operator, Or
from campaigns.timing import resolver
from campaigns.timing import zones as time_zones
from scheduler.store.events import SEPARATOR, searched
from scheduler.store.facts_sql import Facts
from scheduler.store.tables import CONTACTS, EVENTS

Clause = ColumnElement[bool]
_C = CONTACTS.c


def clause(conn: Connection, expression: Expression | None, *, now: datetime, zone: str = "UTC") -> Clause:
    """Return the condition on CONTACTS that says who belongs to an audience at `now`; None is everybody.

    Ages are those of the day it is in `zone`. The condition is made for the connection's database alone.
    """
    if expression is None:
        return true()
    facts = Facts(conn.dialect.name, today=time_zones.local(now, zone).date())
    return _condition(expression, facts, now)


def count(conn: Connection, where: Clause) -> int:
    """Return how many contacts the condition describes."""
    return int(conn.execute(select(func.count()).select_from(CONTACTS).where(where)).scalar_one())


def member(conn: Connection, contact: int, where: Clause) -> bool:
    """Return whether the condition describes this contact."""
    return conn.execute(select(_C.id).where(_C.id == contact, where)).first() is not None


def zones(conn: Connection, where: Clause) -> list[str]:
    """Return the time zones the people live in, sorted; the empty one stands for people without."""
    return sorted(conn.execute(select(distinct(_C.timezone)).where(where)).scalars())


def members_in_chunks(conn: Connection, where: Clause, size: int) -> Iterator[list[tuple[int, str]]]:
    """Yield everybody the condition describes as (contact, time zone), by id, at most `size` at a time."""
    after = 0
    while True:
        query = select(_C.id, _C.timezone).where(_C.id > after, where).order_by(_C.id).limit(size)
        if not (chunk := [(row.id, row.timezone) for row in conn.execute(query)]):
            return
        yield chunk
        after = chunk[-1][0]


def _condition(expression: Expression, facts: Facts, now: datetime) -> Clause:
    match expression:
        case And(parts):
            return and_(*(_condition(part, facts, now) for part in parts))
        case Or(parts):
            return or_(*(_condition(part, facts, now) for part in parts))
        case Not(part):
            return not_(_condition(part, facts, now))
        case Known(name):
            return facts.is_known(name)
        case Membership(name, values):
            return or_(false(), *(facts.compare(name, Operator.EQUAL, value) for value in values))
        case Comparison(name, operator, value):
            return facts.compare(name, operator, value)
        case Happened():
            return _happened(expression, now)


def _happened(question: Happened, now: datetime) -> Clause:
    event = EVENTS.c
    condition = and_(event.contact == _C.id, event.name == question.event, event.at <= now)
    if question.within is not None:
        condition = and_(condition, event.at >= resolver.add_span(now, question.within, "UTC", sign=-1))
    elif question.since is not None:
        condition = and_(condition, event.at >= datetime.combine(question.since, time(0), tzinfo=now.tzinfo))
    if question.key is not None:
        word = f"{SEPARATOR}{searched(question.key)}{SEPARATOR}"
        condition = and_(condition, event.words.contains(word, autoescape=True))
    return select(event.id).where(condition).exists()
