"""How many messages an apply authorised, and how many were begun of them; exact while several workers mark at once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, func, select, update

from scheduler.store.tables import DELIVERIES, EDITIONS

_E = EDITIONS.c
_D = DELIVERIES.c

# How the reason of what is held over the budget begins: the next `apply --budget` lets it go.
USED_UP = "the budget of "

_SAME = and_(_E.campaign == bindparam("campaign_id"), _E.edition == bindparam("edition_id"))
_BUDGET = select(_E.budget, _E.spent).where(_SAME)
_SPEND = update(EDITIONS).where(_SAME, _E.budget.is_not(None)).values(spent=_E.spent + bindparam("messages"))


@dataclass(frozen=True, slots=True)
class Budget:
    """What `apply` authorised for an edition: `used` of `authorised` messages were begun."""

    authorised: int
    used: int

    @property
    def left(self) -> int:
        """How many more may be begun; never below 0."""
        return max(0, self.authorised - self.used)

    @property
    def reason(self) -> str:
        """Why a message over the budget is held."""
        return f"{USED_UP}{self.authorised} messages is used up"


def budget(conn: Connection, campaign: str, edition: str) -> Budget | None:
    """Return what was authorised and used; None where as many may go as the plan needs. Reads only."""
    row = conn.execute(_BUDGET, {"campaign_id": campaign, "edition_id": edition}).first()
    return None if row is None or row.budget is None else Budget(row.budget, row.spent)


def lock_budget(conn: Connection, campaign: str, edition: str) -> Budget | None:
    """Return the budget for the transaction of an attempt mark; None without one.

    Lock: PostgreSQL locks the edition's row until the transaction ends (for update where there is a budget, so that
    marks count one after the other; else shared, so that an `apply` which sets the first budget waits and counts them).
    SQLite: a write transaction is alone.
    """
    values = {"campaign_id": campaign, "edition_id": edition}
    found = budget(conn, campaign, edition)
    if conn.dialect.name != "postgresql":
        return found
    row = conn.execute(_BUDGET.with_for_update(read=found is None), values).first()
    return None if row is None or row.budget is None else Budget(row.budget, row.spent)


def budget_left(conn: Connection, campaign: str, edition: str) -> int | None:
    """Return how many messages may still be begun in this transaction; None where nothing limits them.

    Ask in the transaction of the attempt mark, then `spend` what is begun. Lock: see `lock_budget`.
    """
    found = lock_budget(conn, campaign, edition)
    return None if found is None else found.left


def spend(conn: Connection, campaign: str, edition: str, messages: int = 1) -> None:
    """Count messages whose first attempt begins in this transaction; a further attempt at one is not counted again.

    Without a budget nothing is written, so that workers do not wait for each other.
    """
    conn.execute(_SPEND, {"campaign_id": campaign, "edition_id": edition, "messages": messages})


def authorise(conn: Connection, campaign: str, edition: str, messages: int | None) -> Budget | None:
    """Set how many messages may be begun in an edition in all, those begun before included; None lifts the limit.

    Lock: the edition's row first, then the count, so that a mark under way is counted or sees the budget.
    """
    conn.execute(update(EDITIONS).where(_E.campaign == campaign, _E.edition == edition).values(budget=messages))
    if messages is None:
        return None
    begun = select(func.count()).where(_D.campaign == campaign, _D.edition == edition, _D.attempts > 0)
    used = int(conn.execute(begun).scalar_one())
    conn.execute(update(EDITIONS).where(_E.campaign == campaign, _E.edition == edition).values(spent=used))
    return Budget(messages, used)
