"""When stages and calendar touches go: each moment found once, from the moments it waits for, whatever their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import TypeVar

from campaigns.definition import Campaign, OnLate, Stage, Touch
from campaigns.errors import CampaignError, UnresolvedError
from campaigns.planner import protection
from campaigns.planner.anchors import anchors, keeps_instant
from campaigns.planner.offers import counts_from_here, offer_of
from campaigns.planner.opening import expiry, opened
from campaigns.planner.recurrence import recurrences
from campaigns.planner.setting import Setting
from campaigns.timeline import PlannedOccurrence, PlannedOffer
from campaigns.timing import model, resolver, zones
from campaigns.timing.model import Moments, Rules, Timing, Window

_ONCE = "once"
_Answer = TypeVar("_Answer")
# The questions being answered, the outermost first: a question that is asked again goes round in a circle. Threads that
# share a schedule each have their own.
_ASKED: ContextVar[tuple[tuple[str, ...], ...]] = ContextVar("asked", default=())
_Earlier = Callable[[], datetime | None]


@dataclass(frozen=True, slots=True)
class PlacedStage:
    """A stage with a window; `moment` is what others count from: when it really began, else its target."""

    stage: Stage
    window: Window
    moment: datetime


class Schedule:
    """The moments of one edition, found on demand.

    `sent` says when touches first really went, `known` when each touch was first applied (None: all of them at the
    reference moment), `keys` under which id, where that is not the present one. Everything follows from these and the
    campaign; moments that wait for one another in a circle raise UnresolvedError.
    """

    def __init__(
        self,
        edition: Setting,
        *,
        now: datetime,
        sent: Mapping[str, datetime],
        known: Mapping[str, datetime] | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self.setting = edition
        self.campaign: Campaign = edition.campaign
        self.now = now
        self.sent = {touch: zones.local(moment, edition.zone) for touch, moment in sent.items()}
        self._known = known
        self._keys = keys or {}
        self._answers: dict[tuple[str, ...], object] = {}

    def stage(self, name: str) -> PlacedStage:
        """Return the stage with its window; UnresolvedError for one that people enter only by an event."""
        return self._once(("stage", name), lambda: self._place(*self._find_stage(name)))

    def touch(self, touch_id: str) -> tuple[PlannedOccurrence, ...]:
        """Return the moments of a calendar touch in the campaign's zone; no offer ends them yet."""
        return self._once(("touch", touch_id), lambda: self.touch_in(touch_id, self.setting.zone))

    def offer(self, code: str) -> PlannedOffer:
        """Return the offer's validity as far as it is known."""
        return self._once(("offer", code), lambda: offer_of(self, code))

    def stage_moment(self, name: str) -> datetime:
        """Return when the stage really began, else its target."""
        return self.stage(name).moment

    def touch_moment(self, touch_id: str) -> datetime:
        """Return when the touch first really went, else its first planned moment."""
        if touch_id in self.sent:
            return self.sent[touch_id]
        if self.find_touch(touch_id)[2].on is not None or not (occurrences := self.touch(touch_id)):
            raise UnresolvedError(f"touch {touch_id!r} has no moment on the calendar")
        return occurrences[0].due_at

    def floor(self, name: str) -> datetime | None:
        """Return the earliest moment of the nearest stage before this one that has a window."""
        index, _ = self._find_stage(name)
        for earlier in reversed(self.campaign.stages[:index]):
            try:
                return self.stage(earlier.id).window.earliest
            except CampaignError:
                continue
        return None

    def first_plan(self, touch_id: str) -> datetime:
        """Return the first apply of the touch as far as it is known: before it, nothing was planned for it."""
        if self._known is None:
            return self.setting.reference
        applied = self._known.get(touch_id, self.now)
        return max(zones.local(applied, self.setting.zone), self.setting.reference)

    def is_known(self, touch_id: str) -> bool:
        """Whether the touch was applied before: what has passed since then is history."""
        return self._known is None or touch_id in self._known

    def touch_in(self, touch_id: str, zone: str, *, spread_key: str = "") -> tuple[PlannedOccurrence, ...]:
        """Return the moments of a calendar touch for people in `zone`; `spread_key` is what `pick: spread` hashes.

        Days are the same local days in every zone; what counts in hours keeps its instant. What hangs on a post has
        that one's moments. `expires_at` does not know of the offer yet (`ended`).
        """
        index, stage, touch = self.find_touch(touch_id)
        if touch.hangs_on is not None:
            return self.touch_in(touch.hangs_on, zone, spread_key=spread_key)
        timing, moments = self._timing(index, stage, touch, zone)
        rules = self._rules(stage, touch, spread_key)
        if timing.repeat is not None:
            windows = recurrences(timing, moments, rules, self._until(timing, stage, touch, zone))
        else:
            windows = ((_ONCE, resolver.resolve(timing, moments, rules)),)
        first = self.first_plan(touch_id)
        found = []
        for key, window in windows:
            open_window = opened(window, timing, rules, self.campaign.country, first)
            state = "planned" if open_window is not None else "expired"
            kept = open_window or window
            expires_at = expiry(self.campaign, stage, touch, kept, None)
            found.append(PlannedOccurrence(key, kept, kept.target, expires_at, state))
        return tuple(found)

    def ended(self, touch_id: str, occurrence: PlannedOccurrence) -> PlannedOccurrence:
        """Let the touch's offer end the occurrence, and mark it expired when it is too late for it by now."""
        _, stage, touch = self.find_touch(touch_id)
        ends_at = self._offer_bound(touch, occurrence)
        expires_at = expiry(self.campaign, stage, touch, occurrence.window, ends_at)
        late = expires_at is not None and expires_at < self.now and protection.on_late(touch) is not OnLate.ASK
        state = "expired" if late and touch.id not in self.sent else occurrence.state
        return replace(occurrence, expires_at=expires_at, state=state)

    def _offer_bound(self, touch: Touch, occurrence: PlannedOccurrence) -> datetime | None:
        """Return the end of the touch's offer; None where the offer's hours begin when this very touch goes."""
        if touch.offer is None:
            return None
        offer = self.offer(touch.offer)
        begins_it = offer.starts_at == occurrence.due_at and touch.id not in self.sent
        until = self.campaign.offers[touch.offer].until
        return None if begins_it and until is not None and counts_from_here(until) else offer.ends_at

    def _find_stage(self, name: str) -> tuple[int, Stage]:
        for index, stage in enumerate(self.campaign.stages):
            if stage.id == name:
                return index, stage
        raise UnresolvedError(f"there is no stage {name!r}")

    def find_touch(self, touch_id: str) -> tuple[int, Stage, Touch]:
        """Return the touch with its stage and that one's position; UnresolvedError for one that is not there."""
        for stage, touch in self.campaign.touches():
            if touch.id == touch_id:
                return self._find_stage(stage.id)[0], stage, touch
        raise UnresolvedError(f"there is no touch {touch_id!r}")

    def _rules(self, stage: Stage, touch: Touch | None, spread_key: str = "") -> Rules:
        """Return the rules of a touch; in a spread its place follows from its first id, which a new name leaves."""
        rules = protection.rules(self.campaign, stage, touch)
        if touch is not None and not spread_key:
            spread_key = f"{self.campaign.id}|{self.setting.edition}|{self._keys.get(touch.id, touch.id)}"
        return replace(rules, spread_key=spread_key) if spread_key else rules

    def _of_calendar(self, stage: Stage) -> list[Touch]:
        """Return the messages of a stage that follow the calendar themselves: of a touch with steps the first."""
        return [touch for own, touch in self.campaign.touches() if own is stage and touch.on is None]

    def _place(self, index: int, stage: Stage) -> PlacedStage:
        """Resolve the stage as its first touch that takes the stage's moment will, so that both name the same day."""
        if stage.when is None:
            raise UnresolvedError(f"stage {stage.id!r} has no moment of its own", remedy="give it a `when:`")
        leading = next((touch for touch in self._of_calendar(stage) if touch.when is None), None)
        timing = self.setting.of_edition(stage.when)
        timing = at_clock(timing, (leading.at if leading else None) or stage.at or timing.at)
        rules = self._rules(stage, leading)
        moments = self._moments(timing, stage, leading, zone=self.setting.zone, previous=self._before(index))
        window = resolver.resolve(timing, moments, rules)
        window = opened(window, timing, rules, self.campaign.country, self.setting.reference) or window
        went = [self.sent[touch.id] for touch in self._of_calendar(stage) if touch.id in self.sent]
        return PlacedStage(stage, window, min(went, default=window.target))

    def _before(self, index: int) -> _Earlier:
        """Return how to find what "later" counts from in a stage: the nearest stage before that has a moment.

        Stages that people enter by an event have none. In the first stage it is the start, where the file names one.
        """

        def find() -> datetime:
            for stage in reversed(self.campaign.stages[:index]):
                if stage.when is not None:
                    return self.stage_moment(stage.id)
            if self.campaign.starts is not None:
                return self.setting.opens
            raise UnresolvedError(
                "there is no earlier stage with a moment of its own to count from",
                remedy="write `starts:`, or words such as 'as soon as possible'",
            )

        return lambda: self._once(("before", self.campaign.stages[index].id), find)

    def _inside(self, stage: Stage) -> _Earlier:
        """Return how to find what "later" counts from in a touch: its stage, once it really began."""

        def previous() -> datetime | None:
            took = [touch.id for touch in self._of_calendar(stage) if touch.when is None]
            went = [self.sent[touch_id] for touch_id in took if touch_id in self.sent]
            return min(went) if went else self.stage(stage.id).window.target

        return previous

    def _timing(self, index: int, stage: Stage, touch: Touch, zone: str) -> tuple[Timing, Moments]:
        """Return what the touch's moment is resolved from: its own phrase, else its stage's, else its repetition."""
        named: time | None
        if touch.when is not None:
            timing, previous = self.setting.of_edition(touch.when), self._inside(stage)
            named = touch.at or timing.at or (None if keeps_instant(timing) else stage.at)
        elif stage.when is not None:
            timing, previous = self.setting.of_edition(stage.when), self._before(index)
            named = touch.at or stage.at or timing.at
        elif touch.repeat is not None:
            timing, previous, named = touch.repeat, self._before(index), touch.at or stage.at
        else:
            raise UnresolvedError(
                f"touch {touch.id!r} has no moment", remedy="give it or its stage a `when:`, or an event with `on:`"
            )
        if touch.repeat is not None and touch.repeat.repeat is not None:
            timing = replace(timing, repeat=touch.repeat.repeat)
        timing = at_clock(timing, named)
        return timing, self._moments(timing, stage, touch, zone=zone, previous=previous)

    def _until(self, timing: Timing, stage: Stage, touch: Touch, zone: str) -> datetime | None:
        """Return the last moment of a repetition, inclusive; None when no day ends it."""
        until = timing.repeat.until if timing.repeat is not None else None
        if until is None:
            return None
        until = self.setting.of_edition(until)
        moments = self._moments(until, stage, touch, zone=zone, previous=self._inside(stage))
        window = resolver.resolve(until, moments, Rules())
        return window.latest or window.target

    def _moments(self, timing: Timing, stage: Stage, touch: Touch | None, *, zone: str, previous: _Earlier) -> Moments:
        """Find the moments the timing waits for; in another zone a day is the same local day."""
        known: dict[str, object] = {}
        stages: dict[str, datetime] = {}
        touches: dict[str, datetime] = {}

        def there(moment: datetime) -> datetime:
            if zone == self.setting.zone or keeps_instant(timing):
                return moment
            here = zones.local(moment, self.setting.zone)
            return zones.local(zones.instant(here.date(), here.time(), zone), zone)

        for anchor in anchors(timing):
            match anchor:
                case model.Previous() | model.Here():
                    moment = _tolerant(previous) if isinstance(anchor, model.Here) else previous()
                    known["previous"] = None if moment is None else there(moment)
                case model.Stage(name=None):
                    moment = self._inside(stage)()
                    known["stage"] = None if moment is None else there(moment)
                case model.Stage(name=str() as name):
                    stages[name] = there(self.stage_moment(name))
                case model.Touch(name=name):
                    touches[name] = there(self.touch_moment(name))
                case model.OfferEnd():
                    known["offer_end"] = self._offer_end(touch)
                case _:
                    pass
        floor = self.floor(stage.id)
        return self.setting.moments(timing, zone=zone, floor=floor, stages=stages, touches=touches, **known)

    def _offer_end(self, touch: Touch | None) -> datetime:
        if touch is None or touch.offer is None:
            raise UnresolvedError("there is no offer here whose end could be counted from", remedy="name it: `offer:`")
        ends_at = self.offer(touch.offer).ends_at
        if ends_at is None:
            raise UnresolvedError(f"nobody knows when {touch.offer} ends", remedy="give the offer an `until:`")
        return ends_at

    def _once(self, question: tuple[str, ...], answer: Callable[[], _Answer]) -> _Answer:
        """Answer a question once; remember what could not be answered too."""
        if question not in self._answers:
            asked = _ASKED.get()
            if question in asked:
                circle = [word for kind, word in (*asked[asked.index(question) :], question) if kind != "before"]
                raise UnresolvedError(
                    "these wait for one another: " + " -> ".join(circle), remedy="give one of them a date"
                )
            token = _ASKED.set((*asked, question))
            try:
                self._answers[question] = answer()
            except CampaignError as error:
                self._answers[question] = error
            finally:
                _ASKED.reset(token)
        found = self._answers[question]
        if isinstance(found, CampaignError):
            raise found
        return found  # type: ignore[return-value]  # the question fixes the kind of its answer


def at_clock(timing: Timing, clock: time | None) -> Timing:
    """Return the timing at this time of day; unchanged where none is named."""
    return timing if clock is None else replace(timing, at=clock)


def _tolerant(previous: _Earlier) -> datetime | None:
    """Return what is known of an earlier moment: words like "tomorrow" count from the reference moment without one."""
    try:
        return previous()
    except UnresolvedError:
        return None
