"""Row 1: the daemon is killed at random times, over and over, and everybody gets the mailing once or is listed."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

import pytest
from support.faults import CONNECTIONS, Mailing
from support.sink import Rule, Sink

if TYPE_CHECKING:
    from conftest import Mailings, Summary

EACH = 35  # people a kill: more than a daemon sends before it is killed


def fraction(*what: object) -> float:
    """Return a number between 0 and 1 that these decide: a run can be repeated."""
    raw = hashlib.sha256(repr(what).encode()).digest()
    return int.from_bytes(raw[:8], "big") / 2**64


def kill_over_and_over(mailing: Mailing, server: Sink, kills: int, seed: int) -> int:
    """Start and kill the daemon; return the most messages that were in flight at once when it died."""
    server.script(Rule("dot", "delay", seconds=0.02))
    most = 0
    for number in range(kills):
        before = server.stats()["taken"]
        daemon = mailing.start()
        chance = fraction(seed, number, "when")
        if chance < 0.3:  # at any moment of its start
            threading.Event().wait(fraction(seed, number, "start") * 0.6)
        elif server.has(before + 1, 20):  # at any moment of its work
            threading.Event().wait(fraction(seed, number, "work") * 0.25)
        daemon.kill()
        states = mailing.states()
        assert states.get("attempting", 0) <= CONNECTIONS, f"kill {number}: {states}"
        assert not states or set(states) - {"sent", "unknown", "held"}, f"the mailing was over before kill {number}"
        most = max(most, states.get("attempting", 0))
        mailing.forget_dead_daemons()
    return most


@pytest.mark.timeout(600)
def test_01_sigkill_at_random_times(
    kind: str, mailings: Mailings, server: Sink, kills_of: tuple[int, int], summary: Summary
) -> None:
    number, kills = kills_of
    mailing = mailings(kind, EACH * kills)

    most = kill_over_and_over(mailing, server, kills, number)
    server.script()
    daemon = mailing.start()
    mailing.settled()
    code = daemon.stop()
    server.quiet()

    found = mailing.account(server)
    summary(f"01 SIGKILL, {kind}", found, kills=kills, most=most)
    assert found.lost == ()
    assert found.duplicates == ()
    assert found.unlisted == ()
    assert found.open == ()
    assert len(found.unknown) <= CONNECTIONS * kills
    assert code == 0
    assert mailing.listed_as_unknown() == len(found.unknown)
