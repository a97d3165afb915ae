"""A touch for several channels is one touch on each: with words, a place in the file and a history of its own."""

from __future__ import annotations

from datetime import datetime

import pytest

from campaigns import loader, planner
from campaigns.definition import Campaign, Touch
from campaigns.errors import DefinitionError
from campaigns.rendering import Renderer, facts

NOW = datetime.fromisoformat("2027-01-05T09:00:00+01:00")
HEAD = """campaign: launch
language: en
timezone: Europe/Paris
accounts: {instagram: shop, mastodon: shop, facebook: shop}
offers:
  SPRING: {terms: -10 %, from: teaser, until: 48 hours later}
"""
STAGES = """stages:
  - stage: launch
    kind: awareness
    when: 1 march
    touches:
      - {id: first, channel: instagram, text: Soon}
      - id: teaser
        channel: [instagram, mastodon, facebook]
        text: New rings are here
        media: [{file: media/ring.jpg, alt: A ring}]
        by_channel:
          mastodon:
            text: "New rings are here #rings"
            media: [media/small.jpg]
      - {id: reminder, channel: facebook, when: {after: {touch: teaser}, days: 3}, text: Seen them?}
"""


def load(text: str = HEAD + STAGES) -> Campaign:
    return loader.load(text, "launch.yaml")


def touch(campaign: Campaign, name: str) -> Touch:
    return next(one for _, one in campaign.touches() if one.id == name)


def given(campaign: Campaign, one: Touch) -> dict[str, object]:
    stage = campaign.stages[0]
    return facts(
        campaign, stage, one, contact=None, event=None, offer=None, now=NOW, zone="Europe/Paris", unsubscribe=None
    )


def test_each_channel_has_a_touch_of_its_own_with_its_words_and_pictures() -> None:
    campaign = load()

    assert [(one.id, one.channel, one.text, [media.file for media in one.media]) for _, one in campaign.touches()] == [
        ("first", ("instagram",), "Soon", []),
        ("teaser.instagram", ("instagram",), "New rings are here", ["media/ring.jpg"]),
        ("teaser.mastodon", ("mastodon",), "New rings are here #rings", ["media/small.jpg"]),
        ("teaser.facebook", ("facebook",), "New rings are here", ["media/ring.jpg"]),
        ("reminder", ("facebook",), "Seen them?", []),
    ]


def test_the_words_of_a_channel_are_what_it_renders() -> None:
    campaign = load()
    renderer = Renderer(campaign, {})

    said = [
        renderer.render(one, given(campaign, one)).text
        for one in campaign.stages[0].touches
        if one.id.startswith("teaser")
    ]

    assert said == ["New rings are here", "New rings are here #rings", "New rings are here"]


def test_a_template_of_a_channel_takes_the_place_of_the_common_text() -> None:
    words = STAGES.replace('            text: "New rings are here #rings"\n', "            template: posts/rings.md\n")

    found = touch(load(HEAD + words), "teaser.mastodon")

    assert (found.text, found.template) == (None, "posts/rings.md")


def test_what_counts_from_it_counts_from_the_first_of_them() -> None:
    timeline = planner.plan(load(), now=NOW)

    assert timeline.touch("reminder").occurrences[0].due_at == datetime.fromisoformat("2027-03-04T10:00:00+01:00")
    offer = timeline.offer("SPRING")
    assert offer is not None
    assert offer.starts_at == timeline.touch("teaser.instagram").occurrences[0].due_at


def test_every_one_stands_where_its_own_keys_stand() -> None:
    campaign = load()

    def line(name: str, *key: str | int) -> int | None:
        return campaign.place(*campaign.touch_path(name), *key).line

    assert [line(name, "text") for name in ("teaser.instagram", "teaser.mastodon", "teaser.facebook")] == [15, 19, 15]
    assert [line(name, "media", 0) for name in ("teaser.instagram", "teaser.mastodon")] == [16, 20]
    assert [line("teaser"), line("reminder")] == [13, 21]


def test_what_was_applied_is_read_again_as_it_was() -> None:
    campaign = load()

    assert loader.restore(campaign.model_dump(mode="json", by_alias=True)) == campaign


def test_no_file_names_a_channel_in_an_id() -> None:
    with pytest.raises(DefinitionError) as refused:
        load(HEAD + STAGES.replace("id: first", "id: first.instagram"))

    assert "expected an id of small letters, digits and dashes, got 'first.instagram'" in str(refused.value)


def test_the_former_id_is_followed_by_each_of_them() -> None:
    moved = STAGES.replace("id: teaser\n", "id: hello\n        moved: teaser\n").replace(
        "touch: teaser", "touch: hello"
    )

    campaign = load(HEAD.replace("from: teaser", "from: hello") + moved)

    assert (touch(campaign, "hello.mastodon").moved, touch(campaign, "hello.facebook").moved) == (
        "teaser.mastodon",
        "teaser.facebook",
    )


def test_a_sequence_goes_by_one_channel() -> None:
    steps = STAGES.replace(
        "        text: New rings are here\n", "        text: New\n        steps: [{id: next, text: Hi}]\n"
    )

    with pytest.raises(DefinitionError) as refused:
        load(HEAD + steps)

    assert "write one channel here, or a touch of its own for each" in str(refused.value)


def test_one_channel_may_have_it_as_a_story_without_a_text_and_the_others_as_a_post() -> None:
    story = STAGES.replace(
        "          mastodon:\n", '          instagram: {post_as: story, text: ""}\n          mastodon:\n'
    )
    campaign, before = load(HEAD + story), load()
    teasers = [one for _, one in campaign.touches() if one.id.startswith("teaser")]

    assert [(one.channel[0], one.post_as) for one in teasers] == [
        ("instagram", "story"),
        ("mastodon", None),
        ("facebook", None),
    ]
    assert Renderer(campaign, {}).render(teasers[0], given(campaign, teasers[0])).text.strip() == ""
    hashes = [planner.plan(one, now=NOW).touch("teaser.facebook").content_hash for one in (campaign, before)]
    assert hashes[0] == hashes[1]


def test_what_a_touch_is_posted_as_is_part_of_what_it_says() -> None:
    post, story = (load(HEAD + STAGES.replace("text: Soon", f"text: Soon{more}")) for more in ("", ", post_as: story"))

    assert planner.plan(post, now=NOW).touch("first").content_hash != (
        planner.plan(story, now=NOW).touch("first").content_hash
    )
