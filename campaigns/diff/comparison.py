"""Holding a plan against the applied one, touch by touch: what differs, and what that does to people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import unified_diff
from typing import Any

from campaigns.definition import Campaign, Touch
from campaigns.diff.applied import WORDING, AppliedPlan, AppliedTouch, Flight, planned_touch
from campaigns.diff.changes import Action, Change, Changes
from campaigns.planner.content import used_templates
from campaigns.timeline import PlannedTouch, Timeline
from campaigns.timing import zones

_MOST_LINES = 12


def compare(
    timeline: Timeline,
    campaign: Campaign,
    applied: AppliedPlan | None,
    *,
    templates: Mapping[str, str] | None = None,
) -> Changes:
    """Return what applying this plan would change; `applied` is what is in force in this edition, None when nothing is.

    What was sent is history: a change to it is `ignored`. Dates that moved because an earlier touch really went at
    another time are no change of the file and are not listed. `templates` (with `applied.templates`) let a changed
    template show its lines.
    """
    if applied is None:
        return Changes(tuple(_added(touch) for touch in timeline.touches))
    here = {name: _local(touch, timeline.timezone) for name, touch in applied.touches.items()}
    found: list[Change] = []
    for stage, touch in campaign.touches():
        planned = timeline.touch(touch.id)
        before = here.get(touch.id)
        if before is None:
            found.append(_added(planned))
            continue
        now = planned_touch(campaign, stage, touch, planned)
        change = _Comparison(timeline, touch, planned, now, before, applied, templates or {}).change()
        if change is not None:
            found.append(change)
    present = {touch.id for touch in timeline.touches}
    found += [_removed(touch, timeline.now) for name, touch in here.items() if name not in present]
    return Changes(tuple(found))


def _local(touch: AppliedTouch, zone: str) -> AppliedTouch:
    """Tell the moment it was sent in the campaign's zone."""
    return touch if touch.sent_at is None else replace(touch, sent_at=zones.local(touch.sent_at, zone))


def _added(touch: PlannedTouch) -> Change:
    if touch.dates and all(one.state == "expired" for one in touch.dates):
        return Change(touch.id, Action.ADD, "its time is over; it will not be sent")
    return Change(touch.id, Action.ADD, "new")


def _removed(touch: AppliedTouch, now: datetime) -> Change:
    if touch.open:
        return Change(touch.id, Action.CANCEL, f"cancels {_messages(touch.open, 'scheduled ')}", touch.open)
    if touch.planned["trigger"] is not None:
        return Change(touch.id, Action.CANCEL, f"no longer follows {touch.planned['trigger']}")
    once_sent = touch.sent and set(touch.planned["moments"]) == {"once"}
    ahead = [] if once_sent else [one for one in touch.planned["moments"].values() if _at(one) > now]
    if not ahead:
        return Change(touch.id, Action.IGNORED, f"{_history(touch)}; removing it has no effect")
    details = tuple(f"- {_moment(_at(one))}" for one in ahead)
    return Change(touch.id, Action.CANCEL, f"cancels {_count(details, 'date')}", 0, details)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One touch, as it was applied and as it is planned now."""

    timeline: Timeline
    touch: Touch
    planned: PlannedTouch
    now: Mapping[str, Any]
    before: AppliedTouch
    applied: AppliedPlan
    templates: Mapping[str, str]

    @property
    def old(self) -> Mapping[str, Any]:
        """The touch as it was applied."""
        return self.before.planned

    def change(self) -> Change | None:
        """Return the change with its consequence, None when nothing differs."""
        moved, kept = self.moves()
        parts = [*moved, *self.others()]
        wording = self.old["content"] != self.now["content"]
        if not parts and not wording:
            return self.rename()
        details = (*kept, *self.differences())
        if self.is_history():
            consequence = f"{_history(self.before)}; your change has no effect"
            return Change(self.touch.id, Action.IGNORED, consequence, 0, details, went=wording and self.before.sent > 0)
        says = [*parts, "new wording"] if wording and parts else parts or ["wording only"]
        if self.before.former is not None:
            says.insert(0, f"was {self.before.former}")
        consequence = ", ".join(says) + self.reach()
        went = wording and self.before.sent > 0
        return Change(self.touch.id, Action.CHANGE, consequence, self.before.open, details, self.before.flight, went)

    def rename(self) -> Change | None:
        """Return the change of a touch that is only called something else; None when it is not."""
        if self.before.former is None:
            return None
        return Change(self.touch.id, Action.CHANGE, f"was {self.before.former}; its history goes with it")

    def is_history(self) -> bool:
        """Whether everything of the touch lies behind: sent or over, with no new moment ahead."""
        if self.now["trigger"] is not None or self.before.open:
            return False
        ahead = [one for one in self.planned.occurrences if one.due_at > self.timeline.now]
        if set(self.old["moments"]) == {"once"} and self.before.sent:
            return True
        return not ahead and not any(_at(moment) > self.timeline.now for moment in self.old["moments"].values())

    def reach(self) -> str:
        """Say how many messages the change reaches, or what it does to the people in the middle of the touch."""
        flight = self.before.flight
        if flight is not None and flight.people:
            if flight.rule != "retime":
                return f", {self.spared(flight)}"
            if flight.moved or flight.late or flight.dropped:
                return f", {_moving(flight)}"
        if self.now["trigger"] is not None:
            return f", {_messages(self.before.open)} not yet sent and all that follow" if self.before.open else ""
        return f", {_messages(self.before.open)} not yet sent" if self.before.open else ""

    def spared(self, flight: Flight) -> str:
        """Say what becomes of people whom the edit does not simply take along."""
        people, s = _people(flight.people), "s" if flight.people == 1 else ""
        if flight.rule == "restart":
            return f"{people} in flight begin{s} again (restart)" + _losses(flight)
        if flight.rule == "drain":
            return f"{people} in flight finish{'es' if s else ''} as they began, nobody new is taken in (drain)"
        wording, timing = (self.old[name] != self.now[name] for name in ("content", "timing"))
        kept = "what they began with"
        if wording != timing:
            kept = "the old wording" if wording else "the old time"
        return f"{people} in flight keep{s} {kept} (pin)"

    def moves(self) -> tuple[list[str], list[str]]:
        """Return what becomes of the dates, in words and in detail; what was due already counts no more."""
        old, new = self.old["moments"], self.now["moments"]
        now = self.timeline.now
        ahead = {
            key
            for key in old.keys() & new.keys()
            if old[key]["due"] != new[key]["due"] and (_at(old[key]) > now or _at(new[key]) > now or self.before.open)
        }
        added = sorted(key for key in new.keys() - old.keys() if _at(new[key]) > now)
        dropped = sorted(key for key in old.keys() - new.keys() if _at(old[key]) > now)
        if not self.moved_by_the_file() and not (added or dropped):
            return [], []
        details = [_move(_at(old[key]), _at(new[key])) for key in sorted(ahead)]
        says = [f"moves {_count(ahead, 'date')}"] if ahead else []
        if says and self.old["timing"] == self.now["timing"]:
            says = [f"{says[0]}: {self.outside()}"]
        says += [f"adds {_count(added, 'date')}"] if added else []
        says += [f"cancels {_count(dropped, 'date')}"] if dropped else []
        details += [f"+ {_moment(_at(new[key]))}" for key in added] + [f"- {_moment(_at(old[key]))}" for key in dropped]
        return says, details

    def moved_by_the_file(self) -> bool:
        """Whether a moved date has a cause other than the real dates of earlier touches, which move themselves."""
        if self.old["timing"] != self.now["timing"] or self.applied.tzdata != self.timeline.tzdata:
            return True
        return all(touch.sent_at is None for touch in self.timeline.touches)

    def outside(self) -> str:
        """Say what moved a date whose words are the same."""
        if self.applied.tzdata != self.timeline.tzdata:
            return f"new time zone data ({self.applied.tzdata} → {self.timeline.tzdata})"
        return "the calendar data changed"

    def others(self) -> list[str]:
        """Say what else differs than dates and wording."""
        old, new = self.old, self.now
        said = []
        if old["channel"] != new["channel"]:
            said.append(f"goes by {' and '.join(new['channel'])} instead of {' and '.join(old['channel'])}")
        if old["trigger"] != new["trigger"]:
            said.append("changes what starts it")
        elif old["delay"] != new["delay"] or (new["trigger"] is not None and old["timing"] != new["timing"]):
            said.append("changes how long after its event it goes")
        if old["trigger"] == new["trigger"] and old["after"] != new["after"]:
            said.append(f"goes after {new['after'] or new['trigger']}")
        if old["audience"] != new["audience"]:
            said.append("changes who gets it")
        if old["stage"] != new["stage"]:
            said.append(f"moves to stage {new['stage']}")
        drains = new["settings"].get("in_flight") == "drain"
        if drains and old["settings"].get("in_flight") != "drain" and self.before.flight is None:
            said.append("takes in nobody new (drain)")
        if old["settings"] != new["settings"] and not said:
            said.append("changes its rules")
        return said

    def differences(self) -> Iterator[str]:
        """Yield the differences a line each: `when: mid january → late january`."""
        old, new = self.old, self.now
        for name in ("when", "at", "pick", "repeat", "trigger", "after", "delay", "audience"):
            if (old.get(name) or "") != (new.get(name) or ""):
                yield f"{name}: {old.get(name) or '–'} → {new.get(name) or '–'}"
        for name in sorted(old["settings"].keys() | new["settings"].keys()):
            if old["settings"].get(name) != new["settings"].get(name):
                yield f"{name}: {_plain(old['settings'].get(name))} → {_plain(new['settings'].get(name))}"
        for name in WORDING:
            if old["wording"].get(name) != new["wording"].get(name):
                yield f"{name}: {_plain(old['wording'].get(name))} → {_plain(new['wording'].get(name))}"
        if old["media"] != new["media"]:
            yield f"media: {', '.join(old['media']) or '–'} → {', '.join(new['media']) or '–'}"
        yield from self.lines()

    def lines(self) -> Iterator[str]:
        """Yield the changed lines of the touch's templates."""
        for path in sorted(used_templates(self.touch, self.templates)):
            was, is_now = self.applied.templates.get(path), self.templates[path]
            if was is None or was == is_now:
                continue
            yield path
            changed = [
                line
                for line in unified_diff(was.splitlines(), is_now.splitlines(), lineterm="", n=0)
                if line[:1] in "+-" and line[:3] not in ("+++", "---")
            ]
            yield from (f"{line[0]}  {line[1:].strip()}" for line in changed[:_MOST_LINES])
            if len(changed) > _MOST_LINES:
                yield f"… and {len(changed) - _MOST_LINES} more lines"


def _at(moment: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(moment["due"])


def _move(old: datetime, new: datetime) -> str:
    """Return both moments, with their offsets from UTC where only these differ (the zone's rules have changed)."""
    offsets = ("", "") if _moment(old) != _moment(new) else (f" {old:%z}", f" {new:%z}")
    return f"{_moment(old)}{offsets[0]} → {_moment(new)}{offsets[1]}"


def _moment(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b} {at:%H:%M}"


def _count(things: Collection[str], word: str) -> str:
    return f"a {word}" if len(things) == 1 else f"{len(things)} {word}s"


def _people(count: int) -> str:
    return f"{count} {'person' if count == 1 else 'people'}"


def _moving(flight: Flight) -> str:
    """Say how many people in flight an edit moves, and how many lose the message by it."""
    if flight.dropped == flight.people:
        return f"{_people(flight.people)} in flight will not get it any more"
    said = f"moves {_people(flight.moved)} in flight" if flight.moved else f"{_people(flight.people)} in flight"
    return said + _losses(flight)


def _losses(flight: Flight) -> str:
    late = f", {flight.late} of them too late for the new time" if flight.late else ""
    return late + (f", {flight.dropped} of them get it no more" if flight.dropped else "")


def _messages(count: int, kind: str = "") -> str:
    return f"{count} {kind}message{'' if count == 1 else 's'}"


def _history(touch: AppliedTouch) -> str:
    if not touch.sent:
        return "its time is over"
    return "already sent" if touch.sent_at is None else f"already sent {_moment(touch.sent_at)}"


def _plain(value: object) -> str:
    if value is None or value == "":
        return "–"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
