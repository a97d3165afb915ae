"""What a guard is: asked at the start, before every look and every second, and at the end."""

from __future__ import annotations

from typing import Protocol


class Guard(Protocol):
    """Watches over one database for one daemon; every method runs on the writer thread."""

    def start(self) -> object:
        """Look before anything is claimed: journal, high-water mark, recovery; a second call does nothing.

        What must not go on by itself puts the database on HOLD.
        Raises: SchedulerError when the database must not be used at all.
        """
        ...

    def beat(self) -> None:
        """Compare clocks and marks: before every look for due work, and every second; cheap.

        Raises: StorageError when the database file was deleted or replaced: the daemon must stop.
        """
        ...

    def began(self) -> None:
        """Bring the mark up: attempts were marked, and their messages have not left yet; cheap while many go."""
        ...

    def stop(self) -> None:
        """Write the last mark; a second call does nothing."""
        ...


class NoGuard:
    """Watches nothing: rehearsals and trials, whose databases send to nobody."""

    def start(self) -> None:
        """Do nothing."""

    def beat(self) -> None:
        """Do nothing."""

    def began(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""
