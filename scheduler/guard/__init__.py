"""Keeps a daemon from sending on a database it cannot trust: restored, cloned, damaged, or under a wrong clock."""

from __future__ import annotations

from scheduler.clock import Clock
from scheduler.guard import state
from scheduler.guard.base import Guard, NoGuard
from scheduler.guard.watch import LedgerGuard, Started
from scheduler.settings import Settings
from scheduler.store.database import Store

__all__ = ["Guard", "LedgerGuard", "NoGuard", "Started", "live"]


def live(store: Store, settings: Settings, clock: Clock) -> LedgerGuard:
    """Return the guard of a daemon that really sends; its journal is `guard.journal`, once it has started."""
    return LedgerGuard(store, clock, folder=state.root(settings), machine=state.machine())
