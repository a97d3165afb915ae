"""A limit as an author sets it: `1000`, `8 MB`, `90 s`, `4:5 to 1.91:1`; read here, and written back as it stood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_NUMBER = r"(\d{1,12}(?:\.\d{1,6})?)"
_VALUE = re.compile(rf"{_NUMBER}(?::{_NUMBER})?\s*(s|seconds?|kB|KB|MB|GB|MiB|GiB)?\Z")
_TIMES = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "mib": 2**20, "gib": 2**30}


@dataclass(frozen=True, slots=True)
class Setting:
    """What an author set: `most` alone where one number is written, and `least` where it is `3 to 90`."""

    written: str
    most: Decimal
    least: Decimal | None = None

    def __str__(self) -> str:
        return self.written


def read_setting(text: str) -> Setting | None:
    """Read a number, a ratio or a range of them, with `s`, `kB`, `MB`, `GB`, `MiB` or `GiB` after it.

    Returns None for what is none of these, and for a range that ends before it begins.
    """
    low, word, high = text.strip().partition(" to ")
    first = _value(low)
    if not word:
        return None if first is None else Setting(text.strip(), first)
    second = _value(high)
    if first is None or second is None or first > second:
        return None
    return Setting(text.strip(), second, first)


def _value(text: str) -> Decimal | None:
    match = _VALUE.match(text.strip())
    if match is None or (match[2] is not None and Decimal(match[2]) == 0):
        return None
    value = Decimal(match[1]) / (Decimal(match[2]) if match[2] else 1)
    return value * _TIMES.get((match[3] or "").lower(), 1)
