"""What outlives a seed: the loop, a database in memory, and its templates."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable

from simulation.loop import VirtualLoop
from simulation.machine import Disk, SimStore
from simulation.options import Options
from simulation.process import KeptCatalog, owned_task
from simulation.shapes import STARTS, Edit, load, person
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from scheduler.operations import applying, people
from scheduler.store.connections import open_memory, read_json
from scheduler.store.tables import METADATA

_product = logging.getLogger("scheduler")


class Bench:
    """What outlives a seed because making it costs more than the seed: the loop, a database in memory, its templates."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.loop.set_task_factory(owned_task)
        self.loop.set_exception_handler(lambda loop, context: None)
        engine = open_memory()
        METADATA.create_all(engine)
        # Opened once for all: to take a connection and to give it back costs as much as what most looks ask. A read
        # needs no transaction where nobody else writes.
        self.writing = engine.connect()
        self.raw = raw = _driver(self.writing)
        alone = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool, json_deserializer=read_json)
        self.reading = alone.connect()
        self._empty = sqlite3.connect(":memory:")
        raw.backup(self._empty)
        self._begun: dict[tuple[str, int, tuple[str, ...]], sqlite3.Connection] = {}
        self._touch: Callable[[int], None] = lambda delivery: None
        raw.create_function("simulated_touch", 1, self._touched)
        for event, table, column in (
            ("INSERT", "delivery", "NEW.id"),
            ("UPDATE", "delivery", "NEW.id"),
            ("DELETE", "delivery", "OLD.id"),
            ("INSERT", "attempt", "NEW.delivery"),
            ("UPDATE", "attempt", "NEW.delivery"),
        ):
            raw.execute(
                f"CREATE TEMP TRIGGER simulated_{event}_{table} AFTER {event} ON main.{table}"
                f" BEGIN SELECT simulated_touch({column}); END"
            )

    def _touched(self, delivery: int) -> None:
        self._touch(delivery)

    def end(self) -> None:
        """Forget what was left for later, which is for nobody, and let the product speak again."""
        _product.setLevel(logging.NOTSET)
        for handle in self.loop._scheduled:  # type: ignore[attr-defined]
            handle.cancel()
        self.loop._scheduled.clear()  # type: ignore[attr-defined]

    def begin(self, which: Options, touch: Callable[[int], None]) -> None:
        """Put the database into the state of a campaign applied and its first people imported.

        What the product logs meanwhile is dropped until `end`: a life of many faults would write thousands of lines.
        """
        _product.setLevel(logging.CRITICAL)
        self._touch = lambda delivery: None
        self._state(which.shape, which.start, which.crowd).backup(self.raw)
        self._touch = touch

    def _state(self, shape: str, begins: int, crowd: tuple[str, ...]) -> sqlite3.Connection:
        """Return such a database; made once, and without people the beginning of those with people."""
        key, start = (shape, begins, crowd), STARTS[begins]
        if key not in self._begun:
            (self._state(shape, begins, ()) if crowd else self._empty).backup(self.raw)
            store = SimStore(Disk(self.raw, self.reading, self.writing, shared=False), lambda where: None)
            if crowd:
                people.import_contacts(store, [person(name) for name in crowd], source="file", now=start)
            else:
                applying.apply(store, load(shape, start, Edit()), now=start, catalog=KeptCatalog())
            self._begun[key] = sqlite3.connect(":memory:")
            self.raw.backup(self._begun[key])
        return self._begun[key]


def _driver(conn: Connection) -> sqlite3.Connection:
    found = conn.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


_bench: list[Bench] = []


def bench_of() -> Bench:
    """Return the bench of this interpreter; made once."""
    if not _bench:
        _bench.append(Bench())
    return _bench[0]
