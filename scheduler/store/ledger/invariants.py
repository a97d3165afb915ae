"""What must hold of every ledger at every moment, asked of a live database; nothing here changes a row.

The numbers are those of the delivery semantics. I1 to I3 speak of the world outside and I18 to I20 of plans: tests
keep those. I6 and I10 need the campaigns' rules: `store.ledger.marketing` finds what could break them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeAlias

from sqlalchemy import Connection, RowMapping

from scheduler.store.ledger.looking import look

SLACK = timedelta(seconds=10)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_PATIENCE = timedelta(minutes=10)  # a daemon looks at leases and dead workers many times in it
_HORIZON = timedelta(days=1_100)  # nobody plans a message for later than in three years


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the ledger has to know beside it.

    `alive` are the workers heard from lately. `connections` is how many messages of one channel a worker may have under
    way at once, None for no limit. `newest_attempt` and `attempts` are the high-water mark kept outside the database:
    the highest id, and how many there were. Two moments less than `slack` apart are taken for simultaneous: the clocks
    of two processes differ, and a transaction may have waited for another.
    """

    now: datetime
    alive: Collection[str] = ()
    connections: int | None = None
    newest_attempt: int = 0
    attempts: int = 0
    slack: timedelta = SLACK


@dataclass(frozen=True, slots=True)
class Violation:
    """What breaks an invariant: the delivery, None where it is about several, and why; never an address or a name."""

    delivery: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.delivery is None else f"delivery {self.delivery}: {self.what}"


Found: TypeAlias = Generator[Violation, None, None]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A law of the ledger: its number, its sentence, and what finds the rows that break it."""

    number: int
    sentence: str
    find: Callable[[Connection, Sight], Found]

    @property
    def name(self) -> str:
        """Return the name by which the delivery semantics call it."""
        return f"I{self.number}"


def violations(conn: Connection, invariant: Invariant, sight: Sight, *, limit: int = 20) -> list[Violation]:
    """Return the first `limit` violations of an invariant that are found, by delivery."""
    return first(invariant.find(conn, sight), limit)


def first(found: Found, limit: int) -> list[Violation]:
    """Return the first `limit` of what is found, by delivery, and look no further."""
    with closing(found):
        return sorted(islice(found, limit), key=lambda one: one.delivery or 0)


def _apart(rows: Iterator[RowMapping], before: str, after: str, slack: timedelta) -> Iterator[RowMapping]:
    """Return the rows whose moment `after` lies behind their moment `before` by more than the slack.

    Asked here because the two databases subtract moments in different words.
    """
    return (row for row in rows if row[after] - row[before] > slack)


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


# --- where rows belong ------------------------------------------------------------------------------------------------


def _conserved(conn: Connection, _sight: Sight) -> Found:
    strange = "SELECT d.id, d.state FROM delivery d WHERE d.state NOT IN ({known})"
    for row in look(conn, strange):
        yield Violation(row["id"], f"its state {row['state']!r} is none")
    # What a contact had that was merged into another since keeps its key, and may be of a run that both had.
    lost = (
        "SELECT d.id FROM delivery d WHERE d.contact IS NOT NULL AND d.recipient <> 'c' || d.contact AND NOT EXISTS"
        " (SELECT 1 FROM contact c WHERE c.merged_into = d.contact AND d.recipient = 'c' || c.id)"
    )
    for row in look(conn, lost):
        yield Violation(row["id"], "its key names another person than its row")
    foreign = (
        "SELECT d.id, d.run FROM delivery d LEFT JOIN run r ON r.id = d.run LEFT JOIN contact c ON c.id = r.contact"
        " WHERE d.run IS NOT NULL AND (r.id IS NULL OR r.campaign <> d.campaign OR r.edition <> d.edition"
        " OR (r.contact <> d.contact AND COALESCE(c.merged_into, 0) <> d.contact))"
    )
    for row in look(conn, foreign):
        yield Violation(row["id"], f"it belongs to run {row['run']}, which is of another person or campaign")


# --- what must not have gone ------------------------------------------------------------------------------------------


def _opted_out(conn: Connection, sight: Sight) -> Found:
    # The opt-out of a contact that was merged holds for the other from then on, and keeps its own moment.
    one_person = (
        " AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.merged_into = d.contact AND c.gone_at >= a.started_at)"
    )
    stopped = (
        "SELECT d.id, a.started_at AS began_at, s.at AS stopped_at, s.reason FROM suppression s"
        " JOIN delivery d ON d.contact = s.contact JOIN attempt a ON a.delivery = d.id"
        " WHERE a.started_at > s.at AND (s.scope = 'all' OR (s.scope IN ('email', 'sms') AND s.scope = d.channel)"
        " OR (s.scope = 'marketing' AND d.marketing))"
    )
    withdrawn = (
        "SELECT d.id, a.started_at AS began_at, w.at AS stopped_at, 'consent withdrawn' AS reason FROM consent w"
        " JOIN delivery d ON d.contact = w.contact AND d.marketing JOIN attempt a ON a.delivery = d.id"
        " WHERE NOT w.given AND a.started_at > w.at AND w.purpose IN ('marketing', 'marketing:' || d.channel)"
        " AND NOT EXISTS (SELECT 1 FROM consent n WHERE n.contact = w.contact AND n.purpose = w.purpose"
        " AND n.id > w.id AND n.at <= a.started_at)"
        " AND (w.purpose <> 'marketing' OR NOT EXISTS (SELECT 1 FROM consent n WHERE n.contact = w.contact"
        " AND n.purpose = 'marketing:' || d.channel AND n.at <= a.started_at))"
    )
    for query in (stopped, withdrawn):
        for row in _apart(look(conn, query + one_person), "stopped_at", "began_at", sight.slack):
            what = f"begun {_told(row['began_at'])}, though {row['reason']} since {_told(row['stopped_at'])}"
            yield Violation(row["id"], what)


def _expired(conn: Connection, _sight: Sight) -> Found:
    query = (
        "SELECT d.id, a.started_at AS began_at, d.expires_at FROM {newest} WHERE {gone} AND a.started_at > d.expires_at"
    )
    for row in look(conn, query):
        yield Violation(row["id"], f"begun {_told(row['began_at'])}, later than {_told(row['expires_at'])} allowed")


def _early(conn: Connection, _sight: Sight) -> Found:
    query = "SELECT d.id, a.started_at AS began_at, d.due_at FROM {newest} WHERE {gone} AND a.started_at < d.due_at"
    for row in _apart(look(conn, query), "began_at", "due_at", _SECOND):
        yield Violation(row["id"], f"begun {_told(row['began_at'])}, before {_told(row['due_at'])}")


def _out_of_order(conn: Connection, sight: Sight) -> Found:
    query = (
        "SELECT * FROM (SELECT d.id, a.started_at AS began_at, lag(d.id) OVER w AS earlier,"
        " lag(a.started_at) OVER w AS earlier_at FROM {newest} WHERE d.run IS NOT NULL AND {gone}"
        " WINDOW w AS (PARTITION BY d.run ORDER BY d.id)) steps WHERE began_at < earlier_at"
    )
    for row in _apart(look(conn, query), "began_at", "earlier_at", sight.slack):
        yield Violation(row["id"], f"begun before delivery {row['earlier']}, which comes before it in their run")


def _after_the_goal(conn: Connection, sight: Sight) -> Found:
    query = (
        "SELECT d.id, a.started_at AS began_at, r.ended_at, r.reason FROM run r JOIN delivery d ON d.run = r.id"
        " JOIN attempt a ON a.delivery = d.id WHERE r.ended_at IS NOT NULL AND a.started_at > r.ended_at"
    )
    for row in _apart(look(conn, query), "ended_at", "began_at", sight.slack):
        why = f" ({row['reason']})" if row["reason"] else ""
        what = f"begun {_told(row['began_at'])}, though its run ended {_told(row['ended_at'])}{why}"
        yield Violation(row["id"], what)


# --- what rows must say of themselves ---------------------------------------------------------------------------------


def _inconsistent(conn: Connection, _sight: Sight) -> Found:
    columns = (
        "SELECT d.id, CASE WHEN d.state = 'sent' AND d.sent_at IS NULL THEN 'sent, and nobody knows when'"
        " WHEN d.state <> 'sent' AND d.sent_at IS NOT NULL THEN d.state || ', but with a moment at which it was sent'"
        " ELSE d.state || ', but a worker holds it' END AS wrong FROM delivery d"
        " WHERE (d.state = 'sent' AND d.sent_at IS NULL) OR (d.state <> 'sent' AND d.sent_at IS NOT NULL)"
        " OR (d.state IN ({ended}) AND (d.worker IS NOT NULL OR d.lease_until IS NOT NULL))"
    )
    unsaid = (
        "SELECT d.id, 'sent, but none of its attempts says so' AS wrong FROM delivery d LEFT JOIN attempt a"
        " ON a.delivery = d.id AND a.number = d.attempts"
        " WHERE d.state = 'sent' AND (a.outcome IS NULL OR a.outcome NOT IN ('sent', 'unknown'))"
    )
    went = (
        "SELECT d.id, d.state || ', but attempt ' || a.number || ' says it was sent' AS wrong FROM attempt a"
        " JOIN delivery d ON d.id = a.delivery WHERE a.outcome = 'sent' AND d.state <> 'sent'"
    )
    for query in (columns, unsaid, went):
        for row in look(conn, query):
            yield Violation(row["id"], row["wrong"])


def _overlapping(conn: Connection, sight: Sight) -> Found:
    left_open = (
        "SELECT d.id, d.state, a.number FROM attempt a JOIN delivery d ON d.id = a.delivery"
        " WHERE a.outcome IS NULL AND (d.state <> 'attempting' OR a.number <> d.attempts)"
    )
    for row in look(conn, left_open):
        yield Violation(row["id"], f"{row['state']}, but its attempt {row['number']} is still under way")
    unmarked = (
        "SELECT d.id FROM delivery d LEFT JOIN attempt a ON a.delivery = d.id AND a.number = d.attempts"
        " AND a.outcome IS NULL WHERE {at_work}"
        " AND d.state = 'attempting' AND a.id IS NULL"
    )
    for row in look(conn, unmarked):
        yield Violation(row["id"], "attempting, but no attempt of it is under way")
    crossed = (
        "SELECT a.delivery AS id, b.number, b.started_at AS began_at, a.finished_at AS ended_at FROM attempt b"
        " JOIN attempt a ON a.delivery = b.delivery AND a.number = b.number - 1"
        " WHERE b.number > 1 AND b.started_at < a.finished_at"
    )
    for row in _apart(look(conn, crossed), "began_at", "ended_at", sight.slack):
        yield Violation(
            row["id"],
            f"attempt {row['number']} began {_told(row['began_at'])}, before the one before it ended"
            f" {_told(row['ended_at'])} (or the clock was set back)",
        )


def _too_many(conn: Connection, sight: Sight) -> Found:
    if sight.connections is None:
        return
    query = (
        "SELECT d.worker, d.channel, count(*) AS number FROM delivery d"
        " WHERE {at_work} AND d.state = 'attempting'"
        " GROUP BY d.worker, d.channel HAVING count(*) > :most"
    )
    for row in look(conn, query, most=sight.connections):
        what = f"{row['number']} messages by {row['channel']} are under way at once in {row['worker']}"
        yield Violation(None, f"{what}, which has {sight.connections} connections")


def _over_budget(conn: Connection, _sight: Sight) -> Found:
    """A budget set below what had gone is no violation: only what began after the decision counts."""
    query = (
        "SELECT e.campaign, e.edition, e.budget, e.spent, count(*) AS made FROM edition e"
        " JOIN delivery d ON d.campaign = e.campaign AND d.edition = e.edition AND d.attempts > 0"
        " WHERE e.budget IS NOT NULL GROUP BY e.campaign, e.edition, e.budget, e.spent HAVING count(*) > e.spent"
        " OR (count(*) > e.budget AND EXISTS (SELECT 1 FROM delivery x JOIN attempt a ON a.delivery = x.id"
        " AND a.number = 1 WHERE x.campaign = e.campaign AND x.edition = e.edition AND a.started_at >"
        " (SELECT max(u.at) FROM audit u WHERE u.subject = e.campaign AND u.action IN ('apply', 'budget'))))"
    )
    for row in look(conn, query):
        begun = f"messages of {row['campaign']} {row['edition']}: {row['made']} begun"
        if row["made"] > row["spent"]:
            yield Violation(None, f"{begun}, {row['spent']} counted")
        else:
            yield Violation(None, f"{begun}, {row['budget']} authorised")


def _orphaned(conn: Connection, sight: Sight) -> Found:
    far = "SELECT d.id, d.next_at FROM delivery d WHERE d.state IN ({waiting}) AND d.next_at > :far_at"
    for row in look(conn, far, far_at=sight.now + _HORIZON):
        yield Violation(row["id"], f"nobody looks at it before {_told(row['next_at'])}")
    stranded = (
        "SELECT d.id, d.state, c.state AS campaign_state FROM delivery d LEFT JOIN campaign c ON c.id = d.campaign"
        " WHERE d.state IN ({waiting})"
        " AND (c.id IS NULL OR (c.state = 'cancelled' AND (d.expires_at IS NULL OR d.expires_at > :far_at)))"
    )
    for row in look(conn, stranded, far_at=sight.now + _HORIZON):
        campaign = "was cancelled" if row["campaign_state"] else "is not on the schedule"
        yield Violation(row["id"], f"{row['state']}, but its campaign {campaign}")
    silent = "SELECT d.id FROM delivery d WHERE d.state = 'held' AND d.reason = ''"
    for row in look(conn, silent):
        yield Violation(row["id"], "held, and nobody said why")
    yield from _left_behind(conn, sight)


def _left_behind(conn: Connection, sight: Sight) -> Found:
    query = (
        "SELECT d.id, d.state, d.worker, d.lease_until, d.updated_at AS began_at FROM delivery d"
        " WHERE {at_work} AND d.state IN ('attempting', 'claimed') ORDER BY d.id"
    )
    for row in look(conn, query):
        if row["worker"] is None or row["lease_until"] is None:
            yield Violation(row["id"], f"{row['state']}, but held by nobody")
        elif row["lease_until"] > sight.now + _DAY:
            yield Violation(row["id"], f"{row['state']}, with a lease until {_told(row['lease_until'])}")
        elif not sight.alive:
            continue  # the next daemon finds it when it starts
        elif row["state"] == "claimed" and row["lease_until"] < sight.now - _PATIENCE:
            yield Violation(row["id"], f"claimed, though its lease ended {_told(row['lease_until'])}")
        elif row["worker"] not in sight.alive and row["began_at"] < sight.now - _PATIENCE:
            yield Violation(row["id"], f"{row['state']} in a worker that is gone, and no other took over")


def _miscounted(conn: Connection, sight: Sight) -> Found:
    """Three questions instead of one: each is answered from an index, which matters with a million messages."""
    numbered = (
        "SELECT d.id, d.attempts, t.made, t.lowest, t.highest FROM (SELECT delivery, count(*) AS made,"
        " min(number) AS lowest, max(number) AS highest FROM attempt GROUP BY delivery) t"
        " JOIN delivery d ON d.id = t.delivery WHERE d.attempts <> t.made OR t.lowest <> 1 OR t.highest <> t.made"
    )
    for row in look(conn, numbered):
        if row["made"] != row["attempts"]:
            yield Violation(row["id"], f"it counts {row['attempts']} attempts, but has {row['made']}")
        else:
            yield Violation(row["id"], f"its {row['made']} attempts are numbered {row['lowest']} to {row['highest']}")
    without = (
        "SELECT d.id, d.attempts FROM delivery d WHERE d.attempts > 0"
        " AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.delivery = d.id)"
    )
    for row in look(conn, without):
        yield Violation(row["id"], f"it counts {row['attempts']} attempts, but has none")
    rekeyed = (
        "SELECT DISTINCT b.delivery AS id FROM attempt b JOIN attempt a ON a.delivery = b.delivery AND a.number = 1"
        " WHERE b.number > 1 AND a.key <> b.key"
    )
    for row in look(conn, rekeyed):
        yield Violation(row["id"], "its attempts bear different keys")
    (found,) = look(conn, "SELECT coalesce(max(id), 0) AS newest, count(*) AS made FROM attempt")
    if found["newest"] < sight.newest_attempt or found["made"] < sight.attempts:
        missing = max(sight.attempts - found["made"], 1)
        yield Violation(None, f"{missing} attempts that were made are not in this database: it is an older copy")


INVARIANTS = (
    Invariant(4, "every message is in exactly one state, and belongs to one person or account", _conserved),
    Invariant(5, "nothing goes to anybody who has opted out, complained or could not be reached", _opted_out),
    Invariant(7, "nothing goes later than its last moment", _expired),
    Invariant(8, "nothing goes early", _early),
    Invariant(9, "the messages of a run go in their order", _out_of_order),
    Invariant(11, "what has ended says how, and nothing else", _inconsistent),
    Invariant(12, "the attempts at a message never overlap", _overlapping),
    Invariant(13, "no worker has more under way than it has connections", _too_many),
    Invariant(14, "no edition goes over its budget", _over_budget),
    Invariant(15, "nothing of a run goes once its goal is reached", _after_the_goal),
    Invariant(16, "every message that is open has somebody who looks at it in time", _orphaned),
    Invariant(17, "attempts are numbered without a gap, under one key, and none is missing", _miscounted),
)
