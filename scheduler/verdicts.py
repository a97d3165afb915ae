"""What a channel's answer means for a message: went, try later, never, or nobody knows."""

from __future__ import annotations

from datetime import datetime, timedelta

from scheduler.channels.base import Receipt
from scheduler.circumstances import Case
from scheduler.delivery import State
from scheduler.errors import ChannelDown, NoAccount, NotSent, OptedOut, OurFault, Refused, Unknown
from scheduler.health import Result
from scheduler.parcel import Closing, Parcel
from scheduler.store import ledger
from scheduler.store.ledger import Claim

NO_ACCOUNT = "no account"
_FIRST_RETRY = timedelta(minutes=1)
_LONGEST_RETRY = timedelta(hours=4)
_CHANNEL_REST = timedelta(minutes=15)
_MOST_REPEATS = 5  # of a message nobody knows the outcome of, where a repeat has no second effect


def pause(tries: int) -> timedelta:
    """Return how long after its last try a message waits that was tried `tries` times before it: twice as long each."""
    return min(_FIRST_RETRY * (1 << min(tries, 10)), _LONGEST_RETRY)


def is_at_fault(channel: str, reason: str) -> bool:
    """Whether a message waits because its channel, or its account there, is at fault and rests."""
    return reason.startswith(f"{channel}: ")


class Verdicts:
    """Makes closings of answers; remembers who is at fault at which channel, and failures the ledger does not count."""

    def __init__(self) -> None:
        # Accounts of channels, or senders there, that are at fault: until when, and why. One refused holds up no other.
        self._resting: dict[tuple[str | None, ...], tuple[datetime, str]] = {}
        self._tries: dict[int, int] = {}  # failures before the attempt mark

    def resting(self, parcel: Parcel, now: datetime) -> Closing | None:
        """Return that the message waits because its channel or its sender is at fault; None when it may be tried."""
        for whose in (_account(parcel), _sender(parcel)):
            until, why = self._resting.get(whose, (now, ""))
            if now < until <= now + _CHANNEL_REST:  # a longer one began by a clock that was ahead
                return self.later(parcel.claim, parcel.case, why, now, retry_at=until)
        return None

    def no_account(self, parcel: Parcel, now: datetime) -> Closing:
        """Return that the message is held until its channel has an account."""
        remedy = f"{NO_ACCOUNT} for {parcel.claim.channel}: set it up, or send to files with --outbox"
        return Closing(parcel.claim, State.HELD, remedy, now, case=parcel.case)

    def forget(self, closing: Closing) -> None:
        """Stop counting the failures of a message that is not tried again by itself."""
        if closing.state is not State.RETRY_WAIT:
            self._tries.pop(closing.claim.id, None)

    def went(self, parcel: Parcel, attempt: int, receipt: Receipt, now: datetime) -> Closing:
        """Return that the far end accepted the message."""
        return Closing(
            parcel.claim,
            State.SENT,
            parcel.why,
            now,
            attempt=attempt,
            case=parcel.case,
            message=parcel.message,
            detail=receipt.detail,
            provider_id=receipt.provider_id,
            result=Result.SENT,
        )

    def failed(self, parcel: Parcel, attempt: int | None, error: Exception, now: datetime) -> Closing:
        """Return what an exception of the channel means for the message: certain failures, else unknown.

        `attempt` is None when the mark had not been written.
        """
        claim, case = parcel.claim, parcel.case
        if isinstance(error, NoAccount) and attempt is None:
            reason = f"{NO_ACCOUNT} for {claim.channel}: {error.message}"
            return Closing(claim, State.HELD, reason, now, case=case)
        if isinstance(error, ChannelDown):
            rest, reason = now + _CHANNEL_REST, f"{claim.channel}: {error.message}"
            if not isinstance(error, OurFault):
                self._resting[_account(parcel)] = (rest, reason)
                return self.later(claim, case, reason, now, attempt=attempt, retry_at=rest)
            self._resting[_sender(parcel)] = (rest, reason)
            # The message that was refused goes behind the others: were it the first again, none would ever be taken.
            return self.later(claim, case, reason, now, attempt=attempt, rest=_CHANNEL_REST)
        if isinstance(error, NotSent):
            return self.later(claim, case, error.message, now, attempt=attempt, retry_at=error.retry_at)
        if isinstance(error, Refused):
            return Closing(
                claim,
                State.FAILED,
                error.message,
                now,
                attempt=attempt,
                case=case,
                detail=error.message,
                # What the person wants says nothing about the campaign.
                result=None if isinstance(error, OptedOut) else Result.REFUSED,
                opted_out=isinstance(error, OptedOut),
            )
        # The worker's outermost edge: what a channel did not foresee is stored, not lost.
        reason = error.message if isinstance(error, Unknown) else f"{type(error).__name__}: {error}"
        if attempt is None:
            return self.later(claim, case, reason, now)
        return self._unknown(parcel, attempt, reason, now)

    def later(
        self,
        claim: Claim,
        case: Case | None,
        reason: str,
        now: datetime,
        *,
        attempt: int | None = None,
        retry_at: datetime | None = None,
        rest: timedelta = timedelta(),
    ) -> Closing:
        """Return that a message certainly did not go and is tried again; each time a longer pause after `rest`."""
        tries = claim.attempts if attempt is not None else claim.attempts + self._tries.get(claim.id, 0)
        next_at = max(retry_at, now + _FIRST_RETRY) if retry_at is not None else now + rest + pause(tries)
        if attempt is None and retry_at is None:
            self._tries[claim.id] = self._tries.get(claim.id, 0) + 1
        return Closing(claim, State.RETRY_WAIT, reason, now, attempt=attempt, case=case, detail=reason, next_at=next_at)

    def _unknown(self, parcel: Parcel, attempt: int, reason: str, now: datetime) -> Closing:
        """Return that nobody knows; it is tried again only where the far end keeps one copy, or the author said so."""
        claim, touch = parcel.claim, parcel.case.touch
        repeatable = touch.makes_task or claim.channel in ledger.REPEATABLE
        again = repeatable or (touch.on_unknown == "resend" and not claim.marketing)
        later = now + _FIRST_RETRY * 2 ** min(claim.attempts, 10)
        return Closing(
            claim,
            State.UNKNOWN,
            reason,
            now,
            attempt=attempt,
            case=parcel.case,
            detail=reason,
            again_at=later if again and claim.attempts < _MOST_REPEATS else None,
        )


def _account(parcel: Parcel) -> tuple[str | None, ...]:
    return parcel.claim.channel, parcel.message.account


def _sender(parcel: Parcel) -> tuple[str | None, ...]:
    return *_account(parcel), parcel.message.sender
