"""The daemon: APScheduler wakes it, it looks for what is due, and it ends in good order."""

from scheduler.runtime.copying import Copying
from scheduler.runtime.daemon import Daemon
from scheduler.runtime.rounds import Round, every

__all__ = ["Copying", "Daemon", "Round", "every"]
