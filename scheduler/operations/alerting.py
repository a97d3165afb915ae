"""Telling the operator what needs a person: one digest of what is news, once, to each destination."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from campaigns.rendering.content import one_line
from scheduler.channels.base import ALERT, Channel
from scheduler.channels.horizon import TokenEnd
from scheduler.clock import Clock
from scheduler.errors import FAULTS, BusyError, SchedulerError, StorageError
from scheduler.operations import concerns
from scheduler.operations.concerns import Concern
from scheduler.operations.teller import Teller, Topic, beside, closing
from scheduler.settings.destinations import Destination
from scheduler.store import meta
from scheduler.store.database import Store
from scheduler.store.writer import Writer

EVERY = timedelta(minutes=15)  # between two digests; what is urgent does not wait
_MOST_LINES = 25
_LONGEST_SUBJECT = 120
_log = logging.getLogger(__name__)


class Alerter:
    """Looks what needs a person and tells it; `place` says in every alert which project on which machine speaks.

    What was told is kept in the database, for each destination by itself: a restart tells nothing twice, and daemons
    that share it tell it once. `ends` returns what is known of the ends of tokens.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        channels: Mapping[str, Channel],
        clock: Clock,
        destinations: Sequence[Destination],
        *,
        settling: Iterable[str] = (),
        ends: Callable[[], Sequence[TokenEnd]] = tuple,
        place: str = "",
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._settling = frozenset(settling)
        self._ends = ends
        self._teller = Teller(store, writer, channels, clock, destinations, _ALERTS, place=place)
        self._held: datetime | None = None  # since when everything was held at the last look
        self._looked_at: datetime | None = None  # at everything
        self._look_at: datetime | None = None  # at everything again

    async def look(self) -> int:
        """Tell what is news; return how many alerts went. A look at everything costs, and is taken only when it is due.

        A HOLD that is new makes it due at once. An alert that cannot be sent is logged and tried again after growing
        pauses; nothing of it is raised. Raises: BusyError and StorageError of the database.
        """
        if not self._teller.has_destinations:
            return 0
        now = self._clock.now()
        try:
            held = await self._writer.run(self._hold)
            since = None if held is None else held.at
            if since == self._held and not self._is_due(now):
                return 0
            self._held, self._looked_at, self._look_at = since, now, now + EVERY
            found = await self._gathered(now, held)
            went = await self._teller.tell(found)
            if (again := self._teller.again_at) is not None:
                self._look_at = min(self._look_at, again)
            return went
        except StorageError as error:
            self._look_at = now
            if error.passing:
                raise
            _log.error("alerts cannot be kept: %s", error.message)  # whether the daemon can go on is for its heartbeat
        except BusyError:
            self._look_at = now
            raise
        return 0

    async def _gathered(self, now: datetime, hold: meta.Hold | None) -> tuple[Concern, ...]:
        """Gather beside the writer: in a large database it takes seconds, in which no message could go.

        Where it fails (a campaign that cannot be read, a damaged file) a HOLD is told all the same.
        """

        def work() -> tuple[Concern, ...]:
            return concerns.gather(self._store, now=now, settling=self._settling, ends=self._known_ends())

        try:
            return await beside(self._store, self._writer, work)
        except BusyError:
            raise
        except FAULTS as error:
            if isinstance(error, StorageError) and error.passing:
                raise
            _log.error("what needs a person is not known: %s", type(error).__name__)
            return concerns.of_hold(hold)

    def _is_due(self, now: datetime) -> bool:
        if self._looked_at is None or self._look_at is None:
            return True
        return now >= self._look_at or now < self._looked_at  # the clock was set back

    def _hold(self) -> meta.Hold | None:
        with self._store.read() as conn:
            return meta.hold(conn)

    def _known_ends(self) -> Sequence[TokenEnd]:
        try:
            return self._ends()
        except SchedulerError as error:  # `campaign doctor` says it too
            _log.warning("the ends of tokens are not known: %s", error.message)
            return ()


def subject(news: Sequence[Concern]) -> str:
    """Return the first of what is news on one line of at most 120 characters, and how many more there are."""
    said = one_line(news[0].says)
    more = f" (+{len(news) - 1})" if len(news) > 1 else ""
    room = _LONGEST_SUBJECT - len(more)
    return (said if len(said) <= room else said[: room - 1] + "…") + more


def _text(news: Sequence[Concern], known: int, place: str) -> str:
    lines = ["This needs a person:" if len(news) == 1 else f"{len(news)} things need a person:", ""]
    for one in news[:_MOST_LINES]:
        lines += [f"{'!' if one.urgent else '-'} {one.says}", f"    {one.remedy}"]
    if (more := len(news) - _MOST_LINES) > 0:
        lines.append(f"- and {more} more: campaign status")
    lines += closing(known, place, command="campaign status")
    return "\n".join(lines) + "\n"


def _facts(news: Sequence[Concern]) -> dict[str, object]:
    return {
        "concerns": [
            {"key": one.key, "says": one.says, "remedy": one.remedy, "urgent": one.urgent, "number": one.number}
            for one in news
        ]
    }


_ALERTS = Topic("", ALERT, "alert", EVERY, subject, _text, _facts)
