"""What the witness remembers: what was seen and decided, and who is who; the names of people outlive their contacts."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from simulation.decisions import Decisions
from simulation.loop import LoopClock
from simulation.rows import Row
from simulation.shapes import Shape

TERMINAL = frozenset({"sent", "suppressed", "expired", "cancelled", "failed"})
REPEATABLE = frozenset({"webhook", "call", "manual", "postcard"})
TASKS = frozenset({"call", "manual", "postcard"})
WAITING = frozenset({"planned", "claimed", "retry_wait", "held"})  # it may still go
GONE = "nobody "  # how a contact is called that was erased, or merged into another


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant: which, and by what."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


class Memory:
    """What the laws are asked of, and what is told of those that were broken."""

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

    def broken(self, invariant: str, what: str) -> None:
        self.violations.append(Violation(invariant, what))

    def note(self, *what: object) -> None:
        """Write a line of the log whose hash every run of a seed must repeat."""
        self._digest.update("|".join(map(str, what)).encode() + b"\n")

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()[:16]

    def key(self, delivery: int) -> str | None:
        """Return the key of a delivery's attempts; None before the first."""
        return self._keys.get(delivery)

    def know_everybody(self) -> None:
        """Learn who is who before somebody's row is emptied."""
        for (contact,) in self._raw.execute("SELECT id FROM contact").fetchall():
            self._who(contact)

    def forgets(self, group: frozenset[str]) -> None:
        """Take down that nothing may go to a contact any more; what it had is nobody's."""
        for contact in self._contacts_of(group):
            self._names[contact] = f"{GONE}{contact}"
            self._call(group, f"{GONE}{contact}")
        self._look_for_what_waits_for_nobody()

    def merges(self, kept: frozenset[str], other: frozenset[str]) -> None:
        """Take down that what went to the one went to the other, and that nothing may go to the emptied contact."""
        for contact in self._contacts_of(other):
            self._names[contact] = f"{GONE}{contact}"
        self._call(kept | other, min(kept | other))
        self._look_for_what_waits_for_nobody()

    def _look_for_what_waits_for_nobody(self) -> None:
        for row in self.rows.values():
            self._waits_for_somebody(row)

    def _waits_for_somebody(self, row: Row) -> None:
        """I5: what was to go to somebody who is erased, or another contact now, does not wait any more."""
        if row.state in WAITING and self._who(row.contact).startswith(GONE):
            self.broken("I5", f"{row.identity} is {row.state} though nobody is behind contact {row.contact} any more")

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

    def _reached(self, row: Row) -> int:
        """Return how often what a row means reached its person, under any name that is theirs.

        Two contacts that become one are one by the commit of it, and what is known of them is joined right after.
        """
        campaign, edition, touch, who, occurrence = self._meant(row)
        names = self.decisions.group(who)
        return sum(self._effects.get((campaign, edition, touch, name, occurrence), 0) for name in names)

    def _who(self, contact: int | None) -> str:
        if contact is None:
            return ""
        if contact not in self._names:
            found = self._raw.execute("SELECT ref FROM contact WHERE id = ?", (contact,)).fetchone()
            self._names[contact] = found[0] or f"{GONE}{contact}"
        name = self._names[contact]
        return name if name.startswith(GONE) else self.decisions.root(name)

    def _meant(self, row: Row) -> tuple[str, str, str, str, str]:
        """Return whom a row is for by name: a restored database may give the number of one person to another."""
        return (row.campaign, row.edition, row.touch, self._who(row.contact) or row.recipient, row.occurrence)
