"""A shop whose channels make tasks alone, with a post for Instagram that somebody puts there: what tests of tasks share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from support.shop import Schedule, moment, write

from scheduler.channels.base import Channel
from scheduler.channels.task import TaskChannel
from scheduler.store.database import Store

BEFORE = moment("2027-01-20T12:00:00+01:00")
TEN = moment("2027-02-01T10:00:00+01:00")


def post(words: str, *, alt: str) -> str:
    """Return a campaign of one post by hand, due at `TEN`, with these words and a picture that `alt` describes."""
    return f"""
stages:
  - stage: launch
    kind: awareness
    when: 1 february at 10:00
    touches:
      - id: teaser
        channel: instagram
        by_hand: true
        text: "{words}"
        media: [{{file: media/ring.jpg, alt: {alt}}}]
"""


def shop(store: Store, folder: Path, text: str, *more: Channel) -> Schedule:
    """Put a campaign in force at `BEFORE`; `more` are the channels that send."""
    channels: Mapping[str, Channel] = {one.name: one for one in (TaskChannel("manual"), TaskChannel("call"), *more)}
    made = Schedule.on(store, BEFORE, channels=channels)
    made.apply(write(folder, text))
    return made
