"""Caps, gaps and priorities of one person's messages, by pure rules: literal moments, and no window ever over its cap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.definition import Cap
from campaigns.planner import Went, Wish, courtesy_rules, live_through
from campaigns.timing.model import OnBlocked, Span, Unit

NOON = datetime(2027, 2, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAILY = Cap(1, 1)


def wish(name: str = "a", at: datetime = NOON, *, priority: int = 50, **values: object) -> Wish:
    given_values: dict[str, object] = {"channel": "email", "caps": (DAILY,), "min_gap": None, "on_blocked": None}
    last_at = values.pop("last_at", at + 24 * HOUR)
    return Wish(
        name=name, at=at, due_at=at, last_at=last_at, priority=priority, zone="UTC", **{**given_values, **values}
    )  # type: ignore[arg-type]


def test_a_cap_is_free_a_whole_window_after_the_message_it_counts() -> None:
    went = [Went(NOON - 24 * HOUR, "email")]

    assert courtesy_rules.of_caps(wish(), went) is None
    blocked = courtesy_rules.of_caps(wish(at=NOON - timedelta(seconds=3)), went)
    assert blocked is not None
    assert (blocked.free_at, blocked.reason) == (NOON, "waits: 1 per day")


def test_a_gap_counts_days_on_the_calendar_of_the_person() -> None:
    went = [Went(NOON - 47 * HOUR, "sms", "shop/tip")]

    blocked = courtesy_rules.of_gap(wish(min_gap=Span(2, Unit.DAY)), went)

    assert blocked is not None
    assert blocked.free_at == NOON + HOUR
    assert blocked.reason == "waits: 2 days since the last message (shop/tip)"


def test_two_higher_messages_need_two_places() -> None:
    lower = wish(caps=(Cap(3, 7),), priority=10)
    higher = [wish(f"h{day}", NOON + day * 24 * HOUR, priority=90, caps=(Cap(3, 7),)) for day in (1, 2)]
    one_went = [Went(NOON - HOUR, "email")]

    assert courtesy_rules.of_priority(lower, [], higher) is None
    blocked = courtesy_rules.of_priority(lower, one_went, higher)
    assert blocked is not None
    assert blocked.reason == "priority: h2 goes first (priority 90)"


def test_nothing_gives_way_to_what_would_not_go_by_its_own_caps_anyway() -> None:
    rival = wish("r", NOON + HOUR, priority=90)

    assert (
        courtesy_rules.of_priority(wish(priority=10, caps=(Cap(9, 1),)), [Went(NOON - HOUR, "email")], [rival]) is None
    )


def test_a_channel_of_its_own_takes_nobodys_place() -> None:
    rival = wish("r", NOON + HOUR, priority=90, caps=(Cap(1, 7, "sms"),), channel="sms")

    assert courtesy_rules.of_priority(wish(priority=10), [], [rival]) is None


caps = st.lists(
    st.builds(Cap, st.integers(1, 3), st.sampled_from([1, 7]), st.sampled_from([None, "email", "sms"])), max_size=2
).map(tuple)


@given(st.data())
@settings(max_examples=150)
def test_whatever_is_planned_no_window_holds_more_than_its_cap(data: st.DataObject) -> None:
    bound = data.draw(caps)
    wishes = [
        wish(
            f"w{number}",
            NOON + data.draw(st.integers(0, 24 * 9)) * HOUR,
            priority=data.draw(st.sampled_from([10, 50, 90])),
            channel=data.draw(st.sampled_from(["email", "sms"])),
            caps=bound,
            on_blocked=data.draw(st.sampled_from([None, OnBlocked.FOLLOWING, OnBlocked.SKIP])),
        )
        for number in range(data.draw(st.integers(1, 9)))
    ]

    lived = live_through(wishes, [])

    assert len(lived.gone) + len(lived.lost) == len(wishes)
    for place, went in lived.gone:
        for cap in wishes[place].caps:
            if cap.counts(went.channel):
                since = went.at - timedelta(days=cap.days)
                counted = [one for _, one in lived.gone if since < one.at <= went.at and cap.counts(one.channel)]
                assert len(counted) <= cap.times
