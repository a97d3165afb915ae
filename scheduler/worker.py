"""Delivers claims: looks whether a message may go, renders it, sends it through its channel, says what came of it."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from campaigns.errors import CampaignError
from campaigns.rendering import Content
from scheduler import checks, messages
from scheduler.book import Book
from scheduler.cases import case_of
from scheduler.catalog import Catalog, InForce
from scheduler.channels.base import Channel
from scheduler.circumstances import Case, Circumstances
from scheduler.clock import Clock
from scheduler.delivery import State
from scheduler.errors import FAULTS, BusyError, Refused, SchedulerError, Withheld
from scheduler.health import Result
from scheduler.parcel import Closing, Parcel
from scheduler.rendering.base import Crashed, Job, RenderPort
from scheduler.rendering.tracked import Letter, Tracker
from scheduler.store import ledger, plans
from scheduler.store.database import Connection, Store
from scheduler.store.ledger import Claim
from scheduler.store.writer import Writer
from scheduler.tokens import Links
from scheduler.verdicts import Verdicts

POISON = "the message stopped its renderer twice"
_COLLEAGUE = "manual"  # the channel that hands what is done by hand to somebody of the shop
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
    by_hand: bool = False  # what was sent is a task for somebody of the shop


@dataclass(frozen=True, slots=True)
class Pending:
    """An outcome on its way to the ledger."""

    closing: Closing | None
    written: Awaitable[int | State] | None
    seconds: float = 0.0


_NOTHING = Pending(None, None)


@dataclass(frozen=True, slots=True)
class _Look:
    """What looking at a claim gave: a case whose message may be rendered by `job`, or its closing."""

    here: Circumstances | None = None
    case: Case | None = None
    job: Job | None = None
    closing: Closing | None = None


class Worker:
    """Carries claims to their channels.

    `channels` maps a channel's name to what carries it; a name that is missing has no account and its messages are
    held. `secret` keys the idempotency keys. `links` are the addresses that stand in messages, `utm_domains` the sites
    whose links say which campaign they stood in.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        catalog: Catalog,
        book: Book,
        renderer: RenderPort,
        channels: Mapping[str, Channel],
        clock: Clock,
        *,
        secret: bytes,
        links: Links,
        utm_domains: Collection[str] = (),
        report: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._catalog = catalog
        self._book = book
        self._renderer = renderer
        self._channels = channels
        self._clock = clock
        self._secret = secret
        self._links = links
        self._tracker = Tracker(store, links, utm_domains)
        self._listener = report
        self._verdicts = Verdicts()
        self._braked: set[str] = set()  # campaigns that were paused while messages of theirs were on their way

    async def prepare(self, claims: Sequence[Claim]) -> list[Parcel]:
        """Look at claims and render the messages of those that may go; the others are settled, each with its reason.

        Everything that can go wrong with one message ends there and is stored. What lets an exception out is the
        database alone.
        """
        looks = await self._store_work(lambda: self._look(claims))
        closings = [look.closing for look in looks if look.closing is not None]
        parcels, unrendered = await self._render(looks)
        closings += [self._not_rendered(case, error) for case, error in unrendered]
        for pending in [self._close(closing) for closing in closings]:
            await self.confirm(pending)
        return parcels

    async def foresee(self, claims: Sequence[Claim]) -> list[Parcel]:
        """Look at claims as of the moment at which all of them are due, and render those that may go then.

        Nothing is stored but where tracked links lead: with the attempt mark everything is asked again, and the others
        are prepared when it is time.
        """
        moment = max(claim.not_before for claim in claims if claim.not_before is not None)
        looks = await self._store_work(lambda: self._look(claims, at=moment))
        return (await self._render(looks))[0]

    async def again(self, claim: Claim, at: datetime) -> Parcel:
        """Compose the message of a claim as it was at `at`, for whoever asks what became of it; no rule is asked.

        With the key and Date of its first attempt, and the words as the campaign has them now.
        Raises: CampaignError where that cannot be done any more (the touch or the person is gone, the template fails).
        """

        def look() -> _Look:
            with self._store.read() as conn:
                case = self._case(conn, claim, {})
                here = Circumstances(conn, [case], now=at, catalog=self._catalog)
                return _Look(here, case, self._job(here, case))

        parcels, unrendered = await self._render([await self._store_work(look)])
        if unrendered:
            raise unrendered[0][1]
        return parcels[0]

    async def _render(self, looks: Sequence[_Look]) -> tuple[list[Parcel], list[tuple[Case, CampaignError]]]:
        """Return the parcels of what may go, and what could not be rendered."""
        going = [(look.here, look.case, look.job) for look in looks if look.here and look.case and look.job]
        contents = await self._renderer.render([job for _, _, job in going])
        tracked = await self._tracked([(here, case) for here, case, _ in going], contents)
        parcels, unrendered = [], []
        for (here, case, _), content in zip(going, tracked, strict=True):
            if isinstance(content, Content):
                parcels.append(self._parcel(here, case, content))
            else:
                unrendered.append((case, content))
        return parcels, unrendered

    def _job(self, here: Circumstances, case: Case) -> Job:
        facts = messages.facts(here, case, links=self._links)
        return Job(case.campaign, case.touch.id, facts, self._is_finished(here, case), messages.person(here, case))

    def _is_finished(self, here: Circumstances, case: Case) -> bool:
        """Whether a message is best rendered as it travels: its channel sends it so, and its links stay as they are."""
        takes = getattr(self._channel_of(case), "takes_finished", False)
        return takes is True and not (messages.is_measured(here, case) and self._tracker.is_able)

    async def _tracked(
        self, going: Sequence[tuple[Circumstances, Case]], contents: Sequence[Content | CampaignError]
    ) -> Sequence[Content | CampaignError]:
        """Return the mails with links that pass by our doors, where campaign and reader have nothing against it."""
        letters: dict[int, Letter] = {}
        for place, ((here, case), content) in enumerate(zip(going, contents, strict=True)):
            if isinstance(content, Content) and (letter := messages.letter(here, case, content)) is not None:
                letters[place] = letter
        if not letters or not self._tracker.is_able:
            return contents
        made, unknown = self._tracker.contents(list(letters.values()))
        if unknown:
            await self._store_work(lambda: self._tracker.learn(unknown))
            made, _ = self._tracker.contents(list(letters.values()))
        tracked = dict(zip(letters, made, strict=True))
        return [tracked.get(place, content) for place, content in enumerate(contents)]

    def _look(self, claims: Sequence[Claim], at: datetime | None = None) -> list[_Look]:
        now = self._clock.now()
        # Whose lease is over is left to the next tick, and not judged: it may be the clock that is wrong.
        claims = [claim for claim in claims if now <= claim.lease_until]
        now = at or now
        found: dict[int, Case | Closing] = {}
        with self._store.read() as conn:
            campaigns: dict[tuple[str, str, int | None], InForce | None] = {}
            for claim in claims:
                try:
                    found[claim.id] = self._case(conn, claim, campaigns)
                except FAULTS as error:
                    if at is None:
                        found[claim.id] = self._trouble(claim, None, error, now)
            here = Circumstances(
                conn, [case for case in found.values() if isinstance(case, Case)], now=now, catalog=self._catalog
            )
        looks = []
        for claim in claims:
            case = found.get(claim.id)
            if case is None:
                continue
            if isinstance(case, Closing):
                looks.append(_Look(closing=case))
                continue
            try:
                # Asked again with the attempt mark; asked here so that nothing is rendered in vain.
                checks.last_moment(here, case)
                looks.append(_Look(here, case, self._job(here, case)))
            except FAULTS as error:
                if at is None:
                    looks.append(_Look(closing=self._trouble(claim, case, error, now)))
        return looks

    def _case(
        self, conn: Connection, claim: Claim, campaigns: dict[tuple[str, str, int | None], InForce | None]
    ) -> Case:
        name = (claim.campaign, claim.edition, claim.revision)
        if name not in campaigns:
            campaigns[name] = self._catalog.get(conn, *name)
        return case_of(campaigns[name], claim)

    def _trouble(self, claim: Claim, case: Case | None, error: Exception, now: datetime) -> Closing:
        """Return what becomes of a claim whose message cannot be prepared: nothing was sent."""
        if isinstance(error, Withheld):
            return Closing(claim, State(error.state), error.reason, now, case=case, next_at=error.next_at)
        if isinstance(error, SchedulerError):
            raise error  # the database, not this message
        if isinstance(error, CampaignError):
            return Closing(claim, State.FAILED, str(error), now, case=case)
        # One message that nobody foresaw must not stop the others.
        _log.error("delivery %d cannot be prepared: %s", claim.id, type(error).__name__)
        return self._verdicts.later(claim, case, f"{type(error).__name__}: {error}", now)

    def _not_rendered(self, case: Case, error: CampaignError) -> Closing:
        now = self._clock.now()
        if isinstance(error, Crashed):
            return Closing(case.claim, State.HELD, f"{POISON}: {error}", now, case=case, result=Result.RENDERING)
        return Closing(case.claim, State.FAILED, str(error), now, case=case, result=Result.RENDERING)

    def _parcel(self, here: Circumstances, case: Case, content: Content) -> Parcel:
        message = messages.compose(here, case, content, key=self._key(case.claim), links=self._links)
        # Half of the lease is for waiting, by a clock that never steps; the other half is for the message itself, with
        # the 10 minutes after the dot that RFC 5321 asks for.
        waits = max((case.claim.lease_until - here.now).total_seconds() / 2, 0.0)
        return Parcel(case, message, messages.why(here, case), self._clock.monotonic() + waits)

    def _key(self, claim: Claim) -> str:
        name = "\x1f".join((claim.campaign, claim.edition, claim.touch, claim.recipient, claim.occurrence))
        return hmac.digest(self._secret, f"delivery\x1f{name}".encode(), "sha256")[:15].hex()

    async def send(self, parcel: Parcel) -> Pending:
        """Send one message and hand its outcome over; a message whose lease is over is left to the next tick."""
        claim, now = parcel.claim, self._clock.now()
        if now > claim.lease_until:
            return _NOTHING
        by_hand = parcel.case.touch.is_by_hand  # then the network may be down for all it matters
        if not by_hand and (waits := self._verdicts.resting(parcel, now)) is not None:
            return self._close(waits)
        channel = self._channel_of(parcel.case)
        if channel is None:
            return self._close(self._verdicts.no_account(parcel, now))
        if claim.campaign in self._braked and await self._is_braked(claim):
            return self._close(self._paused(parcel))
        return await self._through(channel, parcel, now)

    def _channel_of(self, case: Case) -> Channel | None:
        """Return what carries a message: what is done by hand goes to a colleague, whatever its channel is."""
        return self._channels.get(_COLLEAGUE if case.touch.is_by_hand else case.claim.channel)

    async def _through(self, channel: Channel, parcel: Parcel, begun: datetime) -> Pending:
        claim, case = parcel.claim, parcel.case
        attempt: list[int] = []
        marked: list[datetime] = []

        async def mark(handle: str = "") -> None:
            # What is done by hand is known by its attempt: an edit may give it back to the network meanwhile.
            attempt.append(await self._book.mark(parcel, ledger.BY_HAND if case.touch.is_by_hand else handle))
            marked.append(self._clock.now())

        try:
            receipt = await channel.send(parcel.message, mark)
        except Withheld as withheld:
            state = State(withheld.state)
            return self._close(
                Closing(claim, state, withheld.reason, self._clock.now(), case=case, next_at=withheld.next_at)
            )
        except ledger.LostLease:
            return _NOTHING  # somebody else has it by now, and nothing was sent
        except Exception as error:  # the outermost edge of a channel: what it did not foresee is an outcome too
            number = attempt[0] if attempt else None
            # What was claimed before too many were refused is not refused as well: without a mark nobody asked yet.
            if number is None and isinstance(error, Refused) and await self._is_braked(claim):
                return self._close(self._paused(parcel))
            return self._close(self._verdicts.failed(parcel, number, error, self._not_before(marked)))
        return self._close(self._verdicts.went(parcel, attempt[0], receipt, self._not_before(marked)), since=begun)

    async def _is_braked(self, claim: Claim) -> bool:
        """Whether the campaign was paused meanwhile, as it is when too many of its messages fail."""

        def look() -> bool:
            with self._store.read() as conn:
                return plans.campaign_state(conn, claim.campaign) == "paused"

        paused = await self._store_work(look)
        if paused:
            self._braked.add(claim.campaign)
        else:
            self._braked.discard(claim.campaign)
        return paused

    def _paused(self, parcel: Parcel) -> Closing:
        claim = parcel.claim
        return Closing(claim, State.PLANNED, checks.PAUSED, self._clock.now(), case=parcel.case, next_at=claim.due_at)

    def _not_before(self, marked: Sequence[datetime]) -> datetime:
        """Return now, or the moment of the mark when the clock was set back since: what caps count must not look older.

        A mark more than a day ahead was made under a clock that was wrong.
        """
        now = self._clock.now()
        return marked[0] if marked and timedelta() < marked[0] - now < timedelta(days=1) else now

    def _close(self, closing: Closing, *, since: datetime | None = None) -> Pending:
        self._verdicts.forget(closing)
        seconds = (closing.at - since).total_seconds() if since is not None else 0.0
        return Pending(closing, self._book.close(closing), seconds)

    async def confirm(self, outcome: Pending) -> None:
        """Wait until an outcome is in the ledger, and tell it; raises what the database raised."""
        if outcome.closing is None or outcome.written is None:
            return
        state = await outcome.written
        assert isinstance(state, State)
        if self._listener is not None:
            closing = outcome.closing
            self._listener(
                Outcome(
                    closing.at,
                    closing.claim,
                    state,
                    closing.reason,
                    outcome.seconds,
                    closing.provider_id,
                    closing.case is not None and closing.case.touch.is_by_hand,
                )
            )

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """Return claims that were not begun to the schedule."""

        def work() -> None:
            now = self._clock.now()
            with self._store.begin() as conn:
                ledger.settle_many(
                    conn,
                    target=State.PLANNED,
                    reason="",
                    now=now,
                    states={State.CLAIMED},
                    deliveries=[claim.id for claim in claims],
                )

        if claims:
            await self._store_work(work)

    async def _store_work(self, work: Callable[[], T]) -> T:
        """Run work on the store; while another process keeps the database locked, ask again."""
        for _ in range(_BUSY_TRIES):
            try:
                return await self._writer.run(work)
            except BusyError as error:
                _log.warning("%s", error)
        return await self._writer.run(work)
