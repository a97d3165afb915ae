"""Why a touch goes when it goes: the author's words, what moved the date, and the defaults that took part."""

from __future__ import annotations

from datetime import datetime

from campaigns.definition import Campaign, OnLate, Stage, Touch
from campaigns.planner import protection
from campaigns.planner.anchors import keeps_instant
from campaigns.planner.wording import every, words
from campaigns.timeline import PlannedOccurrence
from campaigns.timing.model import Hours, Pick

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def reason(campaign: Campaign, stage: Stage, touch: Touch, occurrences: tuple[PlannedOccurrence, ...]) -> str:
    """Return the reason of a touch's date in one line, its offer at the end."""
    parts = _of_event(campaign, stage, touch) if touch.on is not None else _of_calendar(stage, touch, occurrences)
    if touch.in_flight == "drain":
        parts.insert(0, "takes in nobody new")
    said = "; ".join(part for part in parts if part)
    return " · ".join(part for part in (said, touch.offer or "") if part)


def _of_calendar(stage: Stage, touch: Touch, occurrences: tuple[PlannedOccurrence, ...]) -> list[str]:
    if touch.hangs_on is not None:
        over = bool(occurrences) and all(occurrence.state == "expired" for occurrence in occurrences)
        return [f"below {touch.hangs_on}", "over" if over else ""]
    timing = touch.when or stage.when or touch.repeat
    window = occurrences[0].window if occurrences else None
    parts = [*_corrects(touch), words(timing)]
    if touch.repeat is not timing:
        parts.append(every(touch.repeat))
    picked = touch.pick or stage.pick
    if picked is not None and picked is not Pick.TARGET:
        parts.append(picked.value)
    if window is not None:
        parts.append(window.moved)
    if occurrences and all(occurrence.state == "expired" for occurrence in occurrences):
        parts.append("over")
    return parts


def _corrects(touch: Touch) -> list[str]:
    if touch.corrects is None:
        return []
    wrong = ", ".join(touch.corrects.touch)
    return [" ".join(("corrects", wrong, *touch.corrects.version))]


def _of_event(campaign: Campaign, stage: Stage, touch: Touch) -> list[str]:
    bound = protection.courtesy(campaign, stage, touch)
    parts = [f"not {_span(bound.quiet_hours)}" if bound.quiet_hours is not None else ""]
    if bound.send_hours is not None:
        parts.append(f"only {_span(bound.send_hours)}")
    if bound.weekdays != protection.EVERY_DAY:
        parts.append(weekdays(bound.weekdays))
    if bound.avoid_holidays:
        parts.append("no holidays")
    if touch.repeat is not None:
        parts.append(every(touch.repeat))
    if touch.until is not None:
        parts.append(f"until {touch.until}")
    return parts


def weekdays(days: frozenset[int]) -> str:
    """Write a set of weekdays: `Mon-Fri`, or `Mon, Wed`."""
    ordered = sorted(days)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{_DAYS[ordered[0]]}-{_DAYS[ordered[-1]]}"
    return ", ".join(_DAYS[number] for number in ordered)


def _span(hours: Hours) -> str:
    return f"{hours.start:%H:%M}–{hours.end:%H:%M}"


def moment(at: datetime) -> str:
    """Write a moment as people say it: `Mon 4 Jan 10:00`."""
    return f"{at:%a} {at.day} {at:%b} {at:%H:%M}"


def defaults(campaign: Campaign) -> tuple[str, ...]:
    """Return the defaults that take part in this campaign because the file does not say otherwise, one a line."""
    touches = list(campaign.touches())
    lines: list[str] = []
    if any(touch.on is None and not _names_clock(stage, touch) for stage, touch in touches):
        lines.append(f"{protection.CLOCK:%H:%M} where no time is named")
    bound = [protection.courtesy(campaign, stage, touch) for stage, touch in touches]
    said = [line for stage, touch in touches for line in (campaign.courtesy, stage.courtesy, touch.courtesy)]
    if all(line.quiet_hours is None for line in said) and any(one.quiet_hours is not None for one in bound):
        lines.append(f"quiet {_span(protection.QUIET_HOURS)} for marketing and posts")
    if all(line.caps is None for line in said) and any(one.caps for one in bound):
        lines.append("at most " + ", ".join(str(cap) for cap in protection.CAPS) + " of marketing to one person")
    for hours in (24, 72):
        late = [
            touch
            for stage, touch in touches
            if touch.max_late is None and protection.max_late(campaign, stage, touch).amount == hours
        ]
        if late:
            lines.append(f"more than {hours} h late: {_fates(late)}")
    return tuple(lines)


def _names_clock(stage: Stage, touch: Touch) -> bool:
    timing = touch.when or stage.when
    if touch.at is not None or stage.at is not None or timing is None:
        return True
    return timing.at is not None or keeps_instant(timing)


def _fates(touches: list[Touch]) -> str:
    words = {OnLate.SKIP: "skipped", OnLate.ASK: "held for you to decide", OnLate.SEND: "sent all the same"}
    return " or ".join(sorted({words[protection.on_late(touch)] for touch in touches}, reverse=True))
