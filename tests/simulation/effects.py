"""The laws of what took effect at the far end: once, after its mark, under one key, and called by what brought it."""

from __future__ import annotations

import re
from datetime import date

from simulation.memory import REPEATABLE, Memory

from scheduler.simulation import Reached

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Effects(Memory):
    """The laws of effects."""

    def reached(self, one: Reached) -> None:
        """Look at something that took effect at the far end."""
        self.note(one.at, *one.identity, one.message.key, one.message.content.text.strip()[-9:])
        recipient = one.message.recipient
        who = self.decisions.root((recipient.email or "").partition("@")[0]) if recipient is not None else one.who
        identity, delivery = (*one.identity[:3], who, one.identity[4]), one.message.delivery_id
        self._effects[identity] = self._effects.get(identity, 0) + 1
        self._by_delivery[delivery] = self._by_delivery.get(delivery, 0) + 1
        row = self.rows.get(delivery)
        above = self._shape.touches[one.message.touch].hangs_on
        if above is not None and (*identity[:2], above, *identity[3:]) not in self._effects:
            self.broken("I9", f"{identity} came before the post it hangs on")
        if self._effects[identity] > 1:
            self.broken("I1", f"{identity} reached its recipient {self._effects[identity]} times")
        if row is None or row.attempts < 1:
            self.broken("I2", f"{identity} reached its recipient without an attempt mark")
        elif row.identity[:3] != identity[:3] or row.occurrence != identity[4]:
            self.broken("I2", f"delivery {row.identity} reached its recipient as {identity}")
        elif row.state not in ("attempting", "unknown", "sent") and one.channel not in REPEATABLE:
            self.broken("I2", f"{identity} reached its recipient while {row.state}")
        if self._keys.get(delivery) not in (None, one.message.key):
            self.broken("I1", f"{identity} went under another key than its first attempt's")
        self._occurrence(one, identity)

    def _occurrence(self, one: Reached, identity: tuple[str, str, str, str, str]) -> None:
        """DECISIONS 20, restated: once, the local day of a repetition, or the run's key; never a due time."""
        facts, occurrence = self._shape.touches[one.message.touch], one.message.occurrence
        if facts.on is None:
            if facts.repeats == 1 and occurrence != "once":
                self.broken("I1", f"{one.identity} is not called once")
            if facts.repeats > 1 and (_DAY.fullmatch(occurrence) is None or not date.fromisoformat(occurrence)):
                self.broken("I1", f"{one.identity} is not called by its day")
            return
        key, _, number = occurrence.partition("#")
        if key not in {key for _, _, key, _, _ in self.decisions.events} | {
            f"cart={cart}" for _, _, _, cart, _ in self.decisions.events
        }:
            self.broken("I1", f"{one.identity} is called by no event")
        run, count = (one.message.touch, f"{identity[3]} {key}"), int(number or 1)
        if count <= self._reached_runs.get(run, 0) and self._effects[identity] == 1:
            self.broken("I9", f"{one.identity} came after number {self._reached_runs[run]}")
        self._reached_runs[run] = max(count, self._reached_runs.get(run, 0))
