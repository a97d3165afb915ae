"""Who belongs to an audience: unknown facts are never a reason to write to somebody, nor to fail."""

from datetime import UTC, date, datetime

import pytest

from campaigns.segments import PastEvent, evaluate, parse

NOW = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)


def belongs(text, history=(), **facts):
    return evaluate(parse(text), facts, history, NOW)


def test_texts_numbers_truths_and_days_are_compared():
    assert belongs("city = 'Paris'", city="Paris")
    assert not belongs("city = 'Paris'", city="Lyon")
    assert belongs("age < 35", age=29)
    assert belongs("age < 35", age="29")
    assert belongs("score >= 12,5", score="12.5")
    assert belongs("vip = true", vip=True)
    assert belongs("vip = true", vip="true")
    assert belongs("birthday > 1990-01-01", birthday="1995-05-04")
    assert belongs("birthday > 1990-01-01", birthday=date(1995, 5, 4))


@pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("facts", [{}, {"age": None}, {"age": ""}, {"age": []}])
def test_a_comparison_with_an_unknown_fact_is_false(operator, facts):
    assert not belongs(f"age {operator} 35", **facts)


def test_not_turns_the_unknown_round():
    assert belongs("not city = 'Paris'")
    assert not belongs("city != 'Paris'")
    assert not belongs("city not in ('Paris', 'Lyon')")
    assert belongs("city not in ('Paris', 'Lyon')", city="Iași")


def test_knowledge_is_asked_for():
    assert belongs("city is unknown")
    assert belongs("city is unknown", city="")
    assert belongs("city is known", city="Paris")
    assert belongs("vip is known", vip=False)
    assert belongs("orders is known", orders=0)


def test_what_cannot_be_compared_is_unequal_and_nothing_else():
    assert not belongs("age = 35", age="old")
    assert not belongs("age < 35", age="old")
    assert belongs("age != 35", age="old")
    assert not belongs("age < 35", age="nan")
    assert not belongs("joined > 2026-01-01", joined="yesterday")


def test_a_fact_that_is_a_list_holds_each_of_its_items():
    assert belongs("likes = 'gold'", likes=("silver", "gold"))
    assert not belongs("likes != 'gold'", likes=("silver", "gold"))
    assert belongs("likes in ('gold', 'jade')", likes=["jade"])


def test_facts_inside_facts_are_reached_by_a_dot():
    assert belongs("address.city = 'Paris'", address={"city": "Paris"})
    assert not belongs("address.city = 'Paris'", address="Paris")


def test_events_count_within_their_period():
    history = [PastEvent("purchase", datetime(2026, 1, 21, 8, 30, tzinfo=UTC), {"product": "Ring"})]

    assert belongs("purchased('ring') within 12 months", history)
    assert belongs("purchased within 12 months", history)
    assert not belongs("purchased('ring') within 11 months", history)
    assert not belongs("purchased('watch') within 12 months", history)
    assert belongs("purchased() since 2026-01-21", history)
    assert not belongs("purchased() since 2026-01-22", history)
    assert belongs("not purchased('ring') within 30 days", history)


def test_an_event_to_come_does_not_count_yet():
    history = [PastEvent("purchase", datetime(2027, 1, 21, 8, 31, tzinfo=UTC))]

    assert not belongs("purchased()", history)


def test_an_event_holds_the_key_in_any_of_its_facts():
    bought = [PastEvent("purchase", NOW, {"items": ["ring", "box"], "total": 240})]

    assert belongs("purchased('BOX')", bought)
    assert not belongs("purchased('240')", bought)
