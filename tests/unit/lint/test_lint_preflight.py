"""Every limit of a network is held to exactly: at the bound nothing is said, one step beyond it is."""

from datetime import datetime
from decimal import Decimal

import pytest

from campaigns import limits, loader, planner
from campaigns.finding import Level
from campaigns.limits.media import MediaFacts
from campaigns.limits.model import Applies, Limit, Measure
from campaigns.lint.facts import Facts
from campaigns.lint.linter import lint
from campaigns.lint.posting import Posting

NOW = datetime.fromisoformat("2026-11-20T09:12:00+01:00")
SHOP = """\
campaign: shop
language: en
timezone: Europe/Paris
{head}stages:
  - stage: a
    kind: awareness
    when: early january
    touches:
      - {{id: post, channel: {channel}, text: Hi}}
"""
FILE = "file.bin"
STEP = {Measure.ASPECT: Decimal("0.001"), Measure.DURATION: Decimal("0.1")}


def findings(channel, posting, media=None, head=""):
    campaign = loader.load(SHOP.format(channel=channel, head=head), "shop.yaml")
    facts = Facts(postings=(posting,), media=media or {})
    return lint(campaign, planner.plan(campaign, now=NOW), facts)


def posting(channel, text="Hi", media=1, alt="", reader=""):
    campaign = loader.load(SHOP.format(channel=channel, head=""), "shop.yaml")
    place = campaign.place("stages", 0, "touches", 0)
    return Posting("post", channel, place, text, reader, ((FILE, alt),) * media, (place,) * media)


def having(limit: Limit, value: Decimal) -> tuple[Posting, dict[str, MediaFacts]]:
    """Return a message, and what is known of its file, with so much of what the limit measures."""
    number, channel = int(value), limit.channel
    media = 0 if limit.applies is Applies.WITHOUT_MEDIA else 1
    image = MediaFacts("image", 1000, "JPEG", 1000, 1000)
    kind = "video" if limit.applies is Applies.VIDEOS else "image"
    match limit.measure:
        case Measure.SEGMENTS:
            return posting(channel, "a" * 153 * number, media), {}
        case Measure.HASHTAGS:
            return posting(channel, "#a " * number, media), {}
        case Measure.MENTIONS:
            return posting(channel, "@a " * number, media), {}
        case Measure.MEDIA:
            return posting(channel, media=number), {}
        case Measure.ALT:
            return posting(channel, alt="a" * number), {FILE: image}
        case Measure.SIZE:
            return posting(channel), {FILE: MediaFacts(kind, number, "JPEG", 1000, 1000, Decimal(60))}
        case Measure.DURATION:
            return posting(channel), {FILE: MediaFacts(kind, 1000, "", 1000, 1000, value)}
        case Measure.ASPECT:
            wide = MediaFacts(kind, 1000, "JPEG", int(value * 10_000), 10_000, Decimal(60))
            return posting(channel), {FILE: wide}
        case Measure.WIDTH:
            return posting(channel), {FILE: MediaFacts(kind, 1000, "JPEG", number, number)}
        case Measure.SIDES:
            return posting(channel), {FILE: MediaFacts(kind, 1000, "JPEG", number - 500, 500)}
        case Measure.PIXELS:
            return posting(channel), {FILE: MediaFacts(kind, 1000, "JPEG", number, 1)}
        case _:
            return posting(channel, "a" * number, media), {}


NUMBERS = [one for one in limits.LIMITS if not one.formats and one.measure is not Measure.POSTS_A_DAY]
ENDS = [(one, end) for one in NUMBERS for end in ("least", "most") if getattr(one, end) is not None]


@pytest.mark.parametrize(("limit", "end"), ENDS, ids=lambda value: getattr(value, "name", value))
def test_a_bound_itself_is_allowed_and_one_step_beyond_is_told(limit: Limit, end: str) -> None:
    bound = getattr(limit, end)
    step = STEP.get(limit.measure, Decimal(1)) * (1 if end == "most" else -1)

    at, beyond = (findings(limit.channel, *having(limit, value)) for value in (bound, bound + step))

    assert limit.name not in {finding.code for finding in at}
    [found] = [finding for finding in beyond if finding.code == limit.name]
    assert found.level is (Level.ERROR if limit.strict else Level.WARNING)
    assert found.place.line == 9
    assert f"`{limit.name}`, read {limit.seen} at {limit.source}" in found.remedy


@pytest.mark.parametrize("limit", [one for one in limits.LIMITS if one.formats], ids=lambda limit: limit.name)
def test_a_format_that_is_not_taken_is_told(limit: Limit) -> None:
    def found(kind: str) -> bool:
        known = {FILE: MediaFacts("image", 1000, kind, 1000, 1000)}
        return limit.name in {finding.code for finding in findings(limit.channel, posting(limit.channel), known)}

    assert not found("JPEG")
    assert found("TIFF")


def test_the_longest_of_the_readers_is_told_once() -> None:
    campaign = loader.load(SHOP.format(channel="sms", head=""), "shop.yaml")
    place = campaign.place("stages", 0, "touches", 0)
    written = [
        Posting("post", "sms", place, "a" * 153 * number, who) for number, who in ((4, "lea"), (6, "zoe"), (5, "max"))
    ]

    found = lint(campaign, planner.plan(campaign, now=NOW), Facts(postings=tuple(written), media={}))

    assert [one.message for one in found if one.code == "sms.segments"] == [
        "post for zoe: 6 parts; an SMS should have at most 3"
    ]


def test_a_limit_that_is_set_takes_the_place_of_the_networks() -> None:
    long = posting("mastodon", "a" * 900, media=0)

    def told(head: str) -> list[tuple[str, str]]:
        return [(one.message, one.remedy) for one in findings("mastodon", long, head=head) if "mastodon" in one.code]

    assert told("limits: {mastodon.text.length: 1000}\n") == []
    assert told("limits: {mastodon.text.length: 800}\n") == [
        (
            "post: 900 characters as Mastodon counts them; Mastodon takes at most 800",
            "shorten it by 100 - `mastodon.text.length`, set under `limits:`",
        )
    ]


def test_a_limit_can_be_switched_off_with_a_reason_though_it_is_an_error() -> None:
    long = posting("mastodon", "a" * 900, media=0)

    off = findings("mastodon", long, head="disable: {mastodon.text.length: our server takes 5000}\n")
    bare = findings("mastodon", long, head="disable: {mastodon.text.length: ''}\n")
    near = findings("mastodon", long, head="disable: {mastodon.text.lenght: we know}\n")

    assert {one.code for one in off} & {"mastodon.text.length", "disable"} == set()
    assert "'mastodon.text.length' is disabled without a reason" in {one.message for one in bare}
    assert "did you mean 'mastodon.text.length'?" in {one.remedy for one in near}


def test_a_text_of_telegram_with_a_picture_is_a_caption() -> None:
    bare, pictured = (findings("telegram", posting("telegram", "a" * 5000, media)) for media in (0, 1))

    assert [one.code for one in bare if one.code.startswith("telegram")] == ["telegram.text.length"]
    assert [one.code for one in pictured if one.code.startswith("telegram")] == ["telegram.caption.length"]


def test_what_nobody_measured_breaks_no_limit() -> None:
    unknown = {FILE: MediaFacts("video", 1000)}
    broken = {FILE: MediaFacts("broken", 10**10, fault="is empty")}

    for known, code in ((unknown, "media-unmeasured"), (broken, "media-broken")):
        codes = {one.code for one in findings("x", posting("x", alt="Rings"), known)}
        assert codes & {rule for rule in codes if rule.startswith(("x.", "media-"))} == {code}
