"""Reading on while somebody else is at work: a database server, for one, with what was read before."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(source: Iterator[Item]) -> Iterator[Item]:
    """Yield what `source` yields, which is asked for the next item in a thread while the last one is worked on.

    One item is held ready, no more. What `source` raises is raised here, in its turn.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="reading-ahead") as thread:
        coming: Future[list[Item]] = thread.submit(_next, source)
        while found := coming.result():
            coming = thread.submit(_next, source)
            yield found[0]


def _next(source: Iterator[Item]) -> list[Item]:
    """Return the next item as a list of one, an empty list at the end."""
    for item in source:
        return [item]
    return []
