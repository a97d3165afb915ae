"""Whether one person belongs to an audience; an unknown fact never raises."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

from campaigns.segments.expression import (
    EVENT_FACTS,
    And,
    Comparison,
    Expression,
    Happened,
    Known,
    Membership,
    Not,
    Operator,
    Or,
    Value,
)
from campaigns.timing import resolver

_NUMBER = re.compile(r"[-+]?\d{1,300}(\.\d+)?\Z", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class PastEvent:
    """Something a person did: `at` is aware, `facts` what the sender said about it."""

    name: str
    at: datetime
    facts: Mapping[str, object] = field(default_factory=dict)


def evaluate(expression: Expression, facts: Mapping[str, object], history: Sequence[PastEvent], now: datetime) -> bool:
    """Decide whether the person with these facts and this history belongs to the audience at `now` (aware).

    A comparison with an unknown or empty fact is false, and so is one whose sides cannot be compared (a text with a
    number); `not` turns it round. Texts are compared exactly. Events after `now` do not count.
    """
    match expression:
        case And(parts):
            return all(evaluate(part, facts, history, now) for part in parts)
        case Or(parts):
            return any(evaluate(part, facts, history, now) for part in parts)
        case Not(part):
            return not evaluate(part, facts, history, now)
        case Known(name):
            return is_known(fact_of(facts, name))
        case Membership(name, values):
            fact = fact_of(facts, name)
            return any(matches(fact, Operator.EQUAL, value) for value in values)
        case Comparison(name, operator, value):
            return matches(fact_of(facts, name), operator, value)
        case Happened():
            return _happened(expression, history, now)


def is_known(fact: object) -> bool:
    """Whether a fact says something: neither missing nor empty."""
    return fact is not None and fact != "" and fact not in ((), [])


def fact_of(facts: Mapping[str, object], name: str) -> object:
    """Return the fact `name`, following dots into nested facts; None where nothing is known."""
    found: object = facts
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def matches(fact: object, operator: Operator, value: Value) -> bool:
    """Compare one fact with a value of the expression; a fact that is a list is equal when one of its items is."""
    if not is_known(fact):
        return False
    if isinstance(fact, (list, tuple)):
        if operator is Operator.UNEQUAL:
            return not any(matches(item, Operator.EQUAL, value) for item in fact)
        return any(matches(item, operator, value) for item in fact)
    left = _like(fact, value)
    if left is None:
        return operator is Operator.UNEQUAL
    order = _order(left, value)
    match operator:
        case Operator.EQUAL:
            return order == 0
        case Operator.UNEQUAL:
            return order != 0
        case Operator.LESS:
            return order < 0
        case Operator.AT_MOST:
            return order <= 0
        case Operator.MORE:
            return order > 0
        case Operator.AT_LEAST:
            return order >= 0


def readings(fact: object) -> tuple[str | None, float | int | None, date | None, bool | None]:
    """Read one fact that is no list as text, number, day and truth, as `matches` compares it; None where it is not one.

    An unknown fact and a nested one have no reading at all.
    """
    if not is_known(fact):
        return None, None, None, None
    text, number, day, truth = (_like(fact, kind) for kind in ("", 0, date.min, False))
    assert text is None or isinstance(text, str)
    assert number is None or isinstance(number, (int, float))
    assert day is None or isinstance(day, date)
    assert truth is None or isinstance(truth, bool)
    return text, number, day, truth


def _order(left: Value, right: Value) -> int:
    """Order two values of the same kind: -1, 0 or 1."""
    return (left > right) - (left < right)  # type: ignore[operator]  # _like has made them one kind


def _like(fact: object, value: Value) -> Value | None:
    """Read a fact as the kind of value it is compared with; None when it is not one (imports hold texts)."""
    if isinstance(fact, Mapping):
        return None
    if isinstance(value, bool):
        return fact if isinstance(fact, bool) else {"true": True, "false": False}.get(str(fact).strip().lower())
    if isinstance(value, (int, float)):
        return _number(fact)
    if isinstance(value, date):
        return _day(fact)
    if isinstance(fact, bool):
        return "true" if fact else "false"
    return str(fact)


def _number(fact: object) -> float | int | None:
    if isinstance(fact, bool):
        return None
    if isinstance(fact, (int, float)):
        return fact
    text = str(fact).strip().replace(",", ".")
    return float(text) if _NUMBER.match(text) else None


def _day(fact: object) -> date | None:
    if isinstance(fact, datetime):
        return fact.date()
    if isinstance(fact, date):
        return fact
    text = str(fact).strip()[:10]
    if not _DAY.match(text):  # ISO 8601 has other spellings, such as 20270214, that nobody means by a number
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _happened(question: Happened, history: Sequence[PastEvent], now: datetime) -> bool:
    first = None
    if question.within is not None:
        first = resolver.add_span(now, question.within, "UTC", sign=-1)
    elif question.since is not None:
        first = datetime.combine(question.since, time(0), tzinfo=now.tzinfo)
    return any(
        event.name == question.event
        and event.at <= now
        and (first is None or event.at >= first)
        and (question.key is None or event_matches(event.facts, question.key))
        for event in history
    )


def event_matches(facts: Mapping[str, object], key: str) -> bool:
    """Whether one of the facts `EVENT_FACTS` of an event is `key`, or a list that holds it; case does not count."""
    wanted = key.casefold()
    for name in EVENT_FACTS:
        fact = facts.get(name)
        items = fact if isinstance(fact, (list, tuple)) else (fact,)
        if any(item is not None and str(item).casefold() == wanted for item in items):
            return True
    return False
