"""Mails whose readers are measured: links that pass by our doors, a picture, a link no reader sees; after rendering.

A link is given its number in the database before the first mail with it is sent, and keeps it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from campaigns.rendering import Content, links
from scheduler.store import tracking
from scheduler.store.database import Store
from scheduler.tokens import Links, Tracked

Unknown = dict[tuple[str, str], dict[str, str]]  # by touch: links as written, each with where it leads

_TRAP = 0  # the number in the token of the link that no reader sees


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered mail that is to be measured: `words` tell who reads it, `own` are links that stay as they are."""

    campaign: str
    touch: str
    delivery: int
    content: Content
    words: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()


class Tracker:
    """Puts the addresses of the doors into mails; keeps the link table of each touch between them.

    `utm_domains` (lower case) are the sites that are told which campaign sends them readers.
    """

    def __init__(self, store: Store, own: Links, utm_domains: Collection[str] = ()) -> None:
        self._store = store
        self._links = own
        self._domains = frozenset(utm_domains)
        self._places: dict[tuple[str, str], dict[str, int]] = {}  # by touch: a link as written -> its number
        self._numbers: dict[tuple[str, str], dict[str, int]] = {}  # by touch: where a link leads -> its number

    @property
    def is_able(self) -> bool:
        """Whether there are doors by which links could pass."""
        return self._links.tracked(0) is not None

    def contents(self, letters: Sequence[Letter]) -> tuple[list[Content], Unknown]:
        """Return the mails with their links passing by our doors, and what `learn` has to give a number before.

        Where anything is unknown the mails are not ready: learn it, and ask again.
        """
        unknown: Unknown = {}
        return [self._content(letter, unknown) for letter in letters], unknown

    def learn(self, unknown: Unknown) -> None:
        """Give links their numbers in one transaction. A touch's links above `tracking.MOST_LINKS` get none."""
        with self._store.begin() as conn:
            learnt = {name: tracking.add_links(conn, *name, list(found.values())) for name, found in unknown.items()}
        for name, numbers in learnt.items():  # what was not committed is not known
            self._numbers[name] = numbers
            self._places[name] |= {href: numbers[led] for href, led in unknown[name].items() if led in numbers}

    def _content(self, letter: Letter, unknown: Unknown) -> Content:
        """Return a mail as far as its links are known; as it is where there is nothing to measure it by."""
        tracked, html = self._links.tracked(letter.delivery), letter.content.html
        if tracked is None or html is None:
            return letter.content
        name = (letter.campaign, letter.touch)
        places, numbers = self._places.setdefault(name, {}), self._numbers.setdefault(name, {})
        made = links.replaced(html, places, tracked.click, _tail(tracked))
        again = False
        for href in made.unknown:
            led = self._destination(letter, href)
            if led is None:
                continue
            if led in numbers:
                places[href], again = numbers[led], True
            elif len(numbers) < tracking.MOST_LINKS:
                unknown.setdefault(name, {})[href] = led
        if again:
            return self._content(letter, unknown)
        content = replace(letter.content, html=made.html)
        # What a message says is what its author wrote: the same words are known again under other marks.
        content.__dict__["hash"] = letter.content.hash
        return content

    def _destination(self, letter: Letter, href: str) -> str | None:
        """Return where a link of a mail leads, None for one that stays as it is.

        Ways out and pages of our own stay, and what tells who somebody is: the link table is no place for people.
        """
        url = links.destination(href)
        if url is None or url in letter.own or self._links.is_own(url) or links.names_somebody(url, letter.words):
            return None
        values = {"source": "newsletter", "medium": "email", "campaign": letter.campaign, "content": letter.touch}
        return links.with_utm(url, self._domains, values) if self._domains else url


def _tail(tracked: Tracked) -> str:
    """Return what stands at the end of the mail: a link that only programs find, and the picture."""
    return (
        f'<a href="{tracked.click(_TRAP)}" style="display:none" aria-hidden="true" tabindex="-1"></a>'
        f'<img src="{tracked.picture}" width="1" height="1" alt="" style="border:0">'
    )
