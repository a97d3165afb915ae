"""The invariants of DELIVERY.md, asked of the true log of the world and the raw rows; none of the product's code.

The witness is told what the people of the simulation did once the database had acknowledged it, reads every row a
commit touched, and sees everything that took effect at the far end.
"""

from __future__ import annotations

from datetime import datetime

from simulation.effects import Effects
from simulation.endings import Endings
from simulation.marks import Marks
from simulation.memory import TERMINAL, Violation
from simulation.rows import Row, read_rows
from simulation.states import States

from scheduler.simulation import Fate


class Witness(Marks, States, Effects, Endings):
    """Sees everything and believes nothing."""

    # What the simulation tells

    def touch(self, delivery: int) -> None:
        """Take down that a row of a delivery was written; called by triggers."""
        self._touched.add(delivery)

    def fated(self, delivery: int, fate: Fate) -> None:
        """Take down what the far end is about to do."""
        if fate in (Fate.REFUSED, Fate.NOT_WANTED):
            self.refused.add(delivery)

    def forget(self) -> None:
        """Start over from the rows as they are: the database was replaced by an older copy.

        What it no longer knows it cannot hold to, but for the first law: nothing goes twice.
        """
        self._forgotten |= set(self._effects)
        self._marks.clear()
        gone = {row[0] for row in self._raw.execute("SELECT id FROM contact WHERE gone_at IS NOT NULL")}
        self._names = {contact: name for contact, name in self._names.items() if contact in gone}
        self._by_delivery.clear()
        self.rows.clear()
        self._keys.clear()
        self._touched = {row[0] for row in self._raw.execute("SELECT id FROM delivery")}
        for row in read_rows(self._raw, self._touched):
            self.rows[row.id] = row
        self._keys = dict(self._raw.execute("SELECT delivery, key FROM attempt WHERE number = 1").fetchall())
        self._touched.clear()

    # What the witness sees

    def committed(self) -> None:
        """Look at every delivery the last commit touched."""
        if not self._touched:
            return
        touched, self._touched = self._touched, set()
        attempts: dict[int, list[tuple[int, str, str | None, str]]] = {}
        marks = ",".join(map(str, sorted(touched)))
        for delivery, *attempt in self._raw.execute(
            f"SELECT delivery, number, key, outcome, started_at FROM attempt WHERE delivery IN ({marks}) ORDER BY number"
        ):
            attempts.setdefault(delivery, []).append(tuple(attempt))
        found = set()
        # Marks last: outcomes are written first, and what a mark was allowed by is how they left the others.
        for row in sorted(read_rows(self._raw, touched), key=lambda row: row.state == "attempting"):
            found.add(row.id)
            before = self.rows.get(row.id)
            if before != row:
                self._look(before, row, attempts.get(row.id, []))
                self.rows[row.id] = row
        for gone in touched - found:
            if gone in self.rows:
                self.broken("I4", f"delivery {gone} disappeared")
        attempting = sum(1 for row in self.rows.values() if row.state == "attempting")
        if attempting > self._lanes:
            self.broken("I13", f"{attempting} messages under way over {self._lanes} connections")

    def _look(self, before: Row | None, row: Row, attempts: list[tuple[int, str, str | None, str]]) -> None:
        if before is None or before.state != row.state:
            self.note(self._clock.now(), row.id, row.identity, before.state if before else "", row.state, row.reason)
        if before is not None:
            if before.identity != row.identity and not self._was_merged(before, row):
                self.broken("I4", f"{before.identity} became {row.identity}")
            if before.state in TERMINAL and (before.state, before.sent_at) != (row.state, row.sent_at):
                self.broken("I11", f"{row.identity} went from {before.state} to {row.state}")
        if [number for number, *_ in attempts] != list(range(1, row.attempts + 1)):
            self.broken("I17", f"{row.identity} counts {row.attempts} attempts and has {[a[0] for a in attempts]}")
        open_attempts = [number for number, _, outcome, _ in attempts if outcome is None]
        if len(open_attempts) > 1 or (open_attempts and row.state != "attempting"):
            self.broken("I12", f"{row.identity} is {row.state} with open attempts {open_attempts}")
        if row.state == "attempting" and not open_attempts:
            self.broken("I12", f"{row.identity} is attempting without an open attempt")
        for number, key, _, started_at in attempts:
            if self._keys.setdefault(row.id, key) != key:
                self.broken("I1", f"attempt {number} of {row.identity} bears another key than the first")
            if number > (before.attempts if before is not None else 0):
                self._mark(row, datetime.fromisoformat(started_at))
        self._state(before, row)
        self._wakes(row)

    def finished(self) -> None:
        """After the faults have stopped: everything has ended, waits for a person with a reason, or is listed."""
        self.committed()
        self._everything_ended()


__all__ = ["Violation", "Witness"]
