"""A task as calendars know it (RFC 5545 3.6.2): written, ticked off, and read whether it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from icalendar import Calendar, Todo

_PRODUCT = "-//campaign-sequencer//tasks//EN"
_LONGEST_SUMMARY = 100
_LABELS = {"call": "Call", "postcard": "Postcard"}


@dataclass(frozen=True, slots=True)
class Task:
    """A task of the shop: `name` and `phone` are the person's, empty where it is about nobody; moments aware UTC.

    `label` says in a word or two what is to be done, where the channel's own does not; `details` are lines for it.
    """

    uid: str
    channel: str
    campaign: str
    text: str
    created_at: datetime
    due_at: datetime
    name: str = ""
    phone: str = ""
    label: str = ""
    details: tuple[str, ...] = ()


def written(task: Task) -> bytes:
    """Return a task as a calendar object; the same bytes for the same task."""
    first = next((line.strip() for line in task.text.splitlines() if line.strip()), "")
    label = task.label or _LABELS.get(task.channel, "")
    summary = ": ".join(part for part in (label, task.name or first) if part) or "Task"
    todo = Todo()
    todo.add("uid", task.uid)
    todo.add("dtstamp", task.created_at.astimezone(UTC))
    todo.add("due", task.due_at.astimezone(UTC))
    todo.add("summary", summary[:_LONGEST_SUMMARY])
    parts = (task.text.strip(), "", *task.details, task.name, task.phone)
    todo.add("description", "\n".join(part for part in parts if part))
    todo.add("categories", [task.campaign])
    todo.add("status", "NEEDS-ACTION")
    return _whole(todo)


def is_done(content: str) -> bool:
    """Whether a calendar object is a task that was ticked off. Raises: ValueError for what is none."""
    todo = _todo(content)
    return str(todo.get("status", "")).upper() == "COMPLETED" or "COMPLETED" in todo


def done(content: str, at: datetime) -> bytes:
    """Return a calendar object ticked off at a moment, with whatever people wrote into it.

    Raises: ValueError for what is no task.
    """
    whole = _read(content)
    todo = _todo_of(whole)
    for name in ("STATUS", "COMPLETED", "PERCENT-COMPLETE"):
        todo.pop(name, None)
    todo.add("status", "COMPLETED")
    todo.add("completed", at.astimezone(UTC))
    todo.add("percent-complete", 100)
    return bytes(whole.to_ical())


def _whole(todo: Todo) -> bytes:
    whole = Calendar()
    whole.add("prodid", _PRODUCT)
    whole.add("version", "2.0")
    whole.add_component(todo)
    return bytes(whole.to_ical())


def _read(content: str) -> Calendar:
    try:
        found = Calendar.from_ical(content)
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError(f"no calendar object: {type(error).__name__}") from None
    if not isinstance(found, Calendar):
        raise ValueError("no calendar object")
    return found


def _todo(content: str) -> Todo:
    return _todo_of(_read(content))


def _todo_of(whole: Calendar) -> Todo:
    found = next(iter(whole.walk("VTODO")), None)
    if not isinstance(found, Todo):
        raise ValueError("no task in it")
    return found
