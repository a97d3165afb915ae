"""Tokens that platforms renew: kept beside the daemon's state, so that a restart does not begin with an old one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from scheduler.errors import SchedulerError

FILE = "tokens.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """A token, what renews it where that is another one, and when it ends (aware UTC; None when nobody said).

    `source` is a digest of the token in the settings that it came from: another one there takes its place.
    """

    token: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    expires_at: datetime | None = None
    source: str = ""


class Keeper(Protocol):
    """Keeps one token for each account."""

    def get(self, account: str) -> Kept | None:
        """Return what is kept for an account, None where there is nothing."""
        ...

    def put(self, account: str, kept: Kept) -> None:
        """Keep it, durably."""
        ...


class MemoryKeeper:
    """Keeps tokens as long as the process lives."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def get(self, account: str) -> Kept | None:
        """Return what is kept for an account, None where there is nothing."""
        return self._kept.get(account)

    def put(self, account: str, kept: Kept) -> None:
        """Keep it until the process ends."""
        self._kept[account] = kept


class FileKeeper:
    """Keeps tokens in `tokens.json` (0600) of a folder; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, account: str) -> Kept | None:
        """Return what is kept for an account; None where there is nothing, or nothing that can be read."""
        entry = self._read().get(account)
        if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
            return None
        try:
            ends = entry.get("expires_at")
            return Kept(
                entry["token"],
                str(entry.get("refresh", "")),
                datetime.fromisoformat(ends) if isinstance(ends, str) else None,
                str(entry.get("source", "")),
            )
        except ValueError:
            return None

    def put(self, account: str, kept: Kept) -> None:
        """Write it to a new file that takes the old one's place. Raises: SchedulerError when it cannot be written."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked():
                whole = self._read()
                whole[account] = {
                    "token": kept.token,
                    "refresh": kept.refresh,
                    "expires_at": kept.expires_at.isoformat() if kept.expires_at is not None else None,
                    "source": kept.source,
                }
                self._write(json.dumps(whole, indent=1).encode())
        except OSError as error:
            raise SchedulerError(
                f"cannot keep the renewed token of {account!r} in {self._folder}: {(error.strerror or '').lower()}",
                remedy="make the state folder writable: with the old token the account ends when that does",
            ) from None

    def _read(self) -> dict[str, object]:
        try:
            whole = json.loads((self._folder / FILE).read_bytes())
        except (OSError, ValueError, RecursionError):  # nothing that can be read is kept: the settings have a token
            return {}
        return whole if isinstance(whole, dict) else {}

    def _write(self, content: bytes) -> None:
        new = self._folder / f"{FILE}.new"
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / FILE)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / f"{FILE}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
