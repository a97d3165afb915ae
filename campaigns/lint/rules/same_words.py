"""Two touches that say the same within a week: people who are in both audiences would get it once, and miss one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from campaigns import planner, segments
from campaigns.definition import PERSONAL, Campaign, Stage, Touch
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.segments import Expression
from campaigns.timeline import PlannedTouch

SPAN = timedelta(days=7)  # within which the same words do not go to the same person again


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch that says the same as an earlier one of the file, to people who may be the same."""
    campaign = view.campaign
    seen: list[tuple[Stage, Touch, PlannedTouch]] = []
    for stage, touch in campaign.touches():
        if touch.channel[0] not in PERSONAL:
            continue
        planned = view.timeline.touch(touch.id)
        for earlier_stage, earlier, its_plan in seen:
            if planned.content_hash != its_plan.content_hash or not _near(planned, its_plan):
                continue
            if _apart(campaign, (earlier_stage, earlier), (stage, touch)):
                continue
            yield Trouble(
                f"{touch.id} says the same as {earlier.id} within 7 days: nobody gets the same words twice",
                campaign.place(*campaign.touch_path(touch.id), "id"),
                "change the words of one, put 7 days between them, or give them audiences apart",
            )
            break
        seen.append((stage, touch, planned))


def _near(one: PlannedTouch, other: PlannedTouch) -> bool:
    """Whether both may reach one person within the span: by the calendar, or on the same event."""
    if one.trigger is not None or other.trigger is not None:
        return one.trigger == other.trigger
    return any(
        abs(here.due_at - there.due_at) < SPAN
        for here in one.occurrences
        for there in other.occurrences
        if "expired" not in (here.state, there.state)
    )


def _apart(campaign: Campaign, one: tuple[Stage, Touch], other: tuple[Stage, Touch]) -> bool:
    """Whether no person can be in both audiences, as far as their words show it."""
    here, there = (planner.audience(campaign, stage, touch) for stage, touch in (one, other))
    mine, theirs = list(_parts(here)), list(_parts(there))
    return any(_excludes(part, against) for part in mine for against in theirs)


def _parts(expression: Expression | None) -> Iterator[Expression]:
    """Yield what must hold all together."""
    if isinstance(expression, segments.And):
        for part in expression.parts:
            yield from _parts(part)
    elif expression is not None:
        yield expression


def _excludes(one: Expression, other: Expression) -> bool:
    if isinstance(one, segments.Comparison) and isinstance(other, segments.Comparison) and one.field == other.field:
        equal = (segments.Operator.EQUAL, segments.Operator.EQUAL)
        return (one.operator, other.operator) == equal and one.value != other.value
    return one == segments.Not(other) or other == segments.Not(one)


RULE = Rule("same-words", Level.WARNING, "no two touches say the same to the same people within 7 days", check)
