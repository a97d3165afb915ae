"""The settler: asks the channels that can look at their far end what became of messages nobody knows the outcome of."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from campaigns.errors import CampaignError
from scheduler.catalog import Catalog
from scheduler.channels.base import Attempted, Channel, Evidence, Found, Recipient, Settles
from scheduler.clock import Clock
from scheduler.delivery import State
from scheduler.errors import FAULTS, BusyError, DeliveryError, NotSent, StorageError
from scheduler.operations import settling
from scheduler.parcel import Parcel
from scheduler.store import inquiries, meta, people, reader
from scheduler.store.database import Connection, Store
from scheduler.store.inquiries import Question
from scheduler.store.writer import Writer
from scheduler.worker import Worker

PATIENCE = timedelta(hours=24)  # from the first look on; then a person decides
HOLDS = "the touch says on_unknown: hold"
GONE = "whom it went to is not known here any more"
CHANGED = "but their address may have changed since"
_LEASE = timedelta(minutes=5)  # of who asks; longer than an answer may take
_ANSWER_SECONDS = 180.0
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
_LONGEST_WORDS = 500
_TOGETHER = 4  # questions under way at once to one channel
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a far end showed of an unknown message; `evidence` is None where it gave no answer, `why` says more.

    `reason` is what is stored with the message when the evidence settles it.
    """

    question: Question
    evidence: Evidence | None
    why: str
    reason: str = ""

    @property
    def tells(self) -> bool:
        """Whether it is evident what became of the message."""
        return self.evidence is not None and self.evidence.found is not Found.OPEN


@dataclass(frozen=True, slots=True)
class _Taken:
    """A question that is ours to ask: its delivery, and when the person's row was changed last (None: nobody's)."""

    row: reader.DeliveryRecord
    changed_at: datetime | None


class Settler:
    """Asks, and settles what is evident: what went is `sent`, what did not is tried again with the same key.

    Each question is taken before it is asked, so that several daemons on one database never ask it twice at once, and
    every look moves the next one on: nothing is asked in a loop, and after `PATIENCE` a person decides. A touch with
    `on_unknown: hold` is never asked about. Whatever else a touch says: what is unknown still is asked about.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        catalog: Catalog,
        worker: Worker,
        channels: Mapping[str, Channel],
        clock: Clock,
    ) -> None:
        self._store = store
        self._writer = writer
        self._catalog = catalog
        self._worker = worker
        self._channels = channels
        self._clock = clock
        self._asked_of: dict[str, Channel] = {}
        self._able: dict[str, Settles] = {}

    @property
    def channels(self) -> dict[str, Settles]:
        """The channels that can look at their far end, by name; asked of them again once one of them is another."""
        if self._asked_of != self._channels:
            self._asked_of = dict(self._channels)
            self._able = {name: one for name, one in self._channels.items() if isinstance(one, Settles)}
        return self._able

    def next_look(self, conn: Connection) -> datetime | None:
        """Return when the next question is to be asked, now or in the past for at once; None while nothing is open.

        Nothing is asked while the database is held: it may be the clock that is wrong.
        """
        return min(self._next_looks(conn, self.channels).values(), default=None)

    def _next_looks(self, conn: Connection, able: Mapping[str, Settles]) -> dict[str, datetime]:
        if not able or meta.hold(conn) is not None:
            return {}
        after = {name: channel.settles_after for name, channel in able.items()}
        return inquiries.next_looks(conn, after, now=self._clock.now())

    async def look(self) -> int:
        """Ask everything that is to be asked now and settle what is evident; return how many questions were asked.

        Raises: BusyError and StorageError of the database; what had been asked then is asked again later.
        """
        asked, able = 0, self.channels
        if not able:
            return 0
        for name in await self._writer.run(lambda: self._asked_now(able)):
            channel = able[name]
            while questions := await self._writer.run(lambda: self._due(name, channel)):  # noqa: B023 - run at once
                answers = await asyncio.gather(*(self._ask_and_settle(channel, one) for one in questions))
                asked += sum(answers)
                if not any(answers):
                    break
        return asked

    def _asked_now(self, able: Mapping[str, Settles]) -> list[str]:
        """Return the channels that are to be asked something now: at most looks there are none."""
        with self._store.read() as conn:
            moments = self._next_looks(conn, able)
        now = self._clock.now()
        return [name for name in able if name in moments and moments[name] <= now]

    def _due(self, name: str, channel: Settles) -> list[Question]:
        with self._store.read() as conn:
            if meta.hold(conn) is not None:
                return []
            return inquiries.due(conn, name, channel.settles_after, now=self._clock.now(), limit=_TOGETHER)

    async def _ask_and_settle(self, channel: Settles, question: Question) -> bool:
        """Return whether the question was ours to ask."""
        answer = await self.ask(channel, question)
        if answer is not None and answer.tells:
            await self.settle(answer, who=settling.DAEMON)
        return answer is not None

    async def ask(self, channel: Settles, question: Question) -> Answer | None:
        """Ask one question now; None where somebody else is asking it, or it is settled already.

        What was found is stored with the attempt; nothing is settled by it (`settle`).
        """
        taken = await self._writer.run(lambda: self._take(question))
        if taken is None:
            return None
        answer = await self._answer(channel, question, taken)
        await self._writer.run(lambda: self._keep(answer))
        return answer

    def _take(self, question: Question) -> _Taken | None:
        now = self._clock.now()
        with self._store.begin() as conn:
            row = reader.delivery(conn, question.delivery)
            if row is None or row.state != State.UNKNOWN or row.attempts != question.number:
                return None
            if not inquiries.take(conn, question, now=now, until=now + _LEASE):
                return None
            person = people.contact(conn, row.contact) if row.contact is not None else None
            return _Taken(row, None if person is None else person.updated_at)

    async def _answer(self, channel: Settles, question: Question, taken: _Taken) -> Answer:
        try:
            parcel = await self._worker.again(reader.claim_of(taken.row), question.started_at)
        except (BusyError, StorageError):
            raise
        except FAULTS as error:  # the touch or the person is gone, the template fails
            return Answer(question, None, f"its message cannot be composed any more: {_words(error)}")
        if parcel.case.touch.on_unknown == "hold":
            return Answer(question, Evidence(Found.OPEN, HOLDS), HOLDS)
        recipient = parcel.message.recipient
        if taken.row.contact is not None and (recipient is None or not (recipient.email or recipient.phone)):
            return Answer(question, Evidence(Found.OPEN, GONE), GONE)
        same = parcel.message.content.hash == question.content_hash
        attempted = Attempted(parcel.message, same, question.handle, question.number, question.started_at)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                evidence = _read(await channel.settle(attempted), recipient)
        except DeliveryError as error:
            retry_at = error.retry_at if isinstance(error, NotSent) else None
            again = None if retry_at is None else Evidence(Found.OPEN, error.message, look_at=retry_at)
            return Answer(question, again, f"no answer: {error.message}")
        except TimeoutError:
            return Answer(question, None, "no answer in time")
        except Exception as error:  # the outermost edge of a channel: what it did not foresee is stored, not lost
            _log.error("the outcome of delivery %d cannot be asked: %s", question.delivery, type(error).__name__)
            return Answer(question, None, f"no answer: {_words(error)}")
        if evidence.found is Found.NOT_SENT and taken.changed_at is not None and taken.changed_at > question.started_at:
            # It was looked for under another address, perhaps: what is not there may lie elsewhere.
            evidence = Evidence(Found.OPEN, f"{evidence.words}, {CHANGED}")
        return Answer(question, evidence, evidence.words, _reason(parcel, evidence))

    def _keep(self, answer: Answer) -> None:
        """Store an answer, and when to look again."""
        question, evidence, now = answer.question, answer.evidence, self._clock.now()
        next_at = None
        if answer.tells:
            # Settled at once, or when the person who asked says so; who does neither has died.
            next_at = None if question.waits_for_a_person else now + _LEASE
        elif evidence is None or evidence.look_at is not None:
            began = question.began_at or now
            pause = min(_FIRST_PAUSE * (1 << min(question.looks, 10)), _LONGEST_PAUSE)
            wished = evidence.look_at if evidence is not None and evidence.look_at is not None else now
            following = min(max(wished, now + pause), now + PATIENCE)
            next_at = following if now - began < PATIENCE else None
        found = "" if evidence is None else evidence.found.value
        with self._store.begin() as conn:
            inquiries.answer(conn, question, found=found, words=answer.why, next_at=next_at)

    async def settle(self, answer: Answer, *, who: str) -> State | None:
        """Settle a message by an answer that tells; return its state, None where it was settled meanwhile."""
        evidence = answer.evidence
        assert evidence is not None

        def work() -> State | None:
            return settling.settle_found(
                self._store,
                self._catalog,
                answer.question,
                evidence,
                reason=answer.reason,
                now=self._clock.now(),
                who=who,
            )

        try:
            return await self._writer.run(work)
        except (BusyError, StorageError):
            raise
        except FAULTS as error:  # what follows from it cannot be planned: a person decides in the end
            _log.error("delivery %d cannot be settled: %s", answer.question.delivery, type(error).__name__)
            unsettled = replace(answer, evidence=None, why=f"{answer.why}; cannot be settled: {_words(error)}")
            await self._writer.run(lambda: self._keep(unsettled))
            return None


def _read(evidence: Evidence, recipient: Recipient | None) -> Evidence:
    """Return evidence as it is stored: words on one line, nothing longer than anybody would read, no address.

    Raises: ValueError for a naive moment.
    """
    if evidence.look_at is not None and evidence.look_at.tzinfo is None:
        raise ValueError("the moment of the next look has no time zone")
    words = " ".join(evidence.words.split())
    for address in (recipient.email, recipient.phone) if recipient is not None else ():
        if address:  # it would outlive its person in the audit trail
            words = re.sub(re.escape(address), "…", words, flags=re.IGNORECASE)
    words = words[:_LONGEST_WORDS]
    return replace(evidence, words=words, provider_id=evidence.provider_id[:_LONGEST_WORDS])


def _reason(parcel: Parcel, evidence: Evidence) -> str:
    """Return the reason that is stored with a message: why it went, and how that is known; or that it did not go."""
    if evidence.found is Found.NOT_SENT:
        return f"not sent: {evidence.words}; same key again"
    return "; ".join(part for part in (parcel.why, evidence.words) if part)


def _words(error: Exception) -> str:
    return error.message if isinstance(error, CampaignError) else f"{type(error).__name__}: {error}"
