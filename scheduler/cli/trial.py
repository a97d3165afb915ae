"""The database of a trial: `run --outbox` works on a copy, so that a trial never marks people as sent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from scheduler.cli import database
from scheduler.cli.options import Session
from scheduler.errors import SchedulerError


def database_path(session: Session) -> Path:
    """Return where the trial's database lies: beside the real one."""
    return session.project.database.with_name("outbox.db")


def trial_url(session: Session) -> str:
    """Return the URL of the trial's database, copied from the real one when that was changed since the last trial.

    Raises: SchedulerError when nothing was applied here, or the real database is not a file.
    """
    real = session.project.database
    configured = database.settings(session).database_url
    if configured is not None and configured != f"sqlite:///{real}":
        raise SchedulerError(
            "a trial copies the project's own database, and another one is configured",
            remedy="say which database the trial may write to: --database URL",
        )
    if not real.exists():
        raise SchedulerError(
            f"there is no database at {real} yet", remedy="put a campaign on the schedule: campaign apply"
        )
    copy = database_path(session)
    if not copy.exists() or _generation(real) != _copied(copy):
        session.screen.say(f"trial on a fresh copy of {real.name}: {copy}")
        _copy(real, copy)
    return f"sqlite:///{copy}"


def _generation(path: Path) -> str:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        row = conn.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
    return str(row[0]) if row else "0"


def _copied(path: Path) -> str:
    marker = path.with_suffix(".of")
    return marker.read_text(encoding="ascii") if marker.exists() else ""


def _copy(real: Path, copy: Path) -> None:
    for leftover in (copy, copy.with_name(copy.name + "-wal"), copy.with_name(copy.name + "-shm")):
        leftover.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"file:{real}?mode=ro", uri=True)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.chmod(0o600)
    copy.with_suffix(".of").write_text(_generation(real), encoding="ascii")
