"""What a template may do with a value: text and lists, each bounded and priced; dates and money are in locale.py."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import filters as builtin
from jinja2.exceptions import SecurityError
from jinja2.runtime import Undefined
from markupsafe import Markup

from campaigns.rendering.environment import Sandbox, printable
from campaigns.rendering.run import MAX_ITEMS, MAX_TEXT, current

_WORD = re.compile(r"\w[\w'’]*")


def _priced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Count each use, long texts more than short ones and long lists most, and refuse a result that is too long.

    An item of a list costs Python about as much as a hundred characters: sorting a thousand takes a third of a
    millisecond.
    """

    @functools.wraps(function)
    def priced(*args: Any, **kwargs: Any) -> Any:
        long = sum(len(value) for value in args if isinstance(value, str))
        many = sum(len(value) for value in args if isinstance(value, (list, tuple, dict)))
        current().spend(1 + long // 256 + many // 16)
        result = function(*args, **kwargs)
        if isinstance(result, str):
            _fits(len(result))
        return result

    return priced


def _fits(size: int) -> None:
    if size > MAX_TEXT:
        raise SecurityError(f"text longer than {MAX_TEXT >> 10} KiB")


def _count(number: Any, what: str, most: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= most:
        raise ValueError(f"expected {what} from 0 to {most}, got {printable(number)}")
    return number


def _taken(values: Any) -> list[Any]:
    """Return the items of a list or of what another filter gave, at most 10,000 of them."""
    if isinstance(values, Undefined):
        str(values)
    if not isinstance(values, Iterable):
        raise ValueError(f"expected a list, got {printable(values)!r}")
    taken: list[Any] = []
    for value in values:
        taken.append(value)
        if len(taken) > MAX_ITEMS:
            raise SecurityError(f"list longer than {MAX_ITEMS} items")
    current().spend(1 + len(taken) // 4)
    return taken


def _upper(value: Any) -> str:
    return printable(value).upper()


def _lower(value: Any) -> str:
    return printable(value).lower()


def _capitalize(value: Any) -> str:
    text = printable(value)
    return type(text)(text[:1].upper() + text[1:])


def _title(value: Any) -> str:
    text = printable(value)
    return type(text)(_WORD.sub(lambda word: word[0][0].upper() + word[0][1:], text))


def _trim(value: Any) -> str:
    return printable(value).strip()


def _truncate(value: Any, length: int = 80, end: str = "…") -> str:
    text = printable(value)
    length = _count(length, "a length", MAX_TEXT)
    if len(text) <= length:
        return text
    room = max(length - len(end), 0)
    head = text[:room].rstrip()
    if " " in head and text[room : room + 1].strip() and text[room - 1].strip():
        head = head.rsplit(None, 1)[0]
    return type(text)(head) + end


def _string(value: Any) -> str:
    return printable(value)


def _urlencode(value: Any) -> str:
    return quote(printable(value), safe="")


def _length(value: Any) -> int:
    if isinstance(value, (str, list, tuple, dict, range, Undefined)):
        return len(value)
    return len(_taken(value))


def _list(value: Any) -> list[Any]:
    return _taken(value)


def _reverse(value: Any) -> Any:
    return value[::-1] if isinstance(value, str) else _taken(value)[::-1]


def _first(value: Any) -> Any:
    taken = _taken(value)
    if not taken:
        raise ValueError("nothing to show: the list is empty")
    return taken[0]


def _last(value: Any) -> Any:
    taken = _taken(value)
    if not taken:
        raise ValueError("nothing to show: the list is empty")
    return taken[-1]


def _sum(values: Any, attribute: str | None = None, start: float = 0) -> Any:
    if not isinstance(start, (int, float)):
        raise ValueError(f"expected a number to start from, got {type(start).__name__}")
    total = start
    for value in _taken(values):
        number = value
        if attribute is not None:
            if not isinstance(value, Mapping) or attribute not in value:
                raise ValueError(f"a fact {attribute!r} is missing in the list to add up")
            number = value[attribute]
        if not isinstance(number, (int, float)):
            raise ValueError(f"expected numbers to add up, got {printable(number)!r}")
        total += number
    return round(total, 10) if isinstance(total, float) else total


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    _count(precision, "a number of decimals", 10)
    if not isinstance(value, (int, float)):
        raise ValueError(f"expected a number, got {printable(value)!r}")
    return builtin.do_round(value, precision, method)  # type: ignore[arg-type]


def _grouped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Bound the size of the groups of `batch` and `slice`."""

    @functools.wraps(function)
    def grouped(value: Any, size: int, fill_with: Any = None) -> Any:
        if _count(size, "a size of groups", 100) == 0:
            raise ValueError("expected a size of groups from 1 to 100, got 0")
        return function(_taken(value), size, fill_with)

    return grouped


def text_filters(sandbox: Sandbox) -> dict[str, Callable[..., Any]]:
    """Return the filters over text, numbers and lists for one sandbox."""

    def replace(value: Any, old: Any, new: Any) -> str:
        text, old, new = printable(value), printable(old), printable(new)
        _fits(len(text) + text.count(old) * len(new))
        if isinstance(text, Markup):
            new = str(sandbox.protect(new))
        return type(text)(str(text).replace(str(old), str(new)))

    def join(values: Any, between: Any = "", attribute: str | None = None) -> str:
        items = _taken(values)
        if attribute is not None:
            items = [sandbox.getitem(item, attribute) for item in items]
        parts: list[Any] = []
        for number, item in enumerate(items):
            parts += [between, item] if number else [item]
        return sandbox.joined(*parts)

    def indent(value: Any, width: int = 4, first: bool = False) -> str:
        text, pad = printable(value), " " * _count(width, "a width", 100)
        _fits(len(text) + text.count("\n") * len(pad) + len(pad))
        return type(text)((pad if first else "") + text.replace("\n", "\n" + pad))

    named: dict[str, Callable[..., Any]] = {
        "upper": _upper,
        "lower": _lower,
        "capitalize": _capitalize,
        "title": _title,
        "trim": _trim,
        "truncate": _truncate,
        "replace": replace,
        "join": join,
        "indent": indent,
        "string": _string,
        "urlencode": _urlencode,
        "wordcount": lambda value: len(_WORD.findall(printable(value))),
        "length": _length,
        "count": _length,
        "list": _list,
        "reverse": _reverse,
        "first": _first,
        "last": _last,
        "sum": _sum,
        "round": _round,
        "batch": _grouped(builtin.do_batch),
        "slice": _grouped(builtin.sync_do_slice),
    }
    for name in ("abs", "default", "d", "dictsort", "float", "int", "items", "map", "max", "min"):
        named[name] = builtin.FILTERS[name]
    for name in ("reject", "rejectattr", "select", "selectattr", "sort", "unique"):
        named[name] = builtin.FILTERS[name]
    return {name: _priced(function) for name, function in named.items()}
