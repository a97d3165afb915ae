"""Posts that hang on posts: each a touch of its own, with its place in the file, its moment and its identity."""

from __future__ import annotations

from datetime import datetime

import pytest

from campaigns import diff, loader, planner
from campaigns.definition import Campaign
from campaigns.errors import DefinitionError
from campaigns.lint.linter import lint
from campaigns.schema import json_schema

NOW = datetime.fromisoformat("2027-01-05T09:00:00+01:00")
HEAD = """campaign: launch
language: en
timezone: Europe/Paris
stages:
  - stage: launch
    kind: awareness
    when: 1 march
    touches:
"""
SEVERAL = """      - id: launch
        channel: [mastodon, facebook, email]
        text: New rings
        media: [{file: media/ring.jpg, alt: A ring}]
        first_comment: Here
        thread:
          - Second
          - {text: Third, media: [media/b.jpg]}
        by_channel:
          facebook: {thread: [], first_comment: There}
"""
SOLO = "      - {id: solo, channel: x, text: Hi, thread: [Two, Three]}\n"


def load(touches: str = SEVERAL + SOLO) -> Campaign:
    return loader.load(HEAD + touches, "launch.yaml")


def contents(campaign: Campaign) -> dict[str, str]:
    return {touch.id: touch.content_hash for touch in planner.plan(campaign, now=NOW).touches}


def stored(campaign: Campaign) -> dict[str, object]:
    return diff.snapshot(planner.plan(campaign, now=NOW), campaign)


def test_each_post_is_a_touch_that_knows_the_one_it_hangs_on() -> None:
    found = [(one.id, one.hangs_on, one.text, [media.file for media in one.media]) for _, one in load().touches()]

    assert found == [
        ("launch.mastodon", None, "New rings", ["media/ring.jpg"]),
        ("launch.mastodon.comment", "launch.mastodon", "Here", []),
        ("launch.mastodon.2", "launch.mastodon", "Second", []),
        ("launch.mastodon.3", "launch.mastodon.2", "Third", ["media/b.jpg"]),
        ("launch.facebook", None, "New rings", ["media/ring.jpg"]),
        ("launch.facebook.comment", "launch.facebook", "There", []),
        ("launch.email", None, "New rings", ["media/ring.jpg"]),
        ("solo", None, "Hi", []),
        ("solo.2", "solo", "Two", []),
        ("solo.3", "solo.2", "Three", []),
    ]


def test_each_is_found_where_it_stands_in_the_file() -> None:
    campaign = load()
    lines = {one.id: campaign.place(*campaign.touch_path(one.id), "text").line for _, one in campaign.touches()}

    assert lines == {
        "launch.mastodon": 11,
        "launch.mastodon.comment": 13,
        "launch.mastodon.2": 15,
        "launch.mastodon.3": 16,
        "launch.facebook": 11,
        "launch.facebook.comment": 18,
        "launch.email": 11,
        "solo": 19,
        "solo.2": 19,
        "solo.3": 19,
    }


def test_what_was_applied_is_read_back_the_same() -> None:
    campaign = load()

    assert loader.restore(campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True)) == campaign


def test_no_file_and_no_editor_knows_the_link_itself() -> None:
    with pytest.raises(DefinitionError) as refused:
        load(SOLO.replace("text: Hi", "text: Hi, hangs_on: other"))

    assert "unknown key `hangs_on` in a touch" in str(refused.value)
    assert "hangs_on" not in str(json_schema())


def test_all_of_a_thread_has_the_moments_of_its_first_post() -> None:
    campaign = load(SOLO.replace("text: Hi", "text: Hi, pick: spread, when: in march, repeat: 'every 7 days, 3 times'"))

    timeline = planner.plan(campaign, now=NOW)

    first, second, third = ([(one.key, one.due_at) for one in touch.occurrences] for touch in timeline.touches)
    assert len(first) == 3
    assert first == second == third
    assert [touch.reason for touch in timeline.touches[1:]] == ["below solo", "below solo.2"]


def test_a_mistake_about_a_date_is_told_once() -> None:
    campaign = load(SOLO.replace("text: Hi", "text: Hi, when: 1 march 2020"))

    assert [finding.code for finding in planner.plan(campaign, now=NOW).findings] == ["past-date"]


@pytest.mark.parametrize(
    ("touch", "said"),
    [
        ("{id: a, channel: email, text: x, first_comment: Two}", "`first_comment`: it reaches single people"),
        ("{id: a, channel: call, text: x, thread: [Two]}", "`thread`: there is no such thing on call"),
        ("{id: a, channel: instagram, text: x, thread: [Two]}", "`thread`: instagram knows no thread of posts"),
        (
            "{id: a, channel: [mastodon, facebook], text: x, thread: [Two]}",
            "write `by_channel: {facebook: {thread: []}}`",
        ),
        (
            "{id: a, channel: [mastodon, facebook], text: x, by_channel: {facebook: {thread: [Two]}}}",
            "`thread`: facebook knows no thread of posts - write one `first_comment`",
        ),
        ("{id: a, channel: instagram, media: a.jpg, post_as: story, first_comment: B}", "nothing can hang on a story"),
        ("{id: a, channel: slack, text: x, audience: city = 'Paris', first_comment: Two}", "goes to single people"),
        ("{id: a, channel: x, text: x, thread: [{media: []}]}", "a post of a thread says and shows nothing"),
        ("{id: a, channel: x, text: One, thread: [Two, Two]}", "says the same as number 2"),
        ("{id: a, channel: x, text: One, thread: [One]}", "says the same as the post itself"),
        ("{id: a, channel: x, text: x, thread: [{txt: Two}]}", "unknown key `txt` - did you mean `text`?"),
        (
            "{id: a, channel: email, on: signup, text: x, steps: [{id: b, text: y, when: 1 day later, first_comment: z}]}",
            "`first_comment` hangs on a post, and a step goes to single people",
        ),
    ],
)
def test_what_cannot_hang_there_is_refused_with_its_line(touch: str, said: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        load(f"      - {touch}\n")

    assert said in str(refused.value)
    assert str(refused.value).startswith("launch.yaml:9:")


def test_a_renamed_post_takes_what_hangs_on_it_along() -> None:
    before = load(SOLO)
    after = load(SOLO.replace("id: solo", "id: start, moved: solo"))

    found = diff.identify(after, contents(after), stored(before))

    assert found.keys == {"start": "solo", "start.2": "solo.2", "start.3": "solo.3"}
    assert found.findings == ()


def test_a_post_renamed_without_a_word_is_asked_about_once() -> None:
    after = load(SOLO.replace("id: solo", "id: start"))

    found = diff.identify(after, contents(after), stored(load(SOLO)))

    assert [finding.message for finding in found.findings] == [
        "'solo' is gone, and 'start' says exactly the same: is it renamed?"
    ]


def test_a_thread_that_goes_to_a_second_network_keeps_its_history_on_the_first() -> None:
    after = load(SOLO.replace("channel: x", "channel: [mastodon, x]"))

    keys = diff.identify(after, contents(after), stored(load(SOLO))).keys

    assert {name: keys[name] for name in ("solo.x", "solo.x.2", "solo.x.3", "solo.mastodon", "solo.mastodon.2")} == {
        "solo.x": "solo",
        "solo.x.2": "solo.2",
        "solo.x.3": "solo.3",
        "solo.mastodon": "solo.mastodon",
        "solo.mastodon.2": "solo.mastodon.2",
    }


def test_a_longer_thread_is_one_more_post_and_the_others_are_as_they_were() -> None:
    before, after = load(SOLO), load(SOLO.replace("Three]", "Three, Four]"))
    applied = diff.AppliedPlan.from_snapshot(stored(before))

    changes = diff.compare(planner.plan(after, now=NOW), after, applied)

    assert [(change.touch, change.action.value) for change in changes] == [("solo.4", "add")]


def test_what_is_wrong_with_all_of_a_thread_is_told_of_its_first_post() -> None:
    campaign = load(SOLO.replace("text: Hi", "text: Hi, at: '21:30'"))

    found = lint(campaign, planner.plan(campaign, now=NOW))

    assert [finding.message.partition(":")[0] for finding in found if finding.code == "quiet-hours"] == ["solo"]
