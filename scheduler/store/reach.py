"""Whom touches would reach as of a moment: those of their audience who may be written to; nothing changes a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, select

from campaigns import planner
from campaigns.definition import PERSONAL, Campaign, Purpose, Stage, Touch
from scheduler.delivery import State
from scheduler.people import ADDRESS
from scheduler.store import audience
from scheduler.store.conditions import in_states
from scheduler.store.corrections import WrongWords, is_affected
from scheduler.store.people import MAIL, SMS, consents_to, is_suppressed
from scheduler.store.tables import CONTACTS, DELIVERIES

_D = DELIVERIES.c
_PUT_OFF = (State.EXPIRED, State.CANCELLED)  # what time and edits end; other ends are about the person


@dataclass(frozen=True, slots=True)
class Ended:
    """How many people, or accounts of a post, have a message that ended unsent, and in which states."""

    recipients: int
    states: tuple[State, ...]


def recipients(
    conn: Connection, campaign: Campaign, *, now: datetime, wrong: Mapping[str, WrongWords] | None = None
) -> dict[str, int]:
    """Return for each touch to people how many it would reach as of now, at most (its event has to happen first).

    They belong to the audience, have an address for the channel, are not suppressed, and have agreed where it is
    marketing. Posts are for everybody and left out. Corrections reach whom `wrong` says, by their ids; without it
    nobody.
    """
    found = {}
    for stage, touch in campaign.touches():
        if not touch.is_personal:
            continue
        if touch.in_flight == "drain":
            found[touch.id] = 0
            continue
        found[touch.id] = audience.count(conn, _reachable(conn, campaign, stage, touch, now, wrong))
    return found


def _reachable(
    conn: Connection,
    campaign: Campaign,
    stage: Stage,
    touch: Touch,
    now: datetime,
    wrong: Mapping[str, WrongWords] | None,
) -> ColumnElement[bool]:
    where = [audience.clause(conn, planner.reach(campaign, stage, touch), now=now, zone=campaign.zone)]
    if touch.corrects is not None:
        known = (wrong or {}).get(touch.id)
        where.append(false() if known is None else is_affected(known))
    return and_(*where, may_be_reached(touch))


def may_be_reached(touch: Touch) -> ColumnElement[bool]:
    """Return the condition on CONTACTS that nothing stands between a person and the channel of a touch for ever.

    There is an address, no suppression, and the consent that marketing needs.
    """
    channel = touch.channel[0]
    where: list[ColumnElement[bool]] = []
    if (address := ADDRESS.get(channel)) is not None:
        where.append(func.coalesce(CONTACTS.c[address], "") != "")
    marketing = touch.purpose is Purpose.MARKETING and channel in PERSONAL
    stopped = ["all", *(("marketing",) if marketing else ()), *((channel,) if channel in (MAIL, SMS) else ())]
    where.append(~is_suppressed(stopped))
    if marketing:
        where.append(consents_to(channel))
    return and_(*where)


def ended(
    conn: Connection,
    campaign: Campaign,
    edition: str,
    stage: Stage,
    touch: Touch,
    keys: Collection[str],
    *,
    now: datetime,
    wrong: Mapping[str, WrongWords] | None = None,
) -> Ended:
    """Count whom a touch would reach as of now (see `recipients`), had their message not expired or been cancelled.

    Messages of the dates `keys` count; such a one stays ended. Reads the messages of this touch alone.
    """
    states = [func.sum(case((in_states({state}), 1), else_=0)) for state in _PUT_OFF]
    query = select(func.count(_D.recipient.distinct()), *states).where(
        _D.campaign == campaign.id,
        _D.edition == edition,
        _D.touch == touch.id,
        _D.occurrence.in_(sorted(keys)),
        _D.run.is_(None),
        in_states(_PUT_OFF),
    )
    if touch.is_personal:
        who = _reachable(conn, campaign, stage, touch, now, wrong)
        query = query.join(CONTACTS, CONTACTS.c.id == _D.contact).where(who)
    number, *found = conn.execute(query).one()
    return Ended(number, tuple(state for state, some in zip(_PUT_OFF, found, strict=True) if some))


def personas(conn: Connection, campaign: Campaign, *, now: datetime) -> dict[str, int]:
    """Return how many contacts each persona stands for as of now, and under the empty name who is like none of them."""
    return {
        name: audience.count(conn, audience.clause(conn, expression, now=now, zone=campaign.zone))
        for name, expression in planner.personas(campaign).items()
    }


def reached(
    conn: Connection,
    campaign: Campaign,
    stage: Stage,
    touch: Touch,
    *,
    now: datetime,
    step: int = 1,
    wrong: Mapping[str, WrongWords] | None = None,
) -> frozenset[int]:
    """Return who would be reached by a touch as of now (see `recipients`): of every `step` contacts one is asked."""
    where = and_(_reachable(conn, campaign, stage, touch, now, wrong), CONTACTS.c.id % step == 0)
    return frozenset(conn.execute(select(CONTACTS.c.id).where(where)).scalars())


def sampled(conn: Connection, step: int) -> int:
    """Return how many contacts are asked when of every `step` one is."""
    return audience.count(conn, CONTACTS.c.id % step == 0)
