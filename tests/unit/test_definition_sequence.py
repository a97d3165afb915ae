"""A touch as its messages: what a step takes from its touch, and which way leads where."""

from __future__ import annotations

import pytest

from campaigns import loader, planner
from campaigns.definition import START, Campaign, Sequence
from campaigns.errors import DefinitionError

HEAD = """\
campaign: shop
language: en
timezone: Europe/Paris
stages:
  - stage: a
    kind: retention
    touches:
      - id: ask
        channel: email
        on: delivered
"""
WAIT = "{event: review, within: 7 days, else: remind}"
STEPS = """\
        steps:
          - {id: thanks, when: 1 day later, subject: T, text: T}
          - {id: gift, when: 2 days later, subject: G, text: G}
          - {id: remind, when: 1 hour later, channel: sms, text: R}
          - {id: last, when: 3 days later, channel: sms, text: L}
"""


def load(rest: str) -> Campaign:
    return loader.load(HEAD + rest, "shop.yaml")


def sequence(rest: str) -> Sequence:
    ((_, found),) = load(rest).sequences()
    return found


def mistakes(rest: str) -> list[tuple[str, int | None]]:
    with pytest.raises(DefinitionError) as caught:
        load(rest)
    return [(mistake.message, mistake.place.line) for mistake in caught.value.mistakes]


def test_an_answer_leads_through_its_own_way_only() -> None:
    found = sequence(f"        text: A\n        subject: A\n        wait_for: {WAIT}\n{STEPS}")

    ways = {one.id: getattr(found.following(one.id), "id", None) for one in found.messages}
    assert ways == {"ask": "thanks", "thanks": "gift", "gift": None, "remind": "last", "last": None}
    assert getattr(found.otherwise("ask"), "id", None) == "remind"
    assert found.reached("remind").timed_out
    assert not found.reached("thanks").timed_out


def test_a_touch_without_words_holds_its_steps_and_may_wait_before_them() -> None:
    found = sequence(f"        wait_for: {WAIT}\n{STEPS}")

    assert [one.id for one in found.messages] == ["thanks", "gift", "remind", "last"]
    assert getattr(found.following(START), "id", None) == "thanks"
    assert getattr(found.otherwise(START), "id", None) == "remind"


def test_a_step_takes_from_its_touch_what_it_does_not_say() -> None:
    whole = """\
        purpose: transactional
        until: review
        audience: age < 30
        approval: required
        courtesy: {weekdays: mon-fri, caps: none}
        steps:
          - {id: one, subject: One, text: One}
          - {id: two, until: purchase, audience: city = 'Paris' or city = 'Lyon', courtesy: {weekdays: all}, when: 1 day later,
             subject: Two, text: Two}
"""
    one, two = sequence(whole).messages

    assert (one.on, one.purpose, one.until, one.approval, one.audience) == (
        "delivered",
        "transactional",
        "review",
        "required",
        "age < 30",
    )
    assert (two.until, two.audience) == ("purchase", "(age < 30) and (city = 'Paris' or city = 'Lyon')")
    assert two.courtesy.weekdays != one.courtesy.weekdays
    assert two.courtesy.caps == one.courtesy.caps == ()


def test_the_plan_shows_what_each_step_follows() -> None:
    from datetime import UTC, datetime

    timeline = planner.plan(
        load(f"        text: A\n        subject: A\n        wait_for: {WAIT}\n{STEPS}"),
        now=datetime(2027, 1, 1, tzinfo=UTC),
    )

    assert [(touch.id, touch.trigger, touch.after, touch.delay) for touch in timeline.touches] == [
        ("ask", "delivered", "", ""),
        ("thanks", "delivered", "review", "+1 d"),
        ("gift", "delivered", "thanks", "+2 d"),
        ("remind", "delivered", "no review in 7 days", "+1 h"),
        ("last", "delivered", "remind", "+3 d"),
    ]


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (
            "        steps:\n          - {id: one, text: A}\n          - {id: two, text: B, wait_for: {event: review,"
            " within: 7 days, else: one}}\n",
            ("`else` leads back to 'one', and steps go forward only", 13),
        ),
        (
            "        text: A\n        wait_for: {event: review, within: 7 days, else: own}\n        steps: [{id: one, text: A}]\n",
            ("unknown step 'own'", 12),
        ),
        (
            "        text: A\n        wait_for: {event: review, within: 7 days}\n",
            ("`wait_for` waits before the next step, and there is none", 12),
        ),
        (
            "        repeat: every 7 days, 3 times\n        steps: [{id: one, text: A}]\n",
            ("`repeat` brings one message again, and `steps` are several", 11),
        ),
        (
            "        when: 1 day later\n        steps: [{id: one, when: 2 days later, text: A}]\n",
            ("`when` stands here and 'one' has its own", 11),
        ),
        (
            "        text: A\n        wait_for: {event: review, within: 7 days}\n        steps:\n"
            "          - {id: one, wait_for: {event: signup, within: 1 day}}\n          - {id: two, text: B}\n",
            ("it waits although the wait before it has no message after it", 14),
        ),
    ],
)
def test_steps_that_contradict_each_other_are_named_with_their_line(rest: str, said: tuple[str, int]) -> None:
    assert mistakes(rest) == [said]


def test_steps_on_the_calendar_are_refused_by_name() -> None:
    text = HEAD.replace("        on: delivered\n", "        when: early january\n") + STEPS.replace(
        "        steps", "        steps"
    ).replace("when: 1 day later, ", "")

    (finding,) = planner.unbuilt(loader.load(text, "shop.yaml"))

    assert finding.message == "`steps:` of a touch on the calendar is not built yet"
