"""One seed lived through: a campaign, people who change their minds, daemons that die, and a witness over all of it."""

from __future__ import annotations

import asyncio
import gc
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from simulation.invariants import Violation, Witness
from simulation.loop import LoopClock, VirtualLoop
from simulation.process import CONNECTIONS, Disk, KeptCatalog, Process, SideFiles, SimStore, owned_task
from simulation.shapes import PEOPLE, SHAPES, STARTS, Edit, Shape, load, person, zone_of

from scheduler.channels.base import Channel, Message
from scheduler.channels.task import TaskChannel
from scheduler.delivery import State
from scheduler.errors import BusyError, SchedulerError
from scheduler.operations import applying, happenings, holding, ledger_check, people, steering
from scheduler.simulation import CALM, Chance, FarEnd, Fate, Point, Reached, World, WorldChannel
from scheduler.store import ledger, plans
from scheduler.store.connections import open_memory
from scheduler.store.tables import METADATA

CHANNELS = ("email", "sms", "facebook", "webhook")
FIRST_SHAPES = tuple(shape for shape in SHAPES if shape.name != "steps")  # seeds keep what they were drawn before it
FAULTS = (
    "crash",
    "certain",
    "uncertain",
    "slow",
    "busy",
    "full",
    "back",
    "forward",
    "suspend",
    "stall",
    "deaf",
    "two",
    "leap",
    "restore",
)
DEEDS = ("edit", "pause", "cancel", "unsubscribe", "import", "resolve", "again")
CROWDS = (("lea",), ("lea", "karim"), ("lea", "nina", "tom"))
HOUR, DAY = 3600.0, 86400.0
_JITTERS = (-HOUR, -60.0, -1.0, 0.0, 0.0, 0.0, 1.0, 20.0, 61.0, 600.0, HOUR)
_DECIDING = frozenset(
    {"event", "edit", "pause", "resume", "cancel", "approve", "stop", "join", "withdraw", "authorise"}
)
# Laws that compare two moments of the log: a wall clock that is set back between them writes the later one first.
_OF_MOMENTS = frozenset({"I5", "I8", "I9", "I10", "I12", "I14", "I15"})
_AMBIGUOUS = (Fate.LOST_ANSWER, Fate.LOST_MESSAGE, Fate.GARBLED)


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that was drawn before the first step."""

    seed: int
    shape: str
    start: int
    crowd: tuple[str, ...]
    faults: tuple[str, ...]
    deeds: tuple[str, ...]

    def __str__(self) -> str:
        parts = (self.shape, f"start {self.start}", "+".join(self.crowd), "faults " + ("+".join(self.faults) or "none"))
        return ", ".join((*parts, "deeds " + ("+".join(self.deeds) or "none")))


@dataclass(slots=True)
class Report:
    """What a seed showed."""

    options: Options
    digest: str
    violations: list[Violation]
    states: Counter[str]
    reached: int
    deaths: int
    uncertain: int
    commits: int
    log: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The one line that reproduces it."""
        seed = self.options.seed
        command = f"CAMPAIGN_SEED={seed} uv run pytest tests/simulation/test_seeds.py -k one_seed"
        return f"{command}  # {self.options}: {self.violations[0] if self.violations else 'all well'}"


def options(seed: int) -> Options:
    """Draw a seed's options: swarm testing, each fault and each deed is in about a third of the seeds."""
    chance = Chance(seed, "options")
    share = chance.pick((0.15, 0.3, 0.5))
    return Options(
        seed,
        chance.pick(FIRST_SHAPES).name if not Chance(seed, "sequence").happens(0.12) else "steps",
        chance.below(len(STARTS)),
        chance.pick(CROWDS),
        chance.some(FAULTS, share),
        chance.some(DEEDS, 0.35),
    )


class Bench:
    """What outlives a seed because making it costs more than the seed: the loop, a database in memory, its templates."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.loop.set_task_factory(owned_task)
        self.loop.set_exception_handler(lambda loop, context: None)
        self.engine = open_memory()
        METADATA.create_all(self.engine)
        with self.engine.connect() as conn:
            raw = conn.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        self.raw = raw
        self._empty = sqlite3.connect(":memory:")
        raw.backup(self._empty)
        self._applied: dict[tuple[str, int], sqlite3.Connection] = {}
        self._touch: Callable[[int], None] = lambda delivery: None
        raw.create_function("simulated_touch", 1, self._touched)
        for event, table, column in (
            ("INSERT", "delivery", "NEW.id"),
            ("UPDATE", "delivery", "NEW.id"),
            ("DELETE", "delivery", "OLD.id"),
            ("INSERT", "attempt", "NEW.delivery"),
            ("UPDATE", "attempt", "NEW.delivery"),
        ):
            raw.execute(
                f"CREATE TEMP TRIGGER simulated_{event}_{table} AFTER {event} ON main.{table}"
                f" BEGIN SELECT simulated_touch({column}); END"
            )

    def _touched(self, delivery: int) -> None:
        self._touch(delivery)

    def quiet(self) -> None:
        """Forget what was left for later: it is for nobody."""
        for handle in self.loop._scheduled:  # type: ignore[attr-defined]
            handle.cancel()
        self.loop._scheduled.clear()  # type: ignore[attr-defined]

    def begin(self, which: Options, touch: Callable[[int], None]) -> None:
        """Put the database into the state of a campaign applied and its first people imported."""
        self._touch = lambda delivery: None
        key, start = (which.shape, which.start), STARTS[which.start]
        store = SimStore(Disk(self.engine, self.raw, shared=False), lambda where: None)
        if key not in self._applied:
            self._empty.backup(self.raw)
            applying.apply(store, load(which.shape, start, Edit()), now=start, catalog=KeptCatalog())
            self._applied[key] = sqlite3.connect(":memory:")
            self.raw.backup(self._applied[key])
        else:
            self._applied[key].backup(self.raw)
        people.import_contacts(store, [person(name) for name in which.crowd], source="file", now=start)
        self._touch = touch


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


class Simulation:
    """The world of one seed."""

    def __init__(self, bench: Bench, which: Options) -> None:
        self.options = which
        self.shape: Shape = next(shape for shape in SHAPES if shape.name == which.shape)
        self.start = STARTS[which.start]
        self.loop = bench.loop
        self.clock = LoopClock(bench.loop, self.start)
        self.chance = Chance(which.seed, "script")
        self.disk = Disk(bench.engine, bench.raw, shared="two" in which.faults)
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
            f"d{self._starts}", self.disk, self.clock, self.loop, self.files if self._guarded else None, self._channels
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
            channels[name] = WorldChannel(
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

    # The script

    def script(self) -> list[tuple[float, str, tuple[object, ...]]]:
        """Draw what happens and when, in seconds since the start."""
        chance, steps = self.chance, []
        events: list[float] = []
        for number, name in enumerate(self.shape.events):
            if self.shape.lines.keys() & {"thanks", "cart", "nudge"} and (number == 0 or chance.happens(0.6)):
                after = events[-1] if events else 0.0
                at = after + chance.pick((60.0, 2 * HOUR, 3 * HOUR, 8 * HOUR, 26 * HOUR))
                events.append(at)
                who, key = chance.pick(self.options.crowd), f"{name}-{number}"
                cart = chance.pick((1, 1, 2))
                for again in range(chance.pick((1, 1, 2))):
                    steps.append((at + 7 * again, "event", (who, name, key, cart)))
        if "approval" in self.shape.name:
            steps.append((chance.pick((60.0, 20 * HOUR, 26 * HOUR)), "approve", ("offer",)))
        moments = self._moments(events)

        def when() -> float:
            return max(0.5, chance.pick(moments) + chance.pick(_JITTERS))

        for deed in self.options.deeds:
            for _ in range(chance.pick((1, 1, 2))):
                steps += self._deed(deed, when())
        for fault in self.options.faults:
            if fault in ("crash", "busy", "full", "back", "forward", "suspend", "stall"):
                for _ in range(chance.pick((1, 2, 3))):
                    steps.append((when(), fault, ()))
        if "leap" in self.options.faults:
            at = when() + 0.5  # not in the very instant of a look: the guard looks first, every second
            steps += [(at, "leap", (30,)), (at + chance.pick((40.0, HOUR, 6 * HOUR)), "leap", (0,))]
        if "restore" in self.options.faults and "two" not in self.options.faults:
            at = when()
            steps += [(at, "copy", ()), (at + chance.pick((10.0, HOUR, 9 * HOUR, 25 * HOUR)), "restore", ())]
        return sorted([*steps, *self._budgets(moments)], key=lambda step: step[0])

    def _budgets(self, moments: Sequence[float]) -> list[tuple[float, str, tuple[object, ...]]]:
        """Draw, apart from everything else, who limits how many messages may go and who lifts the limit."""
        chance = Chance(self.options.seed, "budget")
        if not chance.happens(0.2):
            return []
        at = chance.pick(moments)
        steps: list[tuple[float, str, tuple[object, ...]]] = [(at, "authorise", (chance.below(4),))]
        if chance.happens(0.5):
            steps.append((at + chance.pick((60.0, HOUR, 26 * HOUR)), "authorise", (chance.pick((None, 2, 5)),)))
        return steps

    def _moments(self, events: Sequence[float]) -> list[float]:
        """Return the moments around which things go: trouble at any other time finds nobody at work."""
        at = [self.start + timedelta(days=1)]
        local = self.start.replace(hour=10, minute=0)
        at = [local + timedelta(days=days) for days in (1, 1, 2)] + [local.replace(hour=11) + timedelta(days=2)]
        if self.shape.per_contact_zone:
            at = [
                (local + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone_of(name))).astimezone(self.start.tzinfo)
                for name in self.options.crowd
            ]
        if self.shape.name == "daily":
            at.append(local + timedelta(days=3))
        if self.shape.name == "offer":
            at.append(self.start.replace(hour=21, minute=30))
        seconds = [(moment - self.start) / timedelta(seconds=1) for moment in _in_utc(at)]
        seconds += [event + later for event in events for later in (0.0, 60.0, 300.0, 2 * HOUR, 3 * HOUR)]
        return [moment for moment in seconds if moment >= 0]

    def _deed(self, deed: str, at: float) -> list[tuple[float, str, tuple[object, ...]]]:
        chance = self.chance
        if deed == "edit":
            return [(at, "edit", (chance.pick(("words", "retime", "remove", "same", "add", "rename")),))]
        if deed == "pause":
            touch = chance.pick(("", *self.shape.touches))
            span = chance.pick((30.0, HOUR, 8 * HOUR, 30 * HOUR))
            return [(at, "pause", (touch,)), (at + span, "resume", (touch,))]
        if deed == "cancel":
            return [(at, "cancel", (chance.pick(("", *self.shape.touches)),))]
        if deed == "unsubscribe":
            return [(at, "stop", (chance.pick(self.options.crowd), chance.pick(("unsubscribe", "bounce", "link"))))]
        if deed == "import":
            return [(at, "join", (chance.pick(PEOPLE),))]
        if deed == "resolve":
            return [(at + 600, "resolve", ())]
        return [(at, "approve", ("offer",))] if "offer" in self.shape.touches and self.shape.name == "approval" else []

    # What happens

    async def live(self) -> None:
        """Act the script out, stop every fault, and see that everything comes to an end."""
        for at, name, details in self.script():
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
        for day in (5, 8):
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
        try:
            getattr(self, f"_{name}_now")(*details)
        except BusyError:
            self._say("busy")
        except SchedulerError as error:
            self._say("refused", error.message)
        if "deaf" in self.options.faults:
            self.loop.call_later(20.0, self._poke)
        else:
            self._poke()

    def _poke(self) -> None:
        for process in self.daemons:
            process.poke()

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        """Take a decision back that the database did not acknowledge."""
        kept = {
            name: value.copy() if isinstance(value, set | dict | list) else value
            for name, value in vars(self.decisions).items()
        }
        try:
            yield
        except BaseException:
            vars(self.decisions).update(kept)
            raise

    def _event_now(self, who: str, name: str, key: str, cart: int) -> None:
        now = self.clock.now()
        with self._deciding():
            if key not in {stored for _, _, stored, _, _ in self.decisions.events}:
                self.decisions.events.append((who, name, key, cart, self._happened_at.get(key, now)))
            at = self._happened_at.setdefault(key, now)  # who tells it again says when it was
            try:
                happenings.record_event(
                    self.store, self.catalog, who=who, name=name, at=at, key=key, facts={"cart": cart}, now=now
                )
            except SchedulerError as error:
                if not self.calm and not error.message.startswith("unknown event"):
                    self.loop.call_later(30.0, self._do, "event", (who, name, key, cart))  # the shop tries again
                raise

    def _edit_now(self, how: str) -> None:
        edit = self.edit
        if how == "words":
            edit = replace(edit, words=edit.words + 1)
        elif how == "retime":
            edit = replace(edit, retimed=not edit.retimed)
        elif how == "remove" and self.shape.removable:
            edit = replace(edit, without=self.chance.pick(self.shape.removable))
        elif how == "rename":
            edit = replace(edit, renamed=True)
        elif how == "add":
            edit = replace(edit, without="")
        with self._deciding():
            self.decisions.edited = self.decisions.edited or edit != self.edit
            self.decisions.words, self.decisions.without = edit.words, edit.without
            self.decisions.ended = False  # an apply puts a campaign in force again
            loaded = load(self.shape.name, self.start, edit)
            applying.apply(self.store, loaded, now=self.clock.now(), catalog=self.catalog)
            self.edit = edit
        if self.chance.happens(0.15):
            changes = applying.preview(self.store, loaded, now=self.clock.now()).changes
            again = changes.counts()
            if any(again.get(name) for name in ("add", "change", "cancel")):
                self.witness.broken("I20", f"a plan after apply would still change something: {dict(again)} {changes}")

    def _targets(self, touch: str) -> tuple[steering.Target, ...]:
        name = f"sim-{self.shape.name}"
        return steering.targets(self.store, self.catalog, [f"{name}/{self.edit.id(touch)}" if touch else name])

    def _pause_now(self, touch: str) -> None:
        chosen = self._targets(touch)
        with self._deciding():
            self.decisions.paused.add(touch)
            steering.pause(self.store, chosen, until=None, now=self.clock.now(), who="me")

    def _resume_now(self, touch: str) -> None:
        chosen = self._targets(touch)
        with self._deciding():
            self.decisions.paused.discard(touch)
            steering.resume(self.store, chosen, now=self.clock.now(), who="me")

    def _cancel_now(self, touch: str) -> None:
        chosen = self._targets(touch)
        with self._deciding():
            self.decisions.dropped |= {touch} if touch else set(self.shape.touches)
            if touch:
                self.decisions.rejected.add(touch)
            else:
                self.decisions.ended = True
                self.decisions.paused.discard("")  # an apply that puts it in force again lets it run
            steering.cancel(self.store, chosen, now=self.clock.now(), who="me")

    def _approve_now(self, touch: str) -> None:
        chosen = self._targets(touch)
        with self._deciding():
            self.decisions.approved[touch] = self.decisions.words
            self.decisions.rejected.discard(touch)
            steering.approve(self.store, self.catalog, chosen, now=self.clock.now(), who="me")

    def _stop_now(self, who: str, how: str) -> None:
        with self._deciding():
            self.decisions.stopped.add(who)
            if how == "link":
                people.unsubscribe(self.store, who, now=self.clock.now(), by="me")
                return
            happenings.record_event(
                self.store, self.catalog, who=who, name=how, at=None, key=None, facts={}, now=self.clock.now()
            )

    def _join_now(self, who: str) -> None:
        """A file brings a person with their consent: what was taken back is given again, what was stopped is not."""
        with self._deciding():
            self.decisions.withdrawn.discard(who)
            people.import_contacts(self.store, [person(who)], source="again", now=self.clock.now())

    def _withdraw_now(self, who: str) -> None:
        """A file says that a person agrees to nothing any more."""
        with self._deciding():
            self.decisions.withdrawn.add(who)
            row = replace(person(who), consent=())
            people.import_contacts(self.store, [row], source="again", now=self.clock.now())

    def _authorise_now(self, budget: int | None) -> None:
        with self._deciding():
            self.decisions.budget = budget
            applying.authorise(self.store, f"sim-{self.shape.name}", budget=budget, now=self.clock.now())

    def _resolve_now(self) -> None:
        """A person asks the far end what became of every unknown message, and says so."""
        accepted = {one.message.delivery_id for one in self.world.reached}
        with self._deciding(), self.store.begin() as conn:
            for row in [row for row in self.witness.rows.values() if row.state == "unknown"]:
                target = State.SENT if row.id in accepted else State.FAILED
                self.decisions.resolved.add(row.id)
                ledger.resolve_unknown(conn, row.id, target, "looked up at the provider", now=self.clock.now())

    def _takeover_now(self) -> None:
        """Daemons that share a database take over from those that were not heard from."""
        for process in self.daemons:
            if not process.dead and process.stalled is None:
                process.before_recovery()
                process.recover()

    def _crash_now(self) -> None:
        self.chance.pick(self.daemons).fuse = self.chance.pick((0, 1, 2, 3, 5, 8, 13, 21, 34))
        if self.disk.shared:
            self.loop.call_later(100.0, self._do, "takeover", ())

    def _busy_now(self) -> None:
        self.disk.busy = self.chance.pick((1, 3, 40))

    def _full_now(self) -> None:
        self.disk.full = True
        self.loop.call_later(self.chance.pick((1.0, 90.0, 1800.0)), self._free)

    def _free(self) -> None:
        self.disk.full = False

    def _back_now(self) -> None:
        self.clock.step(-timedelta(seconds=self.chance.pick((5.0, 600.0, HOUR, 5 * HOUR))))

    def _forward_now(self) -> None:
        self.clock.step(timedelta(seconds=self.chance.pick((5.0, 600.0, HOUR, 5 * HOUR))))

    def _leap_now(self, days: int) -> None:
        self.clock.leap(timedelta(days=days))
        if not days:
            self.loop.call_later(60.0, self._do, "lift", ())

    def _lift_now(self) -> None:
        """A person has looked why nothing goes, and says that it may."""
        if not self.clock.is_wrong and holding.held(self.store) is not None:
            choice = self.chance.pick((None, holding.Late.SEND, holding.Late.SKIP))
            self.decisions.answered = True
            holding.resume(self.store, self.catalog, now=self.clock.now(), who="me", choice=choice)

    def _copy_now(self) -> None:
        self._copy = sqlite3.connect(":memory:")
        self.disk.raw.backup(self._copy)
        self._done, self._decided, self._edit_then = [], deepcopy(self.decisions), self.edit

    def _restore_now(self) -> None:
        """The machine stops, an old copy of the database is put back, and later people tell again what it forgot."""
        if self._copy is None:
            return
        for process in self.daemons:
            if not process.dead:
                process.dead = True
                self._died(process)
        self._copy.backup(self.disk.raw)
        self.witness.forget()
        vars(self.decisions).update(vars(self._decided))
        self.edit = self._edit_then
        self.catalog = KeptCatalog()
        told, self._done, self._copy = self._done or [], None, None
        for number, (name, details) in enumerate(told):
            # What people did is told before the HOLD is lifted; a file is applied to a database that may go on.
            self.loop.call_later((8 if name == "edit" else 6) * HOUR + number, self._do, name, details)
        self.loop.call_later(7 * HOUR, self._do, "lift", ())

    def _suspend_now(self) -> None:
        self.clock.suspend(self.chance.pick((60.0, HOUR, 8 * HOUR)))

    def _stall_now(self) -> None:
        process = self.chance.pick(self.daemons)
        if process.stalled is not None or process.dead:
            return
        process.stalled = self.loop.create_future()
        seconds = self.chance.pick((30.0, 150.0, 1200.0, 3 * HOUR))
        self.loop.call_later(seconds, process.resume)
        if self.disk.shared and seconds > 100:
            self.witness.uncertain += self.lanes
            self.loop.call_later(100.0, self._do, "takeover", ())

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


def _in_utc(moments: Sequence[datetime]) -> list[datetime]:
    return [moment.astimezone(ZoneInfo("UTC")) for moment in moments]


_bench: list[Bench] = []


def bench_of() -> Bench:
    """Return the bench of this interpreter; made once."""
    if not _bench:
        logging.getLogger("scheduler").setLevel(logging.CRITICAL)
        _bench.append(Bench())
    return _bench[0]


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
        bench.quiet()
    return simulation.report()


__all__ = ["DAY", "DEEDS", "FAULTS", "HOUR", "Options", "Report", "Simulation", "bench_of", "options", "simulate"]
