"""What else is to go to a person: the messages that compete for the room a cap leaves; no rules here.

Found are messages that are planned for the person already, and dates of the calendar that are still to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from campaigns import planner
from scheduler.cases import Case, case_of
from scheduler.catalog import Catalog, InForce
from scheduler.errors import FAULTS
from scheduler.runs import is_marketing
from scheduler.store import ledger, plans
from scheduler.store.database import Connection
from scheduler.store.ledger import Claim
from scheduler.store.steering import Steering


@dataclass(frozen=True, slots=True)
class Rival:
    """A marketing message that is to go to the same person; it is looked at next at `next_at`.

    `of_calendar`: it is a date that has not fired, so nobody asked yet whether the person is in its audience, and its
    moments are those of the campaign's zone.
    """

    case: Case
    next_at: datetime
    of_calendar: bool = False


def find(
    conn: Connection,
    catalog: Catalog,
    steering: Steering,
    cases: Sequence[Case],
    *,
    now: datetime,
    until: datetime | None = None,
) -> dict[int, list[Rival]]:
    """Return by person what of a higher priority than any of the cases is due while a cap would still count them.

    With `until`, everything that is due before then, whatever its priority.
    """
    lowest: dict[int, int] = {}
    for case in cases:
        contact = case.claim.contact
        if contact is not None and case.claim.marketing:
            own = planner.priority(case.touch) if until is None else -1
            lowest[contact] = min(own, lowest.get(contact, own))
    if not lowest:
        return {}
    if until is None:
        ahead = _reach(_running(conn, catalog, steering), min(lowest.values()))
        if ahead is None:
            return {}
        until = now + ahead
    found: dict[int, list[Rival]] = {}
    for rival in _planned(conn, catalog, lowest, until):
        _add(found, rival, lowest)
    for occurrence in plans.due_occurrences(conn, until):
        for rival in _to_come(conn, catalog, occurrence, lowest, now):
            _add(found, rival, lowest)
    return found


def _running(conn: Connection, catalog: Catalog, steering: Steering) -> Iterator[InForce]:
    for row in steering.campaigns(conn):
        if row.state == "running":
            try:
                campaign = catalog.of(conn, row)
            except FAULTS:  # the dispatcher tells it; what cannot be read competes with nothing
                continue
            if campaign is not None:
                yield campaign


def _reach(campaigns: Iterable[InForce], lowest: int) -> timedelta | None:
    """Return how far ahead a message of a higher priority may lie and still be kept from going; None: there is none."""
    days = [days for campaign in campaigns for priority, days in campaign.ranks if priority > lowest]
    return timedelta(days=max(days)) if any(days) else None


def _add(found: dict[int, list[Rival]], rival: Rival, lowest: dict[int, int]) -> None:
    contact = rival.case.claim.contact
    if contact is not None and planner.priority(rival.case.touch) > lowest[contact]:
        found.setdefault(contact, []).append(rival)


def _planned(conn: Connection, catalog: Catalog, people: Iterable[int], until: datetime) -> Iterator[Rival]:
    for claim, next_at in ledger.waiting(conn, sorted(people), until=until):
        try:
            yield Rival(case_of(catalog.get(conn, claim.campaign, claim.edition, claim.revision), claim), next_at)
        except FAULTS:
            continue


def _to_come(
    conn: Connection, catalog: Catalog, row: plans.OccurrenceRecord, people: dict[int, int], now: datetime
) -> Iterator[Rival]:
    """Yield a date of the calendar as a message for each of the people, whether or not it is for them."""
    try:
        campaign = catalog.get(conn, row.campaign, row.edition)
    except FAULTS:
        return
    found = campaign.find(row.touch) if campaign is not None else None
    if campaign is None or found is None or not found[1].is_personal or not is_marketing(found[1]):
        return
    if found[1].in_flight == "drain" or planner.priority(found[1]) <= min(people.values()):
        return
    for contact in people:
        yield Rival(case_of(campaign, upcoming(row, campaign, contact, now)), row.due_at, of_calendar=True)


def upcoming(row: plans.OccurrenceRecord, campaign: InForce, contact: int, now: datetime) -> Claim:
    """Return the claim that a date of the calendar will be for a person, at the moments of the campaign's zone."""
    found = campaign.find(row.touch)
    assert found is not None
    stage, touch = found
    return Claim(
        id=0,
        campaign=row.campaign,
        edition=row.edition,
        touch=row.touch,
        stage=stage.id,
        channel=touch.channel[0],
        recipient=f"c{contact}",
        contact=contact,
        occurrence=row.key,
        run=None,
        marketing=is_marketing(touch),
        due_at=row.due_at,
        expires_at=row.expires_at,
        on_late=planner.on_late(touch).value,
        attempts=0,
        revision=None,
        worker="",
        lease_until=now,
    )


def at(claim: Claim, due_at: datetime, expires_at: datetime | None) -> Claim:
    """Return the claim of a date at the moments it has for its own person."""
    return replace(claim, due_at=due_at, expires_at=expires_at)
