"""The facts of a contact, each in every kind it can be read as: what conditions on facts compare in SQL.

The readings are those of `segments.readings`, made once when the contact is written, so that SQL and Python cannot
disagree about what `12,5` or `TRUE` mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete

from campaigns import segments
from scheduler.store.bulk import add_many, within
from scheduler.store.people.contacts import COLUMNS
from scheduler.store.tables import CONTACT_FACTS

_READABLE = tuple("+-0123456789tTfF")  # how a number, a day, true or false can begin
_LARGEST = 1.7976931348623157e308


FACT_COLUMNS = ("contact", "name", "item", "text", "number", "day", "truth")
_C = CONTACT_FACTS.c
_DROP = delete(CONTACT_FACTS).where(within(_C.contact, "contacts"))


def drop_readings(conn: Connection, contacts: Iterable[int]) -> None:
    """Delete the readings of contacts. Condition: in the transaction that writes the contacts anew."""
    conn.execute(_DROP, {"contacts": sorted(contacts)})


def write_readings(conn: Connection, people: Mapping[int, Mapping[str, Any]]) -> None:
    """Write the readings of contacts (row id to columns, with `facts`), in place of those they had.

    Condition: in the transaction that writes the contacts.
    """
    drop_readings(conn, people)
    rows = [row for contact, values in people.items() for row in readings_of(contact, values)]
    add_many(conn, CONTACT_FACTS, FACT_COLUMNS, rows)


def readings_of(contact: int, values: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a contact's facts, in the order of `FACT_COLUMNS`."""
    for name in COLUMNS:
        said = values[name]
        if not said or not said.lstrip().startswith(_READABLE):
            continue
        if (
            name == "phone" and said[1:].isdigit() and said.isascii() and len(said) < 20
        ):  # a phone number: many people have one
            yield contact, name, 0, said, finite(float(said)), None, None
            continue
        row = _row(contact, name, 0, said)
        if row[4:] != _NO_READING:  # texts are compared in their column
            yield row
    if values["facts"]:
        for name, items in _flattened(values["facts"], ""):
            for number, item in enumerate(items):
                yield _row(contact, name, number, item)


_NO_READING = (None, None, None)


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


def _row(contact: int, name: str, item: int, fact: Any) -> tuple[Any, ...]:
    text, number, day, truth = segments.readings(fact)
    found = None if number is None else finite(number)
    return contact, name, item, text, found, None if day is None else day.isoformat(), truth


def finite(number: float | int) -> float:
    """Return a number as both databases keep it: the nearest double, the largest one for what is larger."""
    return float(max(-_LARGEST, min(_LARGEST, number)))
