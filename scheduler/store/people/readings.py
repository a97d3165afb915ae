"""The facts of a contact, each in every kind it can be read as: what conditions on facts compare in SQL.

The readings are those of `segments.readings`, made once when the contact is written, so that SQL and Python cannot
disagree about what `12,5` or `TRUE` mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete

from campaigns import segments
from scheduler.store.people.contacts import COLUMNS
from scheduler.store.tables import CONTACT_FACTS

_READABLE = tuple("+-0123456789tTfF")  # how a number, a day, true or false can begin
_LARGEST = 1.7976931348623157e308


def write_readings(conn: Connection, people: Mapping[int, Mapping[str, Any]]) -> None:
    """Write the readings of contacts (row id to columns, with `facts`), in place of those they had.

    Condition: in the transaction that writes the contacts.
    """
    if not people:
        return
    conn.execute(delete(CONTACT_FACTS).where(CONTACT_FACTS.c.contact.in_(list(people))))
    rows = [row for contact, values in people.items() for row in _rows(contact, values)]
    if rows:
        conn.execute(CONTACT_FACTS.insert(), rows)


def _rows(contact: int, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in COLUMNS:
        if not (values[name] or "").strip().startswith(_READABLE):
            continue
        row = _row(contact, name, 0, values[name])
        if any(row[kind] is not None for kind in ("number", "day", "truth")):  # texts are compared in their column
            yield row
    for name, items in _flattened(values["facts"], ""):
        for number, item in enumerate(items):
            yield _row(contact, name, number, item)


def _flattened(facts: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield every known fact with its items: a single value is a list of one, nested facts have dotted names."""
    for key, fact in facts.items():
        if "." in key or not segments.is_known(fact):
            continue
        yield f"{prefix}{key}", tuple(_items(fact)) if isinstance(fact, (list, tuple)) else (fact,)
        if isinstance(fact, Mapping):
            yield from _flattened(fact, f"{prefix}{key}.")


def _items(fact: Sequence[Any]) -> Iterator[Any]:
    for item in fact:
        if isinstance(item, (list, tuple)) and item:
            yield from _items(item)
        else:
            yield item if segments.is_known(item) else None


def _row(contact: int, name: str, item: int, fact: Any) -> dict[str, Any]:
    text, number, day, truth = segments.readings(fact)
    return {
        "contact": contact,
        "name": name,
        "item": item,
        "text": text,
        "number": None if number is None else finite(number),
        "day": None if day is None else day.isoformat(),
        "truth": truth,
    }


def finite(number: float | int) -> float:
    """Return a number as both databases keep it: the nearest double, the largest one for what is larger."""
    return float(max(-_LARGEST, min(_LARGEST, number)))
