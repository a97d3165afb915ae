"""HOLD: what would go late or twice if the database went on, and a person's word that it may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from campaigns import planner
from campaigns.definition import OnLate
from scheduler import fanout
from scheduler.catalog import Catalog
from scheduler.errors import FAULTS, AttentionError, SchedulerError
from scheduler.store import lateness, ledger, meta, plans, reach
from scheduler.store.database import Connection, Store

# What is late by less is not worth a question: a daemon that was restarted goes on where it stopped.
LATE_AFTER = timedelta(hours=1)


class Late(StrEnum):
    """What a person says of everything late, against the touches' own `on_late`."""

    SEND = "send"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class LateTouch:
    """The late messages of a touch: how many are sent, held for an answer, dropped, or held as perhaps sent already.

    `people` is 0 for posts. With `at_most` the touch has not been worked out for its recipients yet: whom rules about
    the person leave out is not known.
    """

    campaign: str
    edition: str
    touch: str
    messages: int
    people: int
    since: datetime
    send: int = 0
    ask: int = 0
    drop: int = 0
    gone: int = 0
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class HoldPlan:
    """What stands before anything goes: the HOLD (None: there is none), and what is late by touch."""

    hold: meta.Hold | None
    late: tuple[LateTouch, ...]


@dataclass(frozen=True, slots=True)
class Resumed:
    """What lifting a HOLD did: `kept` messages are held, because they may have been sent already."""

    hold: meta.Hold
    kept: int
    decided: int


def held(store: Store) -> meta.Hold | None:
    """Return why nothing is claimed; None when all is well."""
    with store.read() as conn:
        return meta.hold(conn)


def plan(store: Store, catalog: Catalog, *, now: datetime) -> HoldPlan:
    """Return what lifting the HOLD would let go; reads only."""
    with store.read() as conn:
        hold = meta.hold(conn)
        return HoldPlan(hold, late(conn, catalog, now=now, gap=_gap(conn, hold)))


def late(conn: Connection, catalog: Catalog, *, now: datetime, gap: datetime | None = None) -> tuple[LateTouch, ...]:
    """Return what is late at `now`, touch by touch, the longest due first; with `gap` also what may have gone."""
    before = now - LATE_AFTER
    rows = [
        LateTouch(one.campaign, one.edition, one.touch, *_numbers(one))
        for one in lateness.late(conn, before=before, now=now, gap=gap)
    ]
    return _merged([*rows, *_not_fanned_out(conn, catalog, before, now, gap)])


def resume(store: Store, catalog: Catalog, *, now: datetime, who: str, choice: Late | None = None) -> Resumed:
    """Lift the HOLD, in one transaction; what is late follows `choice`, else its own `on_late`.

    What may have been sent before a restore is held, message by message: only `approve` lets it go.
    Raises: SchedulerError when there is no HOLD.
    """
    with store.begin() as conn:
        hold = meta.hold(conn)
        if hold is None:
            raise SchedulerError("nothing is on HOLD", remedy="to let a campaign go on: campaign resume NAME")
        until = _gap(conn, hold)
        ledger.release_leases(conn, now)  # what a dead worker had in hand is late too
        _fire(conn, catalog, now)
        if until is not None:
            meta.widen_gap(conn, until)
        kept = ledger.hold_gap(conn, now)
        decided = 0
        if choice is not None:
            decided = ledger.decide_late(conn, before=now - LATE_AFTER, send=choice is Late.SEND, now=now)
        meta.clear_hold(conn)
        _note_seen(conn, hold, now)
        plans.audit(conn, at=now, who=who, action="resume", subject="HOLD", detail=_told(hold, kept, choice))
    return Resumed(hold, kept, decided)


def _note_seen(conn: Connection, hold: meta.Hold, now: datetime) -> None:
    """Count absence from now on: whoever starts next must not hold everything for what a person has just looked at."""
    known = meta.ran(conn)
    # Of a copy that was moved here, the next start says which machine it is on.
    machine = "" if known is None or hold.cause is meta.Cause.MOVED else known.machine
    meta.note_ran(conn, meta.Ran(machine, now))


def refuse_in_doubt(conn: Connection) -> None:
    """Refuse to move messages while nobody knows which have gone: at another moment they would no longer be kept back.

    Raises: AttentionError while a HOLD stands because of which messages may have been sent already.
    """
    hold = meta.hold(conn)
    if hold is not None and hold.until is not None:
        raise AttentionError(
            f"everything is on HOLD, and what would be moved now could go twice: {hold.reason}",
            remedy="look at it first: campaign resume --plan",
        )


def forget(store: Store) -> None:
    """Take the HOLD off a copy of a database that sends to nobody."""
    with store.begin() as conn:
        meta.clear_hold(conn)


def free(conn: Connection, *, campaign: str, edition: str, touch: str, now: datetime) -> int:
    """Let what a touch has in the gap go: a person found out that it was not sent. Return how many messages."""
    meta.free_touch(conn, campaign, edition, touch)
    return ledger.release(
        conn, now=now, reason_prefix=ledger.MAY_HAVE_GONE, campaign=campaign, edition=edition, touch=touch
    )


def _gap(conn: Connection, hold: meta.Hold | None) -> datetime | None:
    known = meta.gap(conn)
    moments = [known.until] if known is not None else []
    if hold is not None and hold.until is not None:
        moments.append(hold.until)
    return max(moments, default=None)


def _numbers(one: lateness.LateCount) -> tuple[int, int, datetime, int, int, int, int]:
    return one.messages, one.people, one.since, one.send, one.ask, one.drop, one.gone


def _not_fanned_out(
    conn: Connection, catalog: Catalog, before: datetime, now: datetime, gap: datetime | None
) -> Iterable[LateTouch]:
    """Yield the dates of the calendar that are late and have no messages yet, with those they would reach at most."""
    reached: dict[str, dict[str, int]] = {}
    for due in plans.due_occurrences(conn, now):
        gone = gap is not None and due.due_at <= gap
        campaign = catalog.get(conn, due.campaign, due.edition)
        found = campaign.find(due.touch) if campaign is not None else None
        if campaign is None or found is None or not (gone or due.due_at < before):
            continue
        touch = found[1]
        if campaign.id not in reached:
            wrong = {
                one.id: words for _, one in campaign.campaign.touches() if (words := campaign.wrong_words(conn, one))
            }
            reached[campaign.id] = reach.recipients(conn, campaign.campaign, now=now, wrong=wrong)
        people = reached[campaign.id].get(touch.id, 0)
        messages = people if touch.is_personal else 1
        in_time = due.expires_at is None or due.expires_at >= now
        asks = planner.on_late(touch) is OnLate.ASK
        yield LateTouch(
            due.campaign,
            due.edition,
            due.touch,
            messages,
            people,
            due.due_at,
            send=messages if in_time and not gone else 0,
            ask=messages if asks and not in_time and not gone else 0,
            drop=messages if not asks and not in_time and not gone else 0,
            gone=messages if gone else 0,
            at_most=touch.is_personal,
        )


def _merged(found: Iterable[LateTouch]) -> tuple[LateTouch, ...]:
    """Return one entry a touch. People of two dates are counted once each: at least so many are meant."""
    merged: dict[tuple[str, str, str], LateTouch] = {}
    for one in found:
        key = (one.campaign, one.edition, one.touch)
        known = merged.get(key)
        if known is None:
            merged[key] = one
            continue
        merged[key] = replace(
            known,
            messages=known.messages + one.messages,
            people=max(known.people, one.people),
            since=min(known.since, one.since),
            send=known.send + one.send,
            ask=known.ask + one.ask,
            drop=known.drop + one.drop,
            gone=known.gone + one.gone,
            at_most=known.at_most or one.at_most,
        )
    return tuple(sorted((one for one in merged.values() if one.messages), key=lambda one: (one.since, one.touch)))


def _fire(conn: Connection, catalog: Catalog, now: datetime) -> None:
    """Work the dates that are due out for their recipients, so that the word about late ones reaches each message.

    What cannot be worked out is left to the dispatcher, which says why.
    """
    for due in plans.due_occurrences(conn, now):
        campaign = catalog.get(conn, due.campaign, due.edition)
        found = campaign.find(due.touch) if campaign is not None else None
        if campaign is None or found is None:
            continue
        try:
            with conn.begin_nested():
                timeline = campaign.timeline(plans.first_sent(conn, campaign.id, campaign.edition))
                if fanout.occurrence(timeline, due.touch, due.key) is None:
                    continue
                fanout.fan_out(conn, campaign, timeline, *found, due.key, now)
                plans.set_occurrence_state(conn, due.id, "open", "")
        except FAULTS:
            continue


def _told(hold: meta.Hold, kept: int, choice: Late | None) -> str:
    parts = [hold.reason]
    if kept:
        parts.append(f"{kept} held: {ledger.MAY_HAVE_GONE}")
    if choice is not None:
        parts.append(f"late: {choice.value}")
    return "; ".join(parts)
