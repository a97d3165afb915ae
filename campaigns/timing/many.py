"""The same timing for many people's events: each local date is resolved once, each zone and date looked up once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo

from campaigns.timing import resolver, zones
from campaigns.timing.constraints import BlockedError
from campaigns.timing.model import Event, Moments, OnBlocked, Pick, Relation, Rules, Timing, Unit

_KEPT = 6 * 366  # days kept for each zone, around its first event; a list of them is quicker than a mapping
_DAYS = (Unit.DAY, Unit.WEEK, Unit.MONTH, Unit.YEAR, Unit.BUSINESS_DAY, Unit.OPEN_DAY)


@dataclass(frozen=True, slots=True)
class _Wall:
    """A local day and time, in its first pass and in its second, and as if it were in UTC."""

    day: date
    first: time
    second: time
    utc: datetime

    @classmethod
    def of(cls, moment: datetime) -> _Wall:
        clock = moment.time()
        return cls(moment.date(), clock, clock.replace(fold=1), moment)


class AfterEvents:
    """When "3 days after the purchase at 9:00" is due for each event, in the zone of each person.

    Where the answer depends on the local date of the event alone (whole days after it, with a time of day of their own,
    not spread) the local day and time are found once for each date, and their instant once for each zone and date. A
    local time that the clocks of a zone skip, and any other timing, is resolved by itself.
    """

    def __init__(self, timing: Timing, rules: Rules = Rules(), *, country: str | None = None) -> None:  # noqa: B008
        self._timing = timing
        self._rules = rules
        self._country = country
        self._walls: dict[int, tuple[_Wall, ...]] = {}
        self._kept: dict[str, tuple[tzinfo, int, list[datetime | None]]] = {}
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
                place, first, days = kept[zone]
            except KeyError:
                place, first, days = kept[zone] = (zones.zone(zone), event_at.toordinal() - _KEPT // 2, [None] * _KEPT)
            day = event_at.astimezone(place).toordinal() - first
            near = 0 <= day < _KEPT
            due = days[day] if near else None
            if due is None:
                due = self._due_after(day + first, place) or self._resolve(event_at, zone)
                if near:
                    days[day] = due
            add(due)
        return found

    def _due_after(self, day: int, place: tzinfo) -> datetime | None:
        """Return the instant due after an event of the local day; None where the zone skips a time that took part."""
        combine = datetime.combine
        walls = self._walls.get(day)
        if walls is None:
            walls = self._walls[day] = self._wall_times(day)
        offset = None
        for wall in walls:
            offset = combine(wall.day, wall.first, place).utcoffset()
            after = combine(wall.day, wall.second, place).utcoffset()
            if offset is None or after is None or offset < after:
                return None  # skipped: the clocks go forward over it (PEP 495)
        return None if offset is None else walls[-1].utc - offset

    def _wall_times(self, day: int) -> tuple[_Wall, ...]:
        """Return the wall time meant after an event of that day, and then, where it is blocked, the one it moves to.

        They are found and written in UTC, whose clocks never change. Empty when no slot is left: the resolver tells.
        """
        noon = datetime.fromordinal(day).replace(hour=12, tzinfo=UTC)
        try:
            window = resolver.resolve(self._timing, self._moments(noon, "UTC"), self._rules)
        except BlockedError:
            return ()
        assert window.on is not None and self._timing.at is not None  # noqa: PT018 - both are of a day with a clock
        meant = datetime.combine(window.on, self._timing.at, tzinfo=UTC)
        due = window.target.astimezone(UTC)
        return tuple(_Wall.of(moment) for moment in ((due,) if due == meant else (meant, due)))

    def _resolve(self, event_at: datetime, zone: str) -> datetime:
        return resolver.resolve(self._timing, self._moments(event_at, zone), self._rules).target.astimezone(UTC)

    def _moments(self, event_at: datetime, zone: str) -> Moments:
        name = self._timing.anchor.name if isinstance(self._timing.anchor, Event) else None
        events = {name or "event": event_at, "event": event_at}
        return Moments(now=event_at, zone=zone, country=self._country, previous=event_at, events=events)


def _depends_on_date(timing: Timing, rules: Rules) -> bool:
    offset = timing.offset
    return (
        isinstance(timing.anchor, Event)
        and not timing.anchor.expected
        and not timing.anchor.late
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
