"""The book: attempt marks and outcomes as they come from the lanes, written together, one commit for many."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol

from scheduler import bounced, checks, runs
from scheduler.catalog import Catalog, InForce
from scheduler.channels.base import Message
from scheduler.circumstances import Case, Circumstances
from scheduler.clock import Clock
from scheduler.delivery import State
from scheduler.errors import FAULTS, BusyError, SchedulerError, Withheld
from scheduler.health import Health
from scheduler.limits import Limits
from scheduler.parcel import Closing, Parcel
from scheduler.store import ledger, people, plans, reader, standings
from scheduler.store.database import Connection, Store, bump
from scheduler.store.ledger import Claim
from scheduler.store.writer import Writer

_BUSY_TRIES = 30  # each waits up to 10 seconds for the lock
_log = logging.getLogger(__name__)


class Journal(Protocol):
    """Keeps outcomes on another disk when the database cannot take them."""

    def append(self, records: Sequence[dict[str, object]]) -> None:
        """Write the records durably."""
        ...


class Book:
    """Writes marks and outcomes in the order they are handed over; those that gathered share one transaction.

    Outcomes go first, so that a lane's next mark is never durable without the outcome of its message before. A mark is
    written after the last-moment checks, under the locks of the people concerned. `began` is called on the writer
    thread when marks are durable and nothing of their messages has left.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        catalog: Catalog,
        clock: Clock,
        *,
        journal: Journal | None = None,
        began: Callable[[], None] | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._catalog = catalog
        self._clock = clock
        self._journal = journal
        self._began = began
        self._health = Health()

    async def mark(self, parcel: Parcel, handle: str = "") -> int:
        """Write a mark, with what the channel has made ready; returns the attempt's number once it is durable.

        Raises: Withheld when a check says no, LostLease when the row is no longer ours; then nothing may be sent. So
        it is after every other exception.
        """
        if handle:
            parcel = replace(parcel, handle=handle)
        number = await self._writer.together(self._write, parcel)
        assert isinstance(number, int)
        return number

    def close(self, closing: Closing) -> Awaitable[int | State]:
        """Hand over an outcome, in the order of the calls; awaiting returns the state once it is durable."""
        return self._writer.together(self._write, closing)

    def _write(self, items: Sequence[Parcel | Closing]) -> Sequence[int | State | BaseException]:
        """Write a group; an item that breaks it is found by writing each alone."""
        try:
            return self._transaction(items)
        except SchedulerError as error:  # the database as a whole: alone they would fare no better
            self._keep(items)
            return [error] * len(items)
        except Exception as error:  # whatever one item breaks, a constraint of the database too, stops that item alone
            if len(items) == 1:
                self._keep(items)
                return [error]
            _log.warning("a group of %d is written one by one: %s", len(items), error)
            return [self._write((item,))[0] for item in items]

    def _transaction(self, items: Sequence[Parcel | Closing]) -> list[int | State | BaseException]:
        """Write all items in one transaction; while another process keeps the database locked, ask again."""
        for tries in range(_BUSY_TRIES, -1, -1):
            try:
                with self._store.begin() as conn:
                    closings = [item for item in items if isinstance(item, Closing)]
                    parcels = [item for item in items if isinstance(item, Parcel)]
                    closed = iter(self._close_all(conn, closings)) if closings else iter(())
                    marked = iter(self._mark_all(conn, parcels)) if parcels else iter(())
                    answers = [next(closed) if isinstance(item, Closing) else next(marked) for item in items]
                if parcels and self._began is not None:
                    self._began()
                return answers
            except BusyError as error:
                if not tries:
                    raise
                _log.warning("%s", error)
        raise AssertionError("unreachable")

    def _keep(self, items: Sequence[Parcel | Closing]) -> None:
        """Keep the outcomes of attempts in the journal, so that no restart takes what is known for unknown."""
        outcomes = [_record(item) for item in items if isinstance(item, Closing) and item.attempt is not None]
        if outcomes and self._journal is not None:
            self._journal.append(outcomes)

    def _mark_all(self, conn: Connection, parcels: Sequence[Parcel]) -> list[int | State | BaseException]:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        standings.lock(conn, {parcel.claim.contact for parcel in parcels if parcel.claim.contact is not None})
        here = Circumstances(conn, [parcel.case for parcel in parcels], now=now, catalog=self._catalog, facts=False)
        limits = Limits(conn, parcels, now)
        refused: dict[int, BaseException] = {}
        allowed: list[ledger.NewMark] = []
        for parcel in parcels:
            try:
                self._check(here, parcel, monotonic)
                limits.check(parcel)
            except (Withheld, ledger.LostLease) as error:
                refused[parcel.claim.id] = error
                continue
            except FAULTS as error:
                refused[parcel.claim.id] = Withheld(State.FAILED, str(error))
                continue
            here.note_marketing(parcel.case)
            limits.note(parcel)
            message = parcel.message
            allowed.append(
                ledger.NewMark(
                    parcel.claim,
                    message.key,
                    message.content.hash,
                    message.created_at,
                    message.content.subject,
                    parcel.handle,
                    parcel.case.campaign.revision,
                )
            )
        written = ledger.mark_many(conn, allowed, now=now)
        limits.spend(parcel for parcel in parcels if parcel.claim.id in written)
        answers: list[int | State | BaseException] = []
        for parcel in parcels:
            claim = parcel.claim
            mark = written.get(claim.id)
            if mark is not None:
                answers.append(mark.number)
            else:
                lost = ledger.LostLease(f"delivery {claim.id} is no longer held by {claim.worker}")
                answers.append(refused.get(claim.id, lost))
        return answers

    def _check(self, here: Circumstances, parcel: Parcel, monotonic: float) -> None:
        case = parcel.case
        claim = case.claim
        if here.now > claim.lease_until:  # nobody's any more; not judged either, it may be the clock that is wrong
            raise ledger.LostLease(f"the lease of delivery {claim.id} is over")
        if claim.not_before is not None and here.now < claim.not_before:
            raise Withheld(State.PLANNED, "")  # the clock was set back since it was made ready
        if monotonic > parcel.begin_until:
            raise Withheld(State.PLANNED, "")  # it waited too long for its turn: claimed and rendered again
        if here.revisions[claim.campaign, claim.edition] != case.campaign.revision and claim.revision is None:
            raise Withheld(State.PLANNED, "")  # edited since it was rendered: rendered again
        checks.last_moment(here, case)

    def _close_all(self, conn: Connection, closings: Sequence[Closing]) -> list[State]:
        tried = [closing for closing in closings if closing.attempt is not None]
        taken = ledger.finish_many(conn, [_ending(closing) for closing in tried])
        if len(taken) != len(tried):
            self._tell_contradicted(conn, [one for one in tried if one.claim.id not in taken])
        states = []
        for closing in closings:
            state = closing.state
            if closing.attempt is None:
                self._settle(conn, closing)
            elif closing.again_at is not None:
                state = self._try_again(conn, closing)
            if state is State.RETRY_WAIT and plans.campaign_state(conn, closing.claim.campaign) == "cancelled":
                # Cancelled while it was on its way: nobody would ever look at it again.
                state = State.CANCELLED
                ledger.settle(conn, closing.claim.id, state, "the campaign was cancelled", now=closing.at)
            states.append(state)
        self._follow_up(conn, closings)
        self._watch_health(conn, closings)
        return states

    def _tell_contradicted(self, conn: Connection, refused: Sequence[Closing]) -> None:
        """Keep in the audit trail what went although somebody had settled it otherwise while its sender was stalled."""
        for closing in refused:
            row = reader.delivery(conn, closing.claim.id) if closing.state is State.SENT else None
            if row is None or row.attempts != closing.attempt or row.state is State.SENT:
                continue
            detail = f"message #{row.id} was sent after all, after it had been settled as {row.state}"
            subject = f"{row.campaign}/{row.touch}"
            plans.audit(conn, at=closing.at, who="daemon", action="contradict", subject=subject, detail=detail)
            _log.error("%s: %s", subject, detail)

    def _settle(self, conn: Connection, closing: Closing) -> None:
        """Store what became of a claim of which nothing was sent."""
        claim = closing.claim
        if ledger.settle(conn, claim.id, closing.state, closing.reason, now=closing.at, next_at=closing.next_at):
            return
        # Was the mark written after all, though its commit seemed to fail? Nothing was sent under it.
        row = reader.delivery(conn, claim.id)
        ours = row is not None and (row.state, row.worker) == (State.ATTEMPTING, claim.worker)
        if row is not None and ours and closing.state in (State.RETRY_WAIT, State.FAILED):
            ledger.finish_many(conn, [_ending(replace(closing, attempt=row.attempts, detail=closing.reason))])

    def _try_again(self, conn: Connection, closing: Closing) -> State:
        reason = f"{closing.reason}; same key again"
        ledger.resolve_unknown(
            conn, closing.claim.id, State.RETRY_WAIT, reason, now=closing.at, next_at=closing.again_at
        )
        return State.RETRY_WAIT

    def _follow_up(self, conn: Connection, closings: Sequence[Closing]) -> None:
        """Do what follows from outcomes: tasks, first dates, stages entered, runs carried on or ended."""
        sent = [(closing, closing.case) for closing in closings if closing.state is State.SENT and closing.case]
        began: dict[tuple[str, str, str], datetime] = {}
        for closing, case in sent:
            if case.touch.makes_task and closing.message is not None:
                _write_task(conn, case, closing.message)
            began.setdefault((closing.claim.campaign, closing.claim.edition, closing.claim.touch), closing.at)
        steering = self._catalog.steering.of(conn) if began else None
        for name, at in began.items():
            if steering is not None and name[2] not in steering.first_sent(conn, name[:2]):
                plans.note_first_sent(conn, *name, at)
        if sent:
            self._bring_into_stages(conn, [(case.campaign, closing.claim) for closing, case in sent], sent[-1][0].at)
        for closing in closings:
            if closing.opted_out:
                self._apart(conn, closing.claim, partial(_stop, conn, closing))
            if (mailbox := closing.dead_mailbox) is not None:
                bury = partial(bounced.refused_at_once, conn, self._catalog, closing.claim, mailbox, closing.reason)
                self._apart(conn, closing.claim, partial(bury, now=closing.at))
            if closing.claim.run is not None and closing.state in _ENDED:
                self._apart(conn, closing.claim, self._carry_on(conn, closing))
            if closing.case is not None and closing.state in _ENDED:
                checks.wake_hanging(conn, closing.case.campaign, closing.claim, now=closing.at)

    def _bring_into_stages(self, conn: Connection, reached: Sequence[tuple[InForce, Claim]], now: datetime) -> None:
        try:
            with conn.begin_nested():
                runs.after_sent_together(conn, reached, now=now)
        except FAULTS:  # one of them: each alone
            for one in reached:
                self._apart(conn, one[1], partial(runs.after_sent_together, conn, [one], now=now))

    def _carry_on(self, conn: Connection, closing: Closing) -> Callable[[], None]:
        def work() -> None:
            runs.after_end(conn, self._catalog, closing.claim, now=closing.at)

        return work

    def _apart(self, conn: Connection, claim: Claim, work: Callable[[], None]) -> None:
        """Do what follows from an outcome; should it fail, the outcome is stored all the same."""
        try:
            with conn.begin_nested():
                work()
        except FAULTS as error:
            _log.error("what follows from delivery %d cannot be planned: %s", claim.id, type(error).__name__)

    def _watch_health(self, conn: Connection, closings: Sequence[Closing]) -> None:
        """Pause a campaign whose messages fail abnormally often."""
        for closing in closings:
            if closing.result is None:
                continue
            why = self._health.note(closing.claim.campaign, closing.result)
            if why is not None and plans.pause_campaign(conn, closing.claim.campaign, paused=True):
                detail = f"{why}: look at campaign log --failed, then campaign resume {closing.claim.campaign}"
                plans.audit(
                    conn, at=closing.at, who="daemon", action="pause", subject=closing.claim.campaign, detail=detail
                )
                bump(conn)
                _log.error("campaign %s is paused: %s", closing.claim.campaign, detail)


_ENDED = frozenset({State.SENT, State.SUPPRESSED, State.EXPIRED, State.CANCELLED, State.FAILED})


def _ending(closing: Closing) -> ledger.Ending:
    assert closing.attempt is not None
    return ledger.Ending(
        delivery=closing.claim.id,
        number=closing.attempt,
        state=closing.state,
        reason=closing.reason,
        at=closing.at,
        detail=closing.detail,
        provider_id=closing.provider_id,
        next_at=closing.next_at,
    )


def _record(closing: Closing) -> dict[str, object]:
    """Return an outcome as the journal keeps it: the fields of `ledger.Ending`, moments as ISO text."""
    return {
        "delivery": closing.claim.id,
        "number": closing.attempt,
        "state": closing.state.value,
        "reason": closing.reason,
        "at": closing.at.isoformat(),
        "detail": closing.detail,
        "provider_id": closing.provider_id,
        "next_at": None if closing.next_at is None else closing.next_at.isoformat(),
        "task": closing.case is not None and closing.case.touch.makes_task,
    }


def _stop(conn: Connection, closing: Closing) -> None:
    """Send a person nothing more by the channel whose far end says that they told it to stop."""
    claim = closing.claim
    if claim.contact is not None and claim.channel == people.SMS:
        people.stop_texts(conn, claim.contact, how=f"told by the refusal of message #{claim.id}", at=closing.at)
    elif claim.contact is not None and claim.channel == people.WHATSAPP:
        people.stop_whatsapp(conn, claim.contact, how=f"told by the refusal of message #{claim.id}", at=closing.at)


def _write_task(conn: Connection, case: Case, message: Message) -> None:
    claim = case.claim
    plans.insert_task(
        conn,
        delivery=claim.id,
        campaign=claim.campaign,
        touch=claim.touch,
        channel=claim.channel,
        contact=claim.contact,
        text=message.content.text,
        due_at=claim.due_at,
    )
