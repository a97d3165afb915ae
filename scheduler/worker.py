"""Delivers one claim: render, last checks, attempt mark, send, outcome; each outcome is stored with its reason."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from campaigns.definition import Stage, Touch
from campaigns.errors import CampaignError
from campaigns.timeline import PlannedTouch
from campaigns.timing.model import Event
from scheduler import checks, messages, runs
from scheduler.catalog import Catalog, InForce
from scheduler.channels.base import Channel, Message, Receipt
from scheduler.clock import Clock
from scheduler.delivery import State
from scheduler.errors import (
    FAULTS,
    BusyError,
    ChannelDown,
    NoAccount,
    NotSent,
    Refused,
    SchedulerError,
    Unknown,
    Withheld,
)
from scheduler.store import ledger, people, plans, reader
from scheduler.store.database import Connection, Store
from scheduler.store.ledger import Claim
from scheduler.store.writer import Writer

NO_ACCOUNT = "no account"
_FIRST_RETRY = timedelta(minutes=1)
_LONGEST_RETRY = timedelta(hours=4)
_CHANNEL_REST = timedelta(minutes=15)
_BUSY_TRIES = 30  # each waits up to 10 seconds for the lock
T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claim, for the log: `recipient` is a contact's row id or an account, never an address.

    Of what was sent `provider_id` is the far end's name for it, and `seconds` how long sending took.
    """

    at: datetime
    claim: Claim
    state: State
    reason: str
    seconds: float = 0.0
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A claim whose message is rendered."""

    claim: Claim
    campaign: InForce
    stage: Stage
    touch: Touch
    message: Message
    why: str


class Worker:
    """Carries claims to their channels.

    `channels` maps a channel's name to what carries it; a name that is missing has no account and its messages are
    held. `secret` keys the idempotency keys. `opt_out` is the unsubscribe address used where a file names none.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        catalog: Catalog,
        channels: Mapping[str, Channel],
        clock: Clock,
        *,
        worker_id: str,
        secret: bytes,
        opt_out: str | None = None,
        report: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._catalog = catalog
        self._channels = channels
        self._clock = clock
        self._worker_id = worker_id
        self._secret = secret
        self._opt_out = opt_out
        self._listener = report
        self._resting: dict[str, tuple[datetime, str]] = {}  # channels that are at fault: until when, and why
        self._tries: dict[int, int] = {}  # failures before the attempt mark, which the ledger does not count

    async def deliver(self, claim: Claim) -> None:
        """Bring one claim to its next state; everything that can go wrong with it ends there and is stored.

        What lets an exception out is the database alone. A claim whose lease is over is left to the next tick.
        """
        if self._clock.now() > claim.lease_until:
            return
        try:
            ready = await self._store_work(lambda: self._prepare(claim))
        except Withheld as withheld:
            await self._settle(claim, withheld)
            return
        except SchedulerError:
            raise  # the database, not this message
        except CampaignError as error:
            await self._settle(claim, Withheld(State.FAILED, str(error)))
            return
        except Exception as error:  # nothing was sent, and one message that nobody foresaw must not stop the others
            _log.error("delivery %d cannot be prepared: %s", claim.id, type(error).__name__)
            await self._fail(claim, None, [], State.RETRY_WAIT, f"{type(error).__name__}: {error}", None)
            return
        claim = ready.claim
        if (rest := self._resting.get(claim.channel)) is not None and self._clock.now() < rest[0]:
            await self._fail(claim, ready, [], State.RETRY_WAIT, rest[1], rest[0])
            return
        channel = self._channels.get(claim.channel)
        if channel is None:
            remedy = f"{NO_ACCOUNT} for {claim.channel}: set it up, or send to files with --outbox"
            await self._settle(claim, Withheld(State.HELD, remedy))
            return
        await self._send(claim, ready, channel)

    def _report(self, outcome: Outcome) -> None:
        if self._listener is not None:
            self._listener(outcome)

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """Return claims that were not begun to the schedule."""

        def work() -> None:
            with self._store.begin() as conn:
                for claim in claims:
                    ledger.settle(conn, claim.id, State.PLANNED, "", now=self._clock.now())

        await self._store_work(work)

    async def _store_work(self, work: Callable[[], T]) -> T:
        """Run work on the store; while another process keeps the database locked, ask again."""
        for _ in range(_BUSY_TRIES):
            try:
                return await self._writer.run(work)
            except BusyError as error:
                _log.warning("%s", error)
        return await self._writer.run(work)

    async def _send(self, claim: Claim, ready: _Ready, channel: Channel) -> None:
        attempt: list[int] = []
        begun = self._clock.now()

        async def mark() -> None:
            attempt.append(await self._writer.run(lambda: self._mark(claim, ready)))

        try:
            receipt = await channel.send(ready.message, mark)
        except Withheld as withheld:
            await self._settle(claim, withheld)
        except ledger.LostLease:
            return  # somebody else has it by now, and nothing was sent
        except NoAccount as error:
            await self._settle(claim, Withheld(State.HELD, f"{NO_ACCOUNT} for {claim.channel}: {error.message}"))
        except NotSent as error:
            await self._fail(claim, ready, attempt, State.RETRY_WAIT, error.message, error.retry_at)
        except ChannelDown as error:
            rest = self._clock.now() + _CHANNEL_REST
            reason = f"{claim.channel}: {error.message}"
            self._resting[claim.channel] = (rest, reason)
            await self._fail(claim, ready, attempt, State.RETRY_WAIT, reason, rest)
        except Refused as error:
            await self._fail(claim, ready, attempt, State.FAILED, error.message, None)
        except Unknown as error:
            await self._unknown(claim, ready, attempt, error.message)
        except Exception as error:  # the worker's outermost edge: what a channel did not foresee is stored, not lost
            if attempt:
                await self._unknown(claim, ready, attempt, f"{type(error).__name__}: {error}")
            else:
                await self._fail(claim, ready, attempt, State.RETRY_WAIT, f"{type(error).__name__}: {error}", None)
        else:
            await self._sent(claim, ready, attempt, receipt, begun)

    def _prepare(self, claim: Claim) -> _Ready:
        """Render the message of a claim; raise Withheld when there is none to send."""
        now = self._clock.now()
        with self._store.read() as conn:
            campaign = self._catalog.get(conn, claim.campaign, claim.edition)
            found = campaign.find(claim.touch) if campaign is not None else None
            if campaign is None or found is None:
                raise Withheld(State.CANCELLED, "the touch is no longer in the campaign")
            stage, touch = found
            # An edit may have changed these since the row was planned; the attempt mark stores them.
            claim = replace(claim, channel=touch.channel[0], stage=stage.id, marketing=runs.is_marketing(touch))
            # Asked again with the attempt mark; asked here so that nothing is rendered in vain.
            checks.last_moment(conn, campaign, claim, stage, touch, now=now)
            try:
                message = messages.compose(
                    conn, campaign, claim, stage, touch, key=self._key(claim), opt_out=self._opt_out, now=now
                )
            except CampaignError as error:
                raise Withheld(State.FAILED, str(error)) from error
            why = self._why(conn, campaign, claim, touch)
        return _Ready(claim, campaign, stage, touch, message, why)

    def _why(self, conn: Connection, campaign: InForce, claim: Claim, touch: Touch) -> str:
        """Return the reason that is stored with a message that was sent: why it, and why then."""
        sent = plans.first_sent(conn, claim.campaign, claim.edition)
        planned = campaign.timeline(sent).touch(touch.id)
        parts = [_started_by(touch, planned) if planned.trigger is not None else "", planned.reason]
        if touch.approval == "required":
            parts.append(plans.touch_state(conn, claim.campaign, claim.edition, claim.touch).approved_note)
        return "; ".join(part for part in parts if part)

    def _key(self, claim: Claim) -> str:
        name = "\x1f".join((claim.campaign, claim.edition, claim.touch, claim.recipient, claim.occurrence))
        return hmac.digest(self._secret, f"delivery\x1f{name}".encode(), "sha256")[:15].hex()

    def _mark(self, claim: Claim, ready: _Ready) -> int:
        """Write the attempt mark after the last checks, in one durable transaction; return the attempt's number."""
        now = self._clock.now()
        with self._store.begin() as conn:
            if claim.contact is not None:
                people.lock(conn, claim.contact)
            if plans.revision_number(conn, claim.campaign, claim.edition) != ready.campaign.revision:
                raise Withheld(State.PLANNED, "")  # edited since it was rendered: rendered again
            checks.last_moment(conn, ready.campaign, claim, ready.stage, ready.touch, now=now)
            return ledger.mark(
                conn,
                claim,
                key=ready.message.key,
                content_hash=ready.message.content.hash,
                created_at=ready.message.created_at,
                now=now,
                subject=ready.message.content.subject,
            ).number

    async def _sent(self, claim: Claim, ready: _Ready, attempt: list[int], receipt: Receipt, begun: datetime) -> None:
        now = self._clock.now()

        def work() -> None:
            with self._store.begin() as conn:
                ledger.finish(
                    conn,
                    claim.id,
                    attempt[0],
                    State.SENT,
                    now=now,
                    detail=receipt.detail,
                    reason=ready.why,
                    provider_id=receipt.provider_id,
                )
                if ready.touch.is_task:
                    plans.insert_task(
                        conn,
                        delivery=claim.id,
                        campaign=claim.campaign,
                        touch=claim.touch,
                        channel=claim.channel,
                        contact=claim.contact,
                        text=ready.message.content.text,
                        due_at=claim.due_at,
                    )
                plans.note_first_sent(conn, claim.campaign, claim.edition, claim.touch, now)
                self._follow_up(conn, claim, lambda: runs.after_sent(conn, ready.campaign, claim, now=now))
                self._follow_up(conn, claim, lambda: runs.after_end(conn, ready.campaign, claim, now=now))

        await self._store_work(work)
        self._tries.pop(claim.id, None)
        seconds = (now - begun).total_seconds()
        self._report(Outcome(now, claim, State.SENT, ready.why, seconds, receipt.provider_id))

    def _follow_up(self, conn: Connection, claim: Claim, work: Callable[[], None]) -> None:
        """Do what follows from an outcome; should it fail, the outcome is stored all the same."""
        try:
            with conn.begin_nested():
                work()
        except FAULTS as error:
            _log.error("what follows from delivery %d cannot be planned: %s", claim.id, type(error).__name__)

    async def _fail(
        self,
        claim: Claim,
        ready: _Ready | None,
        attempt: list[int],
        state: State,
        reason: str,
        retry_at: datetime | None,
    ) -> None:
        """Store a certain failure: another try later, or the end."""
        now = self._clock.now()
        next_at = None
        if state is State.RETRY_WAIT:
            tries = claim.attempts if attempt else claim.attempts + self._tries.get(claim.id, 0)
            pause = min(_FIRST_RETRY * 2 ** min(tries, 10), _LONGEST_RETRY)
            next_at = max(retry_at, now + _FIRST_RETRY) if retry_at is not None else now + pause
            if not attempt and retry_at is None:
                self._tries[claim.id] = self._tries.get(claim.id, 0) + 1
        else:
            self._tries.pop(claim.id, None)

        def work() -> None:
            with self._store.begin() as conn:
                if attempt:
                    ledger.finish(
                        conn, claim.id, attempt[0], state, now=now, detail=reason, reason=reason, next_at=next_at
                    )
                elif not ledger.settle(conn, claim.id, state, reason, now=now, next_at=next_at):
                    # Was the mark written after all, though its commit seemed to fail? Nothing was sent under it.
                    row = reader.delivery(conn, claim.id)
                    if row is not None and (row.state, row.worker) == (State.ATTEMPTING, claim.worker):
                        ledger.finish(conn, claim.id, row.attempts, state, now=now, detail=reason, next_at=next_at)
                if state is State.FAILED and ready is not None:
                    self._follow_up(conn, claim, lambda: runs.after_end(conn, ready.campaign, claim, now=now))

        await self._store_work(work)
        self._report(Outcome(now, claim, state, reason))

    async def _unknown(self, claim: Claim, ready: _Ready, attempt: list[int], reason: str) -> None:
        """Store that nobody knows; resend only where the far end keeps one copy of a key, or the author said so."""
        now = self._clock.now()
        again = claim.channel in ledger.REPEATABLE or (
            ready.touch.on_unknown == "resend" and not runs.is_marketing(ready.touch)
        )

        def work() -> State:
            with self._store.begin() as conn:
                ledger.finish(conn, claim.id, attempt[0], State.UNKNOWN, now=now, detail=reason, reason=reason)
                if not again or claim.attempts >= 5:
                    return State.UNKNOWN
                later = now + _FIRST_RETRY * 2 ** min(claim.attempts, 10)
                ledger.resolve_unknown(
                    conn, claim.id, State.RETRY_WAIT, f"{reason}; same key again", now=now, next_at=later
                )
                return State.RETRY_WAIT

        state = await self._store_work(work)
        self._report(Outcome(now, claim, state, reason))

    async def _settle(self, claim: Claim, withheld: Withheld) -> None:
        """Store why a message was not sent."""
        now = self._clock.now()
        state = State(withheld.state)

        def work() -> None:
            with self._store.begin() as conn:
                ledger.settle(conn, claim.id, state, withheld.reason, now=now, next_at=withheld.next_at)
                if state in (State.SUPPRESSED, State.EXPIRED, State.FAILED):
                    self._follow_up(conn, claim, lambda: self._end(conn, claim, now))

        await self._store_work(work)
        self._tries.pop(claim.id, None)
        self._report(Outcome(now, claim, state, withheld.reason))

    def _end(self, conn: Connection, claim: Claim, now: datetime) -> None:
        if (campaign := self._catalog.get(conn, claim.campaign, claim.edition)) is not None:
            runs.after_end(conn, campaign, claim, now=now)


def _started_by(touch: Touch, planned: PlannedTouch) -> str:
    """Return what an event touch answers and how long after: `purchase +5 min`, `between purchase and delivered`."""
    second = touch.when.second if touch.when is not None else None
    if planned.delay == "between" and isinstance(second, Event):
        return f"between {planned.trigger} and {second.name}"
    return f"{planned.trigger} {planned.delay}".strip()
