"""How the text of a file becomes a campaign: what stands there is what is read, and every key knows its place."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from campaigns.definition import Again, Campaign, Cap, Feeling
from campaigns.errors import DefinitionError
from campaigns.loader import load
from campaigns.timing.model import Hours, Stage, Touch

FULL = Path(__file__).with_name("full_campaign.yaml")
STAGES = "stages:\n  - {stage: awareness, kind: awareness, when: early january}\n"


@pytest.fixture
def full() -> Campaign:
    return load(FULL.read_bytes(), "full.yaml")


def test_scalars_are_read_as_they_are_written(full: Campaign) -> None:
    contact = full.personas["lea"].contact

    assert full.country == "FR"
    assert full.stages[1].at == time(10, 30)
    assert full.offers["LOVE30"].code == "0030"
    assert full.senders.sms == "+33639980000"
    assert contact["phone"] == "+33639980001"
    assert contact["code"] == "0123"
    assert full.tracking == "on"


def test_unquoted_facts_become_numbers_and_truths(full: Campaign) -> None:
    contact = full.personas["lea"].contact

    assert contact["age"] == 29
    assert contact["score"] == 4.5
    assert contact["vip"] is True
    assert contact["consent"] == ("marketing",)


def test_a_quoted_fact_stays_text() -> None:
    campaign = load(f'campaign: a\npersonas: {{lea: {{contact: {{age: "29", big: 1e5, day: 2027-01-02}}}}}}\n{STAGES}')

    assert campaign.personas["lea"].contact == {"age": "29", "big": "1e5", "day": "2027-01-02"}


def test_the_country_of_norway_is_no_boolean() -> None:
    assert load(f"campaign: a\ncountry: NO\n{STAGES}").country == "NO"


def test_on_is_a_key_and_no_boolean(full: Campaign) -> None:
    assert full.stages[2].touches[1].on == "cart_abandoned"


def test_a_campaign_may_be_called_by_a_number() -> None:
    assert load(f"campaign: 2027\n{STAGES}").id == "2027"


def test_courtesy_is_read_in_the_words_of_the_file(full: Campaign) -> None:
    courtesy = full.courtesy

    assert courtesy.quiet_hours == Hours(time(21, 0), time(8, 0))
    assert courtesy.weekdays == frozenset({0, 1, 2, 3, 4})
    assert courtesy.caps == (Cap(1, 1), Cap(3, 7))
    assert full.stages[1].courtesy.caps == ()
    assert full.stages[1].courtesy.quiet_hours == "none"
    assert full.stages[1].courtesy.weekdays == frozenset(range(7))


def test_feelings_and_reentries_are_read(full: Campaign) -> None:
    assert full.stages[0].feels == Feeling(1, "curious")
    assert full.stages[2].touches[1].again == Again("each", "cart")
    assert full.stages[3].touches[2].again is not None
    assert str(full.stages[3].touches[2].again) == "after 90 days"


def test_an_offer_starts_with_a_stage_or_a_touch_by_its_name(full: Campaign) -> None:
    starts = {code: offer.starts for code, offer in full.offers.items()}

    assert starts["LOVE30"] is not None
    assert starts["LOVE30"].anchor == Stage("conversion")
    assert starts["THANKS"] is not None
    assert starts["THANKS"].anchor == Touch("thank-you")


def test_one_value_is_taken_where_a_list_is_meant(full: Campaign) -> None:
    assert full.personas["lea"].problems == ("does not know her size",)
    assert full.stages[0].touches[0].channel == ("instagram",)
    assert full.stages[0].touches[0].media[1].file == "media/other.jpg"
    everywhere = next(one for one in full.stages[0].touches if one.id == "everywhere.facebook")
    assert everywhere.media[0].file == "https://cdn.biksouv.example/ring.jpg"
    assert full.events == {"grooming": ("dog", "price"), "refill": ()}


def test_a_repetition_is_read_in_words_and_in_keys(full: Campaign) -> None:
    words, keys = full.stages[3].touches[4].repeat, full.stages[3].touches[5].repeat

    assert words is not None
    assert words.repeat is not None
    assert words.repeat.times == 3
    assert keys is not None
    assert keys.repeat is not None
    assert (keys.repeat.rule, keys.repeat.times) == (words.repeat.rule, 3)
    assert keys.repeat.until is not None


def test_every_key_and_value_knows_its_place(full: Campaign) -> None:
    assert str(full.place("timezone")) == "full.yaml:6:11"
    assert str(full.place("stages", 0, "touches", 0, "id")) == "full.yaml:87:13"
    assert full.place("offers", "LOVE30", "terms").text == "    terms: -30 % and free delivery on every ring"
    assert full.place("offers", "LOVE30", "terms").width == 37


def test_a_place_that_is_not_in_the_file_is_that_of_its_parent(full: Campaign) -> None:
    assert full.place("stages", 0, "touches", 0, "audience") == full.place("stages", 0, "touches", 0)
    assert str(full.place("nothing")) == "full.yaml:1:1"


def test_a_byte_order_mark_is_accepted() -> None:
    assert load(b"\xef\xbb\xbf" + f"campaign: a\n{STAGES}".encode()).id == "a"


def test_windows_line_ends_are_accepted() -> None:
    campaign = load(f"campaign: a\ntitle: b\n{STAGES}".replace("\n", "\r\n").encode(), "a.yaml")

    assert campaign.title == "b"
    assert str(campaign.place("title")) == "a.yaml:2:8"


def test_a_value_may_be_repeated_by_an_anchor() -> None:
    campaign = load(
        "campaign: a\nstages:\n"
        "  - {stage: one, kind: awareness, when: early january, courtesy: &usual {holidays: avoid}}\n"
        "  - {stage: two, kind: conversion, when: late january, courtesy: *usual}\n"
    )

    assert campaign.stages[1].courtesy.holidays == "avoid"


def test_a_file_of_more_than_a_mebibyte_is_refused() -> None:
    with pytest.raises(DefinitionError) as refused:
        load(b"# " + b"x" * 1024 * 1024)

    assert refused.value.message == "the file has 1,048,578 bytes, expected at most 1,048,576"


def test_a_file_of_a_mebibyte_is_read() -> None:
    text = f"campaign: a\n{STAGES}"
    padding = "# " + "x" * (1024 * 1024 - len(text) - 2)

    assert load(text + padding).id == "a"


def test_fifty_levels_are_read_and_one_more_is_refused() -> None:
    with pytest.raises(DefinitionError) as refused:
        load("campaign: " + "[" * 50 + "]" * 50 + "\n")

    assert "nested deeper than 50 levels" in str(refused.value)


def test_depth_by_way_of_anchors_is_refused() -> None:
    lines = [f"a0: &a0 {'[' * 20}x{']' * 20}"]
    lines += [f"a{n}: &a{n} {'[' * 20}*a{n - 1}{']' * 20}" for n in range(1, 4)]

    with pytest.raises(DefinitionError) as refused:
        load("\n".join([*lines, "b: *a3"]))

    assert "nested deeper than 50 levels" in str(refused.value)


def test_a_million_brackets_are_refused_at_once() -> None:
    with pytest.raises(DefinitionError):
        load("campaign: " + "[" * 1_000_000)
