"""What a far end may do to a message, and how often; only values and the drawing of them, nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from scheduler.simulation.chance import Chance


class Fate(StrEnum):
    """What becomes of one try to send; the first four happen before anything irreversible, the others after."""

    UNREACHABLE = "unreachable"  # certain not sent: connection refused, greylisting
    DOWN = "down"  # the channel is at fault: log-in refused
    NOT_WANTED = "not_wanted"  # the recipient is refused for good
    BROKEN = "broken"  # an error nobody foresaw, before the mark
    ACCEPTED = "accepted"
    LATER = "later"  # certain not accepted after the mark, worth another try
    REFUSED = "refused"  # refused after the mark, for good
    LOST_ANSWER = "lost_answer"  # accepted, and the answer never came
    LOST_MESSAGE = "lost_message"  # not accepted, and nobody can tell
    GARBLED = "garbled"  # accepted, and the answer cannot be read: an error nobody foresaw


@dataclass(frozen=True, slots=True)
class FarEnd:
    """In which share of tries each fate comes (0 to 1 together, the rest is accepted), and how slow the far end is.

    `delays` are the seconds that may pass before the mark, before the acceptance and before the answer.
    """

    unreachable: float = 0.0
    down: float = 0.0
    not_wanted: float = 0.0
    broken: float = 0.0
    later: float = 0.0
    refused: float = 0.0
    lost_answer: float = 0.0
    lost_message: float = 0.0
    garbled: float = 0.0
    delays: tuple[float, ...] = (0.0,)

    def fate(self, chance: Chance) -> Fate:
        """Draw what becomes of a try."""
        for name in _SHARES:
            if chance.happens(getattr(self, name)):
                return Fate(name)
        return Fate.ACCEPTED


_SHARES = tuple(field.name for field in fields(FarEnd) if field.name != "delays")

CALM = FarEnd()
"""A far end that accepts everything at once."""
