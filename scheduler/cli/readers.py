"""For whom messages are rendered to be looked at: every persona, and the people about whom most is known."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from scheduler.cli import message
from scheduler.cli.message import Reader

if TYPE_CHECKING:
    from scheduler.cli.review import Review
    from scheduler.contacts_csv.row import ContactRow

LONGEST = 3  # people of a contacts file

Known = tuple[str, Reader]  # who it is, in words for a message, and the reader


def longest(people: Iterable[ContactRow]) -> tuple[ContactRow, ...]:
    """Return the people about whom most is known: theirs are the longest messages there are."""
    return tuple(
        heapq.nlargest(LONGEST, people, key=lambda one: sum(len(str(value)) for value in one.as_facts().values()))
    )


def readers(review: Review, people: Iterable[ContactRow] | None) -> tuple[Known, ...]:
    """Return the personas and `people`; where there are neither, one of whom nothing is known.

    Everybody has a mailbox and a phone number, which must not come out in a link.
    """
    personas = review.loaded.campaign.personas
    found = [(name, _reachable(message.persona(review, name).facts or {}, name)) for name in personas]
    if people is not None:
        found += [(person.who, _reachable(person.as_facts(), None)) for person in people]
    elif not personas:
        found.append(("a reader nobody knows", _reachable({}, None)))
    return tuple(found)


def _reachable(facts: Mapping[str, object], persona: str | None) -> Reader:
    own = {"email": f"{persona or 'reader'}@persona.example", "phone": "+15555550123"}
    return Reader({**own, **{name: value for name, value in facts.items() if value}}, persona)
