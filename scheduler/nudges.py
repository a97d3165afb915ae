"""When a person's next order is expected: their own gaps and the product's or the shop's habit, read from the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from campaigns import repurchase
from campaigns.planner import Awaited
from campaigns.repurchase import Expectation, Habit
from scheduler.store import events, habits
from scheduler.store.database import Connection

NOTHING_TO_GO_BY = "nobody's next order can be expected yet: there are too few repeat orders to learn from"

# The facts of an event that name what was bought, the most telling first.
_PRODUCTS = ("product", "products", "sku", "item", "items")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of one person, and `why`: from which orders it was computed, without naming anybody."""

    awaited: Awaited
    why: str


class Habits:
    """The habits of everybody, learned once a day from the events before it (UTC); the same all day long."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._known: dict[str, tuple[Habit | None, dict[str, Habit]]] = {}

    def of(self, conn: Connection, name: str, now: datetime) -> tuple[Habit | None, dict[str, Habit]]:
        """Return the habit of all events of a name, and those of each product that has one, by its word."""
        today = now.astimezone(UTC).date()
        if self._day != today:
            self._day = today
            self._known.clear()
        if name not in self._known:
            self._known[name] = _learn(conn, name, datetime(today.year, today.month, today.day, tzinfo=UTC))
        return self._known[name]


def forecast(
    conn: Connection,
    known: Habits,
    contact: int,
    name: str,
    facts: Mapping[str, object],
    *,
    at: datetime,
    now: datetime,
) -> Forecast | None:
    """Return when the next event of a name is expected of a person after `at`; None when there is nothing to go by.

    `facts` are those of the event that asks: of the products it names, the one that is due first and has a habit of its
    own is expected, by the person's gaps between orders of it; without such a product any order is, by all their gaps.
    It counts from their last event of the name up to `at`.
    """
    done = habits.of_one(conn, contact, name, until=at)
    if not done:
        return None
    everything, products = known.of(conn, name, now)
    found = [
        (expectation, word)
        for word in _words(facts)
        if word in products
        and (own := [moment for moment, words in done if word in words])
        and (expectation := repurchase.expect(repurchase.gaps(own), products[word])) is not None
    ]
    if not found:
        expectation = repurchase.expect(repurchase.gaps([moment for moment, _ in done]), everything)
        if expectation is None:
            return None
        found = [(expectation, "")]
    chosen, word = min(found, key=lambda one: one[0].expected_days)
    last = done[-1][0]  # whole days: an order is expected on a day, and no hour of it is known
    awaited = Awaited(
        last + timedelta(days=round(chosen.expected_days)), last + timedelta(days=round(chosen.late_days))
    )
    return Forecast(awaited, _why(name, awaited, chosen, word))


def _learn(conn: Connection, name: str, before: datetime) -> tuple[Habit | None, dict[str, Habit]]:
    together: list[tuple[float, ...]] = []
    apart: dict[str, list[tuple[float, ...]]] = {}
    for done in habits.of_everybody(conn, name, before=before):
        if len(done) < 2:
            continue
        together.append(repurchase.gaps([moment for moment, _ in done]))
        by_word: dict[str, list[datetime]] = {}
        for moment, words in done:
            for word in words:
                by_word.setdefault(word, []).append(moment)
        for word, moments in by_word.items():
            if own := repurchase.gaps(moments):
                apart.setdefault(word, []).append(own)
    learned = {word: repurchase.habit(people) for word, people in apart.items()}
    return repurchase.habit(together), {word: habit for word, habit in learned.items() if habit is not None}


def _words(facts: Mapping[str, object]) -> list[str]:
    found: list[str] = []
    for name in _PRODUCTS:
        fact = facts.get(name)
        items = fact if isinstance(fact, (list, tuple)) else (fact,)
        found += [events.searched(str(item)) for item in items if item is not None]
    return list(dict.fromkeys(found))


def _why(name: str, awaited: Awaited, chosen: Expectation, word: str) -> str:
    """Write from which orders the next one is expected, e.g. for `campaign explain`; days are UTC."""
    parts = []
    if chosen.own_days is not None:
        gaps = "1 own gap" if chosen.own_gaps == 1 else f"{chosen.own_gaps} own gaps"
        parts.append(f"{gaps} of typically {_days(chosen.own_days)}")
    if chosen.habit is not None:
        habit = chosen.habit
        whose = f"'{word}'" if word else "the shop"
        parts.append(
            f"the {habit.gaps} gaps of {habit.people} people for {whose}, around {_days(habit.expected_days)},"
            f" counted as {habit.weight:.1f} own"
        )
    days = f"{awaited.expected_at.astimezone(UTC).date()}, late from {awaited.late_at.astimezone(UTC).date()}"
    return f"next {name} expected {days}: {' and '.join(parts)}"


def _days(days: float) -> str:
    return "1 day" if round(days) == 1 else f"{days:.0f} days"
