"""One renderer process as the daemon sees it: started, spoken to without waiting, and ended."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from scheduler.rendering import wire

# Nothing of the daemon's environment but what the interpreter may need to start: no settings, no secrets.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from scheduler.rendering.child import main; main({})"
_COUNT = struct.Struct("@Q")


class Process:
    """A child process that renders.

    It has a session of its own, so that Ctrl-C in the terminal is the daemon's affair, one socket, and no other
    descriptor of the daemon. Raises OSError when it cannot be started.
    """

    def __init__(self, *, memory: int, seconds: float) -> None:
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            shared = _shared()
            try:
                self._progress = mmap.mmap(shared, _COUNT.size)
                path = json.dumps([os.path.abspath(entry) for entry in sys.path])
                script = _START.format(f"{memory!r}, {seconds!r}, {shared!r}")
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own words
                    [sys.executable, "-I", "-B", "-X", "utf8", "-c", script, path],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                    cwd="/",
                    pass_fds=(shared,),
                    start_new_session=True,
                )
            finally:
                os.close(shared)
            undo.pop_all()
        ours.setblocking(False)
        self.socket = ours
        self._inbox = wire.Inbox(wire.MAX_ANSWERS)
        self._outbox = bytearray()

    @property
    def begun(self) -> int:
        """How many jobs it has begun."""
        return int(_COUNT.unpack_from(self._progress)[0])

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def send(self, frame: bytes) -> bool:
        """Send a frame, or begin to; return whether something waits for the socket. Raises OSError: it is dead."""
        self._outbox += frame
        return self.flush()

    def flush(self) -> bool:
        """Send what waits; return whether something still does. Raises OSError: it is dead."""
        with contextlib.suppress(BlockingIOError):
            while self._outbox:
                del self._outbox[: self.socket.send(self._outbox)]
        return bool(self._outbox)

    def receive(self) -> Iterator[Any]:
        """Yield the values that have arrived. Raises: EOFError or OSError, it is dead; BrokenFrameError."""
        try:
            arrived = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        if not arrived:
            raise EOFError
        yield from self._inbox.take(arrived)

    def kill(self) -> None:
        """Kill it; that it is gone is heard as the end of what it says."""
        self._process.kill()

    def end(self) -> tuple[int, str]:
        """Kill it unless it is gone; return how it ended, as `subprocess` says it, and what it said as it started."""
        self.socket.close()
        self._process.kill()
        code = self._process.wait()
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            os.set_blocking(pipe.fileno(), False)
            said = pipe.read(1 << 16) or b""
        self._progress.close()
        return code, said.decode(errors="replace").strip()


def _shared() -> int:
    """Return the descriptor of a few bytes that two processes can share."""
    if hasattr(os, "memfd_create"):
        shared = os.memfd_create("campaign-renderer")
    else:
        with tempfile.TemporaryFile() as file:
            shared = os.dup(file.fileno())
    os.truncate(shared, _COUNT.size)
    return shared
