"""What one mail server takes in all: a rate over every campaign together, kept in the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.shop import moment, person, write

from campaigns.definition import CHANNELS
from campaigns.definition.rates import Rate
from scheduler import bootstrap
from scheduler.channels.recording import RecordingChannel
from scheduler.clock import VirtualClock
from scheduler.operations import applying, people
from scheduler.rendering.inline import InlineRenderer
from scheduler.store.database import Store
from scheduler.store.writer import InlineWriter

START = moment("2027-01-20T12:00:00+01:00")
DUE = moment("2027-02-01T10:00:00+01:00")
MAIL = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february at 10:00
    touches:
      - {id: offer, channel: email, subject: Offer, text: "Hello"}
"""


def test_a_rate_of_the_server_holds_beside_that_of_the_campaign(store: Store, tmp_path: Path) -> None:
    recorded = {name: RecordingChannel(name) for name in CHANNELS}
    clock = VirtualClock(START)
    system = bootstrap.assemble(
        store,
        InlineWriter(),
        InlineRenderer(),
        recorded,
        clock,
        worker_id="test",
        secret_key=b"0" * 32,
        rates={"email": Rate(50, "hour")},
    )
    people.import_contacts(store, [person(f"p{index:03}@example.org") for index in range(30)], source="test", now=START)
    loaded = write(tmp_path, "rate: {email: 100 per hour}\n" + MAIL)
    applying.apply(store, loaded, now=START, catalog=system.catalog)
    clock.advance_to(DUE)

    asyncio.run(system.dispatcher.work_off())

    assert len(recorded["email"].messages) == 5
