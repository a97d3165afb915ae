"""For whom messages are rendered to be looked at: every persona, and the people about whom most or least is known."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from scheduler import people as counting
from scheduler.cli import message
from scheduler.cli.message import Reader

if TYPE_CHECKING:
    from campaigns.definition import Campaign
    from scheduler.cli.review import Review
    from scheduler.contacts_csv.row import ContactRow

LONGEST = 3  # people of a contacts file


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody a message is rendered for: `who` it is, in words for a message; `person` where a file has the row."""

    who: str
    reader: Reader
    person: ContactRow | None = None

    @property
    def is_somebody(self) -> bool:
        """Whether it is a persona or one of the people, of whom it is told what is known."""
        return self.reader.persona is not None or self.person is not None


NOBODY = Known("", Reader(None))  # the reader of what is for everybody


def telling(campaign: Campaign, people: Iterable[ContactRow], now: datetime) -> tuple[ContactRow, ...]:
    """Return the people whose messages tell most: the longest there are, and those most likely to lack something."""
    chosen = {person.line: person for person in (*longest(people), *least_known(campaign, people, now))}
    return tuple(chosen.values())


def longest(people: Iterable[ContactRow]) -> tuple[ContactRow, ...]:
    """Return the people about whom most is known: theirs are the longest messages there are."""
    return tuple(
        heapq.nlargest(LONGEST, people, key=lambda one: sum(len(str(value)) for value in one.as_facts().values()))
    )


def least_known(campaign: Campaign, people: Iterable[ContactRow], now: datetime) -> tuple[ContactRow, ...]:
    """Return for each touch the one about whom least is known of those it may reach, in the order of the file."""
    touches = [
        (touch, counting.at_most(campaign, stage, touch)) for stage, touch in campaign.touches() if touch.is_personal
    ]
    least: dict[str, tuple[int, ContactRow]] = {}
    for person in people:
        facts = person.as_facts()
        for touch, audience in touches:
            is_less = touch.id not in least or len(facts) < least[touch.id][0]
            if is_less and counting.reaches(person, touch) and counting.fits(audience, facts, now):
                least[touch.id] = (len(facts), person)
    found = {person.line: person for _, person in least.values()}
    return tuple(found[line] for line in sorted(found))


def readers(review: Review, people: Iterable[ContactRow] | None) -> tuple[Known, ...]:
    """Return the personas and `people`; where there are neither, one of whom nothing is known.

    Everybody has a mailbox and a phone number, which must not come out in a link.
    """
    personas = review.loaded.campaign.personas
    found = [Known(name, _reachable(message.persona(review, name).facts or {}, name)) for name in personas]
    if people is not None:
        found += [Known(person.who, _reachable(person.as_facts(), None), person) for person in people]
    elif not personas:
        found.append(Known("a reader nobody knows", _reachable({}, None)))
    return tuple(found)


def _reachable(facts: Mapping[str, object], persona: str | None) -> Reader:
    own = {"email": f"{persona or 'reader'}@persona.example", "phone": "+15555550123"}
    known = {name: value for name, value in facts.items() if value is not None and value != ""}
    return Reader({**own, **known}, persona)
