"""A touch as its messages: what a step takes from its touch, and which way leads where."""

from __future__ import annotations

from datetime import UTC, datetime

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


def calendar(rest: str, when: str = "        when: 4 january\n") -> str:
    return HEAD.replace("        on: delivered\n", when) + rest


LAUNCH = "        subject: A\n        text: A\n"


def test_a_touch_on_the_calendar_begins_the_runs_of_its_steps() -> None:
    found = loader.load(calendar(LAUNCH + STEPS), "shop.yaml")
    ((_, sequence),) = found.sequences()

    assert sequence.opening is sequence.messages[0]
    assert [touch.id for touch in sequence.follow_ups] == ["thanks", "gift", "remind", "last"]
    assert [touch.on for touch in sequence.messages] == [None, *["received ask"] * 4]
    assert [touch.answers_event for touch in sequence.messages] == [False] * 5
    assert planner.unbuilt(found) == ()


def test_a_touch_that_an_event_starts_has_no_opening() -> None:
    ((_, sequence),) = load(STEPS).sequences()

    assert sequence.opening is None
    assert [touch.id for touch in sequence.follow_ups] == ["thanks", "gift", "remind", "last"]
    assert [touch.answers_event for touch in sequence.messages] == [True] * 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            calendar(
                LAUNCH.replace("        subject: A\n", "") + "        steps: [{id: one, channel: sms, text: A}]\n"
            ).replace("channel: email\n", "channel: instagram\n"),
            ("`steps` concerns single people, but a post on instagram is for everybody", 12),
        ),
        (
            calendar(LAUNCH + "        steps: [{id: one, channel: mastodon, text: A}]\n"),
            ("a step goes to single people, but a post on mastodon is for everybody", 13),
        ),
        (
            calendar("        text: A\n        steps: [{id: one, channel: sms, text: A}]\n").replace(
                "channel: email\n", "channel: call\n"
            ),
            ("`steps` go to those whom the touch reached, and 'ask' is for nobody in particular", 12),
        ),
        (
            calendar(LAUNCH + "        again: each event\n        steps: [{id: one, subject: A, text: A}]\n"),
            ("`again` says how often an event may start the touch, and no `on` names the event", 13),
        ),
        (
            calendar(f"        wait_for: {WAIT}\n{STEPS}"),
            ("`wait_for` waits after a message, and before the first one of the calendar there is nobody to wait", 11),
        ),
        (
            calendar(
                "        steps:\n          - {id: pause, wait_for: {event: review, within: 2 days}}\n"
                "          - {id: one, subject: A, text: A}\n"
            ),
            ("`wait_for` waits after a message, and before the first one of the calendar there is nobody to wait", 12),
        ),
    ],
    ids=["a post", "a step that is a post", "nobody in particular", "again", "a wait", "a step that waits"],
)
def test_what_makes_no_sense_on_the_calendar_is_refused_with_its_line(text: str, said: tuple[str, int]) -> None:
    with pytest.raises(DefinitionError) as caught:
        loader.load(text, "shop.yaml")

    assert [(one.message, one.place.line) for one in caught.value.mistakes] == [said]
    assert caught.value.mistakes[0].remedy


@pytest.mark.parametrize(
    ("rest", "when"),
    [
        ('        repeat: "weekly, 3 times"\n' + LAUNCH + STEPS, "        when: 4 january\n"),
        ("        audience: city = 'Paris'\n        text: A\n" + STEPS, "        when: 4 january\n"),
        ("        steps:\n          - {id: one, when: 4 january, subject: A, text: A}\n", ""),
    ],
    ids=["each date has its run", "people by their audience", "the first step has the moment"],
)
def test_what_the_calendar_can_start_is_taken(rest: str, when: str) -> None:
    text = calendar(rest, when)

    assert loader.load(text.replace("email", "call") if "Paris" in rest else text, "shop.yaml").id == "shop"


@pytest.mark.parametrize("words", ["3 days after purchase", "between purchase and delivered"])
def test_a_step_of_the_calendar_cannot_count_from_an_event(words: str) -> None:
    text = calendar(LAUNCH + f"        steps: [{{id: one, when: {words}, subject: A, text: A}}]\n")

    timeline = planner.plan(loader.load(text, "shop.yaml"), now=datetime(2027, 1, 1, tzinfo=UTC))

    (finding,) = timeline.findings
    assert (finding.code, finding.message, str(finding.place)) == (
        "unresolved",
        "touch 'one': it counts from purchase, and the calendar starts its touch",
        "shop.yaml:13:33",
    )


def test_a_step_of_the_calendar_may_count_from_the_event_it_waits_for() -> None:
    text = calendar(
        LAUNCH
        + "        wait_for: {event: review, within: 7 days}\n"
        + "        steps: [{id: one, when: 2 days after review, subject: A, text: A}]\n"
    )

    timeline = planner.plan(loader.load(text, "shop.yaml"), now=datetime(2027, 1, 1, tzinfo=UTC))

    assert timeline.findings == ()
    assert [(touch.id, touch.after, touch.expected) for touch in timeline.touches][1] == ("one", "review", ())


def test_a_step_after_the_end_of_its_offer_is_an_error() -> None:
    head = "offers:\n  EARLY: {terms: -10 %, until: 6 january}\nstages:\n"
    text = calendar(
        LAUNCH + "        offer: EARLY\n        steps: [{id: one, when: 3 days later, subject: A, text: A}]\n"
    )

    timeline = planner.plan(
        loader.load(text.replace("stages:\n", head), "shop.yaml"), now=datetime(2027, 1, 1, tzinfo=UTC)
    )

    assert [finding.message for finding in timeline.findings] == [
        "one goes Thu 7 Jan 10:00, after EARLY has ended (Wed 6 Jan 23:59)"
    ]
