"""The shape of a rule: its code, how grave it is, and a function over values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from campaigns.definition import Campaign
from campaigns.errors import Place
from campaigns.finding import Finding, Level
from campaigns.lint.facts import Facts
from campaigns.lint.letter import Letter
from campaigns.lint.posting import Posting
from campaigns.timeline import Timeline


@dataclass(frozen=True, slots=True)
class View:
    """What a rule sees."""

    campaign: Campaign
    timeline: Timeline
    facts: Facts

    @property
    def letters(self) -> tuple[Letter, ...]:
        """The mails that were rendered to be looked at."""
        return self.facts.letters or ()

    @property
    def postings(self) -> tuple[Posting, ...]:
        """The posts, SMS and WhatsApp messages that were rendered to be measured."""
        return self.facts.postings or ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """One place where a rule is broken; the rule adds its code and level."""

    message: str
    place: Place
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: `code` is its file's name with dashes, or the name of a limit, `says` what it asks in one line.

    `needs` names the field of Facts without which it cannot be checked. A rule that protects people cannot be disabled;
    one about a limit of a network can, even where it is an error: networks change, and the author may know better.
    """

    code: str
    level: Level
    says: str
    check: Callable[[View], Iterator[Trouble]]
    needs: str | None = None
    protects: bool = False

    def can_check(self, facts: Facts) -> bool:
        """Whether somebody looked at what the rule needs to know."""
        return self.needs is None or getattr(facts, self.needs) is not None

    def findings(self, view: View) -> Iterator[Finding]:
        """Yield what breaks the rule; its facts must be there (`can_check`)."""
        for trouble in self.check(view):
            yield Finding(self.code, self.level, trouble.message, trouble.place, trouble.remedy)
