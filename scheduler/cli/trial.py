"""The database of a trial: `run --outbox` works on a copy, so that a trial never marks people as sent."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from scheduler.cli import database
from scheduler.cli.options import Session
from scheduler.errors import SchedulerError
from scheduler.store.database import Store

NAME = "outbox.db"


def trial_url(session: Session) -> str:
    """Return the URL of the trial's database: a copy of the real one, made anew when that was changed since.

    Raises: SchedulerError when nothing was applied here, or the real database is not a file.
    """
    real = Store(database.address(session))
    try:
        if real.path is None:
            raise SchedulerError(
                "a trial works on a copy of a database file, and the one configured is on a server",
                remedy="say which database the trial may write to: --database URL",
            )
        real.require_current()
        copy = real.path.with_name(NAME)
        generation = real.changed_token()
        if not copy.exists() or _copied_at(copy) != generation:
            _renew(real, copy)
            _marker(copy).write_text(generation, encoding="ascii")
            session.screen.say(f"a trial on a fresh copy of {real.path.name}: {copy}")
    finally:
        real.close()
    return f"sqlite:///{copy}"


def _copied_at(copy: Path) -> str:
    """Return the generation of the real database that the copy was made of; empty when nobody knows."""
    marker = _marker(copy)
    return marker.read_text(encoding="ascii") if marker.exists() else ""


def _marker(copy: Path) -> Path:
    return copy.with_suffix(".of")


def _renew(real: Store, copy: Path) -> None:
    """Put a fresh copy in place, unless a trial is at work on the old one.

    Raises: BusyError naming its process.
    """
    old = Store(f"sqlite:///{copy}")
    try:
        with old.lock() if copy.exists() else nullcontext():
            for leftover in (copy, _marker(copy), *(copy.with_name(copy.name + end) for end in ("-wal", "-shm"))):
                leftover.unlink(missing_ok=True)
            real.copy_to(copy)
    finally:
        old.close()
