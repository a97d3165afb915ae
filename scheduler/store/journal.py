"""The outcome journal: what became of attempts while the database could not be written; read before recovery.

The file lies outside the database's folder and has its room from the start, so that a full disk does not stop it.
Daemons that share a server may share a state folder as well: each has a file of its own in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scheduler.errors import BusyError, SchedulerError

ROOM = 1 << 20  # bytes reserved at the start: some 4,000 outcomes, far more than are ever in flight


class Journal:
    """A file of records, one a line behind its CRC-32, and zeros up to the reserved room.

    A record has the fields of `ledger.Ending`, moments as ISO 8601. One process at a time has it: an advisory lock on
    the file says so, let go by the operating system when the process dies.
    Raises: BusyError when another one has it, SchedulerError when the file cannot be made or locked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._lock()
            self._reserve()
        except OSError as error:
            raise SchedulerError(
                f"cannot write {path}: {(error.strerror or str(error)).lower()}",
                remedy="name a folder that can be written: CAMPAIGN_STATE_DIR",
            ) from None
        self._end = self._read()[1]
        self._wipe()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be read into the database."""
        return self._end == 0

    def append(self, records: Sequence[Mapping[str, object]]) -> None:
        """Write records behind those that are there; they are on the disk when this returns.

        Raises: OSError when not even that is possible.
        """
        data = b"".join(_line(record) for record in records)
        done = 0
        while done < len(data):
            done += os.pwrite(self._file, data[done:], self._end + done)
        os.fsync(self._file)
        self._end += len(data)

    def read(self) -> list[dict[str, Any]]:
        """Return the records, the oldest first; a line whose checksum is wrong, as a crash leaves it, is left out."""
        return self._read()[0]

    def clear(self) -> None:
        """Forget every record and keep the room."""
        if self._end == 0:
            return
        # The first bytes decide where reading ends; the rest is overwritten before it could be taken for records.
        os.pwrite(self._file, b"\0" * self._end, 0)
        os.fsync(self._file)
        self._end = 0

    def close(self) -> None:
        """Close the file and let go of it; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise BusyError(f"another daemon writes {self.path}", remedy="stop it first, or let it work") from None

    def _reserve(self) -> None:
        if os.fstat(self._file).st_size >= ROOM:
            return
        with contextlib.suppress(AttributeError, OSError):  # macOS has no posix_fallocate, nor every file system
            os.posix_fallocate(self._file, 0, ROOM)
            return
        size = os.fstat(self._file).st_size
        os.pwrite(self._file, b"\0" * (ROOM - size), size)
        os.fsync(self._file)

    def _read(self) -> tuple[list[dict[str, Any]], int]:
        """Return the whole records and where the last of them ends."""
        data = os.pread(self._file, os.fstat(self._file).st_size, 0)
        records, start, end = [], 0, 0
        while (stop := data.find(b"\n", start)) >= 0:
            if (record := _parsed(data[start:stop])) is not None:
                records.append(record)
                end = stop + 1
            start = stop + 1
        return records, end

    def _wipe(self) -> None:
        """Put zeros behind the last whole record, so that nothing torn runs into what is written next."""
        rest = os.fstat(self._file).st_size - self._end
        if os.pread(self._file, rest, self._end).strip(b"\0"):
            os.pwrite(self._file, b"\0" * rest, self._end)
            os.fsync(self._file)


def take(path: Path) -> Journal:
    """Open the first journal that no other daemon has: `path`, then `path` with `.2` behind it, `.3` and so on.

    Raises: SchedulerError when it cannot be made or locked.
    """
    for number in itertools.count(1):
        with contextlib.suppress(BusyError):
            return Journal(path if number == 1 else path.with_name(f"{path.name}.{number}"))
    raise AssertionError("numbers do not end")


def left(path: Path) -> Iterator[Journal]:
    """Yield the journals of that name whose daemon has ended; each is closed when the next one is asked for.

    Raises: SchedulerError when one cannot be read.
    """
    for one in sorted(path.parent.glob(f"{path.name}*")):
        try:
            journal = Journal(one)
        except BusyError:
            continue  # its daemon works, or another one that starts is reading it
        with contextlib.closing(journal):
            yield journal


def _line(record: Mapping[str, object]) -> bytes:
    body = json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _parsed(line: bytes) -> dict[str, Any] | None:
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
