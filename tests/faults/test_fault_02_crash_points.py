"""Row 2: the daemon dies at every sync of the disk and every byte to a socket, before the call and after it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.faults import CONNECTIONS, Account, Mailing
from support.sink import Sink
from support.zygote import Zygote

if TYPE_CHECKING:
    from conftest import Mailings, Summary

PEOPLE = 5


def calls_of(mailing: Mailing, saboteur: Zygote) -> int:
    """Return how many syncs and sends a whole run makes."""
    tally = mailing.folder / "tally"
    daemon = mailing.start("--once", by=saboteur, ACCIDENT_FOLDER=str(mailing.folder), ACCIDENT_TALLY=str(tally))
    assert daemon.ended() == 0, daemon.said()
    return int(tally.read_text(encoding="ascii"))


def die_at(mailing: Mailing, saboteur: Zygote, point: int, *, after: bool) -> int:
    """Run until the process dies at that call; return its exit code."""
    folder, when = str(mailing.folder), "1" if after else "0"
    return mailing.start(
        "--once", by=saboteur, ACCIDENT_FOLDER=folder, ACCIDENT_KILL_AT=str(point), ACCIDENT_KILL_AFTER=when
    ).ended()


def finish(mailing: Mailing, server: Sink, since: int) -> Account:
    """Let another daemon do what is left; return how both worlds stand."""
    mailing.forget_dead_daemons()
    assert mailing.start("--once").ended() in (0, 1)
    return mailing.account(server, since=since)


@pytest.mark.timeout(1_200)
def test_02_sigkill_at_every_sync_and_send(
    kind: str,
    part: tuple[int, int],
    mailings: Mailings,
    server: Sink,
    saboteur: Zygote,
    full: bool,
    summary: Summary,
) -> None:
    which, count = part
    template = mailings(kind, PEOPLE)
    points = calls_of(mailings.copy(template), saboteur)
    every = [(point, after) for point in range(1, points + 1) for after in (False, True)]
    # Each statement for a server is a send, and most only read.
    steps = range(1, points + 1, 5 if kind == "sqlite" else 15)
    some = [(point, bool(number // 2 % 2)) for number, point in enumerate(steps)]
    ends: Counter[int] = Counter()

    for point, after in (every if full else some)[which::count]:
        mailing = mailings.copy(template)
        since = server.stats()["taken"]
        code = die_at(mailing, saboteur, point, after=after)
        found = finish(mailing, server, since)
        ends[code] += 1
        summary(f"02 every call, {kind}", found, kills=int(code == -9), most=len(found.unknown))
        where = f"{'after' if after else 'before'} call {point} of {points}: {found}"
        assert found.is_kept(), where
        assert found.open == (), where
        assert len(found.unknown) <= CONNECTIONS, where
        mailings.drop(mailing)

    assert points > PEOPLE * 6
    assert ends[-9] > 0.8 * ends.total()  # the last calls are not made in every run
