"""A schedule under guard: two clocks that can be set apart, and a state folder that outlives the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scheduler.clock import VirtualClock
from scheduler.guard import LedgerGuard
from scheduler.store import meta
from scheduler.store.database import Store
from scheduler.store.meta import Hold
from support.shop import Schedule, person, write

MAIL = """
courtesy: {quiet_hours: none}
stages:
  - stage: launch
    kind: awareness
    touches:
      - {id: offer, channel: email, subject: Offer, when: 21 january 2027 at 10:00, text: "x"}
      - {id: reminder, channel: email, subject: Reminder, when: 25 january 2027 at 10:00, text: "x"}
      - {id: next-year, channel: email, subject: Again, when: 21 january 2028 at 10:00, text: "x"}
  - stage: home
    kind: loyalty
    touches:
      - {id: thanks, channel: email, purpose: transactional, on: purchase, when: 5 minutes later, subject: Thanks, text: "x"}
"""


class Clocks(VirtualClock):
    """A wall clock and a monotonic one that a test moves: together when time passes, apart when somebody sets one."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._seconds = 1_000.0

    def monotonic(self) -> float:
        return self._seconds

    def pass_by(self, **span: float) -> None:
        """Let time go by on both clocks."""
        self._moment += timedelta(**span)
        self._seconds += timedelta(**span).total_seconds()

    def live_until(self, moment: datetime) -> None:
        """Let time go by up to a moment."""
        self.pass_by(seconds=(moment - self._moment).total_seconds())

    def set_by(self, **span: float) -> None:
        """Set the wall clock forward or back."""
        self._moment += timedelta(**span)


@dataclass
class Machine:
    """One machine with its clocks and state folder, on which daemons work on databases."""

    folder: Path
    clocks: Clocks
    name: str = "shop-1"

    def guard(self, store: Store, *, server_clock: timedelta | None = None) -> LedgerGuard:
        """Return the guard of a daemon that is about to start; the server's clock is ours, or so much ahead."""
        ahead = server_clock or timedelta()
        theirs = (lambda _: self.clocks.now() + ahead) if store.dialect == "postgresql" else (lambda _: None)
        return LedgerGuard(store, self.clocks, folder=self.folder, machine=self.name, database_clock=theirs)

    def schedule(self, store: Store, guard: LedgerGuard | None = None) -> Schedule:
        """Return a system whose dispatcher and worker see this machine's clock, and tell `guard` of their marks."""
        return Schedule.on(
            store, self.clocks.now(), clock=self.clocks, began=guard.began if guard is not None else None
        )

    def second(self, guard: LedgerGuard, seconds: float = 1.0) -> None:
        """Let a second go by, then the beat that comes with it."""
        self.clocks.pass_by(seconds=seconds)
        guard.beat()


def applied(schedule: Schedule, folder: Path, people: int = 3, text: str = MAIL) -> None:
    """Let a schedule know some people and put the mails in force."""
    schedule.know(*(person(f"p{number}@example.org") for number in range(people)))
    schedule.apply(write(folder, text))


def held(store: Store) -> Hold | None:
    """Return the HOLD of a database."""
    with store.read() as conn:
        return meta.hold(conn)


__all__ = ["MAIL", "Clocks", "Machine", "applied", "held"]
