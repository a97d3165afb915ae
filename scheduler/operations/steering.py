"""Steering what is in force: pause, resume, cancel, approve; each is one transaction and leaves an audit line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import partial

from campaigns import planner
from campaigns.definition import meant_by
from campaigns.timeline import Timeline
from campaigns.timing import resolver
from scheduler import runs
from scheduler.catalog import Catalog, InForce
from scheduler.checks import WAITS_FOR_APPROVAL
from scheduler.delivery import State
from scheduler.errors import SchedulerError
from scheduler.operations import holding
from scheduler.store import ledger, plans
from scheduler.store.database import Connection, Store, bump
from scheduler.verdicts import NO_ACCOUNT, POISON


@dataclass(frozen=True, slots=True)
class Target:
    """What a command names: a campaign, or one touch of it, by the id history knows it by and what it is called."""

    campaign: str
    edition: str
    touch: str | None = None
    called: str | None = None

    def __str__(self) -> str:
        return self.campaign if self.touch is None else f"{self.campaign}/{self.called or self.touch}"


def targets(store: Store, catalog: Catalog, names: Sequence[str]) -> tuple[Target, ...]:
    """Return what the names mean: `valentines`, `valentines/offer-email`, or `offer-email` where it is unique.

    A touch for several channels is meant with all of them where no channel is named, and a post with what hangs on it.
    """
    with store.read() as conn:
        campaigns = catalog.in_force(conn)
        return tuple(target for name in names for target in _meant(campaigns, name))


def _meant(campaigns: Sequence[InForce], name: str) -> tuple[Target, ...]:
    known = [
        (campaign, campaign.name_of(touch.id), touch.id)
        for campaign in campaigns
        for _, touch in campaign.campaign.touches()
    ]
    for campaign in campaigns:
        if name == campaign.id:
            return (Target(campaign.id, campaign.edition),)
    found = [
        (campaign, called, key)
        for campaign, called, key in known
        for written in meant_by(called)
        if name in (written, f"{campaign.id}/{written}")
    ]
    if found and all(campaign is found[0][0] for campaign, _, _ in found):
        return tuple(Target(campaign.id, campaign.edition, key, called) for campaign, called, key in found)
    if found:
        choices = ", ".join(f"{campaign.id}/{touch}" for campaign, touch, _ in found)
        raise SchedulerError(f"{name!r} is a touch of several campaigns", remedy=f"write one of {choices}")
    every = [campaign.id for campaign in campaigns] + [f"{campaign.id}/{touch}" for campaign, touch, _ in known]
    near = get_close_matches(name, every + [touch for _, touch, _ in known], n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "see what is in force: campaign status"
    raise SchedulerError(f"no campaign or touch {name!r} is in force", remedy=remedy)


def everything(store: Store) -> tuple[Target, ...]:
    """Return every campaign that is not cancelled."""
    with store.read() as conn:
        return tuple(Target(row.id, row.edition) for row in plans.campaigns(conn) if row.state != "cancelled")


def pause(store: Store, chosen: Sequence[Target], *, until: datetime | None, now: datetime, who: str) -> int:
    """Stop sending for the targets, until a moment or until they are resumed; return how many were paused."""
    with store.begin() as conn:
        changed = sum(_set_paused(conn, target, paused=True, until=until) for target in chosen)
        _audit(conn, "pause", chosen, now, who)
        bump(conn)
    return changed


def resume(store: Store, chosen: Sequence[Target], *, now: datetime, who: str) -> int:
    """Let the targets go on; what became late meanwhile follows its `on_late`. Return how many were resumed."""
    with store.begin() as conn:
        changed = sum(_set_paused(conn, target, paused=False, until=None) for target in chosen)
        _audit(conn, "resume", chosen, now, who)
        bump(conn)
    return changed


def _set_paused(conn: Connection, target: Target, *, paused: bool, until: datetime | None) -> int:
    if target.touch is None:
        return int(plans.pause_campaign(conn, target.campaign, paused=paused, until=until))
    return int(plans.pause_touch(conn, target.campaign, target.edition, target.touch, paused=paused, until=until))


def waiting_messages(store: Store, chosen: Sequence[Target]) -> int:
    """Return how many planned messages a cancellation of the targets would drop."""
    with store.read() as conn:
        return sum(
            plans.count_open_messages(conn, target.campaign, _edition(target), target.touch) for target in chosen
        )


def coming_dates(store: Store, chosen: Sequence[Target]) -> int:
    """Return how many moments of the calendar a cancellation of the targets would take away."""
    with store.read() as conn:
        return sum(
            len(
                plans.occurrences(conn, target.campaign, target.edition, touch=target.touch, states=("planned", "open"))
            )
            for target in chosen
        )


def asks_for_approval(store: Store, catalog: Catalog, target: Target) -> bool:
    """Return whether a touch as it is in force says `approval: required`."""
    with store.read() as conn:
        in_force = catalog.get(conn, target.campaign, target.edition)
        found = in_force.find(target.touch) if in_force is not None and target.touch is not None else None
        return found is not None and found[1].approval == "required"


def is_off(store: Store, target: Target) -> bool:
    """Return whether a person cancelled or rejected the touch."""
    if target.touch is None:
        return False
    with store.read() as conn:
        return plans.touch_state(conn, target.campaign, target.edition, target.touch).rejected


def cancel(store: Store, catalog: Catalog, chosen: Sequence[Target], *, now: datetime, who: str) -> int:
    """End the targets: nothing more of them is sent; return how many messages were cancelled.

    A campaign is ended with what is still open of its earlier editions, a touch in this edition alone: who was on the
    way to it as a step goes on with what follows it.
    """
    cancelled = 0
    with store.begin() as conn:
        for target in chosen:
            on_their_way = _on_their_way(conn, target)
            if target.touch is None:
                plans.cancel_campaign(conn, target.campaign)
                plans.end_runs_of_campaign(conn, target.campaign, reason="the campaign was cancelled", now=now)
            else:
                plans.reject_touch(conn, target.campaign, target.edition, target.touch, note="cancelled", now=now)
            plans.cancel_occurrences(
                conn, target.campaign, _edition(target), target.touch, reason="cancelled by a person"
            )
            cancelled += ledger.settle_many(
                conn,
                target=State.CANCELLED,
                reason="cancelled by a person",
                now=now,
                **_which(target),
            )
            runs.carry_on(conn, catalog, on_their_way, now=now)
        _audit(conn, "cancel", chosen, now, who)
        bump(conn)
    return cancelled


def approve(
    store: Store,
    catalog: Catalog,
    chosen: Sequence[Target],
    *,
    now: datetime,
    who: str,
    note: str = "",
    reject: bool = False,
    not_sent: bool = False,
) -> int:
    """Approve (or reject) touches with exactly the content they have now; return how many held messages that moves.

    Approval is bound to the content's hash: an edit of text, template or media asks again. Messages that were held
    because they were late (`on_late: ask`) are let go by the same word: from now on they may be late once more by what
    the touch allows, then they ask again. So are those that stopped their renderer twice. A touch that was cancelled or
    rejected is back with its dates to come. With `not_sent` messages go too that may have been sent before the database
    was restored: a person found out that they were not.
    """
    moved = 0
    with store.begin() as conn:
        for target in chosen:
            if target.touch is None:
                raise SchedulerError(
                    f"{target.campaign!r} is a campaign", remedy="approve its touches one by one: campaign/touch"
                )
            in_force = catalog.get(conn, target.campaign, target.edition)
            assert in_force is not None
            which = _which(target)
            if reject:
                on_their_way = _on_their_way(conn, target)
                plans.reject_touch(conn, target.campaign, target.edition, target.touch, note=note, now=now)
                moved += ledger.settle_many(conn, target=State.CANCELLED, reason="rejected", now=now, **which)
                runs.carry_on(conn, catalog, on_their_way, now=now)
                continue
            timeline = in_force.timeline(plans.first_sent(conn, target.campaign, target.edition))
            if plans.touch_state(conn, target.campaign, target.edition, target.touch).rejected:
                _put_back(conn, in_force, timeline, target.touch, now)
            content = timeline.touch(target.touch).content_hash
            plans.approve_touch(
                conn,
                campaign=target.campaign,
                edition=target.edition,
                touch=target.touch,
                content_hash=content,
                now=now,
                note=note,
            )
            moved += _let_go(conn, which, _late_once_more(in_force, target.touch, now), now)
            if not_sent:
                moved += holding.free(
                    conn, campaign=target.campaign, edition=target.edition, touch=target.touch, now=now
                )
        _audit(conn, "reject" if reject else "approve", chosen, now, who)
        bump(conn)
    return moved


def _on_their_way(conn: Connection, target: Target) -> list[int]:
    """Return the runs that are on their way to the touch meant; a whole campaign's are not carried on."""
    return plans.runs_at(conn, target.campaign, target.edition, target.touch) if target.touch is not None else []


def _let_go(conn: Connection, which: ledger.Which, last_at: datetime | None, now: datetime) -> int:
    """Put back on the schedule what a person's word lets go; what is late already may go until `last_at`."""
    release = partial(ledger.release, conn, now=now, **which)
    late = release(reason_prefix=WAITS_FOR_APPROVAL, expires_at=last_at, asking_since=now)
    late += release(reason_prefix=ledger.LATE, expires_at=last_at)
    return late + release(reason_prefix=WAITS_FOR_APPROVAL) + release(reason_prefix=POISON)


def _late_once_more(in_force: InForce, touch: str, now: datetime) -> datetime | None:
    """Return until when a message may go that a person lets go although it is late; None where that never ends."""
    found = in_force.find(touch)
    if found is None:
        return None
    span = planner.max_late(in_force.campaign, *found)
    return resolver.add_span(now, span, in_force.campaign.zone)


def _put_back(conn: Connection, in_force: InForce, timeline: Timeline, touch: str, now: datetime) -> None:
    """Put the dates to come of a cancelled touch back on the calendar; what went there stays as it is."""
    planned = {occurrence.key for occurrence in timeline.touch(touch).occurrences}
    for row in plans.occurrences(conn, in_force.id, in_force.edition, touch=touch, states=("cancelled",)):
        if row.key in planned and row.due_at > now:
            plans.set_occurrence_state(conn, row.id, "planned", "")


def release_for_accounts(store: Store, channels: Sequence[str], *, now: datetime) -> int:
    """Put messages back on the schedule that were held for want of an account the daemon now has."""
    with store.begin() as conn:
        return sum(
            # Not by the channel of the row: an edit may have brought the touch to another one since.
            ledger.release(conn, now=now, reason_prefix=f"{NO_ACCOUNT} for {channel}:")
            for channel in channels
        )


def _audit(conn: Connection, action: str, chosen: Sequence[Target], now: datetime, who: str) -> None:
    for target in chosen:
        plans.audit(conn, at=now, who=who, action=action, subject=str(target))


def _which(target: Target) -> ledger.Which:
    which: ledger.Which = {"campaign": target.campaign}
    if target.touch is not None:
        which |= {"edition": target.edition, "touch": target.touch}
    return which


def _edition(target: Target) -> str | None:
    """The edition a target is about: its own for a touch, every one for a whole campaign."""
    return None if target.touch is None else target.edition
