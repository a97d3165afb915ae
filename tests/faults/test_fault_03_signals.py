"""Row 3: asked to end or to read its settings anew, the daemon finishes what is in flight and leaves nothing unknown."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from support.faults import BOTH, by_name
from support.sink import Rule, Sink

if TYPE_CHECKING:
    from conftest import Mailings


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("number", [signal.SIGTERM, by_name(signal.SIGINT)], ids=["term", "int"])
def test_03_asked_to_end_it_finishes_what_is_in_flight(
    kind: str, number: signal.Signals, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings(kind, 60)
    server.script(Rule("dot", "delay", seconds=0.05))
    daemon = mailing.start()
    server.wait(8)

    asked = time.monotonic()
    daemon.signal(number)
    code = daemon.ended()
    took = time.monotonic() - asked
    first = mailing.account(server)
    server.script()
    mailing.start("--once").ended()
    second = mailing.account(server)

    assert code == 0
    assert took < 30
    assert (first.unknown, first.states.get("claimed", 0), first.is_kept()) == ((), 0, True)
    assert 8 <= first.taken < 60
    assert (second.taken, second.unknown, second.is_kept()) == (60, (), True)
    assert daemon.family() == []


@pytest.mark.parametrize("kind", BOTH)
def test_03_told_to_read_its_settings_anew_it_goes_on_sending(kind: str, mailings: Mailings, server: Sink) -> None:
    mailing = mailings(kind, 40)
    server.script(Rule("dot", "delay", seconds=0.03))
    daemon = mailing.start()
    server.wait(8)

    daemon.signal(signal.SIGHUP)
    mailing.settled()
    running = daemon.is_running()
    code = daemon.stop()

    found = mailing.account(server)
    assert (found.taken, found.unknown, found.is_kept()) == (40, (), True)
    assert running
    assert code == 0
