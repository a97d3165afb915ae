"""What allows an attempt: laws that are asked when its mark is committed, since from there on the message may go."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from simulation.memory import GONE, TERMINAL, Memory
from simulation.rows import Row
from simulation.shapes import QUIET, UNDECIDED, Facts

SECOND = timedelta(seconds=1)


class Marks(Memory):
    """The laws of attempt marks."""

    def _mark(self, row: Row, now: datetime) -> None:
        """An attempt mark was committed: from here on the message may go, so everything must allow it."""
        facts, decisions, who = self._shape.touches[row.touch], self.decisions, self._who(row.contact)
        if who.startswith(GONE):
            self.broken("I5", f"{row.identity} is attempted though nobody is behind contact {row.contact} any more")
        if decisions.ended or row.touch in decisions.rejected:
            self.broken("I5", f"{row.identity} is attempted after it was cancelled")
        if row.touch in decisions.paused or "" in decisions.paused:
            self.broken("pause", f"{row.identity} is attempted while paused")
        if decisions.without and row.touch.partition(".")[0] == decisions.without:
            self.broken("I4", f"{row.identity} is attempted after it was taken out")
        begun = sum(1 for one in self.rows.values() if one.attempts and one.id != row.id)
        if decisions.budget is not None and row.attempts == 1 and begun >= decisions.budget:
            self.broken("I14", f"{row.identity} is begun after {begun} others, with {decisions.budget} authorised")
        if facts.approval and decisions.approved.get(row.touch) != decisions.words:
            self.broken("approval", f"{row.identity} is attempted with words nobody approved")
        if who and facts.marketing and who in {UNDECIDED} | decisions.stopped | decisions.withdrawn:
            self.broken("I5", f"{row.identity} is attempted although {who} does not agree")
        if who and facts.marketing and self._shape.quiet:
            local = now.astimezone(ZoneInfo(self._zone(row.contact))).time()
            if local >= QUIET[0] or local < QUIET[1]:
                self.broken("I6", f"{row.identity} is attempted at {local} of {who}'s night")
        if facts.after:
            self._order(row, facts, who)
        if row.expires_at is not None and now > datetime.fromisoformat(row.expires_at):
            self.broken("I7", f"{row.identity} is attempted at {now}, after {row.expires_at}")
        if self._clock.highest < datetime.fromisoformat(row.due_at) - SECOND:
            self.broken("I8", f"{row.identity} is attempted at {now}, before {row.due_at}")
        if who and facts.marketing:
            self._cap(row, who, now)
        if who and facts.until is not None and row.run is not None:
            self._goal(row, facts, who, now)

    def _order(self, row: Row, facts: Facts, who: str) -> None:
        """I9: a step begins once those before it have ended, and nobody goes both ways, or the wrong one."""
        run = [one for one in self.rows.values() if one.run == row.run and one.id != row.id]
        ended = {one.touch for one in run if one.state in TERMINAL}
        if who in self.decisions.groups:  # what they had as somebody else, they had
            had = [one for one in self.rows.values() if one.occurrence == row.occurrence and one.state in TERMINAL]
            ended |= {one.touch for one in had if self._who(one.contact) == who}
        if missing := set(facts.after) - ended:
            self.broken("I9", f"{row.identity} is begun before {sorted(missing)}")
        for other in run:
            both = self._shape.touches[other.touch].instead_of, facts.instead_of
            if both.count(None) == 1 and other.attempts and self._shape.touches[other.touch].after:
                self.broken("I9", f"{row.identity} is begun after {other.identity} of the other way")

        asked = next((one.sent_at for one in run if one.touch in facts.after and one.sent_at is not None), None)
        if facts.instead_of is None or asked is None:
            return
        until = datetime.fromisoformat(asked) + timedelta(hours=23)  # the day of the wait may lack an hour
        begun = self._raw.execute("SELECT key, started_at FROM run WHERE id = ?", (row.run,)).fetchone()
        for name_of, name, _, cart, at in self.decisions.events:
            answers = (self.decisions.root(name_of), name) == (who, facts.instead_of)
            answers = answers and begun[0] in (f"cart={cart}", "once")
            if answers and datetime.fromisoformat(begun[1]) <= at <= until:
                self.broken("I9", f"{row.identity} is attempted though {name} came at {at}")

    def _cap(self, row: Row, who: str, now: datetime) -> None:
        marks = self._marks.setdefault(who, [])
        for times, days in self._shape.caps:
            went = {
                delivery
                for at, delivery in marks
                if delivery != row.id
                and at > now - timedelta(days=days)
                and (self.rows[delivery].state in ("sent", "attempting", "unknown") or self._by_delivery.get(delivery))
            }
            if len(went) >= times:
                self.broken("I10", f"{row.identity} is one more than {times} in {days} days for {who}")
        marks.append((now, row.id))

    def _goal(self, row: Row, facts: Facts, who: str, now: datetime) -> None:
        begun = self._raw.execute("SELECT key, started_at FROM run WHERE id = ?", (row.run,)).fetchone()
        for name_of, name, _, cart, at in self.decisions.events:
            if self.decisions.root(name_of) != who or name != facts.until or at < datetime.fromisoformat(begun[1]):
                continue
            if not facts.keyed or cart is None or begun[0] == f"cart={cart}":
                self.broken("I15", f"{row.identity} is attempted after {name} at {at}")

    def _zone(self, contact: int | None) -> str:
        found = self._raw.execute("SELECT timezone FROM contact WHERE id = ?", (contact,)).fetchone()
        return found[0] or "Europe/Paris"
