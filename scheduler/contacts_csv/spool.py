"""The rows of one contacts file beside each other, however many: rows of one mailbox joined, the others kept apart.

They lie in a temporary database of SQLite's that has no name and is gone with its connection, and fills no memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from scheduler.contacts_csv.row import ContactRow, joined

_CHUNK = 5_000
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -32768;
CREATE TABLE person (line INTEGER PRIMARY KEY, ref, email, phone, first_name, last_name, city, country, language,
    timezone, birthday, consent, facts, also);
CREATE TABLE address (value TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE refused (line INTEGER PRIMARY KEY, reason TEXT NOT NULL, row TEXT NOT NULL);
"""
_PUT = "INSERT OR REPLACE INTO person VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_KNOWN = "SELECT value, line FROM address WHERE value IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken, with the 1-based line it starts on."""

    line: int
    reason: str
    row: tuple[str, ...] = ()


class Spool:
    """The people of one file by the lines they start on, and the rows that were refused."""

    def __init__(self) -> None:
        self.people = 0
        self.joined = 0
        self._alone = Lock()  # one thread may read on while another notes who is refused
        self._data = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._data.executescript(_SCHEMA)

    def close(self) -> None:
        """Forget everything."""
        self._data.close()

    def add(self, rows: Sequence[tuple[ContactRow, Sequence[str]]]) -> None:
        """Take accepted rows in the order of the file, each with its values as they were written.

        A row with a mailbox that is known already is joined with the first one; a row with somebody else's phone or
        customer number is refused.
        """
        keys = [[f"{kind}:{value}" for kind, value in row.addresses()] for row, _ in rows]
        asked = json.dumps([key for of_row in keys for key in of_row])
        known: dict[str, int] = dict(self._data.execute(_KNOWN, (asked,)))
        pending: dict[int, ContactRow] = {}
        added: dict[str, int] = {}
        for (row, written), of_row in zip(rows, keys, strict=True):
            found = {known[key] for key in of_row if key in known}
            if found:
                first = min(found)
                other = pending.get(first) or self._person(first)
                if len(found) > 1 or not _is_one(row, other):
                    self.refuse(Refusal(row.line, _reason(row, known), tuple(written)))
                    continue
                pending[first] = joined(other, row)
                self.joined += 1
            else:
                first = row.line
                pending[first] = row
                self.people += 1
            for key in of_row:
                known[key] = added[key] = first
        self._data.execute("BEGIN")
        self._data.executemany(_PUT, [_stored(row) for row in pending.values()])
        self._data.executemany("INSERT OR REPLACE INTO address VALUES (?, ?)", added.items())
        self._data.execute("COMMIT")

    def refuse(self, refusal: Refusal) -> None:
        """Note a row that is not taken."""
        values = (refusal.line, refusal.reason, json.dumps(refusal.row))
        with self._alone:
            self._data.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?)", values)

    def chunks(self, size: int = _CHUNK) -> Iterator[list[ContactRow]]:
        """Yield the people by line, so many at a time."""
        last = 0
        while rows := self._after(last, size):
            yield [_read(row) for row in rows]
            last = rows[-1][0]

    def refusals(self, limit: int = -1) -> Iterator[Refusal]:
        """Yield the refused rows by line, the first `limit` of them."""
        for line, reason, row in self._data.execute("SELECT * FROM refused ORDER BY line LIMIT ?", (limit,)):
            yield Refusal(line, reason, tuple(json.loads(row)))

    @property
    def refused(self) -> int:
        """How many rows are refused."""
        return int(self._data.execute("SELECT count(*) FROM refused").fetchone()[0])

    def silent(self) -> int:
        """Return how many people agreed to nothing."""
        return int(self._data.execute("SELECT count(*) FROM person WHERE coalesce(consent, '') = ''").fetchone()[0])

    def _after(self, line: int, size: int) -> list[tuple[Any, ...]]:
        query = "SELECT * FROM person WHERE line > ? ORDER BY line LIMIT ?"
        with self._alone:
            return self._data.execute(query, (line, size)).fetchall()

    def _person(self, line: int) -> ContactRow:
        return _read(self._data.execute("SELECT * FROM person WHERE line = ?", (line,)).fetchone())


def _is_one(row: ContactRow, other: ContactRow) -> bool:
    """Whether two rows with a common address are one person: no two mailboxes, no two customers of one number."""
    if row.email is not None and row.email == other.email:
        return True
    return (row.email is None or other.email is None) and (row.ref is None or other.ref is None or row.ref == other.ref)


def _reason(row: ContactRow, known: dict[str, int]) -> str:
    lines = {kind: known[key] for kind, value in row.addresses() if (key := f"{kind}:{value}") in known}
    if len(set(lines.values())) == 1:
        kind, line = next(iter(lines.items()))
        return f"{kind}: the same as on line {line}"
    named = ", ".join(f"{kind} of line {line}" for kind, line in lines.items())
    return f"it has the {named}: these are different people"


def _stored(row: ContactRow) -> tuple[object, ...]:
    return (
        row.line, row.ref, row.email, row.phone, row.first_name, row.last_name, row.city, row.country, row.language,
        row.timezone, row.birthday, None if row.consent is None else " ".join(row.consent),
        json.dumps(row.facts, ensure_ascii=False) if row.facts else None,
        json.dumps(row.also, ensure_ascii=False) if row.also else None,
    )  # fmt: skip


def _read(values: tuple[object, ...]) -> ContactRow:
    *columns, consent, facts, also = values
    agreed = None if consent is None else tuple(str(consent).split())
    free = _facts(str(facts)) if facts is not None else {}
    others = tuple((kind, value) for kind, value in json.loads(str(also))) if also is not None else ()
    return ContactRow(*columns, agreed, free, others)  # type: ignore[call-arg,arg-type]  # as `_stored` wrote


def _facts(text: str) -> dict[str, str | int | float | bool | tuple[str, ...]]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()}
