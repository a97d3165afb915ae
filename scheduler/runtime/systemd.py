"""Telling systemd how the daemon is (sd_notify(3)): a datagram to NOTIFY_SOCKET, when it asked to be told."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Tell `READY=1`, `WATCHDOG=1`, `RELOADING=1` or `STOPPING=1`; nothing happens elsewhere than under systemd."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
        sock.setblocking(False)
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(state.encode())
