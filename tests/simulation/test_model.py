"""A shop's life in any order, held against a small model: who must have got what, and who must not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from simulation import planted
from simulation.shapes import Edit, load, person
from simulation.simulate import DAY, HOUR, Options, Simulation, bench_of

from scheduler.operations import applying, people
from scheduler.simulation import FarEnd
from scheduler.store import reader

GATE = settings(
    max_examples=20,
    stateful_step_count=14,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
WHO = st.sampled_from(("lea", "karim"))
MAILED_AT = 25 * HOUR + 300  # the mail goes on the next day at 10:05, an hour and five minutes after the start's hour


class Shop(RuleBasedStateMachine):
    """One campaign: a mail and a hook on the calendar, a thank-you for each purchase; one daemon, a slow far end."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = bench_of()
        self.sim = Simulation(self.bench, Options(0, "hooks", 0, ("lea", "karim"), ("restore",), ()))
        self.sim.far_end = FarEnd(delays=(0.0, 20.0))
        for process in self.sim.daemons:
            process.set_far_end(self.sim.far_end)
        # The model.
        self.bought: dict[str, str] = {}  # the purchase's key: who
        self.stopped_at: dict[str, float] = {}
        self.answers: dict[str, list[tuple[float, bool]]] = {"lea": [(0.0, True)], "karim": [(0.0, True)]}
        self.sure = True  # nothing has happened that may rightly keep a message from going
        self.copied = False

    @initialize()
    def starts(self) -> None:
        self.advance(1.0)

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
        self.sim._do("back" if seconds < 0 else "forward", ())

    @rule(hook=st.integers(0, 12))
    def crash(self, hook: int) -> None:
        self.sure = False
        self.sim.daemons[0].fuse = hook

    @precondition(lambda self: not self.copied)
    @rule()
    def copy_the_database(self) -> None:
        self.copied = True
        self.advance(2.0)
        self.sim._do("copy", ())

    @precondition(lambda self: self.copied)
    @rule()
    def restore_the_copy(self) -> None:
        self.copied = self.sure = False
        self.advance(2.0)
        self.sim._do("restore", ())
        self.advance(8 * HOUR)

    # People

    @rule(who=WHO)
    def purchase(self, who: str) -> None:
        key = f"purchase-{len(self.bought)}"
        self.bought[key] = who
        self.sim._do("event", (who, "purchase", key, 1))

    @precondition(lambda self: self.bought)
    @rule()
    def tell_the_last_purchase_again(self) -> None:
        key, who = list(self.bought.items())[-1]
        self.sim._do("event", (who, "purchase", key, 1))

    @rule(who=WHO)
    def unsubscribe(self, who: str) -> None:
        self.stopped_at.setdefault(who, self.sim.clock.elapsed)
        self.sim._do("stop", (who, "link"))

    @rule(who=WHO)
    def withdraw_consent(self, who: str) -> None:
        self.answers[who].append((self.sim.clock.elapsed, False))
        self.sim._do("withdraw", (who,))

    @rule(who=WHO)
    def resubscribe(self, who: str) -> None:
        """Consent given again counts after it was taken back; what somebody stopped is not begun again by a file."""
        self.answers[who].append((self.sim.clock.elapsed, True))
        self.sim._do("join", (who,))

    # The author

    @rule(how=st.sampled_from(("words", "retime", "remove", "add", "rename")))
    def edit(self, how: str) -> None:
        self.sure = self.sure and how in ("words", "rename")
        self.sim._do("edit", (how,))

    @rule()
    def plan_changes_nothing(self) -> None:
        before = list(self.sim.disk.raw.iterdump())
        loaded = load("hooks", self.sim.start, Edit(words=9, retimed=True))
        applying.preview(self.sim.store, loaded, now=self.sim.clock.now())
        people.preview_import(self.sim.store, [person("zoe")], now=self.sim.clock.now())
        assert list(self.sim.disk.raw.iterdump()) == before

    @rule(touch=st.sampled_from(("", "mail", "thanks")))
    def pause(self, touch: str) -> None:
        self.sure = False
        self.sim._do("pause", (touch,))

    @rule(touch=st.sampled_from(("", "mail", "thanks")))
    def resume(self, touch: str) -> None:
        self.sim._do("resume", (touch,))

    # What must hold

    @invariant()
    def nothing_is_broken(self) -> None:
        assert not self.sim.witness.violations, self._story()

    def teardown(self) -> None:
        try:
            self.bench.loop.run_until_complete(self.sim._settle())
            self.nothing_is_broken()
            self._as_the_model_says()
        finally:
            self.bench.loop.run_until_complete(self.sim.leave())
            self.bench.quiet()

    def _as_the_model_says(self) -> None:
        thanked = Counter(
            one.message.occurrence for one in self.sim.world.reached if one.message.purpose == "transactional"
        )
        mailed = dict.fromkeys(("lea", "karim"), 0)
        for one in self.sim.world.reached:
            if one.channel == "email" and one.message.recipient is not None:
                mailed[one.message.recipient.name.lower()] += 1
        thanked.pop("once", None)
        assert set(thanked) <= set(self.bought), self._story()
        assert max([*thanked.values(), *mailed.values(), 0]) <= 1, self._story()
        if self.sure:
            assert thanked == Counter(self.bought.keys()), self._story()
            for who, count in mailed.items():
                stopped_at = self.stopped_at.get(who, 10 * DAY)
                agrees = [given for at, given in self.answers[who] if at <= MAILED_AT][-1]
                changes = (stopped_at, *(at for at, _ in self.answers[who]))
                if all(abs(at - MAILED_AT) > 120 for at in changes):
                    assert count == (agrees and stopped_at > MAILED_AT), self._story()

    def _story(self) -> str:
        return "\n".join([*self.sim.log, *map(str, self.sim.witness.violations)])


def test_a_shop_lived_in_any_order_keeps_to_the_model() -> None:
    run_state_machine_as_test(Shop, settings=GATE)


@pytest.mark.parametrize(
    "bug",
    [
        planted.no_recovery_at_start,
        planted.recovery_puts_attempts_back_into_the_queue,
        planted.the_due_time_is_in_the_key,
        planted.a_pause_is_ignored_at_the_mark,
        planted.an_edit_fans_out_again,
    ],
    ids=lambda bug: bug.__name__,
)
def test_the_model_finds_a_planted_bug(bug: Callable[[], object]) -> None:
    found = settings(GATE, max_examples=200, phases=(Phase.generate,))
    with bug(), pytest.raises(AssertionError):
        run_state_machine_as_test(Shop, settings=found)
