"""What mail providers answer, and what it means where they say nothing of their own; nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.channels import answers
from scheduler.channels.answers import Answer, discreet
from scheduler.errors import OurFault, Unknown

__all__ = ["Answer", "Differs", "Said", "discreet"]


class Differs(Unknown):
    """The provider had a request with the same key and other words before: that one may have been sent."""


@dataclass(frozen=True, slots=True)
class Said(answers.Said):
    """An answer of a mail provider that is no receipt."""

    def ours(self, remedy: str = "") -> OurFault:
        """Return that the mail was not taken, for its sender or perhaps for what it is."""
        return OurFault(str(self), remedy=remedy or f"look at the account at {self.name}: no reader is at fault")
