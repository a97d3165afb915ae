"""Who would be over a cap before anything is applied: a plan's messages lived through for groups of like people.

The same rules as at the last moment (`courtesy_rules`), on what is known beforehand: dates of the calendar, what waits
and what went. What answers an event nobody can foresee, and hours of the day move nothing here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush

from campaigns.definition import PERSONAL, Campaign, Purpose
from campaigns.finding import Finding, Level
from campaigns.planner import courtesy_rules
from campaigns.planner.courtesy_rules import Blocked, Went, Wish
from campaigns.planner.personal import due_in_zone
from campaigns.planner.protection import courtesy
from campaigns.timeline import Timeline

_MOST_TRIES = 20  # of one message that waits again and again


@dataclass(frozen=True, slots=True)
class Group:
    """People alike: the marketing `touches` of the plan that are for them, their zone (empty: unknown), and the rest.

    `went` is the marketing they had lately, `others` what other campaigns and earlier events still have for them.
    """

    touches: frozenset[str]
    zone: str = ""
    went: tuple[Went, ...] = ()
    others: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True)
class Fatigue:
    """Who would get less than is planned, of the people looked at.

    `over` are those from whom a touch of the plan would be withheld, `touches` how many by touch and reason, `others`
    how many messages of other campaigns would give way to the plan. `total` are all people, when fewer were looked at.
    `without_zone` have no time zone of their own, so that the campaign's holds for them.
    """

    looked_at: int
    total: int
    over: int
    touches: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)
    without_zone: int = 0

    @property
    def is_sample(self) -> bool:
        """Whether only some of the people were looked at."""
        return self.looked_at < self.total

    def of_all(self, people: int) -> int:
        """Return a number of those looked at as one of all people."""
        return round(people * self.total / self.looked_at) if self.looked_at else 0


def fatigue(
    campaign: Campaign,
    timeline: Timeline,
    groups: Mapping[Group, int],
    *,
    now: datetime,
    fired: frozenset[tuple[str, str]] = frozenset(),
    total: int | None = None,
) -> Fatigue:
    """Return who would be over a cap, for people counted by group; `total` is how many there are in all.

    `fired` are the dates (touch, key) that have messages already: those are among the groups' `others`.
    """
    looked_at = sum(groups.values())
    over = without_zone = 0
    touches: dict[str, Counter[str]] = {}
    others: Counter[str] = Counter()
    planned: dict[str, dict[str, list[Wish]]] = {}
    for group, people in groups.items():
        without_zone += people * (not group.zone and bool(group.touches))
        zone = group.zone or campaign.zone
        if zone not in planned:
            planned[zone] = _wishes(campaign, timeline, zone, now, fired)
        own = [wish for touch in sorted(group.touches) for wish in planned[zone].get(touch, ())]
        if not own:
            continue
        names = {wish.name: touch for touch in group.touches for wish in planned[zone].get(touch, ())}
        lost = live_through([*own, *group.others], group.went).lost
        mine = {(names[wish.name], blocked.reason) for wish, blocked in lost if wish.name in names}
        over += people * bool(mine)
        for touch, reason in mine:
            touches.setdefault(touch, Counter())[reason] += people
        if group.others:
            alone = {wish.name for wish, _ in live_through(group.others, group.went).lost}
            for name in {wish.name for wish, _ in lost} - names.keys() - alone:
                others[name] += people
    return Fatigue(looked_at, looked_at if total is None else total, over, touches, dict(others), without_zone)


@dataclass(frozen=True, slots=True)
class Lived:
    """What became of one person's messages: `gone` by their place in the list, `lost` those that would never go."""

    gone: tuple[tuple[int, Went], ...]
    lost: tuple[tuple[Wish, Blocked], ...]


def live_through(wishes: Sequence[Wish], went: Iterable[Went]) -> Lived:
    """Let one person's messages come in the order of their moments, after what `went` before."""
    queue = [(wish.at, number, 0, wish) for number, wish in enumerate(wishes)]
    heapify(queue)
    had, gone, lost = list(went), [], []
    while queue:
        at, number, tries, wish = heappop(queue)
        wish = courtesy_rules.at_moment(wish, at)
        rivals = [other for _, _, _, other in queue]
        blocked = (
            courtesy_rules.of_caps(wish, had)
            or courtesy_rules.of_gap(wish, had)
            or courtesy_rules.of_priority(wish, had, rivals)
        )
        if blocked is None:
            had.append(Went(at, wish.channel, wish.name))
            gone.append((number, had[-1]))
        elif blocked.free_at is None or tries >= _MOST_TRIES:
            lost.append((wish, blocked))
        else:
            again_at = blocked.free_at
            heappush(queue, (again_at, number, tries + 1, courtesy_rules.at_moment(wish, again_at)))
    return Lived(tuple(gone), tuple(lost))


def _wishes(
    campaign: Campaign, timeline: Timeline, zone: str, now: datetime, fired: frozenset[tuple[str, str]]
) -> dict[str, list[Wish]]:
    """Return the messages that the calendar has for a person in the zone, by touch."""
    found: dict[str, list[Wish]] = {}
    for stage, touch in campaign.touches():
        if touch.on is not None or touch.channel[0] not in PERSONAL or touch.purpose is not Purpose.MARKETING:
            continue
        bound = courtesy(campaign, stage, touch)
        for one in timeline.touch(touch.id).occurrences:
            if one.state != "planned" or (touch.id, one.key) in fired:
                continue
            due = due_in_zone(campaign, timeline, touch.id, one.key, zone)
            if due.expires_at is not None and due.expires_at < now:
                continue
            wish = courtesy_rules.wish(
                bound,
                touch,
                name=f"{campaign.id}/{touch.id}",
                at=max(due.due_at, now).astimezone(UTC),
                due_at=due.due_at.astimezone(UTC),
                last_at=due.expires_at,
                zone=zone,
            )
            found.setdefault(touch.id, []).append(wish)
    return found


def fatigue_findings(campaign: Campaign, known: Fatigue) -> tuple[Finding, ...]:
    """Return a warning for every touch that caps, gaps or priorities would keep from people, and for other campaigns'.

    Numbers are of all people; of a sample they are estimates, and say so.
    """
    about = "about " if known.is_sample else ""
    of = f"of {_people(known.total)}" + (f" (a sample of {known.looked_at} was looked at)" if known.is_sample else "")
    found = []
    for touch, reasons in known.touches.items():
        kept = known.of_all(max(reasons.values()) if len(reasons) == 1 else min(known.over, sum(reasons.values())))
        why = "; ".join(sorted(reasons))
        found.append(
            Finding(
                "fatigue",
                Level.WARNING,
                f"{touch} would be withheld from {about}{kept} {of}: {why}",
                campaign.place(*campaign.touch_path(touch)),
                "move it to another day, narrow its audience, or say by `priority:` which message matters more",
            )
        )
    for name, people in sorted(known.others.items()):
        message = f"{name} would not reach {about}{known.of_all(people)} {of} for what this plan sends them"
        remedy = "move one of them, or say by `priority:` which matters more"
        found.append(Finding("fatigue", Level.WARNING, message, campaign.place(), remedy))
    return tuple(found)


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"
