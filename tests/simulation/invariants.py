"""The invariants of DELIVERY.md, asked of the true log of the world and the raw rows; none of the product's code.

The witness is told what the people of the simulation did once the database had acknowledged it, reads every row a
commit touched, and sees everything that took effect at the far end.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from simulation.decisions import Decisions
from simulation.loop import LoopClock
from simulation.rows import Row, read_rows
from simulation.shapes import QUIET, UNDECIDED, Facts, Shape

from scheduler.simulation import Fate, Reached

TERMINAL = frozenset({"sent", "suppressed", "expired", "cancelled", "failed"})
REPEATABLE = frozenset({"webhook", "call", "manual", "postcard"})
TASKS = frozenset({"call", "manual", "postcard"})
SECOND = timedelta(seconds=1)
_GONE = "nobody "  # how a contact is called that was erased, or merged into another
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant: which, and by what."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


class Witness:
    """Sees everything and believes nothing."""

    def __init__(self, raw: sqlite3.Connection, shape: Shape, clock: LoopClock, *, lanes: int) -> None:
        self.decisions = Decisions()
        self.violations: list[Violation] = []
        self.uncertain = 0  # how many deliveries may rightly be unknown
        self.refused: set[int] = set()  # deliveries the far end refused for good
        self._raw, self._shape, self._clock, self._lanes = raw, shape, clock, lanes
        self._touched: set[int] = set()
        self.rows: dict[int, Row] = {}
        self._keys: dict[int, str] = {}
        self._effects: dict[tuple[str, str, str, str, str], int] = {}
        self._by_delivery: dict[int, int] = {}
        self._marks: dict[str, list[tuple[datetime, int]]] = {}  # who: marketing marks
        self._names: dict[int, str] = {}
        self._digest = hashlib.sha256()
        self._forgotten: set[tuple[str, str, str, str, str]] = set()  # reached somebody before a restore
        self._reached_runs: dict[tuple[str, str], int] = {}

    # What the simulation tells

    def broken(self, invariant: str, what: str) -> None:
        self.violations.append(Violation(invariant, what))

    def note(self, *what: object) -> None:
        """Write a line of the log whose hash every run of a seed must repeat."""
        self._digest.update("|".join(map(str, what)).encode() + b"\n")

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()[:16]

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

    def know_everybody(self) -> None:
        """Learn who is who before somebody's row is emptied."""
        for (contact,) in self._raw.execute("SELECT id FROM contact").fetchall():
            self._who(contact)

    def forgets(self, group: frozenset[str]) -> None:
        """Take down that nothing may go to a contact any more; what it had is nobody's."""
        for contact in self._contacts_of(group):
            self._names[contact] = f"{_GONE}{contact}"
            self._call(group, f"{_GONE}{contact}")

    def merges(self, kept: frozenset[str], other: frozenset[str]) -> None:
        """Take down that what went to the one went to the other, and that nothing may go to the emptied contact."""
        for contact in self._contacts_of(other):
            self._names[contact] = f"{_GONE}{contact}"
        self._call(kept | other, min(kept | other))

    def _contacts_of(self, group: frozenset[str]) -> list[int]:
        return [contact for contact, name in self._names.items() if name in group]

    def _call(self, names: frozenset[str], name: str) -> None:
        """Keep what is known of some names under one."""

        def called(identity: tuple[str, str, str, str, str]) -> tuple[str, str, str, str, str]:
            return (*identity[:3], name if identity[3] in names else identity[3], identity[4])

        effects = sorted(self._effects.items())
        self._effects.clear()
        for identity, count in effects:
            self._effects[called(identity)] = max(count, self._effects.get(called(identity), 0))
        self._forgotten = {called(identity) for identity in self._forgotten}
        marks = [mark for one in sorted(names) for mark in self._marks.pop(one, [])]
        self._marks[name] = sorted(marks)
        runs = sorted(self._reached_runs.items())
        self._reached_runs.clear()
        for (touch, whose), count in runs:
            who, _, key = whose.partition(" ")
            run = (touch, f"{name if who in names else who} {key}")
            self._reached_runs[run] = max(count, self._reached_runs.get(run, 0))

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

    def _state(self, before: Row | None, row: Row) -> None:
        """The state a delivery came into must be true, and have a cause."""
        effects = self._effects.get(self._meant(row), 0)
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

    def _mark(self, row: Row, now: datetime) -> None:
        """An attempt mark was committed: from here on the message may go, so everything must allow it."""
        facts, decisions, who = self._shape.touches[row.touch], self.decisions, self._who(row.contact)
        if who.startswith(_GONE):
            self.broken("I5", f"{row.identity} is attempted though nobody is behind contact {row.contact} any more")
        if decisions.ended or row.touch in decisions.rejected:
            self.broken("I5", f"{row.identity} is attempted after it was cancelled")
        if row.touch in decisions.paused or "" in decisions.paused:
            self.broken("pause", f"{row.identity} is attempted while paused")
        if row.touch == decisions.without:
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
            answers = (self.decisions.root(name_of), name, f"cart={cart}") == (who, facts.instead_of, begun[0])
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

    def reached(self, one: Reached) -> None:
        """Look at something that took effect at the far end."""
        self.note(one.at, *one.identity, one.message.key, one.message.content.text.strip()[-9:])
        recipient = one.message.recipient
        who = self.decisions.root((recipient.email or "").partition("@")[0]) if recipient is not None else one.who
        identity, delivery = (*one.identity[:3], who, one.identity[4]), one.message.delivery_id
        self._effects[identity] = self._effects.get(identity, 0) + 1
        self._by_delivery[delivery] = self._by_delivery.get(delivery, 0) + 1
        row = self.rows.get(delivery)
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

    # At the end

    def finished(self) -> None:
        """After the faults have stopped: everything has ended, waits for a person with a reason, or is listed."""
        self.committed()
        unknown = 0
        for row in self.rows.values():
            unknown += row.state == "unknown"
            if row.state not in TERMINAL | {"held", "unknown"}:
                self.broken("liveness", f"{row.identity} is still {row.state} since {row.next_at}: {row.reason}")
        if unknown > self.uncertain:
            self.broken("U", f"{unknown} unknown after {self.uncertain} uncertain moments")
        self._nobody_forgotten()

    def _nobody_forgotten(self) -> None:
        """I4: what was to be planned was planned, for everybody and every event."""
        planned: dict[tuple[str, str], int] = {}
        for row in self.rows.values():
            planned[row.touch, row.recipient] = planned.get((row.touch, row.recipient), 0) + 1
        people = {self._who(row[0]): row[0] for row in self._raw.execute("SELECT id FROM contact").fetchall()}
        self._nobody_stands_still()
        for touch, facts in self._shape.touches.items():
            if facts.on is None and not self.decisions.ended and not self.decisions.edited:
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
            goes_on = rows and all(self._shape.touches[row.touch].keyed for row in rows)
            if goes_on and last and not is_open and not any(row.touch in last for row in rows):
                self.broken("I16", f"run {run} stands still after {[(row.touch, row.state) for row in rows]}")

    def _was_merged(self, before: Row, row: Row) -> bool:
        """Whether a message that has not gone is for the person whom its contact was merged into."""
        was, now = (*before.identity[:3], before.occurrence), (*row.identity[:3], row.occurrence)
        return bool(self.decisions.groups) and was == now and row.recipient == f"c{row.contact}"

    def _zone(self, contact: int | None) -> str:
        found = self._raw.execute("SELECT timezone FROM contact WHERE id = ?", (contact,)).fetchone()
        return found[0] or "Europe/Paris"

    def _meant(self, row: Row) -> tuple[str, str, str, str, str]:
        """Return whom a row is for by name: a restored database may give the number of one person to another."""
        return (row.campaign, row.edition, row.touch, self._who(row.contact) or row.recipient, row.occurrence)

    def _who(self, contact: int | None) -> str:
        if contact is None:
            return ""
        if contact not in self._names:
            found = self._raw.execute("SELECT ref FROM contact WHERE id = ?", (contact,)).fetchone()
            self._names[contact] = found[0] or f"{_GONE}{contact}"
        name = self._names[contact]
        return name if name.startswith(_GONE) else self.decisions.root(name)
