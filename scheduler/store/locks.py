"""The lock that keeps two daemons off one SQLite file."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType

from scheduler.errors import BusyError


class DaemonLock:
    """The right to send from a database, held until `release`; one process at a time has it.

    SQLite: an advisory lock on the file `<database>.lock`, let go by the operating system when the process dies.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: int | None = None
        if path is None:
            return
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise BusyError(
                f"another daemon (pid {holder}) holds {path.with_suffix('')}", remedy="stop it first, or let it work"
            ) from error
        self._file = file
        with contextlib.suppress(OSError):  # a full disk has no room for the number; the lock itself needs none
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode("ascii"))

    def release(self) -> None:
        """Let go of the lock; a second call does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> DaemonLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
