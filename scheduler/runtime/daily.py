"""What the daemon does once a day beside sending: at its start and at three in the morning (UTC), bit by bit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from scheduler.clock import Clock
from scheduler.runtime.rounds import Round
from scheduler.store.writer import Writer

_HOUR = 3
_AGAIN = timedelta(minutes=10)  # after a round that a busy database cut off

Begin = Callable[[datetime], Callable[[], bool]]
"""Begins a round as of a moment; the step it returns is done on the writer until it returns False."""


def daily(begin: Begin, writer: Writer, clock: Clock) -> Round:
    """Return the daily round. Between two steps messages are sent; a round that was cut off is begun anew later."""

    async def work() -> None:
        step = begin(clock.now())
        while await writer.run(step):
            await asyncio.sleep(0)

    return Round("daily round", work, clock, following, again=_AGAIN, also_once=False)


def following(now: datetime) -> datetime:
    """Return the next three o'clock (UTC) after a moment."""
    at = now.astimezone(UTC).replace(hour=_HOUR, minute=0, second=0, microsecond=0)
    return at if at > now else at + timedelta(days=1)
