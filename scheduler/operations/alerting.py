"""Telling the operator what needs a person: one digest of what is news, once, to each destination."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from campaigns.rendering import Content
from campaigns.rendering.content import one_line
from scheduler.channels.base import ALERT, Channel, Message, Recipient
from scheduler.channels.horizon import TokenEnd
from scheduler.clock import Clock
from scheduler.errors import FAULTS, BusyError, DeliveryError, NoAccount, SchedulerError, StorageError
from scheduler.operations import concerns
from scheduler.operations.concerns import LINGERS, Concern
from scheduler.settings.destinations import Destination
from scheduler.store import alerts, meta, plans
from scheduler.store.alerts import Mark, Told
from scheduler.store.database import Connection, Store
from scheduler.store.writer import Writer

EVERY = timedelta(minutes=15)  # between two digests; what is urgent does not wait
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)  # before an alert that failed is tried again
_LEASE = timedelta(minutes=5)  # of who sends; longer than a channel may take
_SEND_SECONDS = 120.0
_FORGET = timedelta(hours=1)  # after which what lingers (a channel that is tried again) is over
_MOST_LINES = 25
_LONGEST_SUBJECT = 120
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Digest:
    """What one destination is told now: what is news to it, how much else it knows of, and what is stored when told."""

    news: tuple[Concern, ...]
    known: int
    sent: int
    marks: Mapping[str, Mark]
    instance: str
    sender: str | None


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
        self._channels = channels
        self._clock = clock
        self._destinations = tuple(destinations)
        self._settling = frozenset(settling)
        self._ends = ends
        self._place = place
        self._held: datetime | None = None  # since when everything was held at the last look
        self._looked_at: datetime | None = None  # at everything
        self._look_at: datetime | None = None  # at everything again

    async def look(self) -> int:
        """Tell what is news; return how many alerts went. A look at everything costs, and is taken only when it is due.

        A HOLD that is new makes it due at once. An alert that cannot be sent is logged and tried again after growing
        pauses; nothing of it is raised. Raises: BusyError and StorageError of the database.
        """
        if not self._destinations:
            return 0
        now = self._clock.now()
        try:
            held = await self._writer.run(self._hold)
            since = None if held is None else held.at
            if since == self._held and not self._is_due(now):
                return 0
            self._held, self._looked_at, self._look_at = since, now, now + EVERY
            found = await self._gathered(now, held)
            return sum([await self._tell(destination, found) for destination in self._destinations])
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
            # A database in memory has one connection, which belongs to the writer.
            return await (self._writer.run(work) if self._store.in_memory else asyncio.to_thread(work))
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

    async def _tell(self, destination: Destination, found: Sequence[Concern]) -> bool:
        name = _name(destination)
        digest = await self._writer.run(lambda: self._take(name, found))
        if digest is None:
            return False
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._send(destination, digest)
        except DeliveryError as error:
            await self._failed(destination, name, error.message)
            return False
        except TimeoutError:
            await self._failed(destination, name, "no answer in time")
            return False
        except Exception as error:  # the outermost edge of a channel: no alert may end the daemon
            await self._failed(destination, name, type(error).__name__)
            return False
        await self._writer.run(lambda: self._went(name, digest))
        return True

    # --- what was told ------------------------------------------------------------------------------------------------

    def _take(self, name: str, found: Sequence[Concern]) -> _Digest | None:
        """Return what a destination is to be told now, and keep others from telling it meanwhile; None for nothing."""
        now = self._clock.now()
        with self._store.begin() as conn:
            alerts.lock(conn)
            before = alerts.told(conn, name)
            told = replace(before, marks=_still(before.marks, found, now))
            news = tuple(one for one in found if _is_news(one, told.marks))
            waits = _ahead(told.retry_at, now, _LONGEST_PAUSE)
            quiet = told.sent_at is not None and timedelta() <= now - told.sent_at < EVERY
            if not news or waits or (quiet and not any(one.urgent for one in news)):
                if told != before:
                    alerts.note(conn, name, told)
                if news:
                    self._again(told.retry_at if waits else told.sent_at and told.sent_at + EVERY)
                return None
            alerts.note(conn, name, replace(told, retry_at=now + _LEASE))
            marks = {**told.marks, **{one.key: Mark(one.number, one.at) for one in news}}
            sender = _sender(conn)
            return _Digest(news, len(found) - len(news), told.sent, marks, meta.name(conn) or "", sender)

    def _went(self, name: str, digest: _Digest) -> None:
        with self._store.begin() as conn:
            alerts.lock(conn)
            alerts.note(conn, name, Told(digest.sent + 1, self._clock.now(), None, 0, digest.marks))

    async def _failed(self, destination: Destination, name: str, why: str) -> None:
        def work() -> timedelta:
            with self._store.begin() as conn:
                alerts.lock(conn)
                told = alerts.told(conn, name)
                pause = min(_FIRST_PAUSE * (1 << min(told.tries, 10)), _LONGEST_PAUSE)
                alerts.note(conn, name, replace(told, tries=told.tries + 1, retry_at=self._clock.now() + pause))
                return pause

        pause = await self._writer.run(work)
        self._again(self._clock.now() + pause)
        minutes = int(pause.total_seconds() // 60)
        _log.error("the alert by %s was not sent: %s; again in %d min", destination.kind, concerns.masked(why), minutes)

    def _again(self, at: datetime | None) -> None:
        """Look at everything by then."""
        if at is not None and (self._look_at is None or at < self._look_at):
            self._look_at = at

    # --- the message --------------------------------------------------------------------------------------------------

    async def _send(self, destination: Destination, digest: _Digest) -> None:
        channel = self._channels.get(destination.channel)
        if channel is None:
            raise NoAccount(f"there is no account for {destination.channel}")
        await channel.send(self._message(destination, digest), _no_mark)

    def _message(self, destination: Destination, digest: _Digest) -> Message:
        """Return the alert as a message of no campaign; the same words have the same key at every attempt."""
        now = self._clock.now()
        content = Content(_subject(digest.news), self._text(digest))
        of_mail = destination.kind == "mailto"
        words = "\n".join((digest.instance, str(destination), str(digest.sent), content.hash))
        return Message(
            delivery_id=0,
            key=hashlib.sha256(words.encode()).hexdigest()[:32],
            campaign="",
            edition="",
            touch=ALERT,
            stage="",
            channel=destination.channel,
            purpose=ALERT,
            occurrence="",
            created_at=now,
            due_at=now,
            content=content,
            recipient=Recipient(0, email=destination.target) if of_mail else None,
            account=None if of_mail else destination.target,
            # A mail server lets its own addresses through: the shop's sender, else the operator's own.
            sender=(digest.sender or destination.target) if of_mail else None,
            facts={
                "concerns": [
                    {"key": one.key, "says": one.says, "remedy": one.remedy, "urgent": one.urgent, "number": one.number}
                    for one in digest.news
                ],
                "known": digest.known,
                "place": self._place,
            },
        )

    def _text(self, digest: _Digest) -> str:
        lines = ["This needs a person:" if len(digest.news) == 1 else f"{len(digest.news)} things need a person:", ""]
        for one in digest.news[:_MOST_LINES]:
            lines += [f"{'!' if one.urgent else '-'} {one.says}", f"    {one.remedy}"]
        if (more := len(digest.news) - _MOST_LINES) > 0:
            lines.append(f"- and {more} more: campaign status")
        if digest.known:
            lines += ["", f"Told before, and not done yet: {digest.known} (campaign status)."]
        if self._place:
            lines += ["", self._place]
        return "\n".join(lines) + "\n"


async def _no_mark(handle: str = "") -> None:
    """Note nothing: an alert is no delivery, and one that came twice does no harm."""


def _subject(news: Sequence[Concern]) -> str:
    said = one_line(news[0].says)
    more = f" (+{len(news) - 1})" if len(news) > 1 else ""
    room = _LONGEST_SUBJECT - len(more)
    return (said if len(said) <= room else said[: room - 1] + "…") + more


def _name(destination: Destination) -> str:
    """Return what stands for a destination in the database: no address is kept there."""
    return hashlib.sha256(str(destination).encode()).hexdigest()[:16]


def _is_news(one: Concern, marks: Mapping[str, Mark]) -> bool:
    told = marks.get(one.key)
    if told is None or one.number > told.number:
        return True
    return one.at is not None and (told.at is None or one.at > told.at)


def _still(marks: Mapping[str, Mark], found: Sequence[Concern], now: datetime) -> dict[str, Mark]:
    """Return the marks of what lasts: what has become less counts from there, what is over is forgotten."""
    present = {one.key: one for one in found}
    still = {}
    for key, mark in marks.items():
        if (one := present.get(key)) is not None:
            still[key] = Mark(min(mark.number, one.number), mark.at)
        elif key.startswith(LINGERS):
            gone_at = mark.gone_at or now
            if timedelta() <= now - gone_at < _FORGET:
                still[key] = Mark(mark.number, mark.at, gone_at)
    return still


def _ahead(moment: datetime | None, now: datetime, most: timedelta) -> bool:
    """Whether a moment is still to come; one further away than `most` is of a clock that was ahead."""
    return moment is not None and now < moment <= now + most


def _sender(conn: Connection) -> str | None:
    """Return the sender of a campaign on the schedule, whom the mail server lets through; None where none has one."""
    for row in plans.campaigns(conn):
        record = plans.load_revision(conn, row.id, row.revision)
        senders = {} if record is None else record.definition.get("senders") or {}
        if row.state != "cancelled" and senders.get("email"):
            return str(senders["email"])
    return None
