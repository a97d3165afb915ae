"""The only place that chooses implementations: `live` for the daemon, `rehearsal` for a virtual clock."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from campaigns.definition import CHANNELS, TASKS
from scheduler.catalog import Catalog
from scheduler.channels.base import Channel
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import Clock, SystemClock, VirtualClock
from scheduler.dispatcher import Dispatcher
from scheduler.engines.local import LocalEngine
from scheduler.settings import Settings
from scheduler.store.database import Store, secret
from scheduler.store.writer import InlineWriter, ThreadWriter, Writer
from scheduler.worker import Outcome, Worker

CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class System:
    """The parts that work together on one store."""

    store: Store
    writer: Writer
    catalog: Catalog
    clock: Clock
    channels: Mapping[str, Channel]
    engine: LocalEngine
    worker: Worker
    dispatcher: Dispatcher
    worker_id: str


def live(
    store: Store,
    settings: Settings,
    *,
    outbox: Path | None = None,
    clock: Clock | None = None,
    report: Callable[[Outcome], None] | None = None,
) -> System:
    """Assemble the daemon: wall clock, writer thread, real channels (or files in `outbox` for every channel)."""
    key = settings.key()
    with store.begin() as conn:
        key = key or secret(conn, lambda: secrets.token_bytes(32))
    return _assemble(
        store,
        ThreadWriter(),
        clock or SystemClock(),
        live_channels(settings, outbox=outbox),
        # In containers the next process often has the same host name and number; it must not pass for the dead one.
        worker_id=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        secret_key=key,
        connections=CONNECTIONS,
        report=report,
    )


def rehearsal(start: datetime, *, seed: int = 0) -> tuple[System, VirtualClock, Mapping[str, RecordingChannel]]:
    """Assemble a rehearsal: virtual clock, the same store in memory, recording channels; keys come from the seed."""
    clock = VirtualClock(start)
    recording = {name: RecordingChannel(name) for name in sorted(CHANNELS)}
    system = _assemble(
        Store.memory(),
        InlineWriter(),
        clock,
        recording,
        worker_id="rehearsal",
        secret_key=hashlib.sha256(f"rehearsal {seed}".encode()).digest(),
        connections=1,
    )
    return system, clock, recording


def live_channels(settings: Settings, *, outbox: Path | None) -> dict[str, Channel]:
    """Return what carries each channel here; a channel that is missing has no account."""
    from scheduler.channels.task import TaskChannel

    if outbox is not None:
        from scheduler.channels.outbox import OutboxChannel

        return {name: OutboxChannel(outbox, name) for name in sorted(CHANNELS)}
    channels: dict[str, Channel] = {name: TaskChannel(name) for name in sorted(TASKS)}
    if settings.smtp_url is not None:
        from scheduler.channels.email.smtp import EmailChannel

        channels["email"] = EmailChannel.from_settings(settings, connections=CONNECTIONS)
    if any("url" in fields for fields in settings.accounts.values()):
        from scheduler.channels.webhook import WebhookChannel

        channels["webhook"] = WebhookChannel(settings.accounts)
    return channels


def _assemble(
    store: Store,
    writer: Writer,
    clock: Clock,
    channels: Mapping[str, Channel],
    *,
    worker_id: str,
    secret_key: bytes,
    connections: int,
    report: Callable[[Outcome], None] | None = None,
) -> System:
    catalog = Catalog()
    worker = Worker(store, writer, catalog, channels, clock, worker_id=worker_id, secret=secret_key, report=report)
    engine = LocalEngine(worker.deliver, worker.give_back, connections=connections)
    dispatcher = Dispatcher(store, writer, catalog, engine, clock, worker_id=worker_id)
    return System(store, writer, catalog, clock, channels, engine, worker, dispatcher, worker_id)
