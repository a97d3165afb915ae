"""What a renderer's process may use, set by itself before the first template comes and enforced by the kernel."""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
from pathlib import Path

_FILES = 32  # descriptors: the socket, and data files of time zones and languages while they are read
_LIFE = 3600  # seconds of processor time after which a process is replaced, whatever it did
_DEAF = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def ignore_signals() -> None:
    """Leave it to the daemon when to end: Ctrl-C and `systemctl stop` reach its children too, and it still renders."""
    for number in _DEAF:
        signal.signal(number, signal.SIG_IGN)


def confine(memory: int) -> None:
    """Give up everything that writing a message does not need; `memory` is the address space in bytes.

    Raises: OSError or ValueError where the kernel does not know the limit on memory, but on macOS, which does not.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, _FILES)
    _lower(resource.RLIMIT_CPU, _LIFE)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_AS, memory)
        # Should the machine run out of memory, this process has to go before the daemon.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("900")
    else:
        with contextlib.suppress(OSError, ValueError):
            _lower(resource.RLIMIT_AS, memory)


def allow(seconds: float) -> float:
    """Let the process use so much more processor time, then be ended by SIGPROF; 0 is without bound.

    Returns: what was left of the time it was allowed before.
    """
    return signal.setitimer(signal.ITIMER_PROF, seconds)[0]


def _lower(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (value, value))
