"""The laws of a delivery's state: it must be true, have a cause, and somebody or some moment must move it on."""

from __future__ import annotations

from datetime import datetime, timedelta

from simulation.memory import REPEATABLE, TASKS, Memory
from simulation.rows import Row
from simulation.shapes import UNDECIDED


class States(Memory):
    """The laws of states."""

    def _state(self, before: Row | None, row: Row) -> None:
        """The state a delivery came into must be true, and have a cause."""
        effects = self._reached(row)
        decided = row.id in self.decisions.resolved
        own = self._by_delivery.get(row.id, 0)
        if row.state == "sent" and row.channel not in TASKS and not (effects or own):
            self.broken("I3", f"{row.identity} is sent and reached nobody")
        if row.state == "sent" and row.channel in TASKS:
            tasks = self._raw.execute("SELECT count(*) FROM task WHERE delivery = ?", (row.id,)).fetchone()[0]
            if tasks != 1:
                self.broken("I3", f"{row.identity} is sent with {tasks} tasks")
        known = self._meant(row) not in self._forgotten
        if self.decisions.groups:  # of two messages of a person who was two, one may have gone
            effects = own
        if effects and known and row.channel not in REPEATABLE and row.state not in ("sent", "attempting", "unknown"):
            self.broken("I2", f"{row.identity} reached its person and is {row.state}")
        if before is not None and before.state == row.state:
            return
        self._waits_for_somebody(row)
        if row.state == "failed" and row.id not in self.refused and not decided:
            self.broken("I4", f"{row.identity} failed although nothing refused it: {row.reason}")
        if row.state == "expired":
            late = row.expires_at is not None and self._clock.highest > datetime.fromisoformat(row.expires_at)
            # What waits for an hour that comes too late ends at once.
            told = row.reason.endswith("has ended") or self.decisions.answered
            told = told or self._who(row.contact) in self.decisions.stopped  # it would not have reached them in time
            if not late and not told and not self._shape.quiet:
                self.broken("I4", f"{row.identity} expired before its time {row.expires_at}")
        if row.state == "suppressed" and row.reason in ("no consent", "unsubscribed", "bounce"):
            who = self._who(row.contact)
            if who != UNDECIDED and who not in self.decisions.stopped | self.decisions.withdrawn:
                self.broken("I4", f"{row.identity} was withheld from {who}, who agreed: {row.reason}")
        if row.state == "cancelled" and not self._may_be_cancelled(row):
            self.broken("I4", f"{row.identity} was cancelled by nobody: {row.reason}")
        if row.state == "unknown" and not self.uncertain:
            self.broken("I4", f"{row.identity} is unknown although nothing was uncertain")

    def _may_be_cancelled(self, row: Row) -> bool:
        decisions, facts = self.decisions, self._shape.touches[row.touch]
        if decisions.edited or row.touch in decisions.dropped:
            return True
        if facts.hangs_on is not None and " did not go: " in row.reason:
            above = [one.state for one in self.rows.values() if one.touch == facts.hangs_on]
            return above in (["failed"], ["expired"], ["cancelled"], ["suppressed"])
        if row.reason == "erased":
            return bool(decisions.erased)
        if row.reason.startswith("they are the same person as"):
            return bool(decisions.groups or decisions.erased)
        if facts.instead_of is not None and row.reason == f"{facts.instead_of} came first":
            return any(name == facts.instead_of for _, name, *_ in decisions.events)
        goal = any(name == facts.until for _, name, *_ in decisions.events)
        return goal or (facts.until is not None and len(decisions.events) > 1)

    def _wakes(self, row: Row) -> None:
        """I16: whatever is open has somebody or some moment that moves it on."""
        if row.state in ("planned", "retry_wait"):
            if row.next_at is None:
                self.broken("I16", f"{row.identity} is {row.state} without a moment")
            elif datetime.fromisoformat(row.next_at) > self._clock.highest + timedelta(days=40):
                self.broken("I16", f"{row.identity} waits until {row.next_at}")
        elif row.state == "claimed" and (row.worker is None or row.lease_until is None):
            self.broken("I16", f"{row.identity} is claimed by nobody")
        elif row.state == "attempting" and row.worker is None:
            self.broken("I16", f"{row.identity} is attempted by nobody")
        elif row.state in ("held", "unknown", "suppressed", "expired", "cancelled", "failed") and not row.reason:
            self.broken("I16", f"{row.identity} is {row.state} without a reason")

    def _was_merged(self, before: Row, row: Row) -> bool:
        """Whether a message that has not gone is for the person whom its contact was merged into."""
        was, now = (*before.identity[:3], before.occurrence), (*row.identity[:3], row.occurrence)
        return bool(self.decisions.groups) and was == now and row.recipient == f"c{row.contact}"
