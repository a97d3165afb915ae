"""Operations about people's data: erasing, merging, forgetting whom nobody heard of, and telling what is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from scheduler import runs
from scheduler.catalog import Catalog
from scheduler.delivery import State
from scheduler.errors import BusyError, SchedulerError
from scheduler.operations.people import find
from scheduler.store import events, ledger, people, plans, reader, scrubbing
from scheduler.store.database import Connection, Store, bump
from scheduler.store.people import forgotten, wordings

_TOGETHER = 100  # people forgotten in one transaction
_EVERYTHING = 1_000_000  # rows of one person


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did: `clean` says that nothing of it is left in the database's files either."""

    people: int
    cancelled: int
    clean: bool


def forget(store: Store, who: str, *, now: datetime, by: str) -> Erasure:
    """Erase a person who asked for it: their opt-out stays, by a keyed hash, and holds for a later import.

    What was to go to them is cancelled; what happened stays as rows without a name, an address or a fact.
    Raises: SchedulerError for unknown and erased people; BusyError while a message to them is being sent.
    """
    with store.begin() as conn:
        contact = find(conn, who)
        if people.gone_at(conn, contact) is not None:
            raise SchedulerError(f"#{contact} is erased already", remedy="there is nothing left to erase")
        known, cancelled = _erase(conn, contact, asked=True, now=now)
        plans.audit(
            conn, at=now, who=by, action="erase", subject=f"contact #{contact}", detail=f"{cancelled} cancelled"
        )
        bump(conn)
    return Erasure(1, cancelled, scrubbing.scrub(store, known.words()))


def inactive(store: Store, since: datetime) -> int:
    """Return how many people `forget_inactive` would forget."""
    found = after = 0
    with store.read() as conn:
        while chunk := people.inactive(conn, since, after=after):
            found, after = found + len(chunk), chunk[-1]
    return found


def forget_inactive(store: Store, since: datetime, *, now: datetime, by: str) -> Erasure:
    """Erase everybody who gave no sign of life from `since` on; what opt-outs they had stay. See `people.inactive`."""
    forget_numbers(store, now=now)
    words: set[str] = set()
    total = 0
    detail = f"inactive since {since.date().isoformat()}"
    while chunk := forget_some(
        store, lambda conn: people.inactive(conn, since, limit=_TOGETHER), detail=detail, now=now, by=by
    ):
        total += len(chunk)
        words.update(*chunk)
    return Erasure(total, 0, scrubbing.scrub(store, words) if total else True)


def forget_numbers(store: Store, *, now: datetime) -> None:
    """Forget which numbers people had who were erased long ago without asking for it: links bear them (`forgotten`)."""
    with store.begin() as conn:
        forgotten.drop_numbers(conn, now)


def forget_some(
    store: Store, choose: Callable[[Connection], Sequence[int]], *, detail: str, now: datetime, by: str
) -> list[tuple[str, ...]]:
    """Erase the people that `choose` returns, in one transaction; return the addresses of each.

    What was theirs may still stand in the files of the database: `scrubbing.scrub` looks for it.
    """
    found = []
    with store.begin() as conn:
        chosen = choose(conn)
        for contact in chosen:
            known, _ = _erase(conn, contact, asked=False, now=now)
            found.append(tuple(value for _, value in known.addresses))
        if chosen:
            subject = f"{len(chosen)} contacts, #{chosen[0]} to #{chosen[-1]}"
            plans.audit(conn, at=now, who=by, action="erase", subject=subject, detail=detail)
            bump(conn)
    return found


def _erase(conn: Connection, contact: int, *, asked: bool, now: datetime) -> tuple[people.Traces, int]:
    """Erase one person in this transaction; return what told who it was, and how many messages were cancelled."""
    scrubbing.overwrite(conn)
    people.lock(conn, contact)
    _refuse_sending(conn, contact)
    known = people.traces(conn, contact)
    clean = known.cleaner()
    cancelled = ledger.settle_many(conn, target=State.CANCELLED, reason="erased", now=now, contact=contact)
    for run in plans.open_runs(conn, contact):
        plans.end_run(conn, run.id, reason="erased", now=now)
    ledger.blank(conn, contact, clean, people.anonymous(conn, clean))
    people.erase(conn, contact, known, asked=asked, now=now)
    return known, cancelled


def merge(
    store: Store, kept: str, other: str, *, now: datetime, by: str, catalog: Catalog | None = None
) -> tuple[int, int]:
    """Make one person of two contacts; return the ids of the one that stays and of the one that is empty now.

    What one of them had, did or took back counts for both: each message goes once, a goal that either reached ends the
    runs of both, and a run that both have goes on once. `catalog` is read anew when it is not given.
    Raises: SchedulerError when they are the same already, or one of them is erased; BusyError while a message to one
    of them is being sent.
    """
    with store.begin() as conn:
        first, second = find(conn, kept), find(conn, other)
        if first == second:
            raise SchedulerError(f"{kept} and {other} are the same contact already", remedy="there is nothing to merge")
        for contact in sorted((first, second)):
            people.lock(conn, contact)
            _refuse_sending(conn, contact)
            if people.gone_at(conn, contact) is not None:
                raise SchedulerError(f"#{contact} is erased", remedy="name a contact that is there")
        twins = people.twin_runs(conn, first, second)
        moved = ledger.hand_over(conn, second, first, now=now, twins=twins)
        people.merge(conn, first, second, now=now)
        runs.rejoin(conn, catalog or Catalog(), first, now=now)
        detail = f"with #{second}, {moved} messages"
        plans.audit(conn, at=now, who=by, action="merge", subject=f"contact #{first}", detail=detail)
        bump(conn)
    return first, second


def _refuse_sending(conn: Connection, contact: int) -> None:
    if ledger.is_being_sent(conn, contact):
        raise BusyError(f"a message to #{contact} is being sent this moment", remedy="try again in a minute")


def consent(
    store: Store,
    who: str,
    purpose: str,
    *,
    given: bool,
    at: datetime,
    source: str,
    wording: str,
    version: str,
    now: datetime,
    by: str,
) -> bool:
    """Append what a person agreed to or took back, with what they read; return whether it was new.

    It is noted of this person alone, so no import changes it.
    """
    with store.begin() as conn:
        contact = find(conn, who)
        row = wordings.keep(conn, wording, version) if wording else None
        new = people.add_consent(
            conn, contact, purpose, given=given, at=at, source=source, wording=row, proof={"noted": "by hand"}
        )
        if new:
            word = "given" if given else "taken back"
            plans.audit(
                conn, at=now, who=by, action="consent", subject=f"contact #{contact}", detail=f"{purpose} {word}"
            )
            bump(conn)
    return new


def access(store: Store, who: str, *, now: datetime, by: str) -> dict[str, object]:
    """Return everything stored about one person as a document (GDPR articles 15 and 20), and note that it was given.

    Moments are aware; texts are what the person reads or said, not how it is stored.
    """
    with store.begin() as conn:
        contact = find(conn, who)
        row = people.contact(conn, contact)
        assert row is not None
        found: dict[str, object] = {
            "made_at": now,
            "contact": {
                "number": contact,
                **{name: value for name in _OWN if (value := getattr(row, name))},
                "facts": dict(row.facts),
                "also_known_by": [{"kind": kind, "value": value} for kind, value in people.aliases(conn, contact)],
                "since": row.created_at,
                "changed_at": row.updated_at,
            },
            "consents": [
                {**asdict(one), "channel": one.channel, "purpose": one.purpose.partition(":")[0]}
                for one in people.consent_history(conn, contact)
            ],
            "stopped": [asdict(one) for one in people.suppressions(conn, contact)],
            "events": [
                {name: getattr(one, name) for name in ("name", "at", "received_at", "facts")}
                for one in events.of_contact(conn, contact, limit=_EVERYTHING)
            ],
            "stages": [_without(one, "id", "contact") for one in plans.stages_of(conn, contact)],
            "sequences": [_without(one, "id", "contact", "event", "revision") for one in plans.runs_for(conn, contact)],
            "messages": [
                {name: getattr(one, name) for name in _MESSAGE} for one in reader.deliveries(conn, contact=contact)
            ],
            "tasks": [
                _without(one, "id", "delivery", "contact") for one in plans.tasks(conn, done=None, contact=contact)
            ],
        }
        plans.audit(conn, at=now, who=by, action="export", subject=f"contact #{contact}", detail="everything stored")
    return found


_OWN = ("ref", "email", "phone", "first_name", "last_name", "city", "country", "language", "timezone", "birthday")
_MESSAGE = ("campaign", "edition", "touch", "stage", "channel", "state", "reason", "due_at", "sent_at", "subject")


def _without(record: Any, *names: str) -> dict[str, object]:
    return {one.name: getattr(record, one.name) for one in fields(record) if one.name not in names}
