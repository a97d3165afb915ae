"""Running the real command as a process of its own, and a mail server on loopback that remembers what it took."""

from __future__ import annotations

import email
import email.policy
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

LIMIT_SECONDS = 60


@dataclass
class Mailbox:
    """What the server accepted: envelope recipient, raw bytes and the moment (seconds since the epoch)."""

    taken: list[tuple[str, bytes, float]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        with self.changed:
            self.taken.append((envelope.rcpt_tos[0], bytes(envelope.content or b""), time.time()))
            self.changed.notify_all()
        return "250 2.0.0 taken"

    def wait_for(self, count: int) -> None:
        """Wait until so many messages were accepted."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.taken) >= count, LIMIT_SECONDS), (
                f"{len(self.taken)} of {count} messages came"
            )

    def recipients(self) -> list[str]:
        """Return the envelope recipients, in order."""
        return [recipient for recipient, _, _ in self.taken]

    def messages(self) -> list[EmailMessage]:
        """Return the messages as the standard library reads them."""
        parsed = [email.message_from_bytes(raw, policy=email.policy.default) for _, raw, _ in self.taken]
        return [message for message in parsed if isinstance(message, EmailMessage)]


@contextmanager
def served_by(handler: object) -> Iterator[str]:
    """Yield the URL of a server on loopback that hands what it is sent to `handler`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


@contextmanager
def mail_server() -> Iterator[tuple[str, Mailbox]]:
    """Yield the URL of a server on loopback and its mailbox."""
    mailbox = Mailbox()
    with served_by(mailbox) as url:
        yield url, mailbox


def environment(**more: str) -> dict[str, str]:
    """Return an environment without any setting of the machine's owner."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAMPAIGN_")}
    return {**kept, **more}


def campaign(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, check: bool = True, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in `folder`."""
    done = subprocess.run(
        [sys.executable, "-m", "scheduler", *arguments],
        cwd=folder,
        env=dict(env) if env is not None else environment(),
        capture_output=True,
        text=True,
        input=stdin,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if check:
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@contextmanager
def daemon(folder: Path, *arguments: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run `campaign run` while the block lasts; it is asked to stop at its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scheduler", "run", "--json", *arguments],
        cwd=folder,
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pipesize=1 << 20,  # what it says is read at the end: a pipe that is full would hold it up
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
