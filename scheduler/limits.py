"""What is counted over messages in the transaction that marks them: budgets, and words a person has read already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from campaigns.definition import PERSONAL
from scheduler.delivery import State
from scheduler.errors import Withheld
from scheduler.parcel import Parcel
from scheduler.store import plans, standings
from scheduler.store.database import Connection
from scheduler.store.plans import Budget

SAME_WORDS = timedelta(days=7)


class Limits:
    """What is counted over messages when they are marked: the budget of each edition, and content said already.

    The same words twice in a week to one person by two touches are a slip (a touch that got a new id), not a plan.
    """

    def __init__(self, conn: Connection, parcels: Sequence[Parcel], now: datetime) -> None:
        self._conn = conn
        new = [parcel for parcel in parcels if not parcel.claim.attempts]
        editions = {(claim.campaign, claim.edition) for claim in (parcel.claim for parcel in new)}
        self._budgets = {edition: plans.lock_budget(conn, *edition) for edition in sorted(editions)}
        self._begun: Counter[tuple[str, str]] = Counter()
        said = [found for parcel in new if (found := _said(parcel)) is not None]
        self._said = standings.same_content(conn, said, after=now - SAME_WORDS)
        # Nothing is limited, and nobody is to read two messages at once: then none has to be counted for the others.
        self._is_open = (
            not self._said and not any(self._budgets.values()) and len({who for who, _ in said}) == len(said)
        )

    def check(self, parcel: Parcel) -> None:
        """Raise Withheld for a message over its budget, and for one whose words went by another touch."""
        if self._is_open or parcel.claim.attempts:
            return  # the latter was counted when it was first begun
        check_budget(self._budgets[parcel.case.edition], self._begun[parcel.case.edition])
        own = (parcel.claim.campaign, parcel.claim.touch)
        said = _said(parcel)
        others = [touch for touch in self._said.get(said, ()) if touch != own] if said is not None else []
        if others:
            campaign, touch = others[0]
            name = touch if campaign == parcel.claim.campaign else f"{campaign}/{touch}"
            raise Withheld(State.SUPPRESSED, f"the same message went by {name}")

    def note(self, parcel: Parcel) -> None:
        """Count a message that goes, for those after it in the same group."""
        if self._is_open or parcel.claim.attempts:
            return
        self._begun[parcel.case.edition] += 1
        if (said := _said(parcel)) is not None:
            self._said.setdefault(said, []).append((parcel.claim.campaign, parcel.claim.touch))

    def spend(self, marked: Iterable[Parcel]) -> None:
        """Take what was marked for the first time from the budgets."""
        if not any(self._budgets.values()):
            return
        begun = Counter(parcel.case.edition for parcel in marked if not parcel.claim.attempts)
        for edition, messages in begun.items():
            if self._budgets[edition] is not None:
                plans.spend(self._conn, *edition, messages)


def check_budget(budget: Budget | None, begun: int = 0) -> None:
    """Raise Withheld where a budget has nothing left, `begun` messages being counted beside what it knows of."""
    if budget is not None and begun >= budget.left:
        raise Withheld(State.HELD, budget.reason)


def _said(parcel: Parcel) -> tuple[int, str] | None:
    """Return who reads which content; None for what no person reads."""
    contact, touch = parcel.claim.contact, parcel.case.touch
    if contact is None or touch.is_task or parcel.claim.channel not in PERSONAL:
        return None
    return contact, parcel.message.content.hash
