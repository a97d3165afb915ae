"""Files a command was told to write: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from scheduler.errors import SchedulerError


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old or the new content, never half of it.

    Raises: SchedulerError when the folder is missing or not writable.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise SchedulerError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except OSError as error:
        os.unlink(name)
        raise SchedulerError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
