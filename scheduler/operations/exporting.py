"""Everybody in one file: as CSV that can be imported again, or as JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TextIO

from scheduler.contacts_csv import FIELDS, quoted
from scheduler.store import people, plans
from scheduler.store.database import Store

_CHUNK = 2_000
_AS_WRITTEN = ("email", "phone", "birthday", "consent")  # read strictly: no formula gets in


def export(store: Store, out: TextIO, *, form: str, now: datetime, by: str) -> int:
    """Write everybody to `out` as `csv` or `json`; return how many there are, and note who took them away.

    Memory does not grow with the number of people. Texts that a spreadsheet would take for a formula get an apostrophe
    in CSV, which an import takes off again.
    """
    number = _csv(store, out) if form == "csv" else _json(store, out)
    with store.begin() as conn:
        plans.audit(conn, at=now, who=by, action="export", subject=f"{number} contacts", detail=form)
    return number


def _csv(store: Store, out: TextIO) -> int:
    names = sorted({name for person in _everybody(store) for name in person["facts"]})
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*FIELDS, *names])
    number = 0
    for person in _everybody(store):
        row = [_cell(name, person[name]) for name in FIELDS]
        writer.writerow(row + [_cell(name, person["facts"].get(name)) for name in names])
        number += 1
    return number


def _json(store: Store, out: TextIO) -> int:
    number = 0
    for person in _everybody(store):
        out.write("[\n" if not number else ",\n")
        json.dump({name: value for name, value in person.items() if value}, out, ensure_ascii=False)
        number += 1
    out.write("\n]\n" if number else "[]\n")
    return number


def _everybody(store: Store) -> Iterator[dict[str, Any]]:
    """Yield people in the order they came: the fields of a contacts file, and `facts`."""
    after = 0
    while True:
        with store.read() as conn:
            chunk = people.contacts(conn, after=after, limit=_CHUNK)
            agreed = people.held_by(conn, [row.id for row in chunk])
        for row in chunk:
            own = {name: getattr(row, name) for name in FIELDS if name != "consent"}
            yield {**own, "consent": agreed.get(row.id, ()), "facts": dict(row.facts)}
        if len(chunk) < _CHUNK:
            return
        after = chunk[-1].id


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        words = (" " if name == "consent" else "|").join(str(item) for item in value)
        return words if name in _AS_WRITTEN else quoted(words)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if name in _AS_WRITTEN or not isinstance(value, str) else quoted(value)
