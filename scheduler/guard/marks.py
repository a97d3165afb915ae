"""The high-water mark of a ledger, kept outside the database: how far it had come when it was last looked at."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scheduler.errors import SchedulerError, StorageError

_REMEDY = "name a folder that can be written and outlives the daemon: CAMPAIGN_STATE_DIR"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the ledger of a database had come; a database that is behind its mark has forgotten something.

    `newest` is the highest attempt id, `attempts` how many there were, `generation` how many decisions; `wall` is the
    highest wall-clock moment seen (aware UTC).
    """

    instance: str
    generation: int
    newest: int
    attempts: int
    wall: datetime

    def misses(self, found: Mark) -> bool:
        """Whether `found`, read from the database, is behind this mark."""
        return found.newest < self.newest or found.attempts < self.attempts or found.generation < self.generation


class MarkFile:
    """The file of one database's mark; replaced as a whole, so that a crash leaves the old one or the new one.

    Raises: SchedulerError when it cannot be read, StorageError when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Mark | None:
        """Return the mark; None when there is none yet."""
        try:
            found = json.loads(self.path.read_text(encoding="ascii"))
            generation, newest, attempts = (int(found[name]) for name in _NUMBERS)
            return Mark(str(found["instance"]), generation, newest, attempts, datetime.fromisoformat(found["wall"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SchedulerError(f"cannot read {self.path}: {_said(error)}", remedy=_REMEDY) from None
        except (ValueError, LookupError, TypeError):
            raise SchedulerError(
                f"{self.path} is damaged: it says how many messages this database has sent",
                remedy="remove it only when you are certain that the database is the newest one",
            ) from None

    def write(self, mark: Mark) -> None:
        """Put a mark in place; it is on the disk when this returns."""
        document = {"instance": mark.instance, **{name: getattr(mark, name) for name in _NUMBERS}}
        document["wall"] = mark.wall.isoformat()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(self.path, json.dumps(document).encode("ascii"))
            _sync_folder(self.path.parent)
        except OSError as error:
            passing = error.errno in _PASSING
            raise StorageError(
                f"cannot write {self.path}: {_said(error)}", remedy=_REMEDY, passing=passing, part="the state folder"
            ) from None


_NUMBERS = ("generation", "newest", "attempts")
# No room, or no file number left: worth another try.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE})


def _replace(path: Path, content: bytes) -> None:
    """Put content in a file's place.

    Daemons that share a server share the mark: each writes a draft of its own. The number of the process does not tell
    them apart: it is 1 in every container.
    """
    file, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        try:
            os.write(file, content)
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def _sync_folder(folder: Path) -> None:
    """Make a renamed file's new name durable, where the file system lets a folder be synced."""
    with contextlib.suppress(OSError):
        file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
