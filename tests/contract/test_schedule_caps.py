"""Caps count what really went, and what really goes takes seconds: a daily touch still goes every day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from support.shop import Schedule, addresses, moment, person, write

from scheduler.channels.base import Mark, Message, Receipt
from scheduler.clock import VirtualClock
from scheduler.delivery import State
from scheduler.store.database import Store

DAILY = """
stages:
  - stage: conversion
    kind: conversion
    when: 1 february
    touches:
      - {id: tip, channel: email, subject: "Tip", text: "x", repeat: "every day, 3 times"}
"""


class SlowChannel:
    """A mail server that takes three seconds for each message."""

    name = "email"

    def __init__(self, clock: VirtualClock) -> None:
        self.messages: list[Message] = []
        self._clock = clock

    async def send(self, message: Message, mark: Mark) -> Receipt:
        await mark()
        self._clock.advance(timedelta(seconds=3))
        self.messages.append(message)
        return Receipt(provider_id=message.key, detail="slow")

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def test_a_daily_touch_is_not_lost_to_the_cap_because_sending_takes_seconds(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-20T12:00:00+01:00"))
    slow = SlowChannel(schedule.clock)
    schedule.channels["email"] = slow
    schedule.know(person("lea@example.org"))
    schedule.apply(write(tmp_path, DAILY))

    schedule.live_until(moment("2027-02-05T10:00:00+01:00"))

    assert [row.state for row in schedule.rows()] == [State.SENT, State.SENT, State.SENT]
    assert addresses(slow.messages) == ["lea@example.org"] * 3
    assert [row.sent_at for row in schedule.rows()] == [
        moment("2027-02-01T10:00:03+01:00"),
        moment("2027-02-02T10:00:06+01:00"),
        moment("2027-02-03T10:00:09+01:00"),
    ]


def test_a_second_message_of_the_same_day_is_still_withheld(store: Store, tmp_path: Path) -> None:
    schedule = Schedule.on(store, moment("2027-01-20T12:00:00+01:00"))
    schedule.know(person("lea@example.org"))
    second = '      - {id: more, channel: email, subject: "More", text: "x", when: 1 february at 15:00}\n'
    schedule.apply(write(tmp_path, DAILY.replace(', repeat: "every day, 3 times"', "") + second))

    schedule.live_until(moment("2027-02-05T10:00:00+01:00"))

    assert [message.touch for message in schedule.sent()] == ["tip"]
    assert [row.reason for row in schedule.rows(touch="more")] == ["cap: 1 per day"]
