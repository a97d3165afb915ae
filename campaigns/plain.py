"""Plain data: what templates may be given, and what is stored as JSON; text without what would disturb its readers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from campaigns.errors import RenderError

# C0 and C1 controls but tab and line feed; embeddings and overrides of writing direction, which would turn round the
# text after them; the noncharacters that the renderer keeps for itself.
_DROPPED: dict[int, None] = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F)])
_DROPPED |= dict.fromkeys([*range(0x2066, 0x206A), 0xE000, 0xE001, 0xFFFE, 0xFFFF])
_DROPPED |= dict.fromkeys(range(0xD800, 0xE000))
_DEPTH = 20
_BITS = 1000  # of a whole number


class PlainFacts(dict[str, object]):
    """Facts that `plain` would leave as they are; not to be changed any more."""

    __slots__ = ()


class PlainList(list[object]):
    """A list that `plain` would leave as it is; not to be changed any more."""

    __slots__ = ()


def plain(value: object, *, depth: int = 0) -> object:
    """Return `value` as text, numbers, booleans, None, lists and dicts of text keys; moments become ISO 8601 text.

    Control characters and direction overrides are dropped from text. Raises RenderError for anything else, for
    numbers of more than 300 digits, and for data nested deeper than 20 levels.
    """
    if depth > _DEPTH:
        raise RenderError(f"expected facts nested at most {_DEPTH} levels deep")
    if type(value) is PlainList:
        return list(value)
    if type(value) is PlainFacts:
        return dict(value)
    if isinstance(value, str):
        return value if type(value) is str and value.isprintable() else clean(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if value.bit_length() > _BITS:
            raise RenderError("expected a number of at most 300 digits")
        return int(value)
    if isinstance(value, (float, Decimal)):
        return _number(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {clean(str(key)): plain(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth=depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return [plain(item, depth=depth + 1) for item in sorted(value, key=str)]
    raise RenderError(f"expected text, a number, a list or a mapping as a fact, got {type(value).__name__}")


def _number(value: float | Decimal) -> int | float:
    """Return a whole decimal as int, everything else as float; RenderError unless it is finite."""
    if not value.is_finite() if isinstance(value, Decimal) else not math.isfinite(value):
        raise RenderError(f"expected a finite number, got {value}")
    if isinstance(value, Decimal) and abs(value) < 10**15 and value == value.to_integral_value():
        return int(value)
    if math.isinf(number := float(value)):
        raise RenderError("expected a number of at most 300 digits")
    return number


def clean(text: str) -> str:
    """Return `text` without control characters and direction overrides; line feeds and tabs stay."""
    if text.isprintable():
        return str(text)
    return str(text).replace("\r\n", "\n").replace("\r", "\n").translate(_DROPPED)


# What JSON cannot say and Python writes all the same, and the sign of every text that is not what it looks like.
_DOUBTFUL = ("\\", "NaN", "Infinity")
_LARGEST = 10**290


def from_json(text: str) -> Any:
    """Read JSON; of an object whose text shows that `plain` would leave it as it is, what it nests says so.

    Thousands of people a second are read for their messages, each of them looked through for control characters
    otherwise, value by value.
    """
    value = json.loads(text)
    if type(value) is not dict or not text.isprintable() or any(sign in text for sign in _DOUBTFUL):
        return value
    return {key: _marked(item) for key, item in value.items()} if _is_simple(value) else value


def _marked(item: Any) -> Any:
    if type(item) is list:
        return PlainList(item)
    return PlainFacts(item) if type(item) is dict else item


def _is_simple(value: dict[str, Any]) -> bool:
    """Whether an object is nested less deep than allowed, and its numbers are not too large."""
    level: list[Any] = [value]
    for _ in range(_DEPTH):
        below: list[Any] = []
        for one in level:
            for item in one.values() if type(one) is dict else one:
                kind = type(item)
                if kind is str:
                    continue
                if kind is dict or kind is list:
                    below.append(item)
                elif (kind is int or kind is float) and not -_LARGEST < item < _LARGEST:
                    return False
        if not below:
            return True
        level = below
    return False
