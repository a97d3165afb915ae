"""People on their way through a campaign: the stages they entered and the runs that their events started."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, insert, literal, select, update

from scheduler.store.bulk import fetch, run_rows, within
from scheduler.store.rows import insert_new, read_all, read_one, rows_of
from scheduler.store.tables import RUNS, STAGE_ENTRIES

_E = STAGE_ENTRIES.c
_R = RUNS.c


@dataclass(frozen=True, slots=True)
class StageRecord:
    """A person entered a stage, for a reason (a touch that reached them, an event, go_to, loop)."""

    id: int
    campaign: str
    edition: str
    contact: int
    stage: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run of a triggered touch for one person; `key` is `cart=17`, else the event's key; state open or ended.

    `reason` says why an ended one ended; what it expects and from which orders stands there from its start on. Its
    messages count from `started_at`: the event's moment, or the edit that let it begin again. `revision` is the one
    whose definition it follows to its end; 0 follows the one in force.
    """

    id: int
    campaign: str
    edition: str
    touch: str
    stage: str
    contact: int
    key: str
    event: int
    state: str
    reason: str
    started_at: datetime
    ended_at: datetime | None
    revision: int


_RUN = rows_of(RunRecord, RUNS).where(_R.id == bindparam("run_id"))
_LOCKED = _RUN.with_for_update()
_RUNS = rows_of(RunRecord, RUNS).where(within(_R.id, "run_ids"))
_ENTER = insert(STAGE_ENTRIES)
_ENTRY = ("campaign", "edition", "contact", "stage", "at", "reason")
_STAGE = (
    select(_E.stage)
    .where(
        _E.campaign == bindparam("campaign_id"),
        _E.edition == bindparam("edition_id"),
        _E.contact == bindparam("contact_id"),
    )
    .order_by(_E.id.desc())
    .limit(1)
)


_STAGES = (
    select(_E.contact, _E.stage)
    .where(
        _E.campaign == bindparam("campaign_id"),
        _E.edition == bindparam("edition_id"),
        within(_E.contact, "contacts"),
    )
    .order_by(_E.id)
)


def current_stage(conn: Connection, campaign: str, edition: str, contact: int) -> str | None:
    """Return the stage a person is in: the newest entry; None for somebody no stage has reached."""
    values = {"campaign_id": campaign, "edition_id": edition, "contact_id": contact}
    found: str | None = conn.execute(_STAGE, values).scalar()
    return found


def current_stages(conn: Connection, campaign: str, edition: str, contacts: Collection[int]) -> dict[int, str]:
    """Return the stage each of these people is in; somebody no stage has reached is absent."""
    asked = {"campaign_id": campaign, "edition_id": edition, "contacts": sorted(contacts)}
    return dict(fetch(conn, _STAGES, asked))


def stages_of(
    conn: Connection, contact: int, *, campaign: str | None = None, edition: str | None = None
) -> list[StageRecord]:
    """Return the stages a person entered, the oldest first."""
    query = rows_of(StageRecord, STAGE_ENTRIES).where(_E.contact == contact)
    if campaign is not None:
        query = query.where(_E.campaign == campaign)
    if edition is not None:
        query = query.where(_E.edition == edition)
    return read_all(conn, StageRecord, query.order_by(_E.id))


def enter_stage(
    conn: Connection, campaign: str, edition: str, contact: int, stage: str, *, at: datetime, reason: str
) -> int:
    """Append a stage entry; return its id. Whether the person may move there is decided by the caller."""
    statement = STAGE_ENTRIES.insert().values(
        campaign=campaign, edition=edition, contact=contact, stage=stage, at=at, reason=reason
    )
    return int(conn.execute(statement.returning(_E.id)).scalar_one())


def enter_stages(
    conn: Connection, campaign: str, edition: str, people: Mapping[int, str], stage: str, *, at: datetime
) -> None:
    """Append an entry into `stage` for each of `people` (contact to reason); see `enter_stage`."""
    if people:
        rows = [(campaign, edition, contact, stage, at, reason) for contact, reason in people.items()]
        run_rows(conn, _ENTER, _ENTRY, rows)


def funnel(conn: Connection, campaign: str, edition: str) -> dict[str, int]:
    """Return how many people have entered each stage."""
    people = func.count(func.distinct(_E.contact))
    query = select(_E.stage, people).where(_E.campaign == campaign, _E.edition == edition).group_by(_E.stage)
    return {row[0]: row[1] for row in conn.execute(query)}


def start_run(
    conn: Connection,
    *,
    campaign: str,
    edition: str,
    touch: str,
    stage: str,
    contact: int,
    key: str,
    event: int,
    at: datetime,
    revision: int = 0,
) -> RunRecord | None:
    """Start a run; None when this key has started one already.

    Condition: the unique key (campaign, edition, touch, contact, key).
    """
    values = {
        "campaign": campaign,
        "edition": edition,
        "touch": touch,
        "stage": stage,
        "contact": contact,
        "key": key,
        "event": event,
        "state": "open",
        "reason": "",
        "started_at": at,
        "revision": revision,
    }
    row = conn.execute(insert_new(conn.dialect.name, RUNS, RunRecord), values).first()
    return None if row is None else RunRecord(*row)


def run(conn: Connection, run: int, *, lock: bool = False) -> RunRecord | None:
    """Return one run; with `lock` nobody else carries it on until this transaction ends."""
    return read_one(conn, RunRecord, _LOCKED if lock else _RUN, run_id=run)


def runs_of(conn: Connection, runs: Collection[int]) -> dict[int, RunRecord]:
    """Return runs by id; those that are not there are left out."""
    found = read_all(conn, RunRecord, _RUNS, run_ids=sorted(set(runs))) if runs else []
    return {record.id: record for record in found}


def open_runs(
    conn: Connection,
    contact: int,
    *,
    campaign: str | None = None,
    edition: str | None = None,
    touches: Collection[str] | None = None,
    stages: Collection[str] | None = None,
) -> list[RunRecord]:
    """Return the open runs of a person that fit, the oldest first."""
    query = rows_of(RunRecord, RUNS).where(_R.contact == contact, _R.state == "open")
    if campaign is not None:
        query = query.where(_R.campaign == campaign)
    if edition is not None:
        query = query.where(_R.edition == edition)
    if touches is not None:
        query = query.where(_R.touch.in_(sorted(touches)))
    if stages is not None:
        query = query.where(_R.stage.in_(sorted(stages)))
    return read_all(conn, RunRecord, query.order_by(_R.id))


def runs_for(conn: Connection, contact: int) -> list[RunRecord]:
    """Return every run of a person, the oldest first."""
    return read_all(conn, RunRecord, rows_of(RunRecord, RUNS).where(_R.contact == contact).order_by(_R.id))


def last_run(conn: Connection, campaign: str, edition: str, touch: str, contact: int) -> RunRecord | None:
    """Return the newest run of a touch for a person, open or ended: what `again:` looks at."""
    condition = and_(_R.campaign == campaign, _R.edition == edition, _R.touch == touch, _R.contact == contact)
    return read_one(conn, RunRecord, rows_of(RunRecord, RUNS).where(condition).order_by(_R.id.desc()).limit(1))


def note_run(conn: Connection, run: int, why: str) -> None:
    """Keep with an open run why its messages go when they go; its end keeps it, after the reason it ended for."""
    conn.execute(update(RUNS).where(_R.id == run, _R.state == "open").values(reason=why))


def _ended_for(reason: str) -> ColumnElement[str]:
    return case((_R.reason == "", reason), else_=literal(f"{reason}; ") + _R.reason)


def end_run(conn: Connection, run: int, *, reason: str, now: datetime) -> bool:
    """End a run; return whether it was open. Its deliveries are the ledger's, in the same transaction."""
    change = update(RUNS).where(_R.id == run, _R.state == "open")
    return bool(conn.execute(change.values(state="ended", reason=_ended_for(reason), ended_at=now)).rowcount == 1)


def end_runs_of_touch(conn: Connection, campaign: str, edition: str, touch: str, *, reason: str, now: datetime) -> int:
    """End every open run of a touch; return how many."""
    same = and_(_R.campaign == campaign, _R.edition == edition, _R.touch == touch, _R.state == "open")
    change = update(RUNS).where(same)
    return int(conn.execute(change.values(state="ended", reason=_ended_for(reason), ended_at=now)).rowcount)


def end_runs_of_campaign(conn: Connection, campaign: str, *, reason: str, now: datetime) -> int:
    """End every open run of a campaign, in all its editions; return how many."""
    change = update(RUNS).where(_R.campaign == campaign, _R.state == "open")
    return int(conn.execute(change.values(state="ended", reason=_ended_for(reason), ended_at=now)).rowcount)


def pin_runs(conn: Connection, campaign: str, edition: str, touch: str, *, revision: int) -> int:
    """Let the open runs of a touch follow one revision to their end (0: the one in force); return how many.

    Those that follow a revision already keep it, unless they are set free.
    """
    same = and_(_R.campaign == campaign, _R.edition == edition, _R.touch == touch, _R.state == "open")
    free = _R.revision == 0 if revision else _R.revision != 0
    return int(conn.execute(update(RUNS).where(same, free).values(revision=revision)).rowcount)


def begin_again(conn: Connection, campaign: str, edition: str, touch: str, *, at: datetime) -> int:
    """Let the open runs of a touch count from another moment; return how many."""
    same = and_(_R.campaign == campaign, _R.edition == edition, _R.touch == touch, _R.state == "open")
    return int(conn.execute(update(RUNS).where(same).values(started_at=at)).rowcount)
