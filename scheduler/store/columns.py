"""What the columns, keys and indexes of the rows are made of, alike on both databases."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Index, Integer, MetaData, Text, text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from scheduler.delivery import State


def moment_text(moment: datetime) -> str:
    """Return an aware moment as SQLite keeps it: ISO text in UTC with microseconds, which sorts; PostgreSQL reads it.

    Raises ValueError for a naive one, which is a bug.
    """
    if moment.tzinfo is UTC:
        return _utc_text(moment)
    if moment.tzinfo is None:
        raise ValueError("a naive datetime cannot be stored")
    return _utc_text(moment.astimezone(UTC))


@lru_cache(maxsize=256)
def _utc_text(moment: datetime) -> str:
    """Write a moment that is in UTC already: the moments of one transaction are the same few, over and over."""
    return f"{moment.isoformat(timespec='microseconds')[:26]}Z"


@lru_cache(maxsize=1024)
def _read_text(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def as_moment(value: str | datetime | None) -> datetime | None:
    """Return a stored moment as aware UTC, from what the driver hands over; None stays None."""
    if value is None:
        return None
    return _read_text(value) if isinstance(value, str) else value.astimezone(UTC)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime: `timestamptz` on PostgreSQL; ISO text in UTC, which sorts, on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Choose the column type of the database."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Store in UTC; a naive value is a bug and is refused."""
        if value is None:
            return None
        if dialect.name != "postgresql":
            return moment_text(value)
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read back as aware UTC."""
        return as_moment(value)


BIGKEY = BigInteger().with_variant(Integer, "sqlite")


def id_column() -> Any:
    """Return the number that the database gives a row."""
    return Field(default=None, sa_column=Column(BIGKEY, primary_key=True, autoincrement=True))


def moment_column(*, nullable: bool = True, index: bool = False) -> Any:
    """Return a column of aware UTC moments."""
    return Field(default=None, sa_column=Column(Moment(), nullable=nullable, index=index))


def json_column(default: str = "{}") -> Any:
    """Return a column of JSON objects, or of lists for `[]`."""
    return Field(default_factory=dict if default == "{}" else list, sa_column=Column(JSON, nullable=False))


def words(states: Iterable[State]) -> str:
    """Return states as SQL lists them: `'held', 'planned'`."""
    return ", ".join(f"'{state}'" for state in sorted(states))


def index_where(name: str, *columns: str, states: frozenset[State]) -> Index:
    """Index only the rows in `states`: the open ones are few beside all that was ever sent."""
    condition = text(f"state IN ({words(states)})")
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


class Row(SQLModel):
    """Base of every table; names each key and index the same way on both databases."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
        }
    )
