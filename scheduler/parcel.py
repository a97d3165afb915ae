"""A message on its way: the parcel that is handed to a channel, and the closing that says what became of it.

Neither is changed once it is made; they are not frozen because that makes them three times as dear, thousands a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scheduler.channels.base import Message
from scheduler.circumstances import Case
from scheduler.delivery import State
from scheduler.health import Result
from scheduler.store.ledger import Claim


@dataclass(slots=True)
class Parcel:
    """A message ready to be sent: its case, why it goes, and until when (monotonic seconds) it may be begun.

    `handle` names what its channel has made ready at the far end, once that is known.
    """

    case: Case
    message: Message
    why: str
    begin_until: float
    handle: str = ""

    @property
    def claim(self) -> Claim:
        """The claim as the message was made for."""
        return self.case.claim


@dataclass(slots=True)
class Closing:
    """What became of a claim. `attempt` is the number of its attempt, None when no mark was written.

    `case` is None where the campaign could not be read; `again_at` is when a message of which nobody knows whether it
    went is tried again with the same key; `result` is what it means for the campaign's health. `opted_out`: the far end
    says that the person told it to stop. `dead_mailbox` is the address at which nobody is.
    """

    claim: Claim
    state: State
    reason: str
    at: datetime
    attempt: int | None = None
    case: Case | None = None
    message: Message | None = None
    detail: str = ""
    provider_id: str = ""
    next_at: datetime | None = None
    again_at: datetime | None = None
    result: Result | None = None
    opted_out: bool = False
    dead_mailbox: str | None = None
