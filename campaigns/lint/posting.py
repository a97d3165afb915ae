"""A post, an SMS or a WhatsApp message as one reader gets it: what the limits of the networks are held against."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.errors import Place
from campaigns.lint.written import Written, line_with, start_of


@dataclass(frozen=True)
class Posting:
    """One finished message on one channel.

    `reader` is who it is for, in words for a message, empty for a post, which is for everybody. `media` are pairs of
    (file, description), `media_places` where each stands.
    """

    touch: str
    channel: str
    place: Place
    text: str
    reader: str = ""
    media: tuple[tuple[str, str], ...] = ()
    media_places: tuple[Place, ...] = ()
    written: tuple[Written, ...] = ()
    form: str = "post"  # what it is posted as
    way_out: str = ""  # where its reader unsubscribes
    gaps: tuple[tuple[str, Place], ...] = ()  # see `Letter`
    worded: tuple[tuple[str, str, Place], ...] = ()

    @property
    def name(self) -> str:
        """The touch and its reader, as a message about it begins."""
        return f"{self.touch} for {self.reader}" if self.reader else self.touch

    @property
    def text_place(self) -> Place:
        """Where the text begins, else where the touch stands."""
        return start_of(self.written, "body", self.place)

    def where(self, word: str) -> Place:
        """Return the line of the templates with this word, else where the text begins."""
        return line_with(self.written, (word,), self.text_place)
