"""Audience expressions as conditions on contacts; they decide as `segments.evaluate` does on `people.facts`.

Every condition made here is true or false, never NULL, so that `not` turns it round.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)

from campaigns.segments import And, Comparison, Expression, Happened, Known, Membership, Not, Operator, Or, Value
from campaigns.timing import resolver
from campaigns.timing import zones as time_zones
from scheduler.store.events import SEPARATOR, searched
from scheduler.store.people.consents import held_consents
from scheduler.store.people.contacts import COLUMNS
from scheduler.store.people.readings import finite
from scheduler.store.tables import CONTACT_FACTS, CONTACTS, EVENTS

Clause = ColumnElement[bool]
_C = CONTACTS.c
_F = CONTACT_FACTS.c


def clause(conn: Connection, expression: Expression | None, *, now: datetime, zone: str = "UTC") -> Clause:
    """Return the condition on CONTACTS that says who belongs to an audience at `now`; None is everybody.

    Ages are those of the day it is in `zone`. The condition is made for the connection's database alone.
    """
    here = _C.gone_at.is_(None)  # who was erased or merged belongs to no audience, whatever it says
    if expression is None:
        return here
    compiler = _Compiler(now, time_zones.local(now, zone).date(), collate=conn.dialect.name == "postgresql")
    return and_(here, compiler.condition(expression))


def count(conn: Connection, where: Clause) -> int:
    """Return how many contacts the condition describes."""
    return int(conn.execute(select(func.count()).select_from(CONTACTS).where(where)).scalar_one())


def member(conn: Connection, contact: int, where: Clause) -> bool:
    """Return whether the condition describes this contact."""
    return conn.execute(select(_C.id).where(_C.id == contact, where)).first() is not None


def zones(conn: Connection, where: Clause) -> list[str]:
    """Return the time zones the people live in, sorted; the empty one stands for people without."""
    return sorted(conn.execute(select(_C.timezone).distinct().where(where)).scalars())


def members_in_chunks(conn: Connection, where: Clause, size: int) -> Iterator[list[tuple[int, str]]]:
    """Yield everybody the condition describes as (contact, time zone), by id, at most `size` at a time."""
    after = 0
    while True:
        query = select(_C.id, _C.timezone).where(_C.id > after, where).order_by(_C.id).limit(size)
        if not (chunk := [(row.id, row.timezone) for row in conn.execute(query)]):
            return
        yield chunk
        after = chunk[-1][0]


class _Compiler:
    def __init__(self, now: datetime, today: date, *, collate: bool) -> None:
        self._now = now
        self._today = today
        self._collate = collate

    def condition(self, expression: Expression) -> Clause:
        match expression:
            case And(parts):
                return and_(*(self.condition(part) for part in parts))
            case Or(parts):
                return or_(*(self.condition(part) for part in parts))
            case Not(part):
                return not_(self.condition(part))
            case Known(name):
                return self._is_known(name)
            case Membership(name, values):
                return or_(*(self._holds(name, Operator.EQUAL, value) for value in values))
            case Comparison(name, Operator.UNEQUAL, value):
                # of a list no item may be equal; what cannot be read as the value's kind is not equal to it
                return and_(self._is_known(name), not_(self._holds(name, Operator.EQUAL, value)))
            case Comparison(name, operator, value):
                return self._holds(name, operator, value)
            case Happened():
                return self._happened(expression)

    def _is_known(self, name: str) -> Clause:
        if name == "consent":
            return held_consents().exists()
        if name in COLUMNS:
            return func.coalesce(_C[name], "") != ""
        free = select(_F.item).where(_F.contact == _C.id, _F.name == name).exists()
        return or_(_C.birthday.is_not(None), free) if name == "age" else free

    def _holds(self, name: str, operator: Operator, value: Value) -> Clause:
        """Whether the fact, or one item of it, is known and stands in this relation to the value."""
        if name == "consent":
            query = held_consents()
            purpose = self._texts(query.selected_columns[0], operator, value)
            return query.where(purpose).exists() if isinstance(value, str) else false()
        if name in COLUMNS and isinstance(value, str):
            text = func.coalesce(_C[name], "")
            return and_(text != "", self._texts(text, operator, value))
        column, compared = _reading(value)
        relation = (
            self._texts(column, operator, compared) if column is _F.text else _relation(column, operator, compared)
        )
        free = select(_F.item).where(_F.contact == _C.id, _F.name == name, relation).exists()
        if name != "age":
            return free
        return case((_C.birthday.is_not(None), self._age_holds(operator, value)), else_=free)

    def _age_holds(self, operator: Operator, value: Value) -> Clause:
        """Compare the completed years on `today`: `people.age`."""
        had_none = func.substr(_C.birthday, 6, 5) > f"{self._today:%m-%d}"
        age = self._today.year - cast(func.substr(_C.birthday, 1, 4), Integer) - case((had_none, 1), else_=0)
        if isinstance(value, bool | date):
            return false()
        if isinstance(value, str):
            return self._texts(cast(age, Text), operator, value)
        return _relation(age, operator, finite(value))

    def _texts(self, text: ColumnElement[Any], operator: Operator, value: object) -> Clause:
        """Order by code points, as Python does, whatever the database's own collation is."""
        return _relation(text.collate("C") if self._collate else text, operator, value)

    def _happened(self, question: Happened) -> Clause:
        event = EVENTS.c
        condition = and_(event.contact == _C.id, event.name == question.event, event.at <= self._now)
        if question.within is not None:
            first = resolver.add_span(self._now, question.within, "UTC", sign=-1)
            condition = and_(condition, event.at >= first)
        elif question.since is not None:
            first = datetime.combine(question.since, time(0), tzinfo=self._now.tzinfo)
            condition = and_(condition, event.at >= first)
        if question.key is not None:
            word = f"{SEPARATOR}{searched(question.key)}{SEPARATOR}"
            condition = and_(condition, _contains(event.words, word, postgresql=self._collate))
        return select(event.id).where(condition).exists()


def _reading(value: Value) -> tuple[ColumnElement[Any], object]:
    """Return the reading of a fact that is compared with such a value, and the value as it is stored."""
    if isinstance(value, bool):
        return _F.truth, literal(value, Boolean())
    if isinstance(value, (int, float)):
        return _F.number, finite(value)
    if isinstance(value, date):
        return _F.day, value.isoformat()
    return _F.text, value


def _relation(left: ColumnElement[Any], operator: Operator, right: object) -> Clause:
    match operator:
        case Operator.EQUAL:
            return left == right
        case Operator.UNEQUAL:
            return left != right
        case Operator.LESS:
            return left < right
        case Operator.AT_MOST:
            return left <= right
        case Operator.MORE:
            return left > right
        case Operator.AT_LEAST:
            return left >= right


def _contains(text: ColumnElement[Any], word: str, *, postgresql: bool) -> Clause:
    """Whether `word` stands in `text`, letter by letter; LIKE would not count case on SQLite."""
    return (func.strpos(text, word) if postgresql else func.instr(text, word)) > 0
