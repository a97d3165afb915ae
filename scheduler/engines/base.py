"""What an engine is: it takes claims and sees to it that each is delivered once by some worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from scheduler.store.ledger import Claim


class Parcel(Protocol):
    """A message ready to be sent, with the claim it is of."""

    @property
    def claim(self) -> Claim:
        """The claim as the message was made for."""


class Carrier(Protocol):
    """What an engine drives: the worker. A message goes through `prepare`, `send` and `confirm`, or is given back."""

    async def prepare(self, claims: Sequence[Claim]) -> Sequence[Any]:
        """Return a parcel for each claim whose message may go; the others have been settled."""
        ...

    async def foresee(self, claims: Sequence[Claim]) -> Sequence[Any]:
        """Return a parcel for each of the claims, all due at one coming moment, that may go then as things stand now.

        Nothing is settled: what the others come to is found out by `prepare` when they are due.
        """
        ...

    async def send(self, parcel: Any) -> Any:
        """Send one message; return its outcome, which is on its way to the ledger."""
        ...

    async def confirm(self, outcome: Any) -> None:
        """Wait until an outcome is in the ledger; raise what prevented it."""
        ...

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """Return claims that were not begun to the schedule."""
        ...


@dataclass(frozen=True, slots=True)
class Room:
    """How many claims an engine takes now, and the channels it takes none for because they have enough to do.

    `early` is how many it takes at all, those that are not due yet among them.
    """

    claims: int
    full: frozenset[str] = frozenset()
    early: int = 0


class Engine(Protocol):
    """Carries claims to workers; the message is a hint, the ledger's row is the truth."""

    def room(self) -> Room:
        """Return what may be handed over now."""
        ...

    async def room_again(self) -> bool:
        """Wait until a channel that is full is so no longer, and return True; False at once where none is full."""
        ...

    async def submit(self, claims: Sequence[Claim]) -> None:
        """Take the claims over; returns when more may be handed over, not when they are delivered.

        Called at every tick, though there be no claims. Raises what kept an earlier claim from the ledger.
        """
        ...

    async def drain(self) -> None:
        """Wait until everything handed over has its outcome in the ledger, or was given back after `stop`."""
        ...

    def stop(self) -> None:
        """Start nothing new: what is being sent is finished, the other claims are given back by `drain`."""
        ...
