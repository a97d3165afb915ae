"""One seed lived through: a campaign, people who change their minds, daemons that die, and a witness over all of it."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections import Counter
from copy import deepcopy
from datetime import datetime, timedelta

from simulation.bench import Bench, bench_of
from simulation.deeds import Deeds
from simulation.invariants import Witness
from simulation.loop import LoopClock
from simulation.machine import Disk, SideFiles, SimStore
from simulation.options import DAY, DEEDS, FAULTS, HOUR, Options, Report, options
from simulation.process import CONNECTIONS, KeptCatalog, Process
from simulation.script import Script
from simulation.shapes import SHAPES, STARTS, Edit, Shape
from simulation.troubles import Troubles

from scheduler import bootstrap
from scheduler.channels.base import Channel, Message
from scheduler.channels.task import TaskChannel
from scheduler.errors import BusyError, SchedulerError
from scheduler.operations import ledger_check
from scheduler.simulation import CALM, Chance, FarEnd, Fate, LookingChannel, Point, Reached, World, WorldChannel
from scheduler.store import plans

CHANNELS = ("email", "sms", "facebook", "webhook")
_DECIDING = frozenset(
    {
        "event",
        "edit",
        "pause",
        "resume",
        "cancel",
        "approve",
        "stop",
        "join",
        "withdraw",
        "authorise",
        "forget",
        "merge",
    }
)
# Laws that compare two moments of the log: a wall clock that is set back between them writes the later one first.
_OF_MOMENTS = frozenset({"I5", "I8", "I9", "I10", "I12", "I14", "I15"})
_OF_CLOCKS = frozenset({"back", "forward", "leap", "suspend"})
_AMBIGUOUS = (Fate.LOST_ANSWER, Fate.LOST_MESSAGE, Fate.GARBLED)


class _Seen(World):
    """A world the witness looks at."""

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self._witness = witness

    def accept(self, channel: str, message: Message, at: datetime, *, knows_keys: bool) -> Reached | None:
        one = World.accept(self, channel, message, at, knows_keys=knows_keys)
        if one is not None:
            self._witness.reached(one)
        return one


class Simulation(Deeds, Troubles):
    """The world of one seed."""

    def __init__(self, bench: Bench, which: Options) -> None:
        self.options = which
        self.shape: Shape = next(shape for shape in SHAPES if shape.name == which.shape)
        self.start = STARTS[which.start]
        self.loop = bench.loop
        self.clock = LoopClock(bench.loop, self.start)
        self.chance = Chance(which.seed, "script")
        self.disk = Disk(bench.raw, bench.reading, bench.writing, shared="two" in which.faults)
        daemons = 2 if "two" in which.faults else 1
        self.lanes = CONNECTIONS * len({facts.channel for facts in self.shape.touches.values()})
        self.witness = Witness(bench.raw, self.shape, self.clock, lanes=self.lanes * daemons * 2)
        bench.begin(which, self.witness.touch)
        self.decisions = self.witness.decisions
        self.decisions.known |= set(which.crowd)
        self.disk.after_commit = self.witness.committed
        self.world = _Seen(self.witness)
        self.edit = Edit()
        self.catalog = KeptCatalog()
        self.store = SimStore(self.disk, lambda where: None)
        self.far_end = self._far_end(Chance(which.seed, "far end"))
        self.deaths = 0
        self.files = SideFiles()
        self._happened_at: dict[str, datetime] = {}
        self._looks = Chance(which.seed, "looks").happens(0.5)  # whether the far ends can be asked what has arrived
        self._guarded = bool({"leap", "restore", "full", "busy"} & set(which.faults))
        self._done: list[tuple[str, tuple[object, ...]]] | None = None  # what was done since the copy was made
        self._decided, self._edit_then = deepcopy(self.decisions), self.edit
        self._copy: sqlite3.Connection | None = None
        self.calm = False
        self.log: list[str] = []
        self._starts = 0
        self._left: list[Process] = []
        self.daemons: list[Process] = [self._process() for _ in range(daemons)]

    def _far_end(self, chance: Chance) -> FarEnd:
        shares: dict[str, float] = {}
        if "certain" in self.options.faults:
            names = chance.some(("unreachable", "down", "not_wanted", "broken", "later", "refused"), 0.5)
            shares |= {name: chance.pick((0.1, 0.3)) for name in names}
        if "uncertain" in self.options.faults:
            names = chance.some(("lost_answer", "lost_message", "garbled"), 0.6)
            shares |= {name: chance.pick((0.1, 0.4)) for name in names}
        delays = (
            chance.pick(((0.0, 1.0), (0.0, 30.0, 540.0), (0.0, 5.0, 1300.0))) if "slow" in self.options.faults else ()
        )
        return FarEnd(**shares, delays=delays or (0.0,))

    def _process(self) -> Process:
        self._starts += 1
        process = Process(
            f"d{self._starts}",
            self.disk,
            self.clock,
            self.loop,
            self.files if self._guarded else None,
            self._channels,
            # Every other seed makes messages ready before they are due, as the daemon does.
            ahead=bootstrap.AHEAD if self.options.seed % 2 else timedelta(),
        )
        process.before_recovery = lambda: self._beats(process)
        process.died = self._died
        process.surprised = lambda what: self.witness.broken("daemon", what)
        process.start()
        return process

    def _channels(self, process: Process) -> dict[str, Channel]:
        def at(point: Point, message: Message, fate: Fate) -> asyncio.Future[None] | None:
            self.witness.fated(message.delivery_id, fate)
            if point is Point.AFTER_SEND and fate in _AMBIGUOUS:
                self.witness.uncertain += 1
            return process.at(point, message, fate)

        channels: dict[str, Channel] = {"call": TaskChannel("call")}
        for name in CHANNELS:
            channels[name] = (LookingChannel if self._looks else WorldChannel)(
                name,
                self.world,
                self.clock,
                knows_keys=name == "webhook",
                far_end=CALM if self.calm else self.far_end,
                chance=Chance(self.options.seed, f"{process.name} {name}"),
                at=at,
            )
        return channels

    def _died(self, process: Process) -> None:
        """A supervisor starts a dead daemon again after a while."""
        self.deaths += 1
        self.witness.uncertain += self.lanes
        self._say("died", process.name, process.fault or "")
        delay = 5.0 if self.calm else self.chance.pick((1.0, 30.0, 120.0, HOUR, 5 * HOUR))
        self.loop.call_later(delay, self._replace, process)

    def _replace(self, process: Process) -> None:
        if process in self.daemons:
            self._left.append(process)
            number = self.daemons.index(process)
            self.daemons[number] = self._process()
            self._say("started", self.daemons[number].name)

    def _beats(self, asking: Process) -> None:
        """Where several daemons share a database, those that live beside the one that asks were heard from lately.

        That one itself is not heard before its guard has looked.
        """
        if not self.disk.shared:
            return
        with self.store.begin() as conn:
            for process in self.daemons:
                if process is not asking and not process.dead and process.stalled is None:
                    plans.beat(
                        conn,
                        daemon=process.name,
                        pid=1,
                        host="here",
                        started_at=self.start,
                        now=self.clock.now(),
                        next_jobs=[],
                    )

    def _say(self, *what: object) -> None:
        self.log.append(f"{self.clock.elapsed:9.0f} {' '.join(map(str, what))}")
        self.witness.note(*what)

    async def live(self) -> None:
        """Act the script out, stop every fault, and see that everything comes to an end."""
        for at, name, details in Script(self.options, self.shape, self.start, self.chance).steps():
            await self._until(at)
            self._do(name, details)
            if self.witness.violations:
                return
        await self._until(4.5 * DAY)
        await self._settle()

    async def _settle(self) -> None:
        """The second phase: no more faults, and everything must become terminal, held with a reason, or unknown."""
        self.calm = True
        self.disk.busy, self.disk.full = 0, False
        self._say("calm")
        for process in list(self.daemons):
            process.fuse = None
            process.resume()
            process.set_far_end(CALM)
        if self.clock.now() > self.clock.highest + timedelta(days=1):
            self._do("leap", (0,))
        self._do("lift", ())
        for touch in sorted(self.decisions.paused):
            self._do("resume", (touch,))
        if self.shape.name == "approval" and self.chance.happens(0.5):
            self._do("approve", ("offer",))
        for day in (5, 6, 8):  # a heartbeat that lies ahead is believed until it is read again, unchanged
            await self._until(day * DAY)
            self._do("resolve", ())
            if self.disk.shared:
                self._do("takeover", ())
        for process in self.daemons:
            if process.idle > 20:
                self.witness.broken("liveness", f"{process.name} finds something due and cannot move it on")
        self.witness.finished()
        self._examine()

    def _examine(self) -> None:
        """Ask what `campaign doctor --ledger` asks; laws of two moments only where the wall clock never went back."""
        wrong = {"back", "leap"} & set(self.options.faults)
        found = ledger_check.check(self.store, self.catalog, now=self.clock.now(), connections=CONNECTIONS)
        for law in found.checked:
            if law.violations and not (wrong and law.name in _OF_MOMENTS):
                self.witness.broken(f"doctor {law.name}", str(law.violations[0]))

    async def _until(self, elapsed: float) -> None:
        seconds = elapsed - self.clock.elapsed
        if seconds > 0:
            await asyncio.sleep(seconds)
        else:
            await asyncio.sleep(0)

    def _do(self, name: str, details: tuple[object, ...]) -> None:
        self._say(name, *details)
        if name in _DECIDING and self.clock.is_wrong:
            return  # what people do under a clock that is a month ahead is not told apart from what they do in a month
        if self._done is not None and name in _DECIDING:
            self._done.append((name, details))
        commits = self.disk.commits
        try:
            getattr(self, f"_{name}_now")(*details)
        except BusyError:
            self._say("busy")
        except SchedulerError as error:
            self._say("refused", error.message)
        if self.disk.commits == commits and name not in _OF_CLOCKS:
            return  # a daemon hears of what was written, and of a clock that was set
        if "deaf" in self.options.faults:
            self.loop.call_later(20.0, self._poke)
        else:
            self._poke()

    def _poke(self) -> None:
        for process in self.daemons:
            process.poke()

    async def leave(self) -> None:
        """Take every process off the loop."""
        for process in (*self._left, *self.daemons):
            await process.end()

    def report(self) -> Report:
        return Report(
            self.options,
            self.witness.digest,
            self.witness.violations,
            Counter(row.state for row in self.witness.rows.values()),
            len(self.world.reached),
            self.deaths,
            self.witness.uncertain,
            self.disk.commits,
            self.log,
        )


def simulate(seed: int, which: Options | None = None) -> Report:
    """Live through a seed; the same seed gives the same report, and the same hash of its log."""
    bench = bench_of()
    simulation = Simulation(bench, which or options(seed))

    async def whole() -> None:
        try:
            await simulation.live()
        finally:
            await simulation.leave()

    gc.disable()  # a seed's garbage is collected after it: looking for it meanwhile costs a fifth of the time
    try:
        bench.loop.run_until_complete(whole())
    finally:
        gc.enable()
        bench.end()
    return simulation.report()


__all__ = ["DAY", "DEEDS", "FAULTS", "HOUR", "Options", "Report", "Simulation", "bench_of", "options", "simulate"]
