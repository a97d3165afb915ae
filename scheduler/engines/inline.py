"""The engine of rehearsals: every claim is carried to its end before the next one is begun."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.engines.base import Carrier, Room
from scheduler.store.ledger import Claim

_CLAIMS = 200


class InlineEngine:
    """Delivers claims one after the other, in the order given, within `submit`."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._stopping = False

    def room(self) -> Room:
        """Return that there is always room: nothing is ever waiting."""
        return Room(_CLAIMS)

    async def room_again(self) -> bool:
        """Return that nothing was full."""
        return False

    async def submit(self, claims: Sequence[Claim]) -> None:
        """Carry out the claims; after `stop` those not begun are given back."""
        for number, claim in enumerate(claims):
            if self._stopping:
                await self._carrier.give_back(claims[number:])
                return
            for parcel in await self._carrier.prepare((claim,)):
                await self._carrier.confirm(await self._carrier.send(parcel))

    async def drain(self) -> None:
        """Nothing is ever on its way."""

    def stop(self) -> None:
        """Start nothing new."""
        self._stopping = True
