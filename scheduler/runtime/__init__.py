"""The daemon: APScheduler wakes it, it looks for what is due, and it ends in good order."""

from scheduler.runtime.daemon import Daemon

__all__ = ["Daemon"]
