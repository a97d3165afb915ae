"""Turning rows of the database into frozen values, and back into what both databases can keep.

Statements that run for every message are written once, with parameters: to put one together costs more than to run it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

Value = TypeVar("Value")


def columns(kind: type[Any], table: Table) -> list[ColumnElement[Any]]:
    """Return the columns of `table` that the dataclass `kind` has fields for, by name."""
    return [table.c[field.name] for field in fields(kind)]


@cache
def rows_of(kind: type[Value], table: Table) -> Select[Any]:
    """Return a query of `table` for `read_all` and `read_one`."""
    return select(*columns(kind, table))


def read_all(conn: Connection, kind: type[Value], query: Select[Any], **values: object) -> list[Value]:
    """Return every row of `query`, with `values` for its parameters, as a value of `kind`."""
    return [kind(*row) for row in conn.execute(query, values).all()]  # at once: PostgreSQL's driver is slow by one


def read_one(conn: Connection, kind: type[Value], query: Select[Any], **values: object) -> Value | None:
    """Return the first row of `query`, with `values` for its parameters, as a value of `kind`, or None."""
    row = conn.execute(query, values).first()
    return None if row is None else kind(*row)


def insert_unless_known(conn: Connection, table: Table) -> Any:
    """Return an INSERT of the connection's dialect, whose conflicts can be named (`on_conflict_...`).

    Its result counts the rows that were really written.
    """
    return _insert(conn.dialect.name, table)


@cache
def insert_new(dialect: str, table: Table, kind: type[Any]) -> Any:
    """Return an INSERT that leaves a known row as it is and returns a new one, for the values given with it.

    What it returns are the columns that the dataclass `kind` has fields for.
    """
    return _insert(dialect, table).on_conflict_do_nothing().returning(*columns(kind, table))


@cache
def _insert(dialect: str, table: Table) -> Any:
    statement = postgresql_insert(table) if dialect == "postgresql" else sqlite_insert(table)
    return statement.execution_options(preserve_rowcount=True)


def storable(value: Any) -> Any:
    """Return JSON-able data as both databases keep it and hand it back.

    Tuples are lists; NUL and lone surrogates, which PostgreSQL refuses, are dropped or replaced.
    """
    if isinstance(value, str):
        if value.isascii() and "\x00" not in value:
            return value
        return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value
