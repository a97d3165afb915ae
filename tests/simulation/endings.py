"""The laws of the end: once the faults have stopped, everything has ended, waits for a person, or is listed."""

from __future__ import annotations

from simulation.memory import TERMINAL, Memory
from simulation.rows import Row


class Endings(Memory):
    """The laws of the end."""

    def _everything_ended(self) -> None:
        unknown = 0
        for row in self.rows.values():
            unknown += row.state == "unknown"
            if row.state not in TERMINAL | {"held", "unknown"} and not self._waits_for_a_person(row):
                self.broken("liveness", f"{row.identity} is still {row.state} since {row.next_at}: {row.reason}")
        if unknown > self.uncertain:
            self.broken("U", f"{unknown} unknown after {self.uncertain} uncertain moments")
        self._nobody_forgotten()

    def _waits_for_a_person(self, row: Row) -> bool:
        """Whether a row waits for a post that is held: what hangs on it is looked at again until somebody decides."""
        above = self._shape.touches[row.touch].hangs_on
        post = (row.campaign, row.edition, above, row.recipient, row.occurrence)
        held = any(one.identity == post and one.state in ("held", "unknown") for one in self.rows.values())
        return row.state == "planned" and held

    def _nobody_forgotten(self) -> None:
        """I4: what was to be planned was planned, for everybody and every event."""
        planned: dict[tuple[str, str], int] = {}
        for row in self.rows.values():
            planned[row.touch, row.recipient] = planned.get((row.touch, row.recipient), 0) + 1
        people = {self._who(row[0]): row[0] for row in self._raw.execute("SELECT id FROM contact").fetchall()}
        self._nobody_stands_still()
        for touch, facts in self._shape.touches.items():
            if facts.on is None and not facts.after and not self.decisions.ended and not self.decisions.edited:
                if touch in self.decisions.dropped:
                    continue
                for who in sorted({self.decisions.root(one) for one in self.decisions.known}) if facts.personal else ():
                    count = planned.get((touch, f"c{people[who]}"), 0)
                    if count != facts.repeats:
                        self.broken("I4", f"{touch} was planned {count} times for {who}, not {facts.repeats}")
        orphans = self._raw.execute(
            "SELECT run.touch, run.key FROM run LEFT JOIN delivery ON delivery.run = run.id WHERE delivery.id IS NULL"
        ).fetchall()
        if orphans:
            self.broken("I4", f"runs without a message: {orphans}")
        stored = {row[0] for row in self._raw.execute("SELECT key FROM event")}
        missing = [key for _, _, key, _, _ in self.decisions.events if key not in stored]
        if missing:
            self.broken("I4", f"events acknowledged and gone: {missing}")

    def _nobody_stands_still(self) -> None:
        """I16: a run that is open has a message that is, or has come to the end of its way."""
        last = {touch for touch, facts in self._shape.touches.items() if facts.is_last}
        for (run,) in self._raw.execute("SELECT id FROM run WHERE state = 'open'").fetchall():
            rows = [row for row in self.rows.values() if row.run == run]
            is_open = any(row.state not in TERMINAL for row in rows)
            facts = [self._shape.touches[row.touch] for row in rows]
            goes_on = rows and all(one.keyed or one.on is None for one in facts)
            if goes_on and last and not is_open and not any(row.touch in last for row in rows):
                self.broken("I16", f"run {run} stands still after {[(row.touch, row.state) for row in rows]}")
