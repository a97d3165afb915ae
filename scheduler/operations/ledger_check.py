"""Checking the ledger of a live database against the laws of delivery: everything is read, nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns import planner
from campaigns.definition import Cap, Stage, Touch
from campaigns.timing import constraints, zones
from scheduler.catalog import Catalog, InForce
from scheduler.delivery import State
from scheduler.operations.watching import SILENCE
from scheduler.store import plans, reader
from scheduler.store.database import Connection, Store
from scheduler.store.ledger import invariants, marketing
from scheduler.store.ledger.invariants import INVARIANTS, SLACK, Found, Sight, Violation

QUIET = "no marketing goes in the quiet hours of its reader"
CAPPED = "nobody gets more marketing than the cap allows, in any span of time"
_MOST = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """An invariant and what breaks it: the first `violations`, and whether there are `more`."""

    name: str
    sentence: str
    violations: tuple[Violation, ...]
    more: bool

    def document(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "name": self.name,
            "sentence": self.sentence,
            "violations": [{"delivery": found.delivery, "what": found.what} for found in self.violations],
            "more": self.more,
        }


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """Every invariant of the ledger, by number, and how many messages are in which state."""

    counts: Mapping[State, int]
    checked: tuple[Checked, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing breaks any of them."""
        return not any(one.violations for one in self.checked)


def check(
    store: Store,
    catalog: Catalog,
    *,
    now: datetime,
    connections: int | None = None,
    newest_attempt: int = 0,
    attempts: int = 0,
    limit: int = _MOST,
) -> LedgerReport:
    """Look for rows that break an invariant, all in one state of the database, at most `limit` of each.

    `connections` is how many messages of one channel a daemon may have under way; `newest_attempt` and `attempts` are
    the high-water mark kept outside the database.
    """
    with store.read() as conn:
        alive = frozenset(row.id for row in plans.daemons(conn) if now - row.heartbeat_at < SILENCE)
        sight = Sight(now, alive, connections, newest_attempt, attempts)
        found = [
            (law.number, law.sentence, invariants.violations(conn, law, sight, limit=limit + 1)) for law in INVARIANTS
        ]
        rules = _Rules(conn, catalog)
        found.append((6, QUIET, invariants.first(rules.broken_quiet(), limit + 1)))
        found.append((10, CAPPED, invariants.first(rules.broken_caps(), limit + 1)))
        counts = _counts(conn)
    checked = (
        Checked(f"I{number}", sentence, tuple(violations[:limit]), len(violations) > limit)
        for number, sentence, violations in sorted(found, key=lambda one: one[0])
    )
    return LedgerReport(counts, tuple(checked))


def _counts(conn: Connection) -> dict[State, int]:
    total = dict.fromkeys(State, 0)
    for states in reader.status_counts(conn).values():
        for state, number in states.items():
            if state in State._value2member_map_:
                total[State(state)] += number
    return total


@dataclass(frozen=True, slots=True)
class _Bound:
    """A touch as one revision has it."""

    campaign: InForce
    stage: Stage
    touch: Touch

    def allows(self, at: datetime, zone: str) -> bool:
        rules = planner.rules(self.campaign.campaign, self.stage, self.touch)
        return constraints.is_allowed(at, self.campaign.contact_zone(zone), rules, self.campaign.campaign.country)

    @property
    def caps(self) -> tuple[Cap, ...]:
        return planner.courtesy(self.campaign.campaign, self.stage, self.touch).caps


class _Rules:
    """What the campaigns' own rules say of the marketing that went.

    Those in force when it went bind it, or those of the revision it follows. What went within seconds of an apply may
    have kept the rules before it or after it.
    """

    def __init__(self, conn: Connection, catalog: Catalog) -> None:
        self._conn = conn
        self._catalog = catalog
        self._applied = plans.applied(conn)
        self._slack = SLACK
        self._known: dict[tuple[str, str, str, int], _Bound | None] = {}

    def broken_quiet(self) -> Found:
        """Yield marketing that began when no revision in question allows it, an example for each minute."""
        for one in marketing.marketing_by_minute(self._conn):
            for at in (one.first_at, one.last_at):
                bounds = self._bounds(one.campaign, one.edition, one.touch, one.revision, at)
                if bounds and not any(bound.allows(at, one.zone) for bound in bounds):
                    others = f", with {one.messages - 1} more in that minute" if one.messages > 1 else ""
                    zone = bounds[0].campaign.contact_zone(one.zone)
                    when = f"{zones.local(at, zone):%Y-%m-%d %H:%M} in {zone}"
                    yield Violation(one.delivery, f"begun {when}, which its courtesy does not allow{others}")
                    break

    def broken_caps(self) -> Found:
        """Yield marketing that went to a person beyond a cap that every revision in question has."""
        for cap in sorted(self._caps(), key=lambda cap: (cap.days, cap.times, cap.channel or "")):
            span = timedelta(days=cap.days)
            for one in marketing.crowded(self._conn, times=cap.times, span=span, channel=cap.channel):
                bounds = self._bounds(one.campaign, one.edition, one.touch, one.revision, one.at)
                if bounds and all(cap in bound.caps for bound in bounds):
                    others = "1 other" if cap.times == 1 else f"{cap.times} others"
                    since = f"{others} since {one.earlier_at:%Y-%m-%d %H:%M}"
                    what = f"over the cap of {cap}: begun {one.at:%Y-%m-%d %H:%M} UTC, {since}"
                    yield Violation(one.delivery, what)

    def _caps(self) -> set[Cap]:
        found: set[Cap] = set()
        for (campaign, edition), revisions in self._applied.items():
            for number, _ in revisions:
                loaded = self._catalog.get(self._conn, campaign, edition, number)
                if loaded is not None:
                    for stage, touch in loaded.campaign.touches():
                        found.update(planner.courtesy(loaded.campaign, stage, touch).caps)
        return found

    def _bounds(self, campaign: str, edition: str, touch: str, pinned: int | None, at: datetime) -> list[_Bound]:
        revisions = self._applied.get((campaign, edition), [])
        before = [number for number, applied_at in revisions if applied_at <= at]
        near = [number for number, applied_at in revisions if abs(applied_at - at) <= self._slack]
        numbers = dict.fromkeys([*before[-1:], *near, *([pinned] if pinned else [])])
        found = (self._bound(campaign, edition, touch, number) for number in numbers)
        return [bound for bound in found if bound is not None]

    def _bound(self, campaign: str, edition: str, touch: str, number: int) -> _Bound | None:
        key = (campaign, edition, touch, number)
        if key not in self._known:
            loaded = self._catalog.get(self._conn, campaign, edition, number)
            found = loaded.find(touch) if loaded is not None else None
            self._known[key] = _Bound(loaded, *found) if loaded is not None and found is not None else None
        return self._known[key]
