"""Findings: what lint, the planner and the operations want the author to know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from campaigns.errors import Place


class Level(StrEnum):
    """How grave a finding is: an error stops `apply`, a warning is shown, a note explains."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: `code` names the rule (equal to its file, with dashes), `remedy` says what to do about it."""

    code: str
    level: Level
    message: str
    place: Place | None = None
    remedy: str = ""
