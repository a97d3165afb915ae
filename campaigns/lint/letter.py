"""A mail as one reader gets it, with the lines it was written in: what the rules about mails look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from campaigns.errors import Place
from campaigns.lint.page import Page, read_night, read_page
from campaigns.lint.written import Written, line_with, start_of


@dataclass(frozen=True)
class Letter:
    """One finished mail.

    `reader` is who it is for, in words for a message. `private` are the reader's addresses and numbers, which must not
    stand in a link. `unsubscribe` is empty where nobody can be unsubscribed from it, `address` where none is known.
    `gaps` are the facts that are empty for this reader, each with a place that writes it; `worded` those
    that say yes or no in words (the second), each with a place that asks for their truth.
    """

    touch: str
    reader: str
    place: Place
    subject: str
    preheader: str
    text: str
    html: str | None
    language: str = "en"
    is_marketing: bool = False
    unsubscribe: str = ""
    address: str = ""
    private: tuple[str, ...] = ()
    written: tuple[Written, ...] = ()
    gaps: tuple[tuple[str, Place], ...] = ()
    worded: tuple[tuple[str, str, Place], ...] = ()

    @cached_property
    def page(self) -> Page:
        """What stands in the HTML part; an empty page where there is none."""
        return read_page(self.html or "")

    @cached_property
    def night(self) -> Page:
        """The same in the dark form of the mail; an empty page where it has none."""
        return read_night(self.html or "")

    def where(self, *words: str) -> Place:
        """Return the line of the templates that has the first of these words to be found, else the touch's."""
        return line_with(self.written, words, self.place)

    def place_of(self, part: str) -> Place:
        """Return where a part begins, else the touch's place."""
        return start_of(self.written, part, self.place)
