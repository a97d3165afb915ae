"""A channel to phones whose messages get ids as their operator gives them, for the doors at which it tells their fate."""

from __future__ import annotations

from collections.abc import Callable

from support.shop import Schedule

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.store import people


class PhoneChannel:
    """Takes every message under the id that `named` makes of its delivery's number, unless `error` is to be raised."""

    def __init__(self, name: str, named: Callable[[int], str]) -> None:
        self.name = name
        self.tried: list[Message] = []
        self.took: list[Message] = []
        self.error: Exception | None = None
        self.during: Callable[[str], None] = lambda key: None  # what happens before the answer comes
        self._named = named

    async def send(self, message: Message, mark: Mark) -> Receipt:
        await mark()
        self.tried.append(message)
        self.during(message.key)
        if self.error is not None:
            raise self.error
        self.took.append(message)
        return Receipt(self._named(message.delivery_id), "accepted")

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def consents(schedule: Schedule, contact: int = 1) -> list[tuple[str, bool, str]]:
    """Return what somebody agreed to and took back, in order: the purpose, whether it is given, and by what."""
    with schedule.store.read() as conn:
        return [(one.purpose, one.given, one.source) for one in people.consent_history(conn, contact)]
