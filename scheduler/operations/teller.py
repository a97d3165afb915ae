"""Telling people of the shop what is news: one digest, once, to each destination; what is told is somebody else's."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from campaigns.rendering import Content
from scheduler.channels.base import Channel, Message, Recipient
from scheduler.clock import Clock
from scheduler.errors import DeliveryError, NoAccount
from scheduler.operations import concerns
from scheduler.operations.concerns import LINGERS, Concern
from scheduler.settings.destinations import Destination
from scheduler.store import alerts, meta, plans
from scheduler.store.alerts import Mark, Told
from scheduler.store.database import Connection, Store
from scheduler.store.writer import Writer

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)  # before one that failed is tried again
_LEASE = timedelta(minutes=5)  # of who sends; longer than a channel may take
_SEND_SECONDS = 120.0
_FORGET = timedelta(hours=1)  # after which what lingers (a channel that is tried again) is over
News = TypeVar("News", bound=Concern)
Gathered = TypeVar("Gathered")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Topic(Generic[News]):
    """What is told of, and in which words.

    `name` keeps apart in the database what each destination was told of each topic, `purpose` is that of the message,
    `noun` is for the log. Between two digests there is `every`; what is urgent does not wait. `subject` and `text`
    write a digest: the text from what is news, how much else was told before and lasts, and the place. `facts` is what
    a webhook gets.
    """

    name: str
    purpose: str
    noun: str
    every: timedelta
    subject: Callable[[Sequence[News]], str]
    text: Callable[[Sequence[News], int, str], str]
    facts: Callable[[Sequence[News]], dict[str, object]]


@dataclass(frozen=True, slots=True)
class _Digest(Generic[News]):
    """What one destination is told now: what is news to it, how much else it knows of, and what is stored when told."""

    news: tuple[News, ...]
    known: int
    sent: int
    marks: Mapping[str, Mark]
    instance: str
    sender: str | None


class Teller(Generic[News]):
    """Tells each destination what is news to it; `place` says which project on which machine speaks.

    What was told is kept in the database, for each destination by itself and under no address: a restart tells nothing
    twice, and daemons that share it tell it once.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        channels: Mapping[str, Channel],
        clock: Clock,
        destinations: Sequence[Destination],
        topic: Topic[News],
        *,
        place: str = "",
    ) -> None:
        self._store = store
        self._writer = writer
        self._channels = channels
        self._clock = clock
        self._destinations = tuple(destinations)
        self._topic = topic
        self._place = place
        self.again_at: datetime | None = None  # when something that could not be told, or waits, is to be told

    @property
    def has_destinations(self) -> bool:
        """Whether anybody is told."""
        return bool(self._destinations)

    async def tell(self, found: Sequence[News]) -> int:
        """Tell what is news of everything there is now; return how many digests went.

        One that cannot be sent is logged, and is to be tried again (`again_at`); nothing of it is raised.
        Raises: BusyError and StorageError of the database.
        """
        self.again_at = None
        return sum([await self._tell(destination, found) for destination in self._destinations])

    async def _tell(self, destination: Destination, found: Sequence[News]) -> bool:
        name = self._name(destination)
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

    def _take(self, name: str, found: Sequence[News]) -> _Digest[News] | None:
        """Return what a destination is to be told now, and keep others from telling it meanwhile; None for nothing."""
        now = self._clock.now()
        with self._store.begin() as conn:
            alerts.lock(conn)
            before = alerts.told(conn, name)
            told = replace(before, marks=_still(before.marks, found, now))
            news = tuple(one for one in found if _is_news(one, told.marks))
            waits = _ahead(told.retry_at, now, _LONGEST_PAUSE)
            quiet = told.sent_at is not None and timedelta() <= now - told.sent_at < self._topic.every
            if not news or waits or (quiet and not any(one.urgent for one in news)):
                if told != before:
                    alerts.note(conn, name, told)
                if news:
                    self._again(told.retry_at if waits else told.sent_at and told.sent_at + self._topic.every)
                return None
            alerts.note(conn, name, replace(told, retry_at=now + _LEASE))
            marks = {**told.marks, **{one.key: Mark(one.number, one.at) for one in news}}
            sender = _sender(conn)
            return _Digest(news, len(found) - len(news), told.sent, marks, meta.name(conn) or "", sender)

    def _went(self, name: str, digest: _Digest[News]) -> None:
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
        _log.error(
            "the %s by %s was not sent: %s; again in %d min",
            self._topic.noun,
            destination.kind,
            concerns.masked(why),
            minutes,
        )

    def _again(self, at: datetime | None) -> None:
        """Look again by then."""
        if at is not None and (self.again_at is None or at < self.again_at):
            self.again_at = at

    def _name(self, destination: Destination) -> str:
        """Return what stands for a destination and this topic in the database: no address is kept there."""
        return hashlib.sha256(f"{self._topic.name}{destination}".encode()).hexdigest()[:16]

    # --- the message --------------------------------------------------------------------------------------------------

    async def _send(self, destination: Destination, digest: _Digest[News]) -> None:
        channel = self._channels.get(destination.channel)
        if channel is None:
            raise NoAccount(f"there is no account for {destination.channel}")
        await channel.send(self._message(destination, digest), _no_mark)

    def _message(self, destination: Destination, digest: _Digest[News]) -> Message:
        """Return a digest as a message of no campaign; the same words have the same key at every attempt."""
        now = self._clock.now()
        content = Content(self._topic.subject(digest.news), self._topic.text(digest.news, digest.known, self._place))
        of_mail = destination.kind == "mailto"
        words = "\n".join((digest.instance, str(destination), str(digest.sent), content.hash))
        return Message(
            delivery_id=0,
            key=hashlib.sha256(words.encode()).hexdigest()[:32],
            campaign="",
            edition="",
            touch=self._topic.purpose,
            stage="",
            channel=destination.channel,
            purpose=self._topic.purpose,
            occurrence="",
            created_at=now,
            due_at=now,
            content=content,
            recipient=Recipient(0, email=destination.target) if of_mail else None,
            account=None if of_mail else destination.target,
            # A mail server lets its own addresses through: the shop's sender, else the operator's own.
            sender=(digest.sender or destination.target) if of_mail else None,
            facts={**self._topic.facts(digest.news), "known": digest.known, "place": self._place},
        )


async def beside(store: Store, writer: Writer, work: Callable[[], Gathered]) -> Gathered:
    """Read the database beside the writer; one in memory has one connection, which belongs to the writer."""
    return await (writer.run(work) if store.in_memory else asyncio.to_thread(work))


def closing(known: int, place: str, *, command: str) -> list[str]:
    """Return the last lines of a digest: how much else was told before, where to see it, and which project speaks."""
    told = ["", f"Told before, and not done yet: {known} ({command})."] if known else []
    return [*told, "", place] if place else told


async def _no_mark(handle: str = "") -> None:
    """Note nothing: a digest is no delivery, and one that came twice does no harm."""


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
