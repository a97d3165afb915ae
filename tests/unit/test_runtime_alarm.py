"""The alarm clock over APScheduler's real scheduler."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduler.clock import SystemClock
from scheduler.runtime.alarm import Alarm

LIMIT_SECONDS = 20


def now() -> datetime:
    return SystemClock().now()


class Fired:
    """Remembers what the alarm said, and when; `then` is done each time."""

    def __init__(self, then: Callable[[str], None] = lambda _: None) -> None:
        self.names: list[str] = []
        self.at: list[datetime] = []
        self.failures: list[BaseException] = []
        self.then = then

    def __call__(self, name: str) -> None:
        self.names.append(name)
        self.at.append(now())
        self.then(name)

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not reached():
                await asyncio.sleep(0.005)


def ringing(story: Callable[[Alarm, Fired], Coroutine[Any, Any, None]]) -> Fired:
    """Live through a story with an alarm clock that is started and stopped."""
    fired = Fired()

    async def live() -> None:
        alarm = Alarm(fired, fired.failures.append)
        alarm.start()
        try:
            await story(alarm, fired)
        finally:
            alarm.stop()

    asyncio.run(live())
    return fired


def test_a_moment_is_told_when_it_has_come_and_never_before() -> None:
    at = now() + timedelta(milliseconds=300)

    async def story(alarm: Alarm, fired: Fired) -> None:
        alarm.set("soon", at)
        await fired.until(lambda: bool(fired.names))

    fired = ringing(story)

    assert fired.names == ["soon"]
    assert fired.at[0] >= at


def test_a_moment_armed_again_each_time_it_fires_never_stops() -> None:
    async def story(alarm: Alarm, fired: Fired) -> None:
        fired.then = lambda name: alarm.set(name, now() + timedelta(milliseconds=1))
        alarm.set("again", now())
        await fired.until(lambda: len(fired.names) >= 100)

    assert ringing(story).names[:100] == ["again"] * 100


def test_what_has_to_be_done_now_does_not_ask_the_clock_and_leaves_what_is_armed() -> None:
    far = now() + timedelta(days=400)

    async def story(alarm: Alarm, fired: Fired) -> None:
        alarm.set("far", far)
        for _ in range(3):
            alarm.now("far")
        await fired.until(lambda: len(fired.names) == 3)
        assert alarm.coming(10) == [(far, "far")]

    assert ringing(story).names == ["far"] * 3


def test_only_the_moments_held_are_left_and_a_moved_one_fires_once() -> None:
    day = now() + timedelta(days=1)

    async def story(alarm: Alarm, fired: Fired) -> None:
        alarm.hold({"gone": day, "moved": day, "stays": day})
        alarm.set("besides", day)
        alarm.hold({"moved": now(), "stays": day}, besides=frozenset({"besides"}))
        await fired.until(lambda: bool(fired.names))
        assert alarm.coming(10) == [(day, "besides"), (day, "stays")]
        assert alarm.coming(1) == [(day, "besides")]

    assert ringing(story).names == ["moved"]


def test_a_thousand_moments_are_held() -> None:
    day = now() + timedelta(days=1)
    moments = {f"touch {number:03}": day + timedelta(minutes=number) for number in range(1_000)}

    async def story(alarm: Alarm, _: Fired) -> None:
        alarm.hold(moments)
        assert alarm.coming(2_000) == [(at, name) for name, at in moments.items()]

    assert ringing(story).names == []


def test_what_goes_wrong_in_a_job_is_told_and_not_only_logged() -> None:
    async def story(alarm: Alarm, fired: Fired) -> None:
        def fall_over(_: str) -> None:
            raise ZeroDivisionError("planted")

        fired.then = fall_over
        alarm.now("start")
        await fired.until(lambda: bool(fired.failures))

    with pytest.raises(ZeroDivisionError, match="planted"):
        raise ringing(story).failures[0]


def test_after_the_end_nothing_is_told() -> None:
    fired = Fired()

    async def live() -> None:
        alarm = Alarm(fired, fired.failures.append)
        alarm.start()
        alarm.now("start")
        alarm.stop()
        alarm.stop()
        for _ in range(20):
            await asyncio.sleep(0)

    asyncio.run(live())

    assert fired.names == []
