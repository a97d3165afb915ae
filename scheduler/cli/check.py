"""One line of `campaign doctor`: what was looked at, how it is, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at: `sign` is ✓ (well), ! (worth knowing) or ✗ (to be mended, with the `remedy`)."""

    name: str
    sign: str
    message: str
    remedy: str = ""
