"""Names that point to each other: what a file declares may be used anywhere in it, above and below."""

from __future__ import annotations

import pytest

from campaigns.errors import DefinitionError
from campaigns.loader import load
from campaigns.timing.model import Occasion


def stages(*touches: str, stage: str = "when: early january") -> str:
    listed = "".join(f"      - {touch}\n" for touch in touches or ["{id: zero, channel: sms, text: Hi}"])
    return f"stages:\n  - stage: awareness\n    kind: awareness\n    {stage}\n    touches:\n{listed}"


def refusals(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as refused:
        load(text)
    return [f"{mistake.message} - {mistake.remedy}" for mistake in refused.value.mistakes]


def test_an_event_of_the_file_may_start_a_touch_and_stand_in_a_phrase() -> None:
    campaign = load(
        "campaign: a\nevents: {grooming: [dog]}\n"
        + stages("{id: one, channel: sms, text: Hi, on: grooming, when: 2 days after grooming}")
    )

    assert campaign.event_names() >= {"grooming", "purchase"}


def test_an_unknown_event_in_a_phrase_is_refused() -> None:
    (found,) = refusals(
        "campaign: a\n" + stages("{id: one, channel: sms, text: Hi, on: purchase, when: 2 days after grooming}")
    )

    assert found.startswith("`when`: cannot read '2 days after grooming'")


@pytest.mark.parametrize("touch", ["on: birthday", "when: 3 days before the customer's birthday"])
def test_a_birthday_nobody_tells_of_is_refused_with_what_to_do(touch: str) -> None:
    (found,) = refusals("campaign: a\n" + stages(f"{{id: one, channel: sms, text: Hi, {touch}}}"))

    assert found.partition(": ")[2] == (
        "unknown event 'birthday' - nobody sends it by itself: declare it, `events: {birthday: []}`, "
        "and tell of it on the day with `campaign event WHO birthday`"
    )


def test_a_birthday_of_the_file_may_start_a_touch() -> None:
    campaign = load(
        "campaign: a\nevents: {birthday: []}\n" + stages("{id: one, channel: sms, text: Hi, on: birthday, when: asap}")
    )

    assert "birthday" in campaign.event_names()


def test_a_day_of_the_file_may_be_its_occasion_and_stand_in_a_phrase() -> None:
    campaign = load(
        "campaign: a\noccasion: shop birthday\noccasions: {shop birthday: 3 may}\n"
        + stages(stage="when: 2 weeks before shop birthday")
    )

    assert campaign.stages[0].when is not None
    assert campaign.stages[0].when.anchor == Occasion("shop birthday")


def test_a_structure_may_name_only_stages_and_touches_of_the_file() -> None:
    assert refusals("campaign: a\n" + stages(stage="when: {days: 3, after: {stage: awarenes}}")) == [
        "`when`: unknown stage 'awarenes' - did you mean 'awareness'?"
    ]
    assert refusals(
        "campaign: a\n" + stages("{id: one, channel: sms, text: Hi, when: {hours: 2, after: {touch: two}}}")
    ) == ["`when`: unknown touch 'two' - use one of one"]


def test_an_offer_may_start_in_words() -> None:
    campaign = load("campaign: a\noffers: {X: {terms: t, from: 15 january, until: end of january}}\n" + stages())

    assert campaign.offers["X"].starts is not None
    assert campaign.offers["X"].starts.phrase == "15 january"


def test_a_stage_entered_may_start_a_touch() -> None:
    campaign = load("campaign: a\n" + stages("{id: one, channel: sms, text: Hi, on: entered awareness}"))

    assert campaign.stages[0].touches[0].on == "entered awareness"


def test_a_step_waits_for_an_event_and_goes_on_to_a_step_of_its_touch() -> None:
    touch = "{id: one, channel: sms, on: signup, steps: [{id: two, text: Hi, wait_for: {event: review, within: 7 days, else: three}}, {id: three, text: Bye}]}"

    assert load("campaign: a\n" + stages(touch)).stages[0].touches[0].steps[0].wait_for is not None


def test_a_step_and_a_touch_do_not_share_an_id() -> None:
    (found,) = refusals("campaign: a\n" + stages("{id: one, channel: sms, on: signup, steps: [{id: one, text: Hi}]}"))

    assert found.startswith("two touches are called 'one', the first on line 7")


def test_a_post_and_a_mail_of_one_touch_may_have_an_audience() -> None:
    campaign = load("campaign: a\n" + stages("{id: one, channel: [instagram, email], text: Hi, audience: age < 35}"))

    assert [(touch.id, touch.audience) for touch in campaign.stages[0].touches] == [
        ("one.instagram", None),
        ("one.email", "age < 35"),
    ]


def test_a_touch_of_a_stage_without_a_moment_needs_its_own() -> None:
    assert load("campaign: a\n" + stages("{id: one, channel: sms, text: Hi, on: purchase}", stage="enter_on: purchase"))
    assert refusals("campaign: a\n" + stages("{id: one, channel: sms, text: Hi}", stage="enter_on: purchase")) == [
        "nothing says when touch 'one' goes: neither it nor its stage has `when` - "
        "give the stage or the touch a `when`, or the touch an `on` such as `on: purchase`"
    ]
