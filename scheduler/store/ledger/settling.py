"""Everything that ends or moves a delivery without an attempt: rules, edits, people's decisions, lateness."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import Enum
from typing import TypedDict, Unpack, cast

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, update

from scheduler.delivery import State, sources
from scheduler.store.columns import Moment
from scheduler.store.conditions import UNSENT, in_states
from scheduler.store.ledger.claims import CLAIMED, Claim
from scheduler.store.ledger.restored import MAY_HAVE_GONE
from scheduler.store.rows import storable
from scheduler.store.tables import DELIVERIES

LATE = "later than allowed"
_D = DELIVERIES.c


_MOMENT = bindparam("moment", type_=Moment())
_EXPIRE_HELD = (
    update(DELIVERIES)
    .where(in_states({State.HELD}), _D.expires_at < _MOMENT, _D.on_late != "ask")
    # That somebody may have it all the same is told to whoever asks later.
    .values(reason=case((_D.reason == MAY_HAVE_GONE, f"{MAY_HAVE_GONE}; {LATE}"), else_=LATE))
    .values(state=State.EXPIRED.value, worker=None, lease_until=None, updated_at=_MOMENT)
    .returning(*CLAIMED)
)


class Keep(Enum):
    """Says that a value stays as it is, where None means something."""

    KEEP = "keep"


KEEP = Keep.KEEP


class Which(TypedDict, total=False):
    """The deliveries meant: those that fit every filter given; None is no filter, and at least one is needed."""

    campaign: str | None
    edition: str | None
    touch: str | None
    stage: str | None
    channel: str | None
    occurrence: str | None
    contact: int | None
    recipient: str | None
    run: int | None
    runs: Collection[int] | None
    deliveries: Collection[int] | None


def settle(
    conn: Connection, delivery_id: int, target: State, reason: str, *, now: datetime, next_at: datetime | None = None
) -> bool:
    """Move one delivery that is not on its way; return whether it was in a state that may become `target`.

    From claimed, planned, retry_wait and held, along the drawn arrows. `next_at` is when to look at it again.
    """
    return settle_many(conn, target=target, reason=reason, now=now, next_at=next_at, deliveries=(delivery_id,)) == 1


def settle_many(
    conn: Connection,
    *,
    target: State,
    reason: str,
    now: datetime,
    states: Collection[State] | None = None,
    next_at: datetime | None = None,
    **which: Unpack[Which],
) -> int:
    """Move every delivery that is not on its way and fits the filters; return how many.

    From claimed, planned, retry_wait and held (or those of them in `states`), along the drawn arrows. A worker that
    held one of them finds out at its attempt mark.
    Raises: ValueError without any filter, or when no unsent delivery may become `target`.
    """
    allowed = sources(target) & UNSENT
    if target is State.SENT or not allowed:
        raise ValueError(f"a delivery that was not tried cannot become {target}")
    if states is not None:
        allowed &= frozenset(states)
    change = update(DELIVERIES).where(fitting(which), in_states(allowed))
    return int(conn.execute(change.values(_moved(target, reason, now, next_at))).rowcount)


def hold(conn: Connection, *, reason: str, now: datetime, **which: Unpack[Which]) -> int:
    """Hold what waits (planned, retry_wait) or is claimed and fits the filters; return how many. See `settle_many`."""
    return settle_many(conn, target=State.HELD, reason=reason, now=now, **which)


def release(
    conn: Connection,
    *,
    now: datetime,
    reason: str = "",
    reason_prefix: str = "",
    next_at: datetime | None = None,
    expires_at: datetime | Keep | None = KEEP,
    asking_since: datetime | None = None,
    **which: Unpack[Which],
) -> int:
    """Let held deliveries wait again; return how many.

    Only those held for a reason that begins with `reason_prefix`. They keep the moment at which they were due (so they
    are due at once when it has passed) unless `next_at` is given. `expires_at` gives them another last moment, None
    none at all: a person said that late is better than never. `asking_since` means only those whose last moment was
    before it and that ask then (`on_late: ask`). Without any other filter there must be a prefix. Condition: held.
    """
    condition = in_states({State.HELD})
    if reason_prefix:
        condition = and_(condition, _D.reason.startswith(reason_prefix, autoescape=True))
    if which or not reason_prefix:
        condition = and_(condition, fitting(which))
    if asking_since is not None:
        condition = and_(condition, _D.expires_at < asking_since, _D.on_late == "ask")
    values = _moved(State.PLANNED, reason, now, next_at)
    if not isinstance(expires_at, Keep):
        values["expires_at"] = expires_at
    return int(conn.execute(update(DELIVERIES).where(condition).values(values)).rowcount)


def expire_held(conn: Connection, now: datetime) -> list[Claim]:
    """End what is held past its last moment (`expires_at` itself is still allowed); return what ended.

    What asks (`on_late: ask`) stays held until a person answers. What waits and is late is for the worker, which looks
    at it when it is due. Condition: held.
    """
    ended = conn.execute(_EXPIRE_HELD, {"moment": now}).all()
    return [Claim(**row._mapping, worker="", lease_until=now) for row in ended]


def resolve_unknown(
    conn: Connection,
    delivery_id: int,
    target: State,
    reason: str,
    *,
    now: datetime,
    next_at: datetime | None = None,
    attempt: int | None = None,
    sent_at: datetime | None = None,
    provider_id: str = "",
) -> bool:
    """Settle a delivery whose outcome was not known, by evidence or a person's word; return whether it was unknown.

    To sent (at `sent_at`, else now), retry_wait (needs `next_at`), held or failed. The attempt keeps its outcome
    `unknown`: that is what happened. Condition: unknown, and `attempt` is its newest where it is given.
    """
    if State.UNKNOWN not in sources(target):
        raise ValueError(f"an unknown delivery cannot become {target}")
    if target is State.RETRY_WAIT and next_at is None:
        raise ValueError("a delivery that waits to be tried again needs its next moment")
    values = _moved(target, reason, now, next_at)
    if target is State.SENT:
        values["sent_at"] = sent_at or now
        values["provider_id"] = storable(provider_id)
    change = update(DELIVERIES).where(_D.id == delivery_id, in_states({State.UNKNOWN}))
    if attempt is not None:
        change = change.where(_D.attempts == attempt)
    return bool(conn.execute(change.values(values)).rowcount == 1)


def fitting(which: Which) -> ColumnElement[bool]:
    """Return the condition that a delivery fits every filter.

    Raises: ValueError without any filter.
    """
    parts: list[ColumnElement[bool]] = []
    several = {"runs": _D.run, "deliveries": _D.id}
    for name, value in which.items():
        if value is None:
            continue
        if name in several:
            parts.append(several[name].in_(sorted(cast("Collection[int]", value))))
        else:
            parts.append(_D[name] == value)
    if not parts:
        raise ValueError("deliveries are only moved by some filter")
    return and_(*parts)


def _moved(target: State, reason: str, now: datetime, next_at: datetime | None) -> dict[str, object]:
    values: dict[str, object] = {
        "state": target.value,
        "reason": storable(reason),
        "worker": None,
        "lease_until": None,
        "updated_at": now,
    }
    if next_at is not None:
        values["next_at"] = next_at
    return values
