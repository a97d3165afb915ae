"""Reading events: one JSON object a line, from a file or standard input, every mistake reported with its line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from campaigns.errors import DefinitionError, Mistake, Place
from campaigns.timing import zones
from scheduler.errors import SchedulerError

_DAY = re.compile(r"day (-?\d{1,4}) (\d{1,2}):(\d{2})\Z")
_LONGEST_LINE = 65_536
LONGEST_KEY = 200
_LONGEST_NAME = 320  # an e-mail address has at most 254 characters
_DEEPEST = 32
_MOST_DIGITS = 18  # what every database keeps exactly
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_KNOWN = frozenset({"who", "name", "at", "id"})
_REMEDY = 'write {"who": "lea@example.org", "name": "purchase"}'


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event of a file: `at` is aware UTC, None when the line gives no moment; `key` is the sender's id or None.

    `place` is where it stands, for what only shows later: a person nobody knows, an event nobody declared.
    """

    line: int
    who: str
    name: str
    at: datetime | None
    key: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


def read_file(path: Path, *, zone: str, start: date | None = None) -> tuple[EventLine, ...]:
    """Read the events of a file; see `read`. Raises SchedulerError when it cannot be opened or is not UTF-8."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            return read(lines, source=str(path), zone=zone, start=start)
    except OSError as error:
        raise SchedulerError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError as error:
        raise SchedulerError(
            f"{path} is not UTF-8: byte {error.start} (0x{error.object[error.start]:02x}) cannot be read",
            remedy="save it as UTF-8",
        ) from None


def read(lines: Iterable[str], *, source: str, zone: str, start: date | None = None) -> tuple[EventLine, ...]:
    """Read events such as `{"who": "lea@example.org", "name": "purchase", "at": "2027-01-12T10:15", "product": "x"}`.

    `at` is ISO 8601 (without an offset: local in `zone`), or in a rehearsal `day 12 10:15`, the 12th day after its
    first day `start`, negative for days before it. `id` is the sender's idempotency key; every other key is a fact of
    the event. Raises DefinitionError with every mistake.
    """
    events: list[EventLine] = []
    mistakes: list[Mistake] = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            events.append(read_line(number, text, source=source, zone=zone, start=start))
        except DefinitionError as error:
            mistakes += error.mistakes
    if mistakes:
        raise DefinitionError(tuple(mistakes))
    return tuple(events)


def read_line(number: int, text: str, *, source: str, zone: str, start: date | None = None) -> EventLine:
    """Read one line, the `number`-th (1-based) of `source`; see `read`. Raises DefinitionError with its place."""
    place = Place(source, number, 1, text.strip()[:200])
    try:
        return replace(_event(number, text.strip(), zone, start), place=place)
    except ValueError as error:
        raise DefinitionError((Mistake("event", str(error), place, _REMEDY),)) from None


def _event(number: int, text: str, zone: str, start: date | None) -> EventLine:
    if len(text) > _LONGEST_LINE:
        raise ValueError(f"an event may have {_LONGEST_LINE:,} characters, got {len(text):,}")
    try:
        data = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite, parse_int=_whole
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg.lower()} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(data, dict):
        raise ValueError(f"expected a JSON object, got {text[:20]!r}")
    if _is_deeper(data, _DEEPEST):
        raise ValueError("nested too deep")
    for name in ("who", "name"):
        if not isinstance(data.get(name), str) or not data[name].strip():
            raise ValueError(f"`{name}` is missing: expected text")
        if len(data[name]) > _LONGEST_NAME or _CONTROL.search(data[name].strip()):
            raise ValueError(f"`{name}` must be one line of at most {_LONGEST_NAME} characters")
    key = data.get("id")
    if key is not None and (isinstance(key, bool) or not isinstance(key, (str, int))):
        raise ValueError("`id` must be text or a whole number")
    return EventLine(
        line=number,
        who=data["who"].strip(),
        name=data["name"].strip(),
        at=read_moment(data["at"], zone, start) if "at" in data else None,
        key=None if key is None else read_key(str(key)),
        facts={name: value for name, value in data.items() if name not in _KNOWN},
    )


def read_key(text: str) -> str:
    """Return the sender's id of an event; ValueError when it is empty, too long or not one line."""
    if not text.strip() or len(text) > LONGEST_KEY or _CONTROL.search(text):
        raise ValueError(f"`id` must be one line of at most {LONGEST_KEY} characters, and not empty")
    return text


def read_moment(value: object, zone: str, start: date | None = None) -> datetime:
    """Read the moment of an event as `read` describes; ValueError when it cannot be read."""
    text = str(value).strip()
    if (match := _DAY.match(text)) is not None:
        if start is None:
            raise ValueError(f"`at`: {text!r} counts from the first day of a rehearsal, expected a date and time")
        if int(match[2]) > 23 or int(match[3]) > 59:
            raise ValueError(f"`at`: no such time of day in {text!r}")
        return zones.instant(start + timedelta(days=int(match[1])), time(int(match[2]), int(match[3])), zone)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`at`: cannot read {text!r}, expected e.g. 2027-01-12T10:15 or 'day 12 10:15'") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"`at`: {text!r} lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    if moment.tzinfo is None:
        return zones.instant(moment.date(), moment.time(), zone)
    return moment.astimezone(UTC)


def _is_deeper(value: object, levels: int) -> bool:
    """Whether lists and objects lie in one another more than `levels` deep."""
    if not isinstance(value, (dict, list)):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inside)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text} is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"the number {text[:20]}... is too large")
    return int(text)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number")
