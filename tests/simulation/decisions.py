"""What the people of a simulation decided, as the database acknowledged it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Decisions:
    """What people decided, as the database acknowledged it."""

    stopped: set[str] = field(default_factory=set)  # unsubscribed, bounced
    withdrawn: set[str] = field(default_factory=set)  # took their consent back, and have not given it again
    known: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)  # "" is the campaign
    ended: bool = False
    rejected: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)  # cancelled once: what was planned then stays cancelled
    approved: dict[str, int] = field(default_factory=dict)  # touch: the words approved
    words: int = 1
    without: str = ""
    lateness_forgiven: set[str] = field(default_factory=set)
    resolved: set[int] = field(default_factory=set)  # deliveries a person settled
    events: list[tuple[str, str, str, object, datetime]] = field(default_factory=list)  # who, name, key, cart, at
    edited: bool = False
    answered: bool = False  # a person said what becomes of everything late
    budget: int | None = None  # how many messages may be begun in all; those begun before it was set may be more
    erased: set[str] = field(default_factory=set)  # asked to be forgotten; a later import brings somebody new
    groups: dict[str, frozenset[str]] = field(default_factory=dict)  # who is one person with whom, but for singles

    def group(self, who: str) -> frozenset[str]:
        """Return everybody whom a name is one person with, and the name itself."""
        return self.groups.get(who, frozenset((who,)))

    def root(self, who: str) -> str:
        """Return the one name that everybody of a group goes by here."""
        return min(self.group(who))

    def forgets(self, who: str) -> frozenset[str]:
        """Take down that a person is erased: what they may not get holds for each of their addresses."""
        group = self.group(who)
        self.stopped |= group
        self.erased |= group
        self.known -= group
        for name in group:
            self.groups.pop(name, None)
        return group

    def merges(self, kept: str, other: str) -> tuple[frozenset[str], frozenset[str]]:
        """Take down that two are one: what either took back or stopped holds for both; return both sides."""
        first, second = self.group(kept), self.group(other)
        both = first | second
        if self.stopped & both:
            self.stopped |= both
        if self.withdrawn & both:
            self.withdrawn |= both
        if not both <= self.known:
            self.known -= both
        self.groups.update(dict.fromkeys(both, both))
        return first, second
