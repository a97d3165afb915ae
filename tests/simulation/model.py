"""A shop's life as a state machine beside a small model: who must have got what, and who must not."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from simulation.shapes import Edit, load, person
from simulation.simulate import DAY, HOUR, Options, Simulation, bench_of

from scheduler.operations import applying, people
from scheduler.simulation import FarEnd
from scheduler.store import meta, reader

PEOPLE = ("lea", "karim")
SHAPES = ("hooks", "hooks", "steps", "nudge", "zones", "daily", "offer")
WHO = st.sampled_from(PEOPLE)
MAILED_AT = 25 * HOUR + 300  # the mail goes on the next day at 10:05, an hour and five minutes after the start's hour


@dataclass(frozen=True)
class Standing:
    """Whether a person has agreed, whether they stopped or were erased, and whom they are one person with."""

    agrees: bool = True
    stopped: bool = False
    group: frozenset[str] = frozenset()


class Shop(RuleBasedStateMachine):
    """One campaign, two people and a daemon with a slow far end; in `hooks` every message is counted exactly."""

    sim: Simulation  # once it has begun

    def __init__(self) -> None:
        super().__init__()
        self.bench = bench_of()
        self.begun = False
        # The model.
        self.told = 0  # events
        self.here: dict[str, Standing] = {who: Standing(group=frozenset((who,))) for who in PEOPLE}
        self.lives: list[tuple[float, dict[str, Standing]]] = [(0.0, dict(self.here))]  # from when on
        self.erased: dict[str, int] = {}  # how much had reached anybody by then
        self.erased_then: dict[str, int] = {}  # when the copy was made
        self.sure = True  # nothing has happened that may rightly keep a message from going
        self.copied = False

    @initialize(shape=st.sampled_from(SHAPES))
    def starts(self, shape: str) -> None:
        self.sim = Simulation(self.bench, Options(0, shape, 0, PEOPLE, ("restore",), ()))
        self.begun = True
        self.sim.far_end = FarEnd(delays=(0.0, 20.0))
        for process in self.sim.daemons:
            process.set_far_end(self.sim.far_end)
        self.advance(1.0)

    def _changed(self, whom: frozenset[str], **changes: object) -> None:
        for who in whom:
            self.here[who] = replace(self.here[who], **changes)  # type: ignore[arg-type]
        self.lives.append((self.sim.clock.elapsed, dict(self.here)))

    # Time and trouble

    @rule(seconds=st.sampled_from((20.0, 300.0, HOUR, 8 * HOUR)))
    def advance(self, seconds: float) -> None:
        if self.sim.clock.elapsed < 4 * DAY:
            self.bench.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(offset=st.sampled_from((-1.0, 0.0, 5.0, 30.0)))
    def advance_to_what_is_due(self, offset: float) -> None:
        with self.sim.store.read() as conn:
            due = reader.next_due(conn)
        if due is not None:
            self.advance(max((due - self.sim.clock.now()) / timedelta(seconds=1) + offset, 0.0))

    @rule(seconds=st.sampled_from((-HOUR, -5.0, 30.0, HOUR)))
    def step_the_clock(self, seconds: float) -> None:
        self.sure = False
        self.sim.options = replace(self.sim.options, faults=("back", "restore"))  # what was written by then is in doubt
        self.sim._do("back" if seconds < 0 else "forward", ())

    @rule(hook=st.integers(0, 12))
    def crash(self, hook: int) -> None:
        self.sure = False
        self.sim.daemons[0].fuse = hook

    @precondition(lambda self: not self.copied)
    @rule()
    def copy_the_database(self) -> None:
        self.copied, self.erased_then = True, dict(self.erased)
        self.advance(2.0)
        self.sim._do("copy", ())

    @precondition(lambda self: self.copied)
    @rule()
    def restore_the_copy(self) -> None:
        """A copy is found out by what a daemon noted since, which looks every second; one that is dead notes nothing."""
        self.copied = self.sure = False
        for process in self.sim.daemons:
            self.sim.loop.call_later(1.5, process.look)
        self.advance(2.0)
        if not self._is_noted():
            self.erased = self.erased_then
        self.sim._do("restore", ())
        self.advance(8 * HOUR)

    def _is_noted(self) -> bool:
        """Whether the mark outside the database knows every decision."""
        mark = self.sim.files.mark
        with self.sim.store.read() as conn:
            return mark is not None and mark.generation >= meta.generation(conn)

    # People

    @rule(who=WHO, which=st.integers(0, 2), cart=st.sampled_from((1, 1, 2)))
    def does(self, who: str, which: int, cart: int) -> None:
        names = sorted(set(self.sim.shape.events))
        self.told += 1
        self.sim._do("event", (who, names[which % len(names)], f"event-{self.told}", cart))

    @precondition(lambda self: self.sim.decisions.events)
    @rule()
    def tell_the_last_event_again(self) -> None:
        who, name, key, cart, _ = self.sim.decisions.events[-1]
        self.sim._do("event", (who, name, key, cart))

    @rule(who=WHO)
    def unsubscribe(self, who: str) -> None:
        self.sim._do("stop", (who, "link"))
        if who in self.sim.decisions.stopped:
            self._changed(self.here[who].group, stopped=True)

    @rule(who=WHO)
    def withdraw_consent(self, who: str) -> None:
        self.sim._do("withdraw", (who,))
        self._changed(self.here[who].group, agrees=False)

    @rule(who=WHO)
    def import_again(self, who: str) -> None:
        """Consent given again counts after it was taken back; what somebody stopped is not begun again by a file."""
        self.sim._do("join", (who,))
        self._changed(self.here[who].group, agrees=True)

    @rule(who=WHO)
    def forget(self, who: str) -> None:
        """From now on nothing goes to them, and no marketing even once they are imported again."""
        whom = self.here[who].group
        before = len(self.sim.world.reached)
        self.sim._do("forget", (who,))
        if not self.sim.decisions.known & whom and whom <= self.sim.decisions.erased:
            for name in whom:
                self.erased.setdefault(name, before)
                self._changed(frozenset((name,)), stopped=True, group=frozenset((name,)))

    @rule(kept=WHO)
    def merge(self, kept: str) -> None:
        """What one of them took back, the one person has taken back."""
        other = next(who for who in PEOPLE if who != kept)
        self.sim._do("merge", (kept, other))
        if len(self.sim.decisions.group(kept)) == len(PEOPLE) > len(self.here[kept].group):
            self._changed(
                frozenset(PEOPLE),
                agrees=all(one.agrees for one in self.here.values()),
                stopped=any(one.stopped for one in self.here.values()),
                group=frozenset(PEOPLE),
            )

    # The author

    @rule(how=st.sampled_from(("words", "retime", "remove", "add", "rename")))
    def edit(self, how: str) -> None:
        self.sure = self.sure and how in ("words", "rename")
        self.sim._do("edit", (how,))

    @rule()
    def plan_changes_nothing(self) -> None:
        before = list(self.sim.disk.raw.iterdump())
        loaded = load(self.sim.shape.name, self.sim.start, Edit(words=9, retimed=True))
        applying.preview(self.sim.store, loaded, now=self.sim.clock.now())
        people.preview_import(self.sim.store, [person("zoe")], now=self.sim.clock.now())
        assert list(self.sim.disk.raw.iterdump()) == before

    @rule(which=st.integers(0, 5))
    def pause(self, which: int) -> None:
        self.sure = False
        self.sim._do("pause", (self._touch(which),))

    @rule(which=st.integers(0, 5))
    def resume(self, which: int) -> None:
        self.sim._do("resume", (self._touch(which),))

    @rule(which=st.integers(0, 5))
    def cancel_a_touch(self, which: int) -> None:
        self.sure = False
        if touch := self._touch(which):
            self.sim._do("cancel", (touch,))

    def _touch(self, which: int) -> str:
        return ("", *self.sim.shape.touches)[which % (len(self.sim.shape.touches) + 1)]

    # What must hold

    @invariant()
    def nothing_is_broken(self) -> None:
        assert not (self.begun and self.sim.witness.violations), self._story()

    def teardown(self) -> None:
        if not self.begun:
            return
        try:
            self.bench.loop.run_until_complete(self.sim._settle())
            self.nothing_is_broken()
            self._the_forgotten_are_left_alone()
            if self.sim.shape.name == "hooks":
                self._as_the_model_says()
        finally:
            self.bench.loop.run_until_complete(self.sim.leave())
            self.bench.end()

    def _the_forgotten_are_left_alone(self) -> None:
        with self.sim.store.read() as conn:
            gone = set(conn.exec_driver_sql("SELECT id FROM contact WHERE gone_at IS NOT NULL").scalars())
        for number, one in enumerate(self.sim.world.reached):
            message = one.message
            if message.recipient is None or message.purpose != "marketing":
                continue
            if one.channel == "webhook" and message.recipient.id not in gone:
                continue  # the shop's own systems are told of somebody new, who came back
            erased = self.erased.get(message.recipient.name.lower())
            assert erased is None or number < erased, self._story()

    def _as_the_model_says(self) -> None:
        thanked = Counter(
            one.message.occurrence for one in self.sim.world.reached if one.message.purpose == "transactional"
        )
        mailed = dict.fromkeys(PEOPLE, 0)
        for one in self.sim.world.reached:
            if one.channel == "email" and one.message.recipient is not None:
                mailed[(one.message.recipient.email or "").partition("@")[0]] += 1
        thanked.pop("once", None)
        bought = {key: who for who, _, key, _, _ in self.sim.decisions.events}
        assert set(thanked) <= set(bought), self._story()
        assert max([*thanked.values(), *mailed.values(), 0]) <= 1, self._story()
        if not self.sure:
            return
        for key, who in bought.items():
            assert thanked[key] == 1 or who in self.erased, self._story()
        if any(abs(at - MAILED_AT) <= 120 for at, _ in self.lives[1:]):
            return
        then = [people_then for at, people_then in self.lives if at <= MAILED_AT][-1]
        for who, standing in then.items():
            expected = standing.agrees and not standing.stopped
            assert sum(mailed[name] for name in standing.group) == expected, (who, self._story())

    def _story(self) -> str:
        return "\n".join([self.sim.shape.name, *self.sim.log, *map(str, self.sim.witness.violations)])
