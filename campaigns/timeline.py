"""The timeline: what a campaign would do and when, as frozen values; made by the planner, compared by diff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from campaigns.finding import Finding
from campaigns.timing.model import Window


def way(channel: str, *, by_hand: bool) -> str:
    """Return how something goes, in words: `instagram`, or `instagram, by hand`."""
    return f"{channel}, by hand" if by_hand else channel


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage with its window; `window` is None for a stage people enter only by an event.

    `moment` is what others count from: when the stage really began, else its target.
    """

    id: str
    kind: str
    window: Window | None
    says: str
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlannedOccurrence:
    """One moment of a calendar touch.

    `key` is `once` or the nominal local date (DECISIONS 20), never the due time. `expires_at` is the last moment at
    which it may still go (window end or due moment + max_late, never past the offer's end); None when `on_late: send`.
    `state` is `planned`, or `expired` when its window closed before the first apply (DECISIONS 22).
    """

    key: str
    window: Window
    due_at: datetime
    expires_at: datetime | None
    state: str = "planned"


@dataclass(frozen=True, slots=True)
class PlannedTouch:
    """A touch with its moments: occurrences of the calendar, or the event that triggers it."""

    id: str
    stage: str
    channel: str
    occurrences: tuple[PlannedOccurrence, ...]
    trigger: str | None
    delay: str  # "+1 d" of a triggered touch, else empty
    reason: str
    content_hash: str
    sent_at: datetime | None = None  # when it first really went
    applied_at: datetime | None = None  # its first apply, as far as known: what was over by then never goes
    after: str = ""  # what a step follows within its sequence, where that is not the trigger itself
    expected: tuple[PlannedOccurrence, ...] = ()  # of a step of a calendar touch: when it goes to whom that reached
    by_hand: bool = False  # somebody of the shop puts it on its channel

    @property
    def way(self) -> str:
        """How it goes, as `way` says it."""
        return way(self.channel, by_hand=self.by_hand)

    @property
    def dates(self) -> tuple[PlannedOccurrence, ...]:
        """Its moments as far as the calendar knows them: its own, else those expected of a step."""
        return self.occurrences or self.expected


@dataclass(frozen=True, slots=True)
class PlannedOffer:
    """An offer's validity; None where nobody knows yet or it is open."""

    code: str
    starts_at: datetime | None
    ends_at: datetime | None
    says: str


@dataclass(frozen=True, slots=True)
class Feasibility:
    """First touch + decision time + lead time against the occasion: `spare_days` is negative when it does not fit."""

    first_on: date
    ready_on: date
    occasion_on: date
    spare_days: int
    says: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A whole campaign resolved from one reference moment: same campaign and moments in, same bytes out."""

    campaign: str
    title: str
    edition: str
    timezone: str
    now: datetime
    reference: datetime
    tzdata: str
    occasion_on: date | None
    stages: tuple[PlannedStage, ...]
    touches: tuple[PlannedTouch, ...]
    offers: tuple[PlannedOffer, ...]
    feasibility: Feasibility | None
    findings: tuple[Finding, ...]
    hash: str

    def touch(self, touch_id: str) -> PlannedTouch:
        """Return the planned touch with this id; KeyError when there is none."""
        for touch in self.touches:
            if touch.id == touch_id:
                return touch
        raise KeyError(touch_id)

    def offer(self, code: str) -> PlannedOffer | None:
        """Return the planned offer with this code, if there is one."""
        return next((offer for offer in self.offers if offer.code == code), None)
