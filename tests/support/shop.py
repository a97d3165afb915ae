"""A small shop: campaign files written from text, people, and a system on a virtual clock over a real store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scheduler import bootstrap, simulation
from scheduler.channels.base import Channel, Message
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import VirtualClock
from scheduler.contacts_csv import ContactRow
from scheduler.dispatcher import Dispatcher
from scheduler.operations import applying, happenings, people
from scheduler.operations.settler import Settler
from scheduler.project import LoadedCampaign, Project
from scheduler.rendering.inline import InlineRenderer
from scheduler.store.database import Store
from scheduler.store.reader import DeliveryRecord, deliveries
from scheduler.store.writer import InlineWriter, Writer
from scheduler.tokens import Links
from scheduler.worker import Worker

HEAD = """\
campaign: shop
language: en
country: FR
timezone: Europe/Paris
senders:
  email: The Shop <hello@shop.example>
  postal_address: 12 rue des Lilas, 75011 Paris
  unsubscribe: mailto:stop@shop.example
"""


# One mail to everybody, on a day of its own.
OFFER = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february at 10:00
    touches:
      - {id: offer, channel: email, subject: Offer, text: "x"}
"""


def moment(text: str) -> datetime:
    """Read an ISO moment with its offset."""
    found = datetime.fromisoformat(text)
    assert found.tzinfo is not None
    return found


def write(folder: Path, text: str, *, name: str = "shop.yaml", head: str = HEAD, **files: str) -> LoadedCampaign:
    """Write a campaign file (and templates by path) into a project folder and load it as the command line does."""
    (folder / name).write_text(head + text, encoding="utf-8")
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    return Project(folder).load(folder / name)


def person(email: str, *, consent: Sequence[str] = ("marketing",), **values: object) -> ContactRow:
    """Make a contact as an import would; consents to marketing unless told otherwise."""
    known = {name: values.pop(name) for name in list(values) if name in ContactRow.__dataclass_fields__}
    facts: Mapping[str, object] = values
    return ContactRow(line=1, email=email, consent=tuple(consent), facts=facts, **known)  # type: ignore[arg-type]


@dataclass
class Schedule:
    """A whole system over one store, driven by hand: the parts of a rehearsal, on any database."""

    store: Store
    clock: VirtualClock
    channels: dict[str, Channel]
    recorded: dict[str, RecordingChannel]
    worker: Worker
    dispatcher: Dispatcher
    catalog: object
    settler: Settler

    @classmethod
    def on(
        cls,
        store: Store,
        start: datetime,
        *,
        channels: Mapping[str, Channel] | None = None,
        writer: Writer | None = None,
        clock: VirtualClock | None = None,
        links: Links | None = None,
        utm_domains: Collection[str] = (),
        began: Callable[[], None] | None = None,
    ) -> Schedule:
        """Assemble it; every channel records unless `channels` says otherwise, work on the store is done inline."""
        from campaigns.definition import CHANNELS

        clock = clock or VirtualClock(start)
        recorded = {name: RecordingChannel(name) for name in CHANNELS}
        chosen: dict[str, Channel] = dict(recorded if channels is None else channels)
        system = bootstrap.assemble(
            store,
            writer or InlineWriter(),
            InlineRenderer(),
            chosen,
            clock,
            worker_id="test",
            secret_key=b"0" * 32,
            links=links,
            utm_domains=utm_domains,
            began=began,
        )
        return cls(store, clock, chosen, recorded, system.worker, system.dispatcher, system.catalog, system.settler)

    def know(self, *rows: ContactRow) -> None:
        """Import people now."""
        people.import_contacts(self.store, rows, source="test", now=self.clock.now())

    def apply(self, loaded: LoadedCampaign) -> applying.Applied:
        """Put a campaign in force now."""
        return applying.apply(self.store, loaded, now=self.clock.now(), catalog=self.catalog)  # type: ignore[arg-type]

    def happens(self, who: str, name: str, *, at: datetime | None = None, key: str | None = None, **facts: object):  # type: ignore[no-untyped-def]
        """Record an event, now unless `at` says otherwise."""
        return happenings.record_event(
            self.store,
            self.catalog,  # type: ignore[arg-type]
            who=who,
            name=name,
            at=at or self.clock.now(),
            key=key,
            facts=facts,
            now=self.clock.now(),
        )

    def tick(self) -> int:
        """Let the dispatcher look until nothing is due; return how many claims were carried out."""
        return asyncio.run(self.dispatcher.work_off())

    def live_until(self, until: datetime, *, events: Sequence[simulation.PlayedEvent] = ()) -> None:
        """Live through everything due up to `until`, then stand there."""
        asyncio.run(
            simulation.run(self.store, self.catalog, self.dispatcher, self.clock, events=events, until=until)  # type: ignore[arg-type]
        )
        self.clock.advance_to(until)

    def sent(self, channel: str = "email") -> list[Message]:
        """Return what a recording channel took, in order."""
        return self.recorded[channel].messages

    def rows(self, **which: object) -> list[DeliveryRecord]:
        """Return the deliveries of the shop, by due moment."""
        with self.store.read() as conn:
            return deliveries(conn, **which)  # type: ignore[arg-type]


def addresses(messages: Sequence[Message]) -> list[str]:
    """Return to whom messages went, in order."""
    return [message.recipient.email or "" if message.recipient else "" for message in messages]


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

__all__ = ["DAY", "HEAD", "HOUR", "Schedule", "addresses", "moment", "person", "write"]
