"""What caps, gaps and priorities say of one marketing message to one person; pure, for the last moment and forecasts.

The hours of the day are no business of this module: `timing.constraints` has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from campaigns.definition import Cap, Touch
from campaigns.planner.protection import EffectiveCourtesy, priority
from campaigns.timing import resolver
from campaigns.timing.model import OnBlocked, Span

# How long after its moment a message waits for what is free again a little later: sending takes time, and a touch of
# every day at ten would lose every other day to the seconds that yesterday's took.
PATIENCE = timedelta(hours=1)
_AFTERWARDS = timedelta(minutes=1)  # when a message that gave way is looked at again, after the one it gave way to


@dataclass(frozen=True, slots=True)
class Went:
    """Marketing that reached a person, or may have: when, by which channel, and as which touch (`campaign/touch`)."""

    at: datetime
    channel: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A marketing message that is to go to a person in `zone`.

    `at` is when it is looked at, `due_at` its planned moment and `last_at` the last one at which it may go (None:
    whenever); all aware.
    """

    name: str
    channel: str
    at: datetime
    due_at: datetime
    last_at: datetime | None
    priority: int
    caps: tuple[Cap, ...]
    min_gap: Span | None
    on_blocked: OnBlocked | None
    zone: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """What keeps a message from going now: `rule` is `cap`, `gap` or `priority`, `what` says it in the file's words.

    `free_at` is when it may be tried again; None: it waits for nothing and is dropped.
    """

    rule: str
    what: str
    free_at: datetime | None

    @property
    def reason(self) -> str:
        """The reason that is stored, of a message that waits or is dropped."""
        if self.free_at is not None:
            return f"waits: {self.what}"
        return f"{self.rule}: {self.what}"


def wish(
    bound: EffectiveCourtesy,
    touch: Touch,
    *,
    name: str,
    at: datetime,
    due_at: datetime,
    last_at: datetime | None,
    zone: str,
) -> Wish:
    """Return a marketing message of a touch with the courtesy that binds it."""
    return Wish(
        name=name,
        channel=touch.channel[0],
        at=at,
        due_at=due_at,
        last_at=last_at,
        priority=priority(touch),
        caps=bound.caps,
        min_gap=bound.min_gap,
        on_blocked=touch.on_blocked,
        zone=zone,
    )


def counted(cap: Cap, went: Sequence[Went], at: datetime) -> list[Went]:
    """Return what a cap counts at a moment, the oldest first: what went in its window, by its channel."""
    if not went:
        return []
    since = at - timedelta(days=cap.days)
    return sorted((one for one in went if one.at > since and cap.counts(one.channel)), key=lambda one: one.at)


def looks_back(bound: EffectiveCourtesy, at: datetime) -> datetime:
    """Return since when (exclusive) what went to a person may count at a moment; the moment itself: nothing does."""
    spans = [at - timedelta(days=cap.days) for cap in bound.caps]
    if bound.min_gap is not None:  # counted from what went, in the person's zone: a day more than back from here
        spans.append(resolver.add_span(at, bound.min_gap, "UTC", sign=-1) - timedelta(days=1))
    return min(spans, default=at)


def of_caps(wish: Wish, went: Sequence[Went]) -> Blocked | None:
    """Return the first cap that leaves no room; None when all do.

    It drops the message, unless there is room again within the hour, or the touch says where a blocked one goes
    (`on_blocked: following` or `nearest`) and it is there in time.
    """
    for cap in wish.caps:
        found = counted(cap, went, wish.at)
        if cap.counts(wish.channel) and len(found) >= cap.times:
            free_at = found[len(found) - cap.times].at + timedelta(days=cap.days)
            waits = wish.on_blocked in (OnBlocked.FOLLOWING, OnBlocked.NEAREST)
            return Blocked("cap", str(cap), _in_time(wish, free_at, waits=waits))
    return None


def of_gap(wish: Wish, went: Sequence[Went]) -> Blocked | None:
    """Return that the last marketing is too near; None when it is not.

    The message waits until the gap is over, as long as it may go at all; `on_blocked: skip` or `preceding` drops it,
    unless that is within the hour.
    """
    if wish.min_gap is None or not went:
        return None
    last = max(went, key=lambda one: one.at)
    free_at = resolver.add_span(last.at, wish.min_gap, wish.zone)
    if free_at <= wish.at:
        return None
    waits = wish.on_blocked not in (OnBlocked.SKIP, OnBlocked.PRECEDING)
    what = f"{wish.min_gap} since the last message" + (f" ({last.name})" if last.name else "")
    return Blocked("gap", what, _in_time(wish, free_at, waits=waits))


def of_priority(wish: Wish, went: Sequence[Went], rivals: Iterable[Wish]) -> Blocked | None:
    """Return that the message gives way to one of a higher priority whose place it would take; None when to none.

    `rivals` are other marketing messages to the person with the first moment (`at`) at which they may go. The message
    gives way where a rival would go by its own caps, and would not any more once this one has gone. What is bound by no
    cap gives way to nobody. It waits until the rival's moment is over, and is dropped where it may not wait that long,
    or with `on_blocked: skip`.
    """
    if not wish.caps:
        return None
    higher = sorted((one for one in rivals if one.priority > wish.priority), key=lambda one: (one.at, -one.priority))
    for place, rival in enumerate(higher):
        if not _takes_the_place(wish, rival, went, higher[:place]):
            continue
        again_at = max(rival.at, wish.at) + _AFTERWARDS
        waits = wish.on_blocked is not OnBlocked.SKIP and (wish.last_at is None or again_at <= wish.last_at)
        return Blocked("priority", f"{rival.name} goes first (priority {rival.priority})", again_at if waits else None)
    return None


def _takes_the_place(wish: Wish, rival: Wish, went: Sequence[Went], before: Sequence[Wish]) -> bool:
    """Whether the rival goes by its caps at its moment, after those `before` it, but not once `wish` has gone too."""
    expected = [*went, *(Went(one.at, one.channel) for one in before)]
    if _is_full(rival, expected):
        return False
    return _is_full(rival, [*expected, Went(wish.at, wish.channel)])


def _is_full(rival: Wish, went: Sequence[Went]) -> bool:
    before = [one for one in went if one.at <= rival.at]
    return any(cap.counts(rival.channel) and len(counted(cap, before, rival.at)) >= cap.times for cap in rival.caps)


def _in_time(wish: Wish, free_at: datetime, *, waits: bool) -> datetime | None:
    """Return when a message goes that waits until `free_at`; None when it may not wait that long."""
    last_at = wish.last_at if waits else wish.due_at + PATIENCE
    if wish.last_at is not None and last_at is not None:
        last_at = min(last_at, wish.last_at)
    return free_at if last_at is None or free_at <= last_at else None


def at_moment(wish: Wish, at: datetime) -> Wish:
    """Return the message as it is looked at at another moment."""
    return replace(wish, at=at)
