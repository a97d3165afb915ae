"""Reads SQLite's write-ahead log as bytes, to find commits that SQLite itself would pass over in silence.

On opening, SQLite takes the log up to the first frame whose checksum is wrong and forgets what is behind it: right
after a crash in the middle of a commit, wrong after a flipped bit. What tells them apart are whole commits behind the
place where SQLite stopped. Formats: https://sqlite.org/fileformat2.html#the_write_ahead_log and
https://sqlite.org/walformat.html#the_wal_index_file_format.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_HEADER = 32
_FRAME = 24
_INDEX_HEADER = 48
_NO_SIZE = b"\0\0\0\0"  # only the last frame of a commit tells how large the database is


def log_size(database: Path) -> int:
    """Return the bytes of a SQLite file's write-ahead log; 0 where there is none."""
    file = database.resolve()
    try:
        return file.with_name(f"{file.name}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def lost_commits(database: Path) -> int:
    """Return how many commits of the log stand behind the last one that SQLite sees; 0 for a sound or absent log.

    Call it while a connection is open that has read: only then is the index beside the log up to date. A crash leaves
    no such commit, since the next one is only begun when the one before it is on the disk; the frames of a single
    commit that a power cut tore can leave one.
    """
    database = database.resolve()  # the log lies beside the file itself, by whatever link that is named
    try:
        index = os.pread(_kept_open(database.with_name(database.name + "-shm")), _INDEX_HEADER, 0)
        data = database.with_name(database.name + "-wal").read_bytes()
    except FileNotFoundError:
        return 0
    if len(index) < _INDEX_HEADER or len(data) < _HEADER:
        return 0
    (seen,) = struct.unpack_from("=I", index, 16)
    (page,) = struct.unpack_from(">I", data, 8)
    salts = data[16:24]
    if seen and index[32:40] != salts:
        return 0
    size = _FRAME + page
    lost = 0
    for start in range(_HEADER + seen * size, len(data) - size + 1, size):
        if data[start + 8 : start + 16] == salts and data[start + 4 : start + 8] != _NO_SIZE:
            lost += 1
    return lost


def _kept_open(path: Path) -> int:
    """Return a number to read the file by, which is never closed.

    Closing it would take away every lock that this process has on the file, those of SQLite's connections among them
    (https://sqlite.org/howtocorrupt.html, 2.2), and the next process to open the database would cut the index short
    under our feet.
    """
    found = path.stat()
    identity = (found.st_dev, found.st_ino)
    if identity not in _INDEXES:
        _INDEXES[identity] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return _INDEXES[identity]


_INDEXES: dict[tuple[int, int], int] = {}
