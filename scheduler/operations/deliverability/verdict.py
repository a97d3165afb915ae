"""What one look at the DNS found: a line for the person who asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`name` is what was looked at (spf, dkim, dmarc, mx, ptr); `remedy` says what to do where that is known."""

    name: str
    level: Level
    message: str
    remedy: str = ""


def ok(name: str, message: str) -> Verdict:
    """Return that all is well."""
    return Verdict(name, "ok", message)


def warning(name: str, message: str, remedy: str = "") -> Verdict:
    """Return what is worth knowing."""
    return Verdict(name, "warning", message, remedy)


def error(name: str, message: str, remedy: str = "") -> Verdict:
    """Return what has to be mended before mails arrive."""
    return Verdict(name, "error", message, remedy)
