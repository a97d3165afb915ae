"""The doorbell of a SQLite file: a socket beside it, at which the daemon hears that something was decided."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".sock"
_LONGEST = 100  # of a socket's address: 108 bytes on Linux, 104 on macOS, with the zero at its end
_OPEN_FOLDERS = Path("/proc/self/fd")


def ring(database: Path) -> bool:
    """Tell the daemon of this file to look; return whether somebody heard it. Never waits, and never raises."""
    try:
        with (
            _address(database) as address,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell,
        ):
            bell.setblocking(False)
            bell.sendto(b"\n", address)
    except BlockingIOError:
        return True  # so much is waiting to be heard that one more says nothing new
    except OSError:
        return False  # no daemon, or one that listens in no way we could reach: its own looking finds the change
    return True


class Doorbell:
    """The daemon's side: bound at once, heard when the socket can be read, unbound by `close`.

    Only the holder of the daemon's lock may make one: a socket that a dead daemon left is taken away.
    Raises OSError where there cannot be one: an address too long on a system without /proc, a file system without
    sockets, something else in its place.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + SUFFIX)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            with _address(database) as address:
                with contextlib.suppress(FileNotFoundError):
                    if stat.S_ISSOCK(os.lstat(self._path).st_mode):
                        self._path.unlink()
                with contextlib.suppress(OSError):
                    os.fchmod(self._socket.fileno(), 0o600)  # Linux makes the file with the mode of the socket
                self._socket.bind(address)
            self._path.chmod(0o600)
            self._made = _identity(self._path)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the number of the socket, for a loop that waits for it."""
        return self._socket.fileno()

    def heard(self) -> bool:
        """Return whether it was rung since the last call; however often, that is once."""
        rung = False
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(16)
                rung = True
        return rung

    def close(self) -> None:
        """Take the bell away; a second call does nothing."""
        if self._socket.fileno() == -1:
            return
        self._socket.close()
        with contextlib.suppress(OSError):
            if _identity(self._path) == self._made:  # another daemon's, if the file was moved meanwhile
                self._path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


@contextmanager
def _address(database: Path) -> Iterator[str]:
    """Yield the bell's address; a folder too deep for one is reached through the open folder itself (Linux)."""
    path = database.absolute().with_name(database.name + SUFFIX)
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(_OPEN_FOLDERS / str(folder) / path.name)
    finally:
        os.close(folder)
