"""What the Python made of a template calls as it runs; nothing here knows of templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaigns.rendering.environment import printable

_KEPT = 2048  # results a filter remembers for one place in a template


class Unfolded(Exception):
    """A message that only the sandbox can carry out, or say what is wrong with."""


class _Missing:
    """Stands for a fact that is not there, where a template asks whether it is."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()


class Kept(dict[Any, Any]):
    """The results of a function that depends on its value alone; looked up with text, worked out where new.

    Text longer than `longest` is worked out and not kept. Only results that nobody can change are kept.
    """

    def __init__(self, function: Callable[[Any], Any], longest: int) -> None:
        super().__init__()
        self._function = function
        self._longest = longest

    def __missing__(self, value: Any) -> Any:
        result = self._function(value)
        if len(value) <= self._longest:
            self.keep(value, result)
        return result

    def work_out(self, value: Any) -> Any:
        """Return the result for a value that is not text."""
        return self._function(value)

    def keep(self, key: Any, result: Any) -> None:
        """Remember a result; everything is forgotten when there is too much of it."""
        if type(result) in (str, int, float, bool):
            if len(self) >= _KEPT:
                self.clear()
            self[key] = result


def remembered(kept: Kept) -> Callable[[Any], Any]:
    """Return the function that looks up numbers: 1, 1.0 and True, or 0.0 and -0.0, are not the same."""

    floats, whole = Kept(kept.work_out, 0), Kept(kept.work_out, 0)

    def look(value: Any) -> Any:
        held = floats if type(value) is float else whole if type(value) is int else None
        if held is None or not value:
            return kept.work_out(value)
        found = held.get(value, MISSING)
        if found is MISSING:
            found = kept.work_out(value)
            held.keep(value, found)
        return found

    return look


def peek_key(holder: Any, key: str) -> Any:
    """Return a fact, MISSING where it is not there."""
    if type(holder) is not dict:
        raise Unfolded
    return holder.get(key, MISSING)


def peek_item(holder: Any, key: Any) -> Any:
    """Return an item, MISSING where it is not there."""
    if type(holder) not in (dict, list, str):
        raise Unfolded
    try:
        return holder[key]
    except (TypeError, LookupError):
        return MISSING


def default(priced: Callable[..., Any], value: Any, instead: Any, boolean: Any) -> Any:
    """Return `instead` for what is missing, or empty where `boolean`; long values pay what they cost."""
    if value is not MISSING and type(value) not in (str, int, float, bool):
        return priced(value, instead, boolean)
    if type(instead) is not str or len(instead) > 100 or (type(value) is str and len(value) > 100):
        priced("" if value is MISSING else value, instead, boolean)
    return instead if value is MISSING or (boolean and not value) else value


def shown(value: Any) -> str:
    """Return the text of a value that can be shown."""
    if type(value) is int:
        return str(value)
    if value is MISSING:
        raise Unfolded
    return str(printable(value))


def turns(value: Any) -> list[Any]:
    """Return what a loop goes through."""
    if value is MISSING:
        raise Unfolded
    return list(value)


SPACE: dict[str, Any] = {
    "MISSING": MISSING,
    "Unfolded": Unfolded,
    "default": default,
    "peek_item": peek_item,
    "peek_key": peek_key,
    "shown": shown,
    "turns": turns,
}
