"""Reading events: one JSON object a line, from a file or standard input, every mistake reported with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from campaigns.errors import DefinitionError, Mistake, Place
from campaigns.timing import zones

_DAY = re.compile(r"day (-?\d{1,4}) (\d{1,2}):(\d{2})\Z")
_LONGEST_LINE = 65_536
_KNOWN = frozenset({"who", "name", "at", "id"})


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event of a file: `at` is aware UTC, None when the line gives no moment; `key` is the sender's id or None."""

    line: int
    who: str
    name: str
    at: datetime | None
    key: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


def read(lines: Iterable[str], *, source: str, zone: str, start: date | None = None) -> tuple[EventLine, ...]:
    """Read events such as `{"who": "lea@example.org", "name": "purchase", "at": "2027-01-12T10:15", "product": "ring"}`.

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
            events.append(_event(number, text, zone, start))
        except ValueError as error:
            place = Place(source, number, 1, text.rstrip("\n")[:200])
            mistakes.append(Mistake("event", str(error), place, 'write {"who": "lea@example.org", "name": "purchase"}'))
    if mistakes:
        raise DefinitionError(tuple(mistakes))
    return tuple(events)


def _event(number: int, text: str, zone: str, start: date | None) -> EventLine:
    if len(text) > _LONGEST_LINE:
        raise ValueError(f"an event may have {_LONGEST_LINE:,} characters, got {len(text):,}")
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not a JSON object: {error}") from None
    if not isinstance(data, dict):
        raise ValueError("expected a JSON object")
    for name in ("who", "name"):
        if not isinstance(data.get(name), str) or not data[name].strip():
            raise ValueError(f"`{name}` is missing: expected text")
    key = data.get("id")
    if key is not None and not isinstance(key, (str, int)):
        raise ValueError("`id` must be text or a whole number")
    return EventLine(
        line=number,
        who=data["who"].strip(),
        name=data["name"].strip(),
        at=read_moment(data["at"], zone, start) if "at" in data else None,
        key=None if key is None else str(key),
        facts={name: value for name, value in data.items() if name not in _KNOWN},
    )


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
    if moment.tzinfo is None:
        return zones.instant(moment.date(), moment.time(), zone)
    return moment


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number")
