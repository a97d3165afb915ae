"""How the ledger is looked through: queries in the words of both databases, with names for what they share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, RowMapping, TextualSelect, bindparam, text

from scheduler.delivery import OPEN, TERMINAL, WAITING, State
from scheduler.store.columns import Moment, words

_MOMENTS = ("began_at", "due_at", "earlier_at", "ended_at", "expires_at", "lease_until", "next_at", "stopped_at")


_NAMES = {
    "known": words(State),
    "ended": words(TERMINAL),
    "waiting": words(WAITING),
    "at_work": f"d.state IN ({words(OPEN - WAITING)})",  # as the index has it that holds these alone
    "gone": "d.state IN ('attempting', 'sent', 'unknown')",  # went, or may have gone, with its newest attempt
    "newest": "delivery d JOIN attempt a ON a.delivery = d.id AND a.number = d.attempts",
    "minute": "date_trunc('minute', a.started_at)",
    "seconds": "extract(epoch FROM began_at - earlier_at)",
}
_ON_SQLITE = {
    "minute": "substr(a.started_at, 1, 16)",
    "seconds": "((julianday(began_at) - julianday(earlier_at)) * 86400)",
}


def look(conn: Connection, sql: str, **values: object) -> Iterator[RowMapping]:
    """Run a query and read it row by row; `{newest}` and the like stand for what queries share.

    A column that is a moment is read as one by its name (`began_at`, `due_at`, ...). Close what is not read
    to its end.
    """
    names = _NAMES | _ON_SQLITE if conn.dialect.name == "sqlite" else _NAMES
    typed = _typed(sql.format_map(names))
    if values:
        typed = typed.bindparams(
            *(
                bindparam(name, value, Moment() if isinstance(value, datetime) else None)
                for name, value in values.items()
            )
        )
    streamed = conn.execution_options(stream_results=True)
    with streamed.execute(typed) as result:
        yield from result.mappings()


@lru_cache(maxsize=200)
def _typed(sql: str) -> TextualSelect:
    """Return a query that reads its moments; kept, since to put one together costs more than to run it."""
    return text(sql).columns(**{name: Moment() for name in _MOMENTS})
