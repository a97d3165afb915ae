"""What needs a person, as `status`, `doctor` and `log` know it: one list that can be compared with an earlier one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler import verdicts
from scheduler.channels.horizon import TokenEnd
from scheduler.checks import WAITS_FOR_APPROVAL
from scheduler.delivery import State
from scheduler.operations import horizon, tasks, watching
from scheduler.operations.reasoning import moment
from scheduler.operations.tasks import Standing, TaskLine
from scheduler.operations.watching import Status
from scheduler.store import alerts, inquiries, meta, plans
from scheduler.store.database import Store

APPROVAL_AHEAD = timedelta(days=7)
STUCK_AFTER = timedelta(hours=1)
TOKEN_DAYS = (14, 7, 1)  # before the end of a token it is told
LINGERS = ("resting:", "late:")  # may be over for a moment, while it is tried again
_BY_ITSELF = frozenset({"daemon", "bounces"})  # who pauses a campaign without being a person
_LOOKED_THROUGH = 50  # of the newest lines of the log, for the words of the last failure
_LONGEST_WORDS = 300
_ADDRESS = re.compile(r"([^\s@<>()\[\],;:\"'])[^\s@<>()\[\],;:\"']*@([^\s@<>()\[\],;:\"']+)")
_NUMBER = re.compile(r"\+?[0-9](?:[ ().-]?[0-9]){7,}")


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that needs a person. `key` stays the same while it lasts.

    It is news where `number` or `at` (the newest of it, aware UTC) is greater than what was told before. `urgent`: it
    waits for no digest. `says` names nobody; `remedy` is a command, or what to do.
    """

    key: str
    says: str
    remedy: str
    number: int = 1
    at: datetime | None = None
    urgent: bool = False


def gather(
    store: Store, *, now: datetime, settling: Collection[str] = (), ends: Sequence[TokenEnd] = ()
) -> tuple[Concern, ...]:
    """Return everything that needs a person as of `now`, the gravest first.

    `settling` are the channels that are asked what became of unknown messages, `ends` the tokens that end.
    """
    status = watching.status(store, now=now)
    with store.read() as conn:
        kept = alerts.kept_back(conn)
        questions = inquiries.unknown(conn)
        undone = tasks.lines_of(conn, now=now, named=False)
        pauses = {
            one.id: [entry for entry in plans.audits(conn, campaign=one.id) if entry.subject == one.id]
            for one in status.campaigns
            if one.state == "paused"
        }
    return (
        *of_hold(status.hold),
        *_paused(status, pauses),
        *_resting(kept),
        *_late(kept, now),
        *_unknown([one for one in questions if one.waits_for_a_person or one.channel not in settling]),
        *_failed(store, status),
        *_held(kept),
        *_approvals(status, now),
        *_overdue(undone, status),
        *_tokens(store, ends, now),
    )


def masked(words: str) -> str:
    """Return words of a far end on one line in which no address and no number can be read, cut at 300 characters."""
    words = _NUMBER.sub("…", _ADDRESS.sub(r"\1…@\2", " ".join(words.split())))
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1] + "…"


def of_hold(hold: meta.Hold | None) -> tuple[Concern, ...]:
    """Return what is said of a HOLD; nothing where there is none."""
    if hold is None:
        return ()
    says = f"HOLD: nothing is sent: {masked(hold.reason)}"
    return (Concern("hold", says, "campaign resume --plan", at=hold.at, urgent=True),)


def _paused(status: Status, pauses: dict[str, list[plans.AuditRecord]]) -> Iterator[Concern]:
    """Yield the campaigns that were paused because they fail too often, or are complained about; not by a person."""
    for one in status.campaigns:
        last = next((entry for entry in reversed(pauses.get(one.id, [])) if entry.action == "pause"), None)
        if last is not None and last.who in _BY_ITSELF:
            why = last.detail.partition(": look at")[0]
            yield Concern(
                f"paused:{one.id}", f"{one.id} is paused: {masked(why)}", f"campaign resume {one.id}", at=last.at
            )


def _resting(kept: Sequence[alerts.Kept]) -> Iterator[Concern]:
    """Yield the channels that rest because they, or their account, are refused."""
    for channel, rows in _by_channel(one for one in kept if _rests(one)):
        number = sum(one.number for one in rows)
        newest = max(rows, key=lambda one: one.newest_at)
        yield Concern(
            f"resting:{channel}",
            f"{masked(newest.reason)}; {_count(number, 'message waits', 'messages wait')}, and it is tried again",
            "campaign doctor",
        )


def _late(kept: Sequence[alerts.Kept], now: datetime) -> Iterator[Concern]:
    """Yield the channels whose messages are tried in vain for longer than an hour."""
    late = (
        one
        for one in kept
        if one.state is State.RETRY_WAIT and not _rests(one) and one.first_due_at < now - STUCK_AFTER
    )
    for channel, rows in _by_channel(late):
        number = sum(one.number for one in rows)
        first = min(rows, key=lambda one: one.first_due_at)
        since = moment(first.first_due_at, "UTC")
        waits = _count(number, "message waits", "messages wait")
        yield Concern(
            f"late:{channel}", f"{waits} for {channel} since {since} UTC: {masked(first.reason)}", "campaign log"
        )


def _unknown(waiting: Sequence[inquiries.Question]) -> Iterator[Concern]:
    if waiting:
        channels = Counter(one.channel for one in waiting)
        where = ", ".join(f"{channel} {number}" for channel, number in sorted(channels.items()))
        yield Concern(
            "unknown",
            f"{_count(len(waiting), 'message')} may or may not have gone, and only you can find out ({where})",
            "campaign reconcile",
            len(waiting),
            max(one.looked_at or one.ended_at for one in waiting),
        )


def _failed(store: Store, status: Status) -> Iterator[Concern]:
    for one in status.campaigns:
        if not one.failed:
            continue
        lines = watching.log(store, campaign=one.id, failed=True, limit=_LOOKED_THROUGH)
        last = next((line for line in reversed(lines) if line.state == State.FAILED), None)
        why = "" if last is None else f", the last of {last.touch}: {masked(last.reason)}"
        yield Concern(
            f"failed:{one.id}",
            f"{one.id}: {_count(one.failed, 'message')} failed{why}",
            f"campaign log {one.id} --failed",
            one.failed,
            None if last is None else last.at,
        )


def _held(kept: Sequence[alerts.Kept]) -> Iterator[Concern]:
    """Yield what is held until somebody decides; what waits for an approval is told with that."""
    by_campaign: dict[str, list[alerts.Kept]] = defaultdict(list)
    for one in kept:
        if one.state is State.HELD and not one.reason.startswith(WAITS_FOR_APPROVAL):
            by_campaign[one.campaign].append(one)
    for campaign, rows in by_campaign.items():
        most = max(rows, key=lambda one: one.number)
        number = sum(one.number for one in rows)
        others = f", and {_count(len(rows) - 1, 'other reason')}" if len(rows) > 1 else ""
        yield Concern(
            f"held:{campaign}",
            f"{campaign}: {_count(number, 'message is', 'messages are')} held: {masked(most.reason)}{others}",
            f"campaign log {campaign}",
            number,
            max(one.newest_at for one in rows),
        )


def _approvals(status: Status, now: datetime) -> Iterator[Concern]:
    """Yield the approvals that messages wait for, and those that are due within a week."""
    for one in status.campaigns:
        for approval in one.approvals:
            if approval.held or (approval.due_at is not None and approval.due_at <= now + APPROVAL_AHEAD):
                name = f"{one.id}/{approval.touch}"
                when = f", due {moment(approval.due_at, one.zone)}" if approval.due_at is not None else ""
                held = ": its messages are held" if approval.held else ""
                yield Concern(
                    f"approval:{name}",
                    f"{name} needs approval{when}{held}",
                    f"campaign approve {name}",
                    2 if approval.held else 1,
                )


def _overdue(undone: Sequence[TaskLine], status: Status) -> Iterator[Concern]:
    """Yield the campaigns with tasks that nobody did in their time; news with each that joins them."""
    zones = {one.id: one.zone for one in status.campaigns}
    by_campaign: dict[str, list[TaskLine]] = defaultdict(list)
    for task in undone:
        if task.state is not Standing.OPEN:
            by_campaign[task.campaign].append(task)
    for campaign, rows in by_campaign.items():
        first = min(rows, key=lambda one: one.late_at)
        gone = sum(one.state is Standing.TOO_LATE for one in rows)
        too_late = f", {gone} of them too late by now" if gone else ""
        since = moment(first.late_at, zones.get(campaign, "UTC"))
        yield Concern(
            f"overdue:{campaign}",
            f"{campaign}: {_count(len(rows), 'task')} overdue, the first since {since} ({first.touch}, {first.way})"
            f"{too_late}",
            "campaign tasks",
            len(rows),
            max(one.late_at for one in rows),
        )


def _tokens(store: Store, ends: Sequence[TokenEnd], now: datetime) -> Iterator[Concern]:
    """Yield the tokens that end within two weeks or have ended; each is told at 14, 7 and 1 days, and at its end."""
    near = [(end, number) for end in ends if (number := _nearness(end, now))]
    if not near:
        return
    after = Counter(one.end.account for one in horizon.beyond(store, [end for end, _ in near]))
    for end, number in near:
        ended = end.ends_at <= now
        days = max((end.ends_at.date() - now.date()).days, 0)
        when = "ended" if ended else "ends today" if not days else f"ends in {_count(days, 'day')}"
        what = f"; {_count(after[end.account], 'date')} of the schedule fall after it" if after[end.account] else ""
        renewed = ", and could not be renewed" if end.renewed else ""
        yield Concern(
            f"token:{end.account}:{end.ends_at:%Y-%m-%d}",
            f"the token of {end.account} {when} ({end.ends_at:%Y-%m-%d}){renewed}{what}",
            end.remedy,
            number,
        )


def _nearness(end: TokenEnd, now: datetime) -> int:
    """Return how many of the moments have come at which the end of a token is told: 0 while it is far."""
    return sum(now >= end.ends_at - timedelta(days=days) for days in (*TOKEN_DAYS, 0))


def _rests(one: alerts.Kept) -> bool:
    return one.state is State.RETRY_WAIT and verdicts.is_at_fault(one.channel, one.reason)


def _by_channel(rows: Iterator[alerts.Kept]) -> list[tuple[str, list[alerts.Kept]]]:
    found: dict[str, list[alerts.Kept]] = defaultdict(list)
    for one in rows:
        found[one.channel].append(one)
    return sorted(found.items())


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
