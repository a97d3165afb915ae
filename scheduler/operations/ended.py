"""Whom a plan reaches no more: people whose message of a date to come has ended unsent, for it stays ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from campaigns.definition import Campaign
from campaigns.finding import Finding, Level
from campaigns.timeline import PlannedTouch, Timeline
from scheduler.store import reach
from scheduler.store.corrections import WrongWords
from scheduler.store.database import Connection
from scheduler.store.reach import Ended
from scheduler.store.reader import MessageCount


def ended(
    conn: Connection,
    campaign: Campaign,
    timeline: Timeline,
    counts: Mapping[str, MessageCount],
    *,
    now: datetime,
    wrong: Mapping[str, WrongWords],
) -> dict[str, Ended]:
    """Return for each touch with dates to come the people who get nothing of them; touches without any are left out.

    A message expires, or is cancelled with its date, its touch or its campaign, and that is final: a date that is moved
    or put back is for who has no message of it. `counts` are the messages of each touch; of a touch of which none has
    ended nothing is read.
    """
    found = {}
    for stage, touch in campaign.touches():
        count = counts.get(touch.id)
        if count is None or count.total == count.sent + count.open or touch.in_flight == "drain":
            continue
        if keys := _to_come(timeline.touch(touch.id), now):
            one = reach.ended(conn, campaign, timeline.edition, stage, touch, keys, now=now, wrong=wrong)
            if one.recipients:
                found[touch.id] = one
    return found


def _to_come(touch: PlannedTouch, now: datetime) -> list[str]:
    return [one.key for one in touch.occurrences if one.state == "planned" and (one.expires_at or one.due_at) > now]


def left(touch: PlannedTouch, reached: int, gone: Ended, now: datetime) -> int:
    """Return how many of the people reached as of now a touch has something for; of several dates one may be left."""
    return reached - gone.recipients if len(_to_come(touch, now)) == 1 else reached


def finding(campaign: Campaign, touch: str, gone: Ended, *, personal: bool) -> Finding:
    """Return the warning for the author; `touch` is its id in the file."""
    states = " or ".join(gone.states)
    if personal:
        who = "1 person, who gets" if gone.recipients == 1 else f"{gone.recipients} people, who get"
        message = f"{touch} ended as {states} for {who} nothing of it"
    else:
        message = f"{touch} ended as {states} and does not go again"
    remedy = "to send it after all, write another touch, with an id and words of its own"
    return Finding("ended", Level.WARNING, message, campaign.place(*campaign.touch_path(touch), "id"), remedy)
