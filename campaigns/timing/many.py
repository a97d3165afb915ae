"""The same timing for many people's events: each zone and local date is resolved once and reused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from campaigns.timing import resolver, zones
from campaigns.timing.model import Event, Moments, OnBlocked, Pick, Relation, Rules, Timing, Unit

_DAYS = (Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.YEAR, Unit.BUSINESS_DAY, Unit.OPEN_DAY)


class AfterEvents:
    """When "3 days after the purchase at 9:00" is due for each event, in the zone of each person.

    Where the answer depends on the local date of the event alone (whole days after it, with a time of day of their own,
    not spread) it is kept by zone and date; any other timing is resolved for each event.
    """

    def __init__(self, timing: Timing, rules: Rules = Rules(), *, country: str | None = None) -> None:  # noqa: B008
        self._timing = timing
        self._rules = rules
        self._country = country
        self._kept: dict[str, tuple[tzinfo, dict[int, datetime]]] = {}
        self.is_kept = _depends_on_date(timing, rules)
        """Whether answers are kept by zone and local date."""

    def due(self, event_at: datetime, zone: str) -> datetime:
        """Return the moment due after the aware `event_at` for a person in the zone, in UTC.

        Raises: as `resolver.resolve`.
        """
        return self.due_all(((event_at, zone),))[0]

    def due_all(self, events: Iterable[tuple[datetime, str]]) -> list[datetime]:
        """Return the moments due after events, given as (aware moment, zone), in UTC and in the same order.

        Raises: as `resolver.resolve`.
        """
        if not self.is_kept:
            return [self._resolve(event_at, zone) for event_at, zone in events]
        kept = self._kept
        found: list[datetime] = []
        add = found.append
        for event_at, zone in events:
            try:
                place, days = kept[zone]
            except KeyError:
                place, days = kept[zone] = (zones.zone(zone), {})
            day = event_at.astimezone(place).toordinal()
            due = days.get(day)
            if due is None:
                due = days[day] = self._resolve(event_at, zone)
            add(due)
        return found

    def _resolve(self, event_at: datetime, zone: str) -> datetime:
        name = self._timing.anchor.name if isinstance(self._timing.anchor, Event) else None
        events = {name or "event": event_at, "event": event_at}
        moments = Moments(now=event_at, zone=zone, country=self._country, previous=event_at, events=events)
        return resolver.resolve(self._timing, moments, self._rules).target.astimezone(UTC)


def _depends_on_date(timing: Timing, rules: Rules) -> bool:
    offset = timing.offset
    return (
        isinstance(timing.anchor, Event)
        and not timing.anchor.expected
        and not timing.anchor.yearly
        and timing.relation is Relation.OFFSET
        and timing.at is not None
        and timing.repeat is None
        and offset is not None
        and offset.sign > 0
        and offset.low > 0  # on the day of the event its hour matters
        and offset.unit in _DAYS
        and rules.pick is not Pick.SPREAD
        and rules.on_blocked in (None, OnBlocked.FOLLOWING, OnBlocked.SKIP)  # an earlier day might be the event's own
    )
