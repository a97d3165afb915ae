"""`by_hand:` as the file says it: true, false or its time; not where a program is meant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from campaigns import loader, planner
from campaigns.definition import ByHand, Touch, apart
from campaigns.errors import DefinitionError
from campaigns.limits.media import MediaFacts
from campaigns.lint.facts import Facts
from campaigns.lint.linter import lint
from campaigns.lint.posting import Posting
from campaigns.timing.model import Span, Unit

NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)
HEAD = """campaign: shop
language: en
country: FR
timezone: Europe/Paris
stages:
  - stage: launch
    kind: awareness
    when: 1 february
    touches:
      - {id: post, text: Hi, %s}
"""


def touch(keys: str) -> Touch:
    return next(one for _, one in loader.load(HEAD % keys, "shop.yaml").touches())


@pytest.mark.parametrize(
    ("said", "is_by_hand", "within"),
    [
        ("true", True, None),
        ("True", True, None),
        ("{}", True, None),
        ("{within: 90 minutes}", True, Span(90, Unit.MINUTE)),
        ("{within: 2 days}", True, Span(2, Unit.DAY)),
        ("false", False, None),
    ],
)
def test_it_is_read_as_it_is_meant(said: str, is_by_hand: bool, within: Span | None) -> None:
    found = touch(f"channel: instagram, by_hand: {said}")

    assert (found.is_by_hand, found.makes_task, found.is_task) == (is_by_hand, is_by_hand, False)
    assert (found.by_hand.within if isinstance(found.by_hand, ByHand) else None) == within


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("channel: instagram, by_hand: maybe", "expected true, false or `within`, got 'maybe'"),
        ("channel: instagram, by_hand: [1]", "expected true, false or `within`"),
        ("channel: instagram, by_hand: {escalate: 2 hours}", "escalate"),
        ("channel: instagram, by_hand: {within: soon}", "soon"),
        ("channel: webhook, by_hand: true", "a message by webhook is for a program"),
        ("channel: [instagram, webhook], by_hand: true", "a message by webhook is for a program"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(keys: str, says: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        loader.load(HEAD % keys, "shop.yaml")

    assert says in str(caught.value)
    assert "shop.yaml:10:" in str(caught.value)


def test_what_was_applied_before_is_by_nobodys_hand() -> None:
    found = loader.restore(
        loader.load(HEAD % "channel: instagram", "shop.yaml").model_dump(
            mode="json", by_alias=True, exclude_defaults=True
        )
    )

    assert [one.by_hand for _, one in found.touches()] == [None]


def test_what_is_applied_is_read_back_as_it_was() -> None:
    text = HEAD % "channel: [instagram, mastodon], by_hand: {within: 2 hours}, by_channel: {mastodon: {by_hand: false}}"
    campaign = loader.load(text, "shop.yaml")

    found = loader.restore(campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True))

    assert {one.id: one.by_hand for _, one in apart(found).touches()} == {
        "post.instagram": ByHand(within=Span(2, Unit.HOUR)),
        "post.mastodon": False,
    }


def test_the_plan_says_by_which_hand() -> None:
    timeline = planner.plan(loader.load(HEAD % "channel: instagram, by_hand: true", "shop.yaml"), now=NOW)

    assert [(one.channel, one.by_hand, one.way) for one in timeline.touches] == [
        ("instagram", True, "instagram, by hand")
    ]


def codes(keys: str, *, text: str = "Hi", kind: str = "PNG", size: int = 100) -> set[str]:
    campaign = loader.load(HEAD % keys, "shop.yaml")
    place = campaign.place()
    posting = Posting("post", "instagram", place, text, media=(("a.png", "A"),), media_places=(place,))
    facts = Facts(
        channels=frozenset({"instagram"}),
        postings=(posting,),
        media={"a.png": MediaFacts(kind="image", format=kind, size=size, width=1080, height=1080)},
    )
    return {finding.code for finding in lint(campaign, planner.plan(campaign, now=NOW), facts)}


POST = "channel: instagram, media: [{file: a.png, alt: A}]"


def test_the_limits_of_the_network_hold_by_hand_too_but_for_what_the_copy_mends() -> None:
    too_long = "x" * 2201

    assert "instagram.caption.length" in codes(f"{POST}, by_hand: true", text=too_long)
    assert {"instagram.image.format", "instagram.image.size", "media-url"} <= codes(POST, size=9 << 20)
    assert not {"instagram.image.format", "instagram.image.size", "media-url"} & codes(
        f"{POST}, by_hand: true", size=9 << 20
    )
