"""Statements over many rows: put together once and handed to the driver as they are, and membership in a list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Executable, Text, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator


class _Listed(TypeDecorator[Sequence[Any]]):
    """A list as one value: an array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(NullType() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        return list(value or ()) if dialect.name == "postgresql" else json.dumps(list(value or ()))


class _Within(FunctionElement[bool]):
    name = "within"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002
        """Stand for itself: SQLAlchemy would compare it with 1, and SQLite would use no index."""
        return self


def within(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that `column` is in the list given as the parameter `name`.

    The statement is the same whatever the list's length, so that both SQLAlchemy and SQLite prepare it once.
    """
    return _Within(column, bindparam(name, type_=_Listed()))


@compiles(_Within, "sqlite")
def _within_sqlite(element: _Within, compiler: Any, **kw: Any) -> str:
    column, values = (compiler.process(part, **kw) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - two compiled parts


@compiles(_Within, "postgresql")
def _within_postgresql(element: _Within, compiler: Any, **kw: Any) -> str:
    column, values = (compiler.process(part, **kw) for part in element.clauses)
    return f"{column} = ANY({values})"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as the driver takes it; `parts` are the name, constant value and processor of each parameter."""

    text: str
    positional: bool
    parts: tuple[tuple[str, Any, Any], ...]

    def values(self, row: Mapping[str, Any]) -> Any:
        found = [
            constant if name not in row else process(row[name]) if process is not None else row[name]
            for name, constant, process in self.parts
        ]
        return tuple(found) if self.positional else dict(zip((name for name, _, _ in self.parts), found, strict=True))


_prepared: dict[tuple[int, str, tuple[str, ...]], tuple[Executable, _Prepared]] = {}


def run_many(conn: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> int:
    """Run a statement that is a module's constant for each of `rows`, all with the same names; return how many changed.

    At thousands of messages a second, SQLAlchemy's way of binding parameters costs more than the database.
    """
    if not rows:
        return 0
    names = tuple(rows[0])
    # By identity: a constant lives as long as the program, and the entry keeps it alive.
    key = (id(statement), conn.dialect.name, names)
    if key not in _prepared:
        _prepared[key] = (statement, _prepare(statement, conn.dialect, names))
    prepared = _prepared[key][1]
    return int(conn.exec_driver_sql(prepared.text, [prepared.values(row) for row in rows]).rowcount)


def _prepare(statement: Executable, dialect: Dialect, names: Sequence[str]) -> _Prepared:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))  # type: ignore[attr-defined]
    processors = compiled._bind_processors
    order = compiled.positiontup if compiled.positional else list(compiled.bind_names.values())
    parts = []
    for name in order:
        process = processors.get(name)
        constant = None if name in names else compiled.params[name]
        parts.append((name, process(constant) if process is not None and constant is not None else constant, process))
    return _Prepared(compiled.string, bool(compiled.positional), tuple(parts))
