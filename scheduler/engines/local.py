"""The engine of one machine: lanes on the daemon's event loop, a few for each channel."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scheduler.clock import Clock
from scheduler.engines.base import Carrier, Parcel, Room
from scheduler.store.ledger import Claim

CLAIMS = 200  # how many are taken at a time; a crash leaves at most that many to be claimed again


EARLY = 2_000  # how many may be ready before they are due


class _Queue:
    """The parcels of one channel that wait for a lane; what is no marketing goes first."""

    def __init__(self) -> None:
        self.urgent: deque[Parcel] = deque()
        self.ordinary: deque[Parcel] = deque()
        self.lanes = 0

    def __len__(self) -> int:
        return len(self.urgent) + len(self.ordinary)

    def put(self, parcel: Parcel) -> None:
        (self.ordinary if parcel.claim.marketing else self.urgent).append(parcel)

    def take(self) -> Parcel:
        return self.urgent.popleft() if self.urgent else self.ordinary.popleft()


class _Turns:
    """Who is being sent marketing: what is next for the same person waits, since caps count what went before it."""

    def __init__(self) -> None:
        self._waiting: dict[int, deque[Parcel]] = {}

    def is_first(self, parcel: Parcel) -> bool:
        """Whether a parcel may go to its lane; if not it is kept until `after` returns it."""
        contact = _in_turn(parcel)
        if contact is None:
            return True
        if contact in self._waiting:
            self._waiting[contact].append(parcel)
            return False
        self._waiting[contact] = deque()
        return True

    def after(self, parcel: Parcel) -> Parcel | None:
        """Return whose turn it is when a parcel was sent."""
        contact = _in_turn(parcel)
        if contact is None or contact not in self._waiting:
            return None
        if self._waiting[contact]:
            return self._waiting[contact].popleft()
        del self._waiting[contact]
        return None

    def clear(self) -> list[Parcel]:
        """Forget every turn; return what still waited."""
        waiting = [parcel for queue in self._waiting.values() for parcel in queue]
        self._waiting.clear()
        return waiting


@dataclass(slots=True)
class _Early:
    """What is due at one coming moment: the claims, and the parcels of those that could be made ready."""

    claims: list[Claim] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self.claims)

    def cleared(self) -> list[Claim]:
        """Forget the moment; return the claims."""
        if self.timer is not None:
            self.timer.cancel()
        return self.claims


def _in_turn(parcel: Parcel) -> int | None:
    return parcel.claim.contact if parcel.claim.marketing else None


class LocalEngine:
    """Delivers claims on the running event loop, over `connections` lanes for each channel, or what `lanes` names.

    A channel that is slow holds up nobody but itself: each has its own queue, and one that is long is `full`.
    Marketing to one person goes in the order it was handed over. `on_room` is called when a full one is no longer.
    What is not due yet is made ready and kept until it is, by `clock`.
    """

    def __init__(
        self,
        carrier: Carrier,
        clock: Clock,
        *,
        connections: int = 4,
        lanes: Mapping[str, int] | None = None,
        on_room: Callable[[], None] | None = None,
    ) -> None:
        self._carrier = carrier
        self._clock = clock
        self._early: dict[datetime, _Early] = {}
        self._connections = connections
        self._width = lanes or {}
        self.on_room = on_room
        self._queues: dict[str, _Queue] = {}
        self._turns = _Turns()
        self._lanes: set[asyncio.Task[None]] = set()
        self._unbegun: list[Claim] = []
        self._fault: BaseException | None = None
        self._stopping = False
        self._awaiting_room: list[asyncio.Future[None]] = []

    def room(self) -> Room:
        """Return how much may be claimed, and for which channels nothing."""
        if self._stopping:
            return Room(0)
        return Room(CLAIMS, self._full(), early=min(CLAIMS, EARLY - sum(len(early) for early in self._early.values())))

    def _full(self) -> frozenset[str]:
        return frozenset(name for name, queue in self._queues.items() if len(queue) >= CLAIMS // 2)

    async def room_again(self) -> bool:
        """Wait until a channel that is full is so no longer, and return True; False at once where none is full."""
        if self._stopping or not self._full():
            return False
        if self._fault is None:
            told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._awaiting_room.append(told)
            await told
        return True

    async def submit(self, claims: Sequence[Claim]) -> None:
        """Prepare the claims' messages and put them before the lanes of their channels.

        To be called with no claims too: it tells of a fault, and gives back what the fault left lying.
        """
        if self._fault is not None or self._stopping:
            self._unbegun += claims
        self._raise_fault()
        if self._stopping:
            return
        await self._give_back()
        if due := [claim for claim in claims if claim.not_before is None]:
            await self._begin(due)
        if early := [claim for claim in claims if claim.not_before is not None]:
            await self._keep(early)

    async def _begin(self, claims: Sequence[Claim]) -> None:
        try:
            parcels = await self._carrier.prepare(claims)
        except BaseException:  # cancelled or failed: they are nobody's, so they are given back
            self._unbegun += claims
            raise
        self._put_all(parcels)

    async def _keep(self, claims: Sequence[Claim]) -> None:
        """Make ready what is due at one coming moment, and keep it until then."""
        moment = max(claim.not_before for claim in claims if claim.not_before is not None)
        early = self._early.setdefault(moment, _Early())
        early.claims += claims
        try:
            early.parcels += await self._carrier.foresee(claims)
        finally:
            # Meanwhile they may have come due, or have been given back.
            if self._early.get(moment) is early and early.timer is None:
                self._wait(moment, early)

    def _wait(self, moment: datetime, early: _Early) -> None:
        seconds = max((moment - self._clock.now()).total_seconds(), 0.0)
        early.timer = asyncio.get_running_loop().call_later(seconds, self._release, moment)

    def _release(self, moment: datetime) -> None:
        """Put what is due now before the lanes; what could not be made ready is looked at now."""
        early = self._early[moment]
        if self._clock.now() < moment:
            self._wait(moment, early)
            return
        del self._early[moment]
        ready = {parcel.claim.id for parcel in early.parcels}
        self._put_all(early.parcels)
        others = [replace(claim, not_before=None) for claim in early.claims if claim.id not in ready]
        if others:
            self._start(self._begin_late(others))

    async def _begin_late(self, claims: Sequence[Claim]) -> None:
        try:
            await self._begin(claims)
        except BaseException as error:  # nobody awaits this task: the engine raises it at its next call
            self._fail(error)
            if not isinstance(error, Exception):
                raise

    def _put_all(self, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            if self._turns.is_first(parcel):
                self._put(parcel)

    def _put(self, parcel: Parcel) -> None:
        queue = self._queues.setdefault(parcel.claim.channel, _Queue())
        queue.put(parcel)
        lanes = self._width.get(parcel.claim.channel, self._connections)
        if queue.lanes < lanes and queue.lanes < len(queue):
            self._open_lane(queue)

    async def drain(self) -> None:
        """Wait until every lane is empty; give back what was not begun, after `stop` before anything is waited for."""
        if self._stopping:
            self._clear()
        self._clear_early()
        with suppress(Exception):  # what is being sent is waited for all the same; then it is tried again
            await self._give_back()
        await self.rest()
        await self._give_back()

    async def rest(self) -> None:
        """Wait until every lane is empty; what is ready before its moment goes on waiting for it."""
        while self._lanes:
            await asyncio.wait(self._lanes)
        self._raise_fault()

    def stop(self) -> None:
        """Start nothing new."""
        self._stopping = True
        self._end_waiting()

    def _raise_fault(self) -> None:
        if self._fault is not None:
            self._clear()
            fault, self._fault = self._fault, None
            raise fault

    def _clear(self) -> None:
        for queue in self._queues.values():
            while queue:
                self._unbegun.append(queue.take().claim)
        self._unbegun += [parcel.claim for parcel in self._turns.clear()]
        self._clear_early()

    def _clear_early(self) -> None:
        for early in self._early.values():
            self._unbegun += early.cleared()
        self._early.clear()

    async def _give_back(self) -> None:
        if self._unbegun:
            unbegun = tuple(self._unbegun)
            await self._carrier.give_back(unbegun)
            del self._unbegun[: len(unbegun)]  # only now: what could not be written is tried again

    def _open_lane(self, queue: _Queue) -> None:
        queue.lanes += 1
        self._start(self._serve(queue))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        lane = asyncio.get_running_loop().create_task(work)
        self._lanes.add(lane)
        lane.add_done_callback(self._lanes.discard)

    def _fail(self, error: BaseException) -> None:
        """Keep what ended a lane, the database; it is told to whoever hands over or waits."""
        self._fault = self._fault or error
        self._tell_room()

    def _tell_room(self) -> None:
        self._end_waiting()
        if self.on_room is not None:
            self.on_room()

    def _end_waiting(self) -> None:
        waiting, self._awaiting_room = self._awaiting_room, []
        for told in waiting:
            if not told.done():  # whoever waited may have given up
                told.set_result(None)

    async def _serve(self, queue: _Queue) -> None:
        """Send what waits, one message at a time; its outcome is written together with the next one's mark."""
        before: Any = None
        outcome: Any = None
        try:
            while True:
                before, outcome = outcome, None
                if queue and not self._stopping and self._fault is None:
                    parcel = queue.take()
                    if len(queue) == CLAIMS // 2 - 1:
                        self._tell_room()
                    outcome = await self._carrier.send(parcel)
                    if (following := self._turns.after(parcel)) is not None:
                        self._put(following)
                elif before is None:
                    break
                if before is not None:
                    await self._carrier.confirm(before)  # what comes meanwhile finds this lane, and no other is opened
        except BaseException as error:  # nobody awaits a lane: the engine raises it at its next call
            self._fail(error)
            if not isinstance(error, Exception):
                raise
            # What nobody has awaited: the lane stays until it is written, or in the journal.
            if (left := before if outcome is None else outcome) is not None:
                with suppress(Exception):
                    await self._carrier.confirm(left)
        finally:
            queue.lanes -= 1
