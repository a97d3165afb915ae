"""A rate holds over every process: what a bucket grants, when it has more, and what clocks and crowds do to it."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta

import pytest
from support.shop import moment

from campaigns.definition import Rate, read_rate
from scheduler.store import buckets
from scheduler.store.database import Store

NOON = moment("2027-01-20T12:00:00+00:00")


def take(store: Store, wanted: int, at: datetime, rate: Rate) -> int:
    with store.begin() as conn:
        return buckets.take(conn, "email", per_second=rate.per_second, burst=rate.burst, wanted=wanted, now=at)


def next_at(store: Store, at: datetime, rate: Rate, wanted: int = 1) -> datetime:
    with store.read() as conn:
        return buckets.next_at(conn, "email", per_second=rate.per_second, burst=rate.burst, wanted=wanted, now=at)


def test_a_bucket_begins_full_and_gains_with_time(store: Store) -> None:
    rate = Rate(100, "hour")  # 10 at once, then one every 39.6 seconds

    first = take(store, 25, NOON, rate)
    at_once = take(store, 25, NOON, rate)
    later = take(store, 25, NOON + timedelta(seconds=100), rate)
    much_later = take(store, 25, NOON + timedelta(days=1), rate)

    assert (first, at_once, later, much_later) == (10, 0, 2, 10)


def test_it_is_known_when_there_is_a_token_again(store: Store) -> None:
    rate = Rate(1, "minute")

    before = next_at(store, NOON, rate)
    take(store, 1, NOON, rate)

    assert before == NOON
    assert next_at(store, NOON + timedelta(seconds=20), rate) == NOON + timedelta(minutes=1)
    assert take(store, 1, NOON + timedelta(seconds=59), rate) == 0
    assert take(store, 1, NOON + timedelta(seconds=60), rate) == 1


def test_a_clock_that_goes_back_a_little_gains_and_loses_nothing(store: Store) -> None:
    rate = Rate(1, "second")
    take(store, 1, NOON, rate)

    grants = [take(store, 1, NOON + timedelta(seconds=second), rate) for second in (-2, 0.5, -2, 0.6, -2, 0.9, 1)]

    assert grants == [0, 0, 0, 0, 0, 0, 1]


def test_a_clock_that_was_set_back_for_good_does_not_stop_the_channel(store: Store) -> None:
    rate = Rate(1, "minute")
    take(store, 1, NOON, rate)
    set_back = NOON - timedelta(days=1)

    assert take(store, 1, set_back, rate) == 0
    assert take(store, 1, set_back + timedelta(minutes=1), rate) == 1


def test_nothing_wanted_takes_nothing(store: Store) -> None:
    assert take(store, 0, NOON, Rate(1, "minute")) == 0
    assert take(store, 1, NOON, Rate(1, "minute")) == 1


@pytest.mark.parametrize("text", ["1 per minute", "2 per minute", "7/min", "30 per minute", "100 a minute"])
def test_no_minute_ever_has_more_than_the_rate_says(store: Store, text: str) -> None:
    rate, chance, at = read_rate(text), random.Random(7), NOON
    sent: list[datetime] = []
    for _ in range(120):
        at += timedelta(seconds=chance.choice((0, 0.2, 1, 3, 20)))
        sent += [at] * take(store, chance.choice((1, 5, 200)), at, rate)

    busiest = max(sum(first <= one < first + timedelta(minutes=1) for one in sent) for first in sent)

    assert 0 < busiest <= rate.times


def test_workers_at_once_share_one_bucket(store: Store, database_url: str) -> None:
    rate, granted = Rate(100, "day"), []

    def work() -> None:
        own = Store(database_url)
        for _ in range(5):
            granted.append(take(own, 1, NOON, rate))
        own.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(granted), sum(granted)) == (20, 10)
