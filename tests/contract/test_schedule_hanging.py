"""Posts that hang on posts on a real store: in their order, once, and never before the one they hang on is known to be there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from support.settling import LOST_ANSWER, LOST_MESSAGE, TruthfulChannel
from support.shop import DAY, HEAD, HOUR, Schedule, moment, write

from scheduler.channels.base import Above, Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.recording import RecordingChannel
from scheduler.delivery import State
from scheduler.errors import NotSent, Refused
from scheduler.operations import settling, steering, watching
from scheduler.store.database import Store

BEFORE = moment("2027-01-20T12:00:00+01:00")
TEN = moment("2027-02-01T10:00:00+01:00")
MINUTE = timedelta(minutes=1)
THREAD = """
stages:
  - stage: launch
    kind: awareness
    when: 1 february at 10:00
    touches:
      - id: launch
        channel: mastodon
        text: One
        first_comment: "#rings"
        thread: [Two, Three]
"""
ORDER = ["launch", "launch.comment", "launch.2", "launch.3"]
ABOVE = {"launch.comment": "launch", "launch.2": "launch", "launch.3": "launch.2"}


def shop(store: Store, folder: Path, channel: object, text: str = THREAD) -> Schedule:
    schedule = Schedule.on(store, BEFORE, channels={"mastodon": channel})  # type: ignore[dict-item]
    schedule.apply(write(folder, text, head=HEAD))
    return schedule


def states(schedule: Schedule) -> dict[str, tuple[str, str]]:
    return {row.touch: (row.state, row.reason) for row in schedule.rows()}


class Fated(RecordingChannel):
    """A channel that raises for a touch what it is told, before the mark, as often as it is told."""

    def __init__(self, **errors: list[Exception]) -> None:
        super().__init__("mastodon")
        self.errors = errors

    async def send(self, message: Message, mark: Mark) -> Receipt:
        if left := self.errors.get(message.touch.replace(".", "_")):
            raise left.pop(0)
        return await super().send(message, mark)


def test_a_thread_goes_at_one_moment_each_post_on_the_one_before(store: Store, tmp_path: Path) -> None:
    channel = RecordingChannel("mastodon")
    schedule = shop(store, tmp_path, channel)

    schedule.live_until(TEN)

    keys = {message.touch: message.key for message in channel.messages}
    assert [message.content.text for message in channel.messages] == ["One", "#rings", "Two", "Three"]
    assert {message.created_at for message in channel.messages} == {TEN}
    assert [message.above for message in channel.messages] == [
        None,
        Above(keys["launch"], keys["launch"]),
        Above(keys["launch"], keys["launch"]),
        Above(keys["launch.2"], keys["launch"]),
    ]
    assert states(schedule)["launch.3"] == ("sent", "below launch.2")


def test_what_hangs_on_a_post_waits_as_long_as_that_does(store: Store, tmp_path: Path) -> None:
    channel = Fated(launch=[NotSent("the network is away", retry_at=TEN + HOUR)])
    schedule = shop(store, tmp_path, channel)

    schedule.live_until(TEN + MINUTE)
    waiting = states(schedule)
    schedule.live_until(TEN + HOUR)

    assert waiting["launch.2"] == ("planned", "waits for launch")
    assert waiting["launch.3"] == ("planned", "waits for launch.2")
    assert [(message.touch, message.created_at) for message in channel.messages] == [
        (touch, TEN + HOUR) for touch in ORDER
    ]


def test_a_post_that_did_not_go_ends_what_hangs_on_it(store: Store, tmp_path: Path) -> None:
    channel = Fated(launch_2=[Refused("too long")])
    schedule = shop(store, tmp_path, channel)

    schedule.live_until(TEN)

    assert [message.touch for message in channel.messages] == ["launch", "launch.comment"]
    assert states(schedule)["launch.2"] == ("failed", "too long")
    assert states(schedule)["launch.3"] == ("cancelled", "launch.2 did not go: too long")


@pytest.mark.parametrize("fate", [LOST_ANSWER, LOST_MESSAGE])
def test_while_nobody_knows_of_a_post_what_hangs_on_it_waits(store: Store, tmp_path: Path, fate: str) -> None:
    channel = TruthfulChannel("mastodon", "", "", fate)
    schedule = shop(store, tmp_path, channel)

    schedule.live_until(TEN)
    unknown = states(schedule)
    schedule.live_until(TEN + DAY + HOUR)
    later = states(schedule)
    asyncio.run(schedule.settler.look())
    schedule.live_until(schedule.clock.now() + HOUR)

    assert unknown["launch.2"][0] == State.UNKNOWN
    assert unknown["launch.3"][0] == State.PLANNED
    assert later["launch.3"] == ("planned", "waits for launch.2, which is unknown")  # past its last moment, and waiting
    arrived = [message.touch for message in channel.arrived]
    if fate == LOST_ANSWER:
        assert arrived == ["launch", "launch.comment", "launch.2"]
        assert states(schedule)["launch.3"] == ("expired", "later than allowed")
    else:
        assert arrived == ["launch", "launch.comment"]  # too late by then, and so is what hangs on it
        assert states(schedule)["launch.3"][0] == "cancelled"


def test_a_post_found_out_in_time_is_followed_at_once(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("mastodon", LOST_ANSWER)
    schedule = shop(store, tmp_path, channel)
    schedule.live_until(TEN + MINUTE)

    asyncio.run(schedule.settler.look())
    schedule.tick()

    assert [message.touch for message in channel.arrived] == ORDER
    assert schedule.clock.now() == TEN + MINUTE


def test_a_person_who_says_that_a_post_did_not_go_ends_what_hangs_on_it(store: Store, tmp_path: Path) -> None:
    channel = TruthfulChannel("mastodon", LOST_MESSAGE)
    schedule = shop(store, tmp_path, channel)
    schedule.live_until(TEN)
    (row,) = [row for row in schedule.rows() if row.state == State.UNKNOWN]

    settling.settle_unknown(
        store,
        schedule.catalog,  # type: ignore[arg-type]
        row.id,
        went=False,
        reason="not there",
        now=schedule.clock.now(),
        who="ana",
    )
    schedule.tick()

    assert channel.arrived == []
    assert {touch: state for touch, (state, _) in states(schedule).items()} == {
        "launch": "failed",
        "launch.comment": "cancelled",
        "launch.2": "cancelled",
        "launch.3": "cancelled",
    }


def test_the_approval_of_a_post_covers_what_hangs_on_it(store: Store, tmp_path: Path) -> None:
    channel = RecordingChannel("mastodon")
    schedule = shop(store, tmp_path, channel, THREAD.replace("text: One", "text: One\n        approval: required"))
    schedule.live_until(TEN)
    before = {state for state, _ in states(schedule).values()}

    chosen = steering.targets(store, schedule.catalog, ["shop/launch"])  # type: ignore[arg-type]
    steering.approve(store, schedule.catalog, chosen, now=schedule.clock.now(), who="ana")  # type: ignore[arg-type]
    schedule.live_until(TEN + HOUR)

    assert before == {"held"}
    assert [message.touch for message in channel.messages] == ORDER


def test_a_rejected_post_takes_what_hangs_on_it_along(store: Store, tmp_path: Path) -> None:
    channel = RecordingChannel("mastodon")
    schedule = shop(store, tmp_path, channel, THREAD.replace("text: One", "text: One\n        approval: required"))
    schedule.live_until(TEN)

    chosen = steering.targets(store, schedule.catalog, ["launch"])  # type: ignore[arg-type]
    steering.approve(store, schedule.catalog, chosen, now=TEN, who="ana", reject=True)  # type: ignore[arg-type]
    schedule.live_until(TEN + DAY)

    assert channel.messages == []
    assert {state for state, _ in states(schedule).values()} == {"cancelled"}


def test_a_renamed_post_takes_its_thread_along(store: Store, tmp_path: Path) -> None:
    channel = Fated(launch_2=[NotSent("away", retry_at=TEN + HOUR)])
    schedule = shop(store, tmp_path, channel)
    schedule.live_until(TEN + MINUTE)

    schedule.apply(write(tmp_path, THREAD.replace("id: launch", "id: start\n        moved: launch")))
    schedule.live_until(TEN + HOUR)

    assert [message.content.text for message in channel.messages] == ["One", "#rings", "Two", "Three"]


def test_a_repeated_thread_hangs_together_on_each_of_its_days(store: Store, tmp_path: Path) -> None:
    channel = RecordingChannel("mastodon")
    repeated = THREAD.replace("text: One", 'text: One\n        repeat: "every 7 days, 2 times"')
    schedule = shop(store, tmp_path, channel, repeated)

    schedule.live_until(TEN + 8 * DAY)

    keys = {message.key: message for message in channel.messages}
    pairs = [
        (message.touch, keys[message.above.post].touch, message.occurrence == keys[message.above.post].occurrence)
        for message in channel.messages
        if message.above is not None
    ]
    assert len(channel.messages) == 8
    assert pairs == 2 * [(touch, ABOVE[touch], True) for touch in ORDER[1:]]


class Dies(BaseException):
    """The process is gone."""


class FarEnd(RecordingChannel):
    """A network that keeps what arrived; the process dies at the step `at`, counted over everything it does."""

    settles_after = MINUTE

    def __init__(self, at: int = -1) -> None:
        super().__init__("mastodon")
        self.at = at
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps - 1 == self.at:
            raise Dies

    async def send(self, message: Message, mark: Mark) -> Receipt:
        self.step()
        await mark()
        self.step()
        self.messages.append(message)
        self.step()
        return Receipt(f"post-{message.touch}")

    async def settle(self, attempted: Attempted) -> Evidence:
        self.step()
        if any(message.key == attempted.message.key for message in self.messages):
            return Evidence(Found.SENT, "it is there", f"post-{attempted.message.touch}")
        return Evidence(Found.NOT_SENT, "it is not there")


def _lives(store: Store, folder: Path, far: FarEnd) -> Schedule:
    """Live until everything has ended, through any number of deaths."""
    schedule = shop(store, folder, far)
    start = BEFORE
    while True:
        try:
            watching.recover(store, watching.Hearing(schedule.clock), now=start)
            for _ in range(20):
                schedule.live_until(max(schedule.clock.now() + 10 * MINUTE, TEN + 10 * MINUTE))
                asyncio.run(schedule.settler.look())
            return schedule
        except Dies:
            start = schedule.clock.now() + HOUR // 2
            schedule = Schedule.on(store, start, channels={"mastodon": far})


def _undisturbed_steps() -> int:
    return 3 * len(ORDER)


@pytest.mark.parametrize("step", range(_undisturbed_steps()))
def test_a_process_that_dies_at_any_step_posts_nothing_twice_and_nothing_before_its_post(
    store: Store, tmp_path: Path, step: int
) -> None:
    far = FarEnd(step)

    schedule = _lives(store, tmp_path, far)

    assert far.steps > step  # it died
    arrived = [message.touch for message in far.messages]
    assert sorted(arrived) == sorted(ORDER)
    assert all(arrived.index(touch) > arrived.index(above) for touch, above in ABOVE.items())
    assert all(message.above is None or message.above.post in far_names(far) for message in far.messages)
    assert {state for state, _ in states(schedule).values()} == {"sent"}


def far_names(far: FarEnd) -> set[str]:
    return {f"post-{message.touch}" for message in far.messages}


@pytest.mark.parametrize("number", range(1, 9))
def test_a_database_that_refuses_any_one_outcome_breaks_no_thread(
    store: Store, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark or the outcome of one post is never written: what stands in the ledger is all the next life knows."""
    far = FarEnd()
    counted = [0]
    real: Callable[..., object] = type(store).begin

    def begin(self: Store) -> object:
        counted[0] += 1
        if counted[0] == 4 + number:
            raise Dies
        return real(self)

    monkeypatch.setattr(type(store), "begin", begin)

    schedule = _lives(store, tmp_path, far)

    arrived = [message.touch for message in far.messages]
    assert sorted(arrived) == sorted(ORDER)
    assert all(arrived.index(touch) > arrived.index(above) for touch, above in ABOVE.items())
    assert {state for state, _ in states(schedule).values()} == {"sent"}
