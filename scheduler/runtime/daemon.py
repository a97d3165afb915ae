"""The daemon's event loop: what wakes it, what it does then, and the watch it keeps over itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from campaigns.errors import CampaignError
from scheduler.clock import Clock
from scheduler.dispatcher import Dispatcher
from scheduler.engines.base import Engine
from scheduler.engines.local import LocalEngine
from scheduler.errors import FAULTS, BusyError, StorageError
from scheduler.guard import Guard, NoGuard
from scheduler.operations import watching
from scheduler.operations.settler import Settler
from scheduler.runtime import ending
from scheduler.runtime.alarm import Alarm
from scheduler.runtime.coming import Coming, read_coming
from scheduler.runtime.heartbeat import PACE_SECONDS, Heartbeat, Vitals
from scheduler.runtime.rounds import PutOff, Round
from scheduler.runtime.settling import SETTLED, SETTLING, Settling
from scheduler.runtime.systemd import notify
from scheduler.store.database import Store
from scheduler.store.writer import Writer
from scheduler.waking import ClockSteps, Watch

HEARTBEAT_SECONDS = 20.0
AGAIN_SECONDS = 1.0  # what a look left lying is looked at again, but not without a pause
_SHOWN_JOBS = 10
_FIRST_OUTAGE_SECONDS = 0.25
_LONGEST_OUTAGE_SECONDS = 5.0
# What is waited for, and what is said once it is over, by what could not be used.
_UNTIL = {"the database": "it is back", "the state folder": "it can be written"}
_OVER = {"the database": "the database is back", "the state folder": "the state folder can be written again"}
_JOURNAL_SECONDS = 1.1  # after which the guard has read what could not be written
_HEARTBEAT, _NEXT, _AGAIN = "heartbeat", "next message", "another look"
_log = logging.getLogger(__name__)


class Daemon:
    """Serves one database until it is told to stop.

    APScheduler fires, our table is the calendar: every moment that comes, and everything that wakes the daemon from
    outside, is a job of APScheduler's that only says "look now", and every look calls the same idempotent `tick()`.
    Nothing else fires. `say` tells the person at the terminal; `reload` is called for SIGHUP on the writer thread and
    returns what is to be said.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        dispatcher: Dispatcher,
        engine: Engine,
        clock: Clock,
        *,
        worker_id: str,
        guard: Guard | None = None,
        say: Callable[[str], None] | None = None,
        reload: Callable[[], str] | None = None,
        settler: Settler | None = None,
        rounds: Sequence[Round] = (),
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._store = store
        self._writer = writer
        self._dispatcher = dispatcher
        self._engine = engine
        self._clock = clock
        self._worker_id = worker_id
        self._guard = guard or NoGuard()
        self._say = say or _log.warning
        self._reload = reload
        self._every = timedelta(seconds=heartbeat_seconds)
        self._heartbeat = Heartbeat(store, clock, worker_id)
        self._vitals = Vitals(heartbeat_seconds)
        self._alarm = Alarm(self._fired, self._failed)
        self._besides = frozenset({_HEARTBEAT, _AGAIN, SETTLING, SETTLED, *(one.name for one in rounds)})
        self._settling = Settling(settler, store, writer, clock, self._alarm)
        self._rounds = {one.name: one for one in rounds}
        self._watch = Watch(store, lambda: self._alarm.now("a decision"))
        self._wake = asyncio.Event()
        self._pulse = asyncio.Event()
        self._hup = asyncio.Event()
        self._fault: BaseException | None = None  # what a job of the alarm clock raised
        self._end = asyncio.Event()
        self._told: Coming | None = None  # what the heartbeat told last
        self._outage = ""
        self._troubled = False  # whether something may have been lost sight of while the database was away
        self._looked_at = clock.now()

    # --- from outside -------------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Run until SIGINT, SIGTERM or `stop`; finish the messages in flight, give the rest back, and return.

        Raises: whatever ends the work of the loop, the writer or the alarm clock: a daemon that lives without them
        would only look alive.
        """
        if isinstance(self._engine, LocalEngine):
            self._engine.on_room = self._wake.set
        ending.on_signals(self._asked_to_stop, self._hup.set)
        await self._begin()
        looking = asyncio.create_task(self._looking())
        others = [asyncio.create_task(work) for work in self._others()]
        stopped = asyncio.create_task(self._end.wait())
        try:
            await asyncio.wait([stopped, looking, *others], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.stop()
            self._alarm.stop()
            notify("STOPPING=1")
            for task in (stopped, *others):
                task.cancel()
            ended = await asyncio.gather(*others, return_exceptions=True)
        await self._leave(looking, [error for error in (self._fault, *ended) if isinstance(error, Exception)])

    async def run_once(self) -> None:
        """Send what is due now and return."""
        ending.on_signals(self._asked_to_stop)
        await self._writer.run(self._guard.start)
        await self._writer.run(self._heartbeat.beat)
        beating = asyncio.create_task(self._beating_along())
        try:
            await self._settling.look()
            await self._dispatcher.work_off()
            for one in self._rounds.values():
                if one.also_once:
                    await one.once()
        except Exception:  # whatever ends the look, a bug too: what left before it is not left without an outcome
            with suppress(Exception):  # what ended it says more than what followed
                async with asyncio.timeout(ending.DRAIN_SECONDS):
                    await self._engine.drain()  # what is in flight gets its outcome
            raise
        finally:
            beating.cancel()
            await self._writer.run(self._sign_off)

    def stop(self) -> None:
        """Ask for the end: what is being sent is finished, nothing new is begun."""
        self._end.set()
        self._engine.stop()
        self._wake.set()

    def _asked_to_stop(self) -> None:
        self._say("stopping: finishing what is being sent, once more to stop at once")
        self.stop()

    # --- the work -----------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        await self._writer.run(self._guard.start)
        # Before the first claim: a daemon that starts beside this one must not take over what it has in hand.
        await self._writer.run(self._heartbeat.beat)
        self._steps = ClockSteps(self._clock)
        self._alarm.start()
        self._alarm.now("start")
        self._alarm.set(_HEARTBEAT, self._clock.now() + self._every)
        notify("READY=1")

    def _others(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self._watch.run(),
            self._pacing(),
            self._keeping_the_heartbeat(),
            self._guarding(),
            self._reloading(),
            self._settling.run(),
            *(one.run(self._alarm) for one in self._rounds.values()),
        ]

    def _failed(self, error: BaseException) -> None:
        """A job of the alarm clock raised: the daemon ends."""
        self._fault = self._fault or error
        self._end.set()

    def _fired(self, name: str) -> None:
        """A moment has come: what APScheduler's jobs do."""
        if name == _HEARTBEAT:
            self._vitals.rang()
            self._alarm.set(_HEARTBEAT, self._clock.now() + self._every)
            self._pulse.set()
        if name == SETTLING:
            self._settling.rang()
        if name in self._rounds:
            self._rounds[name].rang()
        self._wake.set()

    async def _looking(self) -> None:
        """Look whenever woken; a database that is busy or away is waited for."""
        outage = _FIRST_OUTAGE_SECONDS
        while not self._end.is_set():
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._look()
            except BusyError as error:  # what was not done is done at the next look
                self._troubled = True
                self._say(str(error))
                self._alarm.set(_AGAIN, self._clock.now() + timedelta(seconds=AGAIN_SECONDS))
            except StorageError as error:
                if not error.passing:
                    raise
                self._troubled = True
                if self._outage != error.part:
                    self._say(f"{error} - nothing is sent until {_UNTIL[error.part]}")
                self._outage = error.part
                await self._rest(outage)
                outage = min(outage * 2, _LONGEST_OUTAGE_SECONDS)
            else:
                outage = _FIRST_OUTAGE_SECONDS
                if self._outage and not self._end.is_set():
                    over, self._outage = _OVER[self._outage], ""
                    self._say(f"{over}: going on")

    async def _rest(self, seconds: float) -> None:
        """Wait, unless the end is asked for; then look again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._end.wait()
        if not self._end.is_set():
            self._alarm.now(_AGAIN)

    async def _let_go(self) -> None:
        """Put back on the schedule what was lost sight of while the database was away: claims that no lane has.

        A lane that could not write ends, and so may the claims it had; outcomes are in the journal, which the guard
        reads every second.
        """
        await self._engine.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(_JOURNAL_SECONDS):
                await self._end.wait()
        await self._writer.run(self._guard.beat)
        await self._writer.run(lambda: watching.let_go(self._store, self._worker_id, now=self._clock.now()))
        self._heartbeat.be_unsure()
        self._troubled = False

    async def _look(self) -> None:
        if self._troubled:
            await self._let_go()
        working = True
        while working and not self._end.is_set():
            await self._writer.run(self._guard.beat)
            self._looked_at = self._clock.now()
            working = await self._dispatcher.tick() > 0
        if self._end.is_set():
            return
        coming = await self._writer.run(lambda: read_coming(self._store, after=self._looked_at))
        if not self._end.is_set():
            self._arm(coming)
            await self._settling.arm()
        await self._dispatcher.prepare()
        if coming != self._told:
            self._told = coming
            self._pulse.set()

    def _arm(self, coming: Coming) -> None:
        moments = dict(coming.moments)
        if coming.due is not None:
            late = coming.due <= self._looked_at
            early = coming.due - self._dispatcher.ahead
            soon = early if early > self._looked_at else coming.due
            moments[_NEXT] = self._clock.now() + timedelta(seconds=AGAIN_SECONDS) if late else soon
        self._alarm.hold(moments, besides=self._besides)
        self._watch.expect(coming.due)

    async def _reloading(self) -> None:
        """Answer SIGHUP; whatever is wrong with what was to be read anew, the daemon goes on as it was."""
        while True:
            await self._hup.wait()
            self._hup.clear()
            try:
                said = await self._writer.run(self._reload) if self._reload is not None else "nothing to reload"
            except CampaignError as error:
                said = f"not reloaded, going on as before: {error}"
            except (OSError, *FAULTS) as error:  # no file that cannot be read is a reason to stop sending
                said = f"not reloaded, going on as before: {type(error).__name__}: {error}"
            self._say(said)
            self._alarm.now("a reload")

    # --- watching over itself -----------------------------------------------------------------------------------------

    async def _pacing(self) -> None:
        """Keep pace by a clock that never steps: mend the alarm clock after a step, and notice that it has died."""
        while True:
            await asyncio.sleep(PACE_SECONDS)
            self._look_at_the_clock()
            self._alarm.look_at_the_clock()
            self._vitals.pace()

    def _look_at_the_clock(self) -> None:
        """Begin anew whatever was armed for so many seconds from now, when "now" has jumped."""
        if (step := self._steps.look()) is None:
            return
        _log.warning("the clock was set, or the machine slept: %+.1f s", step.total_seconds())
        self._heartbeat.be_unsure()
        self._alarm.set(_HEARTBEAT, self._clock.now() + self._every)
        for one in self._rounds.values():
            if one.paced:
                one.rang()
        self._alarm.now("the clock was set")

    async def _keeping_the_heartbeat(self) -> None:
        """Tell that the daemon lives, however long the mailing in hand takes."""
        while True:
            await self._pulse.wait()
            self._pulse.clear()
            self._look_at_the_clock()
            self._vitals.begun()
            await self._when_it_can(partial(self._heartbeat.beat, self._alarm.coming(_SHOWN_JOBS)))
            self._vitals.done()
            notify("WATCHDOG=1")  # the loop, the alarm clock and the writer work, though the database may not
            await self._settling.arm()

    async def _beating_along(self) -> None:
        while True:
            await asyncio.sleep(self._every.total_seconds())
            await self._when_it_can(self._heartbeat.beat)

    async def _guarding(self) -> None:
        while True:
            await asyncio.sleep(PACE_SECONDS)
            await self._when_it_can(self._guard.beat)

    async def _when_it_can(self, work: Callable[[], None]) -> bool:
        """Run work on the writer; return False when the database is busy or away, of which the looks tell."""
        with PutOff():
            await self._writer.run(work)
            return True
        return False

    # --- the end ------------------------------------------------------------------------------------------------------

    async def _leave(self, looking: asyncio.Task[None], faults: list[Exception]) -> None:
        """Finish what is in flight, sign off, and raise what ended the daemon."""
        try:
            async with asyncio.timeout(ending.DRAIN_SECONDS):
                for rest in (asyncio.shield(looking), self._drain()):
                    try:
                        await rest
                    except Exception as error:  # raised below, once everything is in order
                        faults.append(error)
        except TimeoutError:
            self._say(
                f"what is still being sent after {ending.DRAIN_SECONDS:g} s is left:"
                " the next start finds it, and campaign log --failed shows it"
            )
            ending.end_now(1 if faults else 0)
        try:
            await self._when_it_can(self._sign_off)
        except Exception as error:  # the first fault says more
            faults.append(error)
        if faults:
            raise faults[0]

    async def _drain(self) -> None:
        """Let the engine finish; what a database that is away keeps from being written is tried until time is over."""
        while True:
            with PutOff():
                await self._engine.drain()
                return
            await asyncio.sleep(_FIRST_OUTAGE_SECONDS)

    def _sign_off(self) -> None:
        try:
            self._heartbeat.leave()
        finally:
            self._guard.stop()
