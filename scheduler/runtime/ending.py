"""How the daemon is told to end, and what becomes of an end that takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

DRAIN_SECONDS = 30.0  # what is being sent when the daemon is told to stop has so long to be finished
_CLOSING_SECONDS = 10.0  # and everything else that has to be closed so long
_AT_ONCE = 130


def on_signals(stop: Callable[[], None], reload: Callable[[], None] | None = None) -> None:
    """Call `stop` for the first SIGINT or SIGTERM and end the process at the second; `reload` for SIGHUP.

    From the first signal on the process ends in any case: a thread of its own sees to it, should everything else hang.
    The running event loop listens until it is closed.
    """
    loop = asyncio.get_running_loop()
    asked = False

    def first() -> None:
        nonlocal asked
        if asked:
            end_now(_AT_ONCE)  # what was in flight is found as unknown
        asked = True
        last_resort = threading.Timer(DRAIN_SECONDS + _CLOSING_SECONDS, end_now, (os.EX_OK,))
        last_resort.daemon = True
        last_resort.start()
        stop()

    loop.add_signal_handler(signal.SIGINT, first)
    loop.add_signal_handler(signal.SIGTERM, first)
    if reload is not None:
        loop.add_signal_handler(signal.SIGHUP, reload)


def end_now(code: int) -> NoReturn:
    """End the process without waiting for anything; what it had to say is written first."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)
