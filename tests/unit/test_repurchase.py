"""When the next order is expected: what a reader can work out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.repurchase import Expectation, Habit, expect, gaps, habit

START = datetime(2027, 1, 1, 10, tzinfo=UTC)
MONTHLY = Habit(gaps=200, people=50, expected_days=30.0, late_days=45.0, weight=2.0)


def test_gaps_are_the_days_between_orders():
    moments = [START, START + timedelta(days=30), START + timedelta(days=45, hours=12)]

    assert gaps(moments) == (30.0, 15.5)


def test_orders_less_than_a_day_apart_are_one_order():
    moments = [START, START + timedelta(hours=2), START + timedelta(hours=23), START + timedelta(days=30)]

    assert gaps(moments) == (30.0,)


def test_one_order_has_no_gap():
    assert gaps([]) == ()
    assert gaps([START]) == ()


def test_the_expected_gap_is_the_middle_of_the_shortest_span_with_more_than_half_of_the_gaps():
    # Of these nine, five lie between 28 and 32; no other five lie closer together.
    people = [[1, 3], [28, 29], [30, 31], [32, 90], [400]]

    found = habit(people, least=9)

    assert found is not None
    assert (found.gaps, found.people, found.expected_days, found.late_days) == (9, 5, 30.0, 32.0)


def test_a_habit_needs_enough_gaps():
    assert habit([[30.0]] * 19) is None
    assert habit([[30.0]] * 20) is not None
    assert habit([], least=0) is None


def test_who_has_ordered_once_is_expected_by_the_habit():
    assert expect((), MONTHLY) == Expectation(30.0, 45.0, 0, None, MONTHLY)


def test_without_a_habit_the_own_gaps_stand_alone():
    found = expect((20.0, 45.0), None)

    assert found is not None
    # The geometric mean of 20 and 45 is 30; three quarters of the way from 20 to 45 is 38.75.
    assert (round(found.expected_days, 6), round(found.late_days, 6)) == (30.0, 38.75)
    assert (found.own_gaps, found.habit) == (2, None)


def test_nothing_can_be_said_without_gaps_and_without_a_habit():
    assert expect((), None) is None


@pytest.mark.parametrize(
    ("own", "days"),
    [
        ((90.0,), 43.3),  # (2 ln 30 + 1 ln 90) / 3
        ((90.0, 90.0), 52.0),  # half way, on the logarithmic scale
        ((90.0,) * 8, 72.2),
        ((90.0,) * 98, 88.0),
        ((30.0,) * 3, 30.0),
    ],
)
def test_a_habit_counts_like_as_many_own_gaps_as_its_weight(own, days):
    found = expect(own, MONTHLY)

    assert found is not None
    assert round(found.expected_days, 1) == days


def test_people_who_differ_from_each_other_more_than_from_themselves_outweigh_the_habit():
    steady = habit([[10, 11, 10, 11], [40, 41, 40, 41], [90, 91, 90, 91], [30, 31, 30, 31], [60, 61, 60, 61]])
    fickle = habit([[10, 90, 30, 60], [90, 30, 60, 10], [30, 60, 10, 90], [60, 10, 90, 30], [90, 10, 30, 60]])

    assert steady is not None
    assert fickle is not None
    assert (steady.weight, fickle.weight) == (0.5, 50.0)


@pytest.mark.parametrize(
    ("people", "weight"),
    [
        # Logarithms to base 2: 1 and 3, 3 and 6. Within people 6.5 / 2 = 3.25, between them (6.25 - 3.25) / 2 = 1.5.
        ([[2, 8], [8, 64]], 2.167),
        # 1 and 2, 4 and 5: within 0.5, between (9 - 0.5) / 2 = 4.25; no less than half a gap is taken.
        ([[2, 4], [16, 32]], 0.5),
        # 1 and 5, 3 and 6: within 6.25, more than the 2.25 that the two lie apart.
        ([[2, 32], [8, 64]], 50.0),
        # Nobody has two gaps to compare.
        ([[2], [8], [8], [64]], 2.5),
    ],
)
def test_the_weight_is_the_variance_within_people_over_that_between_them(people, weight):
    found = habit(people, least=4)

    assert found is not None
    assert round(found.weight, 3) == weight


def test_late_is_never_before_expected():
    found = expect((1.0, 1.0, 1.0, 1.0, 1000.0), None)

    assert found is not None
    assert found.late_days == found.expected_days
