"""When a campaign is paused because its messages fail."""

from __future__ import annotations

import pytest

from scheduler.health import Health, Result, complained, complains_much


def notes(*results: Result) -> list[str]:
    health = Health()
    return [why for result in results if (why := health.note("shop", result)) is not None]


def test_one_refusal_in_a_hundred_pauses_nothing() -> None:
    assert notes(*[Result.SENT] * 50, Result.REFUSED, *[Result.SENT] * 49) == []


def test_more_than_ten_percent_refused_of_fifty_pauses() -> None:
    assert notes(*[Result.SENT] * 45, *[Result.REFUSED] * 5) == []
    assert notes(*[Result.SENT] * 44, *[Result.REFUSED] * 6) == ["6 of the last 50 messages were refused"]


def test_more_than_five_percent_not_rendered_of_fifty_pauses() -> None:
    assert notes(*[Result.SENT] * 48, *[Result.RENDERING] * 2) == []
    assert notes(*[Result.SENT] * 47, *[Result.RENDERING] * 3) == ["3 of the last 50 messages could not be rendered"]


def test_old_failures_are_forgotten_after_fifty_messages() -> None:
    assert notes(*[Result.REFUSED] * 5, *[Result.SENT] * 50, *[Result.REFUSED] * 5) == []


@pytest.mark.parametrize(("failures", "said"), [(9, []), (10, ["10 of the last 10 messages were refused"])])
def test_when_nothing_at_all_works_ten_are_enough(failures: int, said: list[str]) -> None:
    assert notes(*[Result.REFUSED] * failures) == said


def test_each_campaign_is_counted_for_itself_and_anew_after_its_pause() -> None:
    health = Health()
    for _ in range(9):
        assert health.note("shop", Result.REFUSED) is None
    assert health.note("other", Result.REFUSED) is None
    assert health.note("shop", Result.REFUSED) is not None
    assert health.note("shop", Result.REFUSED) is None


def test_three_complaints_in_a_thousand_are_too_many_and_one_less_is_not() -> None:
    assert complained(3, 1000) == "3 of 1000 people called its mails of the last 7 days spam: 0.3 % or more"
    assert complained(3, 1001) is None
    assert complained(2, 20) is None


def test_over_one_complaint_in_a_thousand_is_worth_a_word() -> None:
    assert [complains_much(*counts) for counts in ((3, 1000), (3, 1001), (3, 3000), (3, 3001), (2, 1000))] == [
        False,
        True,
        True,
        False,
        False,
    ]
