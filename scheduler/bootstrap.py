"""The only place that chooses implementations: `live` for the daemon, `rehearsal` for a virtual clock."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.definition import CHANNELS, TASKS
from campaigns.definition.rates import Rate
from scheduler.book import Book, Journal
from scheduler.catalog import Catalog
from scheduler.channels.base import Channel
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import Clock, SystemClock, VirtualClock
from scheduler.dispatcher import Dispatcher
from scheduler.engines.base import Engine
from scheduler.engines.inline import InlineEngine
from scheduler.engines.local import LocalEngine
from scheduler.operations.settler import Settler
from scheduler.rendering.base import RenderPort
from scheduler.rendering.inline import InlineRenderer
from scheduler.rendering.pool import PoolRenderer
from scheduler.settings import Settings
from scheduler.store.database import Store, secret
from scheduler.store.writer import InlineWriter, ThreadWriter, Writer
from scheduler.tokens import ExampleLinks, Keyring, Links, SignedLinks
from scheduler.worker import Outcome, Worker

if TYPE_CHECKING:
    from scheduler.channels.platforms.tokens import Keeper
    from scheduler.operations.alerting import Alerter
    from scheduler.operations.task_calendar import TaskCalendar
    from scheduler.operations.task_news import TaskTeller

CONNECTIONS = 4
AHEAD = timedelta(seconds=2)  # how long before its moment a message is made ready


@dataclass(frozen=True, slots=True)
class System:
    """The parts that work together on one store."""

    store: Store
    writer: Writer
    catalog: Catalog
    clock: Clock
    channels: Mapping[str, Channel]
    engine: Engine
    renderer: RenderPort
    worker: Worker
    dispatcher: Dispatcher
    worker_id: str
    keys: Keyring
    settler: Settler


def live(
    store: Store,
    settings: Settings,
    *,
    outbox: Path | None = None,
    clock: Clock | None = None,
    report: Callable[[Outcome], None] | None = None,
    journal: Journal | None = None,
    began: Callable[[], None] | None = None,
) -> System:
    """Assemble the daemon: wall clock, writer thread, real channels (or files in `outbox` for every channel).

    `journal` keeps outcomes that the database cannot take (`guard.journal`), `began` is told of marks (`guard.began`).
    """
    key, keys = _secrets(store, settings)
    return assemble(
        store,
        ThreadWriter(),
        PoolRenderer(settings.render_processes),
        live_channels(settings, outbox=outbox, clock=clock),
        clock or SystemClock(),
        # In containers the next process often has the same host name and number; it must not pass for the dead one.
        worker_id=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        secret_key=key,
        links=SignedLinks(keys, settings.public_url, settings.bounce_address),
        utm_domains=settings.utm_sites(),
        keys=keys,
        connections=CONNECTIONS,
        lanes={"email": mail_lanes(settings)} if outbox is None else None,
        rates={"email": settings.smtp_rate} if settings.smtp_rate is not None else None,
        ahead=AHEAD,
        journal=journal,
        began=began,
        report=report,
    )


def keyring(store: Store, settings: Settings) -> Keyring:
    """Return the keys of the tokens in mails of this project, for a command that reads them."""
    return _secrets(store, settings)[1]


def _secrets(store: Store, settings: Settings) -> tuple[bytes, Keyring]:
    """Return the project's secret key, and the keyring of all it ever had."""
    with store.begin() as conn:
        kept = secret(conn, lambda: secrets.token_bytes(32))
    key = settings.key() or kept
    # What was signed before a key was set, or with the key before it, stands in mails that people keep.
    return key, Keyring(key, (*settings.former_keys(), kept))


def mail_lanes(settings: Settings) -> int:
    """Return how many mails are on their way at once: at most one for each connection is marked and not yet answered.

    A pipelined mail says its envelope right behind the one before it, so there are two for each connection.
    """
    pipelined = settings.email_provider is None and settings.smtp_transport == "pipelined"
    return settings.smtp_connections * (2 if pipelined else 1)


def rehearsal(start: datetime, *, seed: int = 0) -> tuple[System, VirtualClock, Mapping[str, RecordingChannel]]:
    """Assemble a rehearsal: virtual clock, the same store in memory, recording channels; keys come from the seed."""
    clock = VirtualClock(start)
    recording = {name: RecordingChannel(name) for name in sorted(CHANNELS)}
    system = assemble(
        Store.memory(),
        InlineWriter(),
        InlineRenderer(),
        recording,
        clock,
        worker_id="rehearsal",
        secret_key=hashlib.sha256(f"rehearsal {seed}".encode()).digest(),
    )
    return system, clock, recording


def task_calendar(settings: Settings, system: System) -> TaskCalendar | None:
    """Return what keeps the shop's tasks in a calendar too; None where there is no account `caldav`.

    Raises: SchedulerError where one of its fields cannot be used.
    """
    if "caldav" not in settings.accounts:
        return None
    from scheduler.channels import caldav
    from scheduler.operations.task_calendar import TaskCalendar

    collection = caldav.TaskCollection(settings.accounts, system.clock)
    return TaskCalendar(system.store, system.writer, collection, system.clock)


def alerter(settings: Settings, system: System) -> Alerter | None:
    """Return what tells the operator what needs a person; None where the settings name nobody."""
    destinations = settings.alert_destinations()
    if not destinations:
        return None
    from scheduler.channels import horizon
    from scheduler.operations.alerting import Alerter

    return Alerter(
        system.store,
        system.writer,
        system.channels,
        system.clock,
        destinations,
        settling=system.settler.channels,
        ends=lambda: horizon.ends(settings.accounts, token_keeper(settings)),
        place=f"{settings.project.resolve()} on {socket.gethostname()}",
    )


def task_teller(settings: Settings, system: System) -> TaskTeller | None:
    """Return what tells the staff of their tasks; None where the settings name nobody."""
    destinations = settings.task_destinations()
    if not destinations:
        return None
    from scheduler.operations.task_news import TaskTeller

    place = f"{settings.project.resolve()} on {socket.gethostname()}"
    return TaskTeller(system.store, system.writer, system.channels, system.clock, destinations, place=place)


def token_keeper(settings: Settings) -> Keeper:
    """Return what keeps the renewed tokens of this project: another one may have an account of the same name."""
    from scheduler.channels.platforms.tokens import FileKeeper
    from scheduler.guard import state

    kept = hashlib.sha256(os.fsencode(settings.project.resolve())).hexdigest()[:16]
    return FileKeeper(state.root(settings) / "tokens" / kept)


def live_channels(settings: Settings, *, outbox: Path | None, clock: Clock | None = None) -> dict[str, Channel]:
    """Return what carries each channel here; a channel that is missing has no account."""
    from scheduler.channels.task import TaskChannel

    if outbox is not None:
        from scheduler.channels.outbox import OutboxChannel

        return {name: OutboxChannel(outbox, name) for name in sorted(CHANNELS)}
    channels: dict[str, Channel] = {name: TaskChannel(name) for name in sorted(TASKS)}
    if settings.smtp_url is not None:
        from scheduler.channels.email.dkim import Signer
        from scheduler.channels.email.smtp import EmailChannel

        channels["email"] = EmailChannel.from_settings(settings, signer=Signer.from_settings(settings))
    elif settings.email_provider is not None:
        from scheduler.channels.email.providers.channel import ProviderChannel

        channels["email"] = ProviderChannel.from_settings(settings)
    if any("url" in fields for name, fields in settings.accounts.items() if name != "caldav"):
        from scheduler.channels.webhook import WebhookChannel

        channels["webhook"] = WebhookChannel(settings.accounts)
    if settings.accounts:
        from scheduler.channels.platforms import registry
        from scheduler.channels.platforms.media import MediaFolder

        channels |= registry.made(
            settings.accounts,
            clock or SystemClock(),
            keeper=token_keeper(settings),
            media=MediaFolder(settings.project),
        )
    return channels


def assemble(
    store: Store,
    writer: Writer,
    renderer: RenderPort,
    channels: Mapping[str, Channel],
    clock: Clock,
    *,
    worker_id: str,
    secret_key: bytes,
    links: Links | None = None,
    utm_domains: Collection[str] = (),
    keys: Keyring | None = None,
    connections: int = 0,
    lanes: Mapping[str, int] | None = None,
    rates: Mapping[str, Rate] | None = None,
    ahead: timedelta = timedelta(),
    journal: Journal | None = None,
    began: Callable[[], None] | None = None,
    report: Callable[[Outcome], None] | None = None,
) -> System:
    """Put the parts together; without `connections` every message is carried to its end before the next is begun.

    `lanes` are the channels with another number than `connections`, `rates` what a channel may send in all, `ahead` how
    long before its moment a message is made ready.
    Without `links` messages bear examples, without `keys` tokens are signed with `secret_key`.
    """
    catalog = Catalog()
    book = Book(store, writer, catalog, clock, journal=journal, began=began)
    worker = Worker(
        store,
        writer,
        catalog,
        book,
        renderer,
        channels,
        clock,
        secret=secret_key,
        links=links or ExampleLinks(),
        utm_domains=utm_domains,
        report=report,
    )
    engine: Engine = InlineEngine(worker)
    if connections:
        engine = LocalEngine(worker, clock, connections=connections, lanes=lanes)
    dispatcher = Dispatcher(
        store, writer, catalog, engine, renderer, clock, worker_id=worker_id, rates=rates, ahead=ahead
    )
    return System(
        store,
        writer,
        catalog,
        clock,
        channels,
        engine,
        renderer,
        worker,
        dispatcher,
        worker_id,
        keys or Keyring(secret_key),
        Settler(store, writer, catalog, worker, channels, clock),
    )
