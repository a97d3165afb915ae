"""What can be wrong with a campaign, and where; nothing here knows what a campaign is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file: 1-based `line` and `column`; `text` is the line itself, `width` what to underline."""

    file: str
    line: int | None = None
    column: int | None = None
    text: str | None = field(default=None, compare=False)
    width: int = field(default=1, compare=False)

    def __str__(self) -> str:
        parts = [self.file]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing an author has to mend: what is wrong, where, and the remedy."""

    code: str
    message: str
    place: Place
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" - {self.remedy}" if self.remedy else "")


class CampaignError(Exception):
    """Base of every error a user of the library sees: lowercase message, place and remedy, never a traceback."""

    def __init__(self, message: str, *, place: Place | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}" + (f" - {self.remedy}" if self.remedy else "")


class DefinitionError(CampaignError):
    """Every mistake of one or more campaign files, collected in one run."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        first = mistakes[0]
        super().__init__(first.message, place=first.place, remedy=first.remedy)
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)


class PhraseError(CampaignError):
    """A timing phrase that cannot be read whole; `at` is the 0-based offset of the first unreadable character."""

    def __init__(self, message: str, *, phrase: str, at: int = 0, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.phrase = phrase
        self.at = at


class TimingError(CampaignError):
    """A timing that was read but cannot be resolved: an impossible date, a past year, no allowed slot."""


class UnresolvedError(TimingError):
    """A timing that waits for a moment nobody knows yet (an event, the previous stage); never read as now."""


class ExpressionError(CampaignError):
    """An audience expression that cannot be read; `at` is the 0-based offset of the first unreadable character."""

    def __init__(self, message: str, *, expression: str, at: int = 0, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.expression = expression
        self.at = at


class RenderError(CampaignError):
    """A template that cannot be rendered: broken syntax, an undefined variable, a forbidden operation."""


def suggestion(word: str, names: Iterable[str]) -> str:
    """Return "did you mean 'x'?" for the name nearest to `word`, whatever its case; empty when none is near."""
    by_folded = {name.casefold(): name for name in names}
    near = get_close_matches(word.strip().casefold().replace(" ", "_"), by_folded, n=1) or get_close_matches(
        word.strip().casefold(), by_folded, n=1
    )
    return f"did you mean '{by_folded[near[0]]}'?" if near else ""
