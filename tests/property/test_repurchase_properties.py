"""What holds of every expectation: bounds, order, scale, and the pull of a person's own history."""

from hypothesis import given
from hypothesis import strategies as st

from campaigns.repurchase import Habit, expect, habit

DAYS = st.integers(1, 2_000).map(float)
OWN = st.lists(DAYS, min_size=1, max_size=12)
PEOPLE = st.lists(st.lists(DAYS, min_size=1, max_size=6), min_size=20, max_size=40)
HABITS = st.builds(
    lambda expected, more, weight: Habit(100, 50, expected, expected + more, weight),
    DAYS,
    st.integers(0, 500).map(float),
    st.floats(0.5, 50.0),
)
SLACK = 1e-9


@given(OWN, HABITS)
def test_an_expectation_lies_between_the_own_gaps_and_the_habit(own, known):
    found = expect(own, known)

    assert found is not None
    assert min(*own, known.expected_days) * (1 - SLACK) <= found.expected_days
    assert found.expected_days <= max(*own, known.expected_days) * (1 + SLACK)
    assert found.expected_days <= found.late_days <= max(*own, known.late_days) * (1 + SLACK)


@given(PEOPLE)
def test_a_habit_lies_between_the_shortest_and_the_longest_gap(people):
    found = habit(people)

    assert found is not None
    every = [gap for own in people for gap in own]
    assert min(every) <= found.expected_days <= found.late_days <= max(every)
    assert sum(gap <= found.late_days for gap in every) * 4 >= 3 * len(every) - 4
    assert 0.5 <= found.weight <= 50.0


@given(OWN, HABITS, st.data())
def test_a_longer_gap_never_makes_the_next_order_expected_sooner(own, known, data):
    place = data.draw(st.integers(0, len(own) - 1))
    longer = [*own]
    longer[place] += data.draw(DAYS)

    before, after = expect(own, known), expect(longer, known)

    assert before is not None
    assert after is not None
    assert before.expected_days * (1 - SLACK) <= after.expected_days
    assert before.late_days * (1 - SLACK) <= after.late_days


@given(PEOPLE, OWN, st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_in_other_units_it_is_the_same_moment(people, own, scale):
    plain = expect(own, habit(people))
    scaled = expect([gap * scale for gap in own], habit([[gap * scale for gap in them] for them in people]))

    assert plain is not None
    assert scaled is not None
    assert abs(scaled.expected_days - plain.expected_days * scale) <= 1e-6 * scaled.expected_days
    assert abs(scaled.late_days - plain.late_days * scale) <= 1e-6 * scaled.late_days


@given(DAYS, st.integers(1, 30), HABITS)
def test_every_own_gap_more_draws_it_nearer_to_the_own_median(usual, many, known):
    fewer, more = expect([usual] * many, known), expect([usual] * (many + 1), known)

    assert fewer is not None
    assert more is not None
    away = abs(fewer.expected_days - usual)
    assert abs(more.expected_days - usual) <= away * (1 + SLACK) + SLACK
    if abs(known.expected_days - usual) > 1:
        assert abs(more.expected_days - usual) < away


@given(PEOPLE, st.randoms(use_true_random=False))
def test_the_order_in_which_people_come_does_not_matter(people, chance):
    shuffled = [*people]
    chance.shuffle(shuffled)

    one, other = habit(people), habit(shuffled)

    assert one is not None
    assert other is not None
    assert (one.gaps, one.people, one.expected_days, one.late_days) == (
        other.gaps,
        other.people,
        other.expected_days,
        other.late_days,
    )
    assert abs(one.weight - other.weight) <= 1e-6 * one.weight
