"""Statements over many rows: put together once and handed to the driver as they are, and membership in a list."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from scheduler.store.columns import Moment


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
class Given:
    """Rows that a statement is given as one parameter, `given`: what to read FROM, and the columns by name."""

    rows: FromClause
    column: Mapping[str, ColumnElement[Any]]


def given(dialect: str, **kinds: TypeEngine[Any]) -> Given:
    """Return rows with the columns `kinds`, to be joined in an UPDATE; `listed` makes their parameter.

    One statement for many rows: SQLite opens a table's indexes once and not for each of them.
    """
    listed = bindparam("given", type_=Text())
    if dialect == "postgresql":
        each = func.jsonb_array_elements(cast(listed, JSONB)).table_valued(column("value", JSONB()), name="given")
        return Given(
            each,
            {
                name: cast(each.c.value.op("->>")(literal_column(str(place))), kind)
                for place, (name, kind) in enumerate(kinds.items())
            },
        )
    each = func.json_each(listed).table_valued("value", name="given")
    return Given(
        each,
        {
            name: func.json_extract(each.c.value, literal_column(f"'$[{place}]'"), type_=kind)
            for place, (name, kind) in enumerate(kinds.items())
        },
    )


def listed(rows: Sequence[Sequence[Any]]) -> str:
    """Return the parameter of `given`: the values of each row in the order of its columns, as JSON has them.

    A moment is given as `moment_text` writes it.
    """
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as the driver takes it; `parts` are the name, constant value and processor of each parameter."""

    text: str
    positional: bool
    parts: tuple[tuple[str, Any, Any], ...]

    def every(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Return what the driver takes for each of `rows`, whose values stand in the order of `names`."""
        wanted = [name for name, _, _ in self.parts]
        if not self.positional or len(wanted) < 2 or not set(wanted) <= set(names):
            return [self.values(dict(zip(names, row, strict=True))) for row in rows]
        pick = itemgetter(*(names.index(name) for name in wanted))
        turned = [(place, process) for place, (_, _, process) in enumerate(self.parts) if process is not None]
        found = []
        for row in rows:
            values = list(pick(row))
            for place, process in turned:
                values[place] = process(values[place])
            found.append(tuple(values))
        return found

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
    return run_rows(conn, statement, names, [tuple(row[name] for name in names) for row in rows])


def run_rows(conn: Connection, statement: Executable, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Do what `run_many` does for rows whose values stand in the order of `names`, thousands a second."""
    if not rows:
        return 0
    prepared = _prepared_for(conn, statement, tuple(names))
    return int(conn.exec_driver_sql(prepared.text, prepared.every(names, rows)).rowcount)


def fetch(conn: Connection, statement: Executable, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a query that is a module's constant, as the driver hands them over.

    A moment comes as `columns.as_moment` reads it, a truth as 0 or 1 on SQLite. SQLAlchemy's rows and the readers of
    their columns cost more than the database does.
    """
    prepared = _prepared_for(conn, statement, tuple(values))
    with conn.exec_driver_sql(prepared.text, prepared.values(values)) as result:
        rows: Sequence[tuple[Any, ...]] = result.cursor.fetchall()
    return rows


def change(conn: Connection, statement: Executable, values: Mapping[str, Any]) -> int:
    """Run one statement that is a module's constant; return how many rows it changed."""
    prepared = _prepared_for(conn, statement, tuple(values))
    return int(conn.exec_driver_sql(prepared.text, prepared.values(values)).rowcount)


def _prepared_for(conn: Connection, statement: Executable, names: tuple[str, ...]) -> _Prepared:
    # By identity: a constant lives as long as the program, and the entry keeps it alive.
    key = (id(statement), conn.dialect.name, names)
    found = _prepared.get(key)
    if found is None:
        found = _prepared[key] = (statement, _prepare(statement, conn.dialect, names))
    return found[1]


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


def add_many(
    conn: Connection,
    table: Table,
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    same: Mapping[str, Any] | None = None,
) -> None:
    """Insert rows whose values stand in the order of `names`, and `same` in each: COPY on PostgreSQL, else prepared.

    For tens of thousands of rows; none of them may be there already.
    """
    if not rows:
        return
    same = same or {}
    processors = [_copied(table.c[name], conn.dialect) for name in (*names, *same)]
    chosen = [(place, process) for place, process in enumerate(processors[: len(names)]) if process is not None]
    constant = tuple(
        value if process is None or value is None else process(value)
        for value, process in zip(same.values(), processors[len(names) :], strict=True)
    )
    values: list[tuple[Any, ...]] = []
    for row in rows:
        if chosen:
            value = list(row)
            for place, process in chosen:
                if value[place] is not None:
                    value[place] = process(value[place])
            values.append((*value, *constant))
        else:
            values.append((*row, *constant))
    quote = conn.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in (*names, *same))
    if conn.dialect.name != "postgresql":
        marks = ", ".join("?" * len(processors))
        conn.exec_driver_sql(f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})", values)  # noqa: S608
        return
    driver: Any = conn.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {quote(table.name)} ({columns}) FROM STDIN") as copy:
        for one in values:
            copy.write_row(one)


def _processor(column: ColumnElement[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    kind: Any = column.type
    if isinstance(kind, JSON):
        serialize: Callable[[Any], Any] = getattr(dialect, "_json_serializer", None) or json.dumps
        return lambda value: "{}" if value == {} else serialize(value)
    process: Callable[[Any], Any] | None = kind._cached_bind_processor(dialect)
    return process


def _copied(column: ColumnElement[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return what makes a value ready for `add_many`; for COPY moments and truths as texts, its driver is slow."""
    process = _processor(column, dialect)
    if dialect.name != "postgresql":
        return process
    if isinstance(column.type, Boolean):
        return lambda value: "t" if value else "f"
    if isinstance(column.type, Moment) and process is not None:
        return lambda value: process(value).isoformat()
    return process
