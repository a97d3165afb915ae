"""A channel whose far end can be asked what became of a message: it keeps what really arrived, and tells the truth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from scheduler.channels.base import Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.errors import Unknown

LOST_ANSWER, LOST_MESSAGE = "lost answer", "lost message"


class TruthfulChannel:
    """Takes messages as `fates` says, one after the other and then well; `settle` looks what has arrived.

    A fate is `LOST_ANSWER` (it arrived, nobody heard), `LOST_MESSAGE` (it never did) or "" (all is well). `says` stands
    in for the truth: what it returns is the answer, what it raises is raised.
    """

    settles_after = timedelta(minutes=1)

    def __init__(self, name: str = "email", *fates: str, says: Callable[[Attempted], Evidence] | None = None) -> None:
        self.name = name
        self.says = says
        self.arrived: list[Message] = []
        self.asked: list[Attempted] = []
        self._fates = list(fates)

    async def send(self, message: Message, mark: Mark) -> Receipt:
        fate = self._fates.pop(0) if self._fates else ""
        await mark(f"draft-{message.touch}")
        if fate != LOST_MESSAGE:
            self.arrived.append(message)
        if fate:
            raise Unknown("the connection was lost before the answer")
        return Receipt(self._id(message))

    async def settle(self, attempted: Attempted) -> Evidence:
        self.asked.append(attempted)
        if self.says is not None:
            return self.says(attempted)
        if any(message.key == attempted.message.key for message in self.arrived):
            return Evidence(Found.SENT, "found in the list of what arrived", self._id(attempted.message))
        return Evidence(Found.NOT_SENT, "not in the list of what arrived")

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _id(self, message: Message) -> str:
        return f"post-{message.key[:6]}"
