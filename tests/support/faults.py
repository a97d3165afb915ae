"""A mailing under accidents: the real daemon as a process, the ledger read raw, and the account of both worlds."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support import shop
from support.daemon import LIMIT_SECONDS, environment
from support.sink import Sink
from support.zygote import Zygote


def only_full(*values: Any) -> Any:
    """Return values of a parametrized test that are left to the full run."""
    return pytest.param(*values, marks=pytest.mark.full)


def by_name(*values: Any) -> Any:
    """Return values of a parametrized test that plain `pytest` leaves out: `pytest tests/faults` takes them."""
    return pytest.param(*values, marks=pytest.mark.by_name)


def both(*marks: pytest.MarkDecorator) -> list[Any]:
    """Return both databases, PostgreSQL with these marks."""
    return ["sqlite", pytest.param("postgresql", marks=(pytest.mark.service, *marks))]


BOTH = both()
SQLITE_FIRST = both(pytest.mark.by_name)  # plain `pytest` takes SQLite alone
CONNECTIONS = 4  # what the daemon opens to one server
TESTS = Path(__file__).parents[1]

# Quiet hours are switched off: these tests run at any hour of the day.
HEAD = shop.HEAD + "courtesy: {quiet_hours: none}\n"
MAILING = (
    HEAD
    + """
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: mailing, channel: email, subject: "Hello {{ contact.first_name }}", text: "Come in, {{ contact.first_name }}"}
"""
)


@dataclass(frozen=True)
class Row:
    """A delivery of the ledger: to whom (empty: to an account), which touch, and how far it is."""

    email: str
    touch: str
    state: str
    attempts: int
    reason: str
    next_at: str


@dataclass(frozen=True)
class Account:
    """What the ledger says held against what the server took."""

    people: int
    states: Mapping[str, int]
    taken: int
    lost: tuple[str, ...]
    """Said to be sent and never taken, or ended for nothing without being taken."""
    duplicates: tuple[str, ...]
    """Taken more than once."""
    unlisted: tuple[str, ...]
    """Taken, and the ledger would send it again or says it never went."""
    unknown: tuple[str, ...]
    """Perhaps taken: the ledger says so, and leaves it to evidence or a person."""
    open: tuple[str, ...]
    """Not taken, and still to be sent."""

    def is_kept(self) -> bool:
        """Whether the promise is: nothing lost, nothing twice, and what is uncertain is listed."""
        return not (self.lost or self.duplicates or self.unlisted)


def account(rows: Sequence[Row], recipients: Sequence[str]) -> Account:
    """Hold the deliveries of one touch against the envelope recipients that the server took."""
    taken = Counter(recipients)
    lost, unlisted, unknown, still = [], [], [], []
    for row in rows:
        uncertain = row.state in ("unknown", "attempting") or (row.state == "held" and row.attempts > 0)
        if uncertain:
            unknown.append(row.email)
        elif taken[row.email]:
            if row.state != "sent":
                unlisted.append(f"{row.email} is {row.state} ({row.reason})")
        elif row.state in ("planned", "claimed", "retry_wait", "held"):
            still.append(row.email)
        else:
            lost.append(f"{row.email} is {row.state} ({row.reason})")
    strangers = sorted(set(taken) - {row.email for row in rows})
    return Account(
        people=len(rows),
        states=Counter(row.state for row in rows),
        taken=sum(taken.values()),
        lost=tuple(lost),
        duplicates=tuple(sorted(email for email, times in taken.items() if times > 1)),
        unlisted=(*unlisted, *(f"{email} has no row" for email in strangers)),
        unknown=tuple(unknown),
        open=tuple(still),
    )


def until(true: Callable[[], object], what: str | Callable[[], str], seconds: float = LIMIT_SECONDS) -> None:
    """Wait until something is true, looking twenty times a second."""
    deadline = time.monotonic() + seconds
    while not true():
        late = time.monotonic() >= deadline
        assert not late, f"not within {seconds} s: {what if isinstance(what, str) else what()}"
        threading.Event().wait(0.05)


class Daemon:
    """A running `campaign run`: its own session, its output in files."""

    def __init__(self, pid: int, out: Path, err: Path, wait: Callable[[float], int]) -> None:
        self.pid = pid
        self._out, self._err, self._wait = out, err, wait
        self.code: int | None = None

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, and see that it is gone."""
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.code = self.ended()

    def stop(self) -> int:
        """Ask it to end as a service manager does; return its exit code."""
        if self.code is None:
            os.kill(self.pid, signal.SIGTERM)
        return self.ended()

    def ended(self, seconds: float = LIMIT_SECONDS) -> int:
        """Wait for its end; return its exit code, negative for a signal."""
        if self.code is None:
            self.code = self._wait(seconds)
        return self.code

    def is_running(self) -> bool:
        """Whether the process is there and no zombie."""
        return is_alive(self.pid)

    def greeted(self) -> None:
        """Wait until it has said what it does: it serves."""
        until(lambda: "campaign run:" in self.said() or not self.is_running(), "the daemon greets")
        assert "campaign run:" in self.said(), self.said()

    def said(self) -> str:
        """Return what it told people so far: stderr, and the lines of stdout that are no outcomes."""
        text = self._err.read_text(encoding="utf-8", errors="replace") if self._err.exists() else ""
        lines = self._out.read_text(encoding="utf-8", errors="replace").splitlines() if self._out.exists() else []
        return "\n".join([text, *(line for line in lines if '"state"' not in line)])

    def outcomes(self) -> list[dict[str, Any]]:
        """Return the lines of its log, whole ones only."""
        text = self._out.read_text(encoding="utf-8") if self._out.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def family(self) -> list[int]:
        """Return the living processes that come from it, itself first."""
        parents = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] != "Z":
                parents[int(path.parent.name)] = int(fields[1])
        found = [self.pid] if self.pid in parents else []
        for pid in found:  # grows while it is walked
            found += [child for child, parent in parents.items() if parent == pid]
        return found


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Mailing:
    """A project with one mailing to `people` persons on a database, ready to be sent by daemons."""

    def __init__(self, folder: Path, url: str, zygote: Zygote, **env: str) -> None:
        self.folder = folder
        self.url = url
        self.state = folder / "state"
        self.env = environment(CAMPAIGN_DATABASE_URL=url, CAMPAIGN_STATE_DIR=str(self.state), **env)
        self._zygote = zygote
        self._started: list[Daemon] = []
        self._numbers = 0

    def prepare(self, people: int, text: str) -> Mailing:
        """Import the people and put the campaign on the schedule."""
        rows = [f"p{number}@example.org,Person {number},marketing" for number in range(people)]
        (self.folder / "people.csv").write_text("\n".join(["email,first_name,consent", *rows]) + "\n", encoding="utf-8")
        self.done("contacts", "import", "people.csv", "--yes")
        self.apply(text)
        return self

    def apply(self, text: str) -> None:
        """Put a campaign on the schedule."""
        (self.folder / "shop.yaml").write_text(text, encoding="utf-8")
        self.done("apply", "shop.yaml", "--yes", "--confirm", "shop")

    def done(self, *argv: str) -> str:
        """Run a command that ends well; return what it says on stdout."""
        code, out, err = self.run(*argv)
        assert code == 0, f"{argv}: {code}\n{out}\n{err}"
        return out

    def run(self, *argv: str, seconds: float = LIMIT_SECONDS) -> tuple[int, str, str]:
        """Run a command to its end; return its exit code and what it said."""
        daemon = self.start(*argv, command=True)
        code = daemon.ended(seconds)
        return code, daemon._out.read_text(encoding="utf-8"), daemon.said()

    def json(self, *argv: str) -> Any:
        """Run a command with --json; return its document."""
        return json.loads(self.done(*argv, "--json"))

    def start(
        self,
        *argv: str,
        command: bool = False,
        by: Zygote | None = None,
        limits: Mapping[str, int] | None = None,
        humble: bool = False,
        told: str = "",
        **env: str,
    ) -> Daemon:
        """Start the daemon (or another command) by a fork of a process that has its modules in memory.

        `told` is Python that it runs first: another time-out, a part that dies.
        """
        out, err = self._files()
        arguments = argv if command else ("run", "--json", *argv)
        parent = by or self._zygote
        pid = parent.start(
            arguments,
            cwd=self.folder,
            env={**self.env, **env},
            out=out,
            err=err,
            limits=limits,
            humble=humble,
            told=told,
        )
        return self._keep(Daemon(pid, out, err, lambda seconds: parent.wait(pid, seconds)))

    def clean_up(self) -> None:
        """Kill whatever of ours still runs."""
        for daemon in self._started:
            for pid in daemon.family():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            if daemon.code is None:
                daemon.ended()

    def _files(self) -> tuple[Path, Path]:
        self._numbers += 1
        said = self.folder.with_name(f"{self.folder.name}-said")  # on another disk, as it were
        said.mkdir(exist_ok=True)
        return said / f"out{self._numbers}", said / f"err{self._numbers}"

    def _keep(self, daemon: Daemon) -> Daemon:
        self._started.append(daemon)
        return daemon

    # The ledger, read without the code under test.

    @property
    def file(self) -> Path:
        """The SQLite file."""
        assert self.url.startswith("sqlite:///")
        return Path(self.url.removeprefix("sqlite:///"))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read from the database, whichever it is."""
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30)) as conn:
                return conn.execute(sql).fetchall()
        import psycopg

        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as server:
            return server.execute(sql).fetchall()  # type: ignore[call-overload, no-any-return]

    def change(self, sql: str) -> None:
        """Write into the database what stands for something the test cannot bring about."""
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.file, timeout=30)) as conn:
                conn.execute(sql)
                conn.commit()
            return
        import psycopg

        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as server:
            server.execute(sql)  # type: ignore[call-overload]

    def rows(self, touch: str = "mailing") -> list[Row]:
        """Return the deliveries of a touch."""
        found = self.query(
            "SELECT coalesce(c.email, ''), d.touch, d.state, d.attempts, d.reason, CAST(d.next_at AS TEXT)"
            " FROM delivery d LEFT JOIN contact c ON c.id = d.contact ORDER BY d.id"
        )
        return [row for row in (Row(*one) for one in found) if row.touch == touch]

    def states(self) -> dict[str, int]:
        """Return how many deliveries are in which state."""
        return dict(self.query("SELECT state, count(*) FROM delivery GROUP BY state"))

    def account(self, sink: Sink, touch: str = "mailing", since: int = 0) -> Account:
        """Hold the ledger against what the server took, from its message number `since` on."""
        return account(self.rows(touch), [one.recipient for one in sink.taken(since)])

    def listed_as_unknown(self) -> int:
        """Return how many messages the log tells of as perhaps sent."""
        lines = [json.loads(line) for line in self.done("log", "--failed", "--limit", "100000", "--json").splitlines()]
        return sum(line["state"] in ("unknown", "held") for line in lines)

    def hold(self) -> str:
        """Return why nothing is claimed any more; empty when there is no HOLD."""
        found = self.query("SELECT value FROM meta WHERE key = 'hold'")
        return str(found[0][0]) if found else ""

    def settled(self, seconds: float = LIMIT_SECONDS) -> None:
        """Wait until nothing is open that a daemon would still send."""
        going = {"planned", "claimed", "attempting", "retry_wait"}
        states: dict[str, int] = {}

        def look() -> bool:
            nonlocal states
            states = self.states()
            return bool(states) and not going & set(states)

        until(look, lambda: self._unsettled(states), seconds)

    def _unsettled(self, states: Mapping[str, int]) -> str:
        """Return what a reader needs who asks why nothing more happens."""
        last = self._started[-1] if self._started else None
        told = f"running: {last.is_running()}, {last.outcomes()[-3:]}, {last.said()[-2000:]}" if last else "no daemon"
        hold, rows, now = self.hold(), self.rows()[-1:], datetime.now(UTC)
        return f"everything is settled, got {states} at {now}, {rows}, hold: {hold!r}, {told}"

    def wait_is_over(self) -> None:
        """Let what waits to be tried again be due now: minutes have passed."""
        self.change("UPDATE delivery SET next_at = due_at WHERE state = 'retry_wait'")

    def until_nobody_waits(self, seconds: float = LIMIT_SECONDS) -> None:
        """Wait until everything is settled while time passes quickly.

        What waits to be tried again is due at once; when nothing has happened for a while, leases are over.
        """
        going = {"planned", "claimed", "attempting", "retry_wait"}
        states: dict[str, int] = {}
        changed = time.monotonic()

        def look() -> bool:
            nonlocal states, changed
            before, states = states, self.states()
            if "retry_wait" in states:
                self.wait_is_over()
            if states != before:
                changed = time.monotonic()
            elif time.monotonic() - changed > 4:
                self.change("UPDATE delivery SET lease_until = due_at WHERE state IN ('claimed', 'attempting')")
                changed = time.monotonic()  # whoever claims them anew gets as long again
            return bool(states) and not going & set(states)

        until(look, lambda: self._unsettled(states), seconds)

    def forget_dead_daemons(self) -> None:
        """Let the silence of the daemons that were killed be long enough: a server is shared, and waits for it."""
        if self.url.startswith("postgresql"):
            self.change("UPDATE daemon SET heartbeat_at = heartbeat_at - interval '1 hour'")
