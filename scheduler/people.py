"""Counting people for a plan: how many a touch would reach as of now; pure over facts, whoever supplies them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Stage, Touch
    from campaigns.segments import Expression
    from scheduler.contacts_csv import ContactRow

ADDRESS = {"email": "email", "sms": "phone", "whatsapp": "phone", "call": "phone"}
LABELS = {"email": "email", "sms": "SMS", "whatsapp": "WhatsApp"}


@dataclass(frozen=True, slots=True)
class PeopleCounts:
    """People as of now: all of them, those in the campaign's audience, by channel those who may get marketing there.

    `touches` maps a touch to how many it would reach at most; posts are for everybody and are not in it. `together`
    counts the people of a file by the touches that would reach them and their time zone. `personas` counts the people
    each persona stands for, and under the empty name those who are like none; empty where no persona says whom.
    """

    source: str
    contacts: int
    audience: int
    by_channel: Mapping[str, int] = field(default_factory=dict)
    unsubscribed: int = 0
    no_consent: int = 0
    touches: Mapping[str, int] = field(default_factory=dict)
    together: Mapping[tuple[frozenset[str], str], int] = field(default_factory=dict)
    personas: Mapping[str, int] = field(default_factory=dict)


def count(campaign: Campaign, people: Iterable[ContactRow], now: datetime, *, source: str) -> PeopleCounts:
    """Count the people of a contacts file, who have no history yet: nobody has bought, nobody has unsubscribed.

    Raises: ExpressionError when an audience cannot be read.
    """
    from campaigns import planner, segments

    whole = segments.parse(campaign.audience) if campaign.audience else None
    channels = {touch.channel[0] for _, touch in campaign.touches() if touch.channel[0] in LABELS}
    touches = [
        (touch, planner.reach(campaign, stage, touch)) for stage, touch in campaign.touches() if touch.is_personal
    ]
    alike = planner.personas(campaign)
    like = dict.fromkeys(alike, 0)
    total = inside = silent = 0
    by_channel = dict.fromkeys(sorted(channels), 0)
    reached = {touch.id: 0 for touch, _ in touches}
    together: Counter[tuple[frozenset[str], str]] = Counter()
    for person in people:
        total += 1
        facts = person.as_facts()
        for name, expression in alike.items():
            like[name] += fits(expression, facts, now)
        theirs = frozenset(
            touch.id for touch, audience in touches if reaches(person, touch) and fits(audience, facts, now)
        )
        together[theirs, person.timezone or ""] += 1
        for touch_id in theirs:
            reached[touch_id] += 1
        if not fits(whole, facts, now):
            continue
        inside += 1
        silent += not person.consent
        for channel in channels:
            by_channel[channel] += may_get(person, channel, marketing=True)
    return PeopleCounts(source, total, inside, by_channel, 0, silent, reached, together, like)


def reaches(person: ContactRow, touch: Touch) -> bool:
    """Whether the touch could go to this person: an address for its channel, and consent where it is marketing."""
    marketing = touch.purpose == "marketing" and not touch.is_task
    return may_get(person, touch.channel[0], marketing=marketing)


def may_get(person: ContactRow, channel: str, *, marketing: bool) -> bool:
    """Whether a person has an address for the channel and, for marketing, agreed to it."""
    address = ADDRESS.get(channel)
    if address is not None and not getattr(person, address):
        return False
    agreed = person.consent or ()
    return not marketing or "marketing" in agreed or f"marketing:{channel}" in agreed


def at_most(campaign: Campaign, stage: Stage, touch: Touch) -> Expression | None:
    """Return whom a touch may reach whatever they will have done by then; None is everybody."""
    from campaigns import planner, segments

    audience = planner.audience(campaign, stage, touch)
    return None if audience is None else segments.at_most(audience)


def fits(audience: Expression | None, facts: Mapping[str, object], now: datetime) -> bool:
    """Whether somebody who has done nothing so far belongs to an audience."""
    from campaigns import segments

    return audience is None or segments.evaluate(audience, facts, (), now)
