"""What a message costs from the plan to its outcome, beside one APScheduler job a message and django-drip-campaigns.

Run it with `uv run --group bench python tests/benchmarks/delivery.py`; it prints medians, the ratio to each peer measured
in the same run, and ends with 1 when a limit is broken. Peers: APScheduler with its SQLAlchemy job store on SQLite, as
it comes and tuned (WAL, `synchronous=NORMAL`, no misfire grace), and the drips of django-drip-campaigns on SQLite with
its in-memory mail backend. Ours is the whole way on SQLite with `synchronous=FULL`: claim, last-moment checks twice,
attempt mark, outcome, stage entry, each mark and outcome durable. The mail is the reference mail of `render_pool.py`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

from reference import SUBJECT, TEMPLATES, Reference, known
from render_pool import Plain
from support.shop import HEAD, Schedule, moment, person, write

from campaigns.errors import CampaignError
from campaigns.rendering import Content
from scheduler import bootstrap
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.clock import Clock, VirtualClock
from scheduler.engines.base import Room
from scheduler.rendering.base import Job, RenderPort
from scheduler.rendering.inline import InlineRenderer
from scheduler.store.database import Store
from scheduler.store.writer import ThreadWriter

PLANNED = 50_000
CARRIED = 10_000
PEER_JOBS = 5_000
DRIP_USERS = 2_000
BURST = 1_000
WAITING = 1_000_000
LANES = 1_000  # messages in hand at once; a group commit is as large as what they hand over together
ROUNDS = 3
APPLIED = moment("2027-01-20T12:00:00+01:00")
DUE = moment("2027-02-01T10:00:00+01:00")
CALENDAR = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february at 10:00
    touches:
      - {id: offer, channel: email, subject: Offre, text: x}
"""
FILES = {f"templates/{path}": text for path, text in TEMPLATES.items()}


class Sink:
    """Takes every message at once and keeps the moment of each attempt."""

    name = "email"

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def send(self, _message: Message, mark: Mark) -> Receipt:
        """Write the mark and count."""
        await mark()
        self.taken.append(perf_counter())
        return Receipt("id", "taken")

    async def close(self) -> None:
        """Nothing is open."""


class Unrendered:
    """Renders nothing: what a message costs besides."""

    said = Content("Offer", "x")

    def __init__(self) -> None:
        self._number = 0

    async def prepare(self, _campaign: object) -> None:
        """Nothing to prepare."""

    async def render(self, jobs: Sequence[Job]) -> list[Content | CampaignError]:
        """Return another short text for each."""
        self._number += len(jobs)
        return [self.said] * len(jobs)

    async def close(self) -> None:
        """Nothing to close."""


def shop(folder: Path, people: int, *, facts: bool = False) -> Store:
    """Make a database with a campaign and its people, nothing fanned out yet; with `facts` those of the reference."""
    store = Store(f"sqlite:///{folder / 'campaign.db'}")
    store.migrate()
    schedule = Schedule.on(store, APPLIED)
    for start in range(0, people, 5_000):
        schedule.know(
            *(
                person(f"p{n}@example.org", **(known(n) if facts else {"first_name": "Léa", "city": "Lyon"}))
                for n in range(start, min(start + 5_000, people))
            )
        )
    schedule.apply(write(folder, CALENDAR))
    return store


def reference_shop(folder: Path, people: int) -> Store:
    """Make the same with the reference mail."""
    store = shop(folder, people, facts=True)
    text = CALENDAR.replace("subject: Offre, text: x", f'layout: own, subject: "{SUBJECT}", template: refill.html')
    Schedule.on(store, APPLIED).apply(write(folder, text, head=HEAD, **FILES))
    return store


def system(
    store: Store, renderer: RenderPort, sink: Sink, *, clock: Clock | None = None, ahead: timedelta = timedelta()
) -> bootstrap.System:
    """Assemble the live parts around a sink, at the moment the campaign is due unless a clock says another."""
    return bootstrap.assemble(
        store,
        ThreadWriter(),
        renderer,
        {"email": sink},
        clock or VirtualClock(DUE),
        worker_id="bench",
        secret_key=b"0" * 32,
        connections=LANES,
        ahead=ahead,
    )


def planning() -> float:
    """Return deliveries planned a second: one occurrence fanned out to its whole audience."""
    with tempfile.TemporaryDirectory() as name:
        store = shop(Path(name), PLANNED)
        parts = system(store, InlineRenderer(), Sink())
        begun = perf_counter()
        asyncio.run(_plan(parts))
        spent = perf_counter() - begun
        parts.writer.close()
        store.close()
    return PLANNED / spent


async def _plan(parts: bootstrap.System) -> None:
    await parts.writer.run(lambda: parts.dispatcher._plan_and_claim(DUE, Room(0)))


def carrying(renderer: Callable[[], RenderPort], make: Callable[[Path, int], Store]) -> float:
    """Return messages a second from claim to outcome."""
    with tempfile.TemporaryDirectory() as name:
        store = make(Path(name), CARRIED)
        sink = Sink()
        parts = system(store, renderer(), sink)

        async def work() -> float:
            await parts.dispatcher.prepare()
            await _plan(parts)
            begun = perf_counter()
            await parts.dispatcher.work_off()
            spent = perf_counter() - begun
            await parts.renderer.close()
            return spent

        spent = asyncio.run(work())
        parts.writer.close()
        store.close()
    assert len(sink.taken) == CARRIED, f"{len(sink.taken)} of {CARRIED} sent"
    return CARRIED / spent


class Passing:
    """A clock that runs: `DUE` is `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self.due = perf_counter() + seconds

    def now(self) -> datetime:
        """Return the moment it is."""
        moment: datetime = DUE + timedelta(seconds=perf_counter() - self.due)
        return moment

    def monotonic(self) -> float:
        """Return seconds."""
        return perf_counter()


def burst() -> tuple[float, float]:
    """Return the median and the 99th percentile of lateness, in seconds, of 1,000 messages due at one instant.

    Planned long before, and made ready in the seconds before their moment, as the daemon does.
    """
    with tempfile.TemporaryDirectory() as name:
        store = shop(Path(name), BURST)
        planned = system(store, Unrendered(), Sink())
        asyncio.run(_plan(planned))
        planned.writer.close()
        gc.collect()
        gc.freeze()  # as `campaign run` does at its start
        sink = Sink()
        clock = Passing(bootstrap.AHEAD.total_seconds() + 0.5)
        parts = system(store, Unrendered(), sink, clock=clock, ahead=bootstrap.AHEAD)

        async def work() -> None:
            await parts.dispatcher.prepare()
            while clock.now() < DUE - bootstrap.AHEAD:
                await asyncio.sleep(0.01)
            while await parts.dispatcher.tick():
                pass
            while clock.now() < DUE + timedelta(milliseconds=1):
                await asyncio.sleep(0.001)
            await parts.dispatcher.work_off()

        asyncio.run(work())
        parts.writer.close()
        store.close()
    late = sorted(at - clock.due for at in sink.taken)
    assert len(late) == BURST
    assert late[0] >= 0
    return statistics.median(late), late[int(len(late) * 0.99) - 1]


def restart() -> tuple[float, float, float]:
    """Return seconds from start to the first send with a million rows waiting, and MiB before and at the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = shop(folder, 1_000)
        _fill(store, WAITING)
        store.close()
        code = (Path(__file__).parent / "restart_child.py").read_text(encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", code, f"sqlite:///{folder / 'campaign.db'}"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent.parent.parent,
        )
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["seconds"], answer["before"], answer["after"]


def _fill(store: Store, rows: int) -> None:
    """Put rows on the schedule that wait for tomorrow, and let the audience's be due now."""
    parts = system(store, InlineRenderer(), Sink())
    asyncio.run(_plan(parts))
    parts.writer.close()
    later = (DUE + timedelta(days=1)).astimezone(UTC)
    with store.begin() as conn:
        conn.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO delivery (campaign, edition, touch, stage, channel, recipient, contact, occurrence, marketing,"
            " state, reason, due_at, next_at, on_late, attempts, provider_id, subject, updated_at)"
            " SELECT campaign, edition, touch, stage, channel, recipient, contact, 'later-' || i, marketing, state, '',"
            " ?, ?, on_late, 0, '', '', updated_at FROM delivery, n WHERE delivery.id = 1",
            (rows, f"{later:%Y-%m-%dT%H:%M:%S}.000000Z", f"{later:%Y-%m-%dT%H:%M:%S}.000000Z"),
        )


def apscheduler(*, tuned: bool, job: Callable[[int], None], jobs: int) -> tuple[float, float]:
    """Return jobs added a second and jobs fired a second, one job a message in a SQLAlchemy store on SQLite."""
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler
    from sqlalchemy import create_engine, event

    with tempfile.TemporaryDirectory() as name:
        engine = create_engine(f"sqlite:///{name}/jobs.db", connect_args={"check_same_thread": False})
        if tuned:

            @event.listens_for(engine, "connect")
            def pragmas(connection, _record):  # type: ignore[no-untyped-def]
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")

        # Without a grace of its own every job that waits for the one before it would be dropped, not slow.
        scheduler = BackgroundScheduler(
            jobstores={"default": SQLAlchemyJobStore(engine=engine)},
            executors={"default": ThreadPoolExecutor(10)},
            job_defaults={"misfire_grace_time": None},
        )
        fired = _Count(jobs)
        _RUNNING[0] = (fired, job)
        scheduler.start(paused=True)
        when = datetime.now(UTC) + timedelta(seconds=1)
        begun = perf_counter()
        for number in range(jobs):
            scheduler.add_job(_fire, "date", run_date=when, args=[number], id=str(number))
        added = perf_counter() - begun
        while datetime.now(UTC) < when:
            threading.Event().wait(0.01)
        begun = perf_counter()
        scheduler.resume()
        fired.done.wait(600)
        spent = perf_counter() - begun
        scheduler.shutdown(wait=True)
        engine.dispose()
    return jobs / added, jobs / spent


class _Count:
    def __init__(self, wanted: int) -> None:
        self.done = threading.Event()
        self._left = wanted
        self._lock = threading.Lock()

    def one(self) -> None:
        with self._lock:
            self._left -= 1
            if not self._left:
                self.done.set()


_RUNNING: list[tuple[_Count, Callable[[int], None]]] = [(_Count(1), lambda _: None)]


def _fire(number: int) -> None:
    count, job = _RUNNING[0]
    with suppress(Exception):
        job(number)
    count.one()


def rendering_job() -> Callable[[int], None]:
    """Return a job that does what ours does with the reference mail: read the person, render, store that it went."""
    import sqlite3

    folder = tempfile.mkdtemp()
    reference = Reference()
    plain, common = Plain(reference), reference.job(0).facts
    local = threading.local()

    def connect() -> sqlite3.Connection:
        if not hasattr(local, "conn"):
            local.conn = sqlite3.connect(f"{folder}/shop.db", timeout=60, isolation_level=None)
            local.conn.execute("PRAGMA journal_mode = WAL")
            local.conn.execute("PRAGMA synchronous = FULL")
        return local.conn  # type: ignore[no-any-return]

    conn = connect()
    conn.execute("CREATE TABLE contact (id INTEGER PRIMARY KEY, facts TEXT)")
    conn.execute("CREATE TABLE sent (contact INTEGER PRIMARY KEY, at TEXT)")
    rows = [(number, json.dumps({"id": number, **known(number)})) for number in range(PEER_JOBS)]
    conn.executemany("INSERT INTO contact VALUES (?, ?)", rows)

    def work(number: int) -> None:
        mine = connect()
        contact = json.loads(mine.execute("SELECT facts FROM contact WHERE id = ?", (number,)).fetchone()[0])
        plain.render(Job(reference, "refill", {**common, "contact": contact}))
        mine.execute("INSERT OR REPLACE INTO sent VALUES (?, ?)", (number, "now"))

    return work


def django_drip() -> float:
    """Return messages a second of one drip over its users, in a process of its own."""
    child = Path(__file__).parent / "drip_child.py"
    done = subprocess.run([sys.executable, str(child), str(DRIP_USERS)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the drips did not run: {done.stderr.strip().splitlines()[-1:]}")
    return float(done.stdout.splitlines()[-1])


def median(work: Callable[[], float], rounds: int = ROUNDS) -> float:
    """Return the median of several runs."""
    return statistics.median(work() for _ in range(rounds))


def main() -> int:
    """Measure everything and print it; return 1 when a limit is broken."""
    logging.disable(logging.ERROR)
    broken: list[str] = []

    def line(what: str, value: str, limit: str = "", *, kept: bool = True) -> None:
        print(f"{what:<66} {value:>22}  {limit}{'' if kept else '  BROKEN'}", flush=True)
        if not kept:
            broken.append(what)

    comes = [apscheduler(tuned=False, job=lambda _: None, jobs=PEER_JOBS) for _ in range(ROUNDS)]
    tuned = [apscheduler(tuned=True, job=lambda _: None, jobs=PEER_JOBS) for _ in range(ROUNDS)]
    rendered = [apscheduler(tuned=False, job=rendering_job(), jobs=PEER_JOBS) for _ in range(ROUNDS)]
    rendered_tuned = [apscheduler(tuned=True, job=rendering_job(), jobs=PEER_JOBS) for _ in range(ROUNDS)]
    add, fire = (statistics.median(run[index] for run in comes) for index in (0, 1))
    add_tuned, fire_tuned = (statistics.median(run[index] for run in tuned) for index in (0, 1))
    drips = median(django_drip)
    for name, value in (
        ("APScheduler as it comes: jobs added a second", add),
        ("APScheduler tuned: jobs added a second", add_tuned),
        ("APScheduler as it comes: no-op jobs fired a second", fire),
        ("APScheduler tuned: no-op jobs fired a second", fire_tuned),
        (
            "APScheduler as it comes: reference mails rendered and noted a second",
            statistics.median(r[1] for r in rendered),
        ),
        ("APScheduler tuned: the same", statistics.median(r[1] for r in rendered_tuned)),
        ("django-drip-campaigns: mails a second", drips),
    ):
        line(name, f"{value:,.0f}/s")
    plan = median(planning)
    line("planning", f"{plan:,.0f}/s")
    line("  times APScheduler as it comes", f"{plan / add:.0f}", "at least 50", kept=plan / add >= 50)
    line("  times APScheduler tuned", f"{plan / add_tuned:.0f}")
    bare = median(lambda: carrying(Unrendered, shop))
    line("claim to outcome, without rendering", f"{bare:,.0f}/s")
    line("  times APScheduler as it comes", f"{bare / fire:.1f}", "at least 10", kept=bare / fire >= 10)
    line("  times APScheduler tuned", f"{bare / fire_tuned:.1f}")
    mails = median(lambda: carrying(InlineRenderer, reference_shop))
    naive, naive_tuned = (statistics.median(run[1] for run in runs) for runs in (rendered, rendered_tuned))
    line("claim to outcome, with the reference mail, one process", f"{mails:,.0f}/s")
    line("  times APScheduler as it comes", f"{mails / naive:.1f}", "at least 4", kept=mails / naive >= 4)
    line("  times APScheduler tuned", f"{mails / naive_tuned:.1f}")
    line("  times django-drip-campaigns", f"{mails / drips:.1f}")
    late = [burst() for _ in range(ROUNDS)]
    worst = statistics.median(run[1] for run in late)
    line("1,000 due at one instant: median lateness", f"{statistics.median(r[0] for r in late) * 1e3:.1f} ms")
    line("  99th percentile", f"{worst * 1e3:.1f} ms", "below 100 ms", kept=worst < 0.1)
    seconds, before, after = restart()
    line("a million rows waiting: start to the first send", f"{seconds:.2f} s", "below 3 s", kept=seconds < 3)
    line("  memory before and after", f"{before:.0f}, {after:.0f} MiB", "flat", kept=after - before < 60)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line("peak memory of this process, 50,000 people made and planned", f"{peak:.0f} MiB")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
