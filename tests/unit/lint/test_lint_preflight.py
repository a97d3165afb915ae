"""Every limit of a network is held to exactly: at the bound nothing is said, one step beyond it is."""

import dataclasses
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


def formed(limit: Limit, value: Decimal) -> tuple[Posting, dict[str, MediaFacts]]:
    """Return such a message, posted as something that the limit is about."""
    made, known = having(limit, value)
    return dataclasses.replace(made, form=min(limit.forms, default="post")), known


A_DAY = (Measure.POSTS_A_DAY, Measure.REPLIES_A_DAY)
NUMBERS = [one for one in limits.LIMITS if not one.formats and one.measure not in A_DAY]
ENDS = [(one, end) for one in NUMBERS for end in ("least", "most") if getattr(one, end) is not None]


@pytest.mark.parametrize(("limit", "end"), ENDS, ids=lambda value: getattr(value, "name", value))
def test_a_bound_itself_is_allowed_and_one_step_beyond_is_told(limit: Limit, end: str) -> None:
    bound = getattr(limit, end)
    step = STEP.get(limit.measure, Decimal(1)) * (1 if end == "most" else -1)

    at, beyond = (findings(limit.channel, *formed(limit, value)) for value in (bound, bound + step))

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


def codes_of(form: str, text: str, known: MediaFacts, channel: str = "instagram") -> set[str]:
    made = dataclasses.replace(posting(channel, text, alt="Rings"), form=form)
    return {one.code for one in findings(channel, made, {FILE: known})}


def test_a_story_is_held_to_the_limits_of_stories_and_a_post_to_those_of_posts() -> None:
    upright = MediaFacts("image", 1000, "JPEG", 1080, 1920)
    square = MediaFacts("image", 1000, "JPEG", 1080, 1080)

    assert "instagram.image.aspect" in codes_of("post", "", upright)
    assert "instagram.image.aspect" not in codes_of("story", "", upright)
    assert "instagram.story.image.aspect" in codes_of("story", "", square)
    assert "instagram.story.image.aspect" not in codes_of("post", "", square)


def test_the_text_of_a_story_is_told_as_lost_and_not_measured() -> None:
    upright = MediaFacts("image", 1000, "JPEG", 1080, 1920)
    made = dataclasses.replace(posting("instagram", "#a " * 9, alt="Rings"), form="story")

    [found] = [one for one in findings("instagram", made, {FILE: upright}) if one.code == "story-text"]

    assert found.level is Level.WARNING
    assert found.message == "post: a story shows no text, and this one has 26 characters"
    assert codes_of("story", "#a " * 9, upright) & {"instagram.hashtags.max"} == set()
    assert "story-text" not in codes_of("story", " ", upright)
    assert "story-text" not in codes_of("post", "Hi", upright)


def test_a_minute_and_a_half_is_a_reel_of_a_page_and_no_story() -> None:
    film = MediaFacts("video", 1000, "", 1080, 1920, Decimal(90))

    assert "facebook.story.video.duration" in codes_of("story", "", film, "facebook")
    assert {one for one in codes_of("reel", "Hi", film, "facebook") if one.startswith("facebook")} == set()


HANGING = """campaign: shop
language: en
timezone: Europe/Paris
limits: {{threads.posts.day: 1, threads.replies.day: {replies}, instagram.posts.day: 1}}
stages:
  - stage: a
    kind: awareness
    when: early january
    touches:
      - {{id: post, channel: threads, text: One, first_comment: Here, thread: [Two, Three]}}
      - {{id: picture, channel: instagram, text: One, media: [a.jpg], first_comment: Here}}
"""


@pytest.mark.parametrize(("replies", "codes"), [(3, set()), (2, {"threads.replies.day"})])
def test_replies_are_counted_apart_from_posts_and_comments_are_neither(replies: int, codes: set[str]) -> None:
    campaign = loader.load(HANGING.format(replies=replies), "shop.yaml")

    found = lint(campaign, planner.plan(campaign, now=NOW), Facts(postings=()))

    assert {finding.code for finding in found if finding.code.endswith(".day")} == codes


@pytest.mark.parametrize(
    ("channel", "length", "codes"),
    [
        ("linkedin", 1_250, set()),
        ("linkedin", 1_251, {"linkedin.comment.length"}),
        ("facebook", 8_001, {"facebook.comment.length"}),
        ("instagram", 2_201, {"instagram.comment.length"}),
    ],
)
def test_a_comment_has_a_length_of_its_own_and_needs_no_picture(channel: str, length: int, codes: set[str]) -> None:
    made = dataclasses.replace(posting(channel, "a" * length, media=0), form="comment")

    assert {finding.code for finding in findings(channel, made) if finding.code.startswith(channel)} == codes


SMS = """\
campaign: shop
language: {language}
timezone: Europe/Paris
senders: {{sms: "{sender}"}}
stages:
  - stage: a
    kind: awareness
    when: early january
    touches:
      - {{id: sms, channel: sms, text: Hi, purpose: {purpose}}}
"""


def about_stopping(
    text: str, sender: str = "+33700000000", language: str = "fr", purpose: str = "marketing"
) -> list[str]:
    campaign = loader.load(SMS.format(sender=sender, language=language, purpose=purpose), "shop.yaml")
    place = campaign.place("stages", 0, "touches", 0)
    made = Posting("sms", "sms", place, text, "lea", way_out="https://news.shop.example/u/token")
    found = lint(campaign, planner.plan(campaign, now=NOW), Facts(postings=(made, made), media={}))
    return [f"{one.code}: {one.message} - {one.remedy}" for one in found if one.code.startswith("sms-")]


@pytest.mark.parametrize(
    "text",
    [
        "Soldes ! STOP au 36000",
        "Soldes ! Répondez ARRÊT.",
        "Sale! Reply STOP to opt out",
        "Oferta. BAJA para no recibir más",
        "Rabatt! STOPP zum Abbestellen",
        "Скидки. СТОП, чтобы отписаться",
        "Reduceri. DEZABONARE pentru a renunța",
        "Soldes ! https://news.shop.example/u/token",
        "Soldes ! shop.example/stop",
        "Soldes ! https://shop.example/desabonnement",
    ],
)
def test_an_sms_that_says_how_to_stop_it_is_well(text: str) -> None:
    assert about_stopping(text) == []


@pytest.mark.parametrize(
    "text", ["Soldes !", "Non-stop sales", "NON-STOP", "Don't stop now", "shop.example/soldes", "STOPPED"]
)
def test_a_marketing_sms_that_does_not_say_how_to_stop_it_is_told_once(text: str) -> None:
    assert about_stopping(text) == [
        "sms-stop: sms for lea: the SMS does not say how to stop it - end it with 'STOP pour ne plus rien recevoir', "
        "or with {{ links.unsubscribe }}"
    ]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Reply STOP to opt out"),
        ("fr", "STOP pour ne plus rien recevoir"),
        ("ro", "STOP pentru dezabonare"),
        ("ru", "СТОП, чтобы отписаться"),
        ("es", "BAJA para no recibir más"),
        ("de", "STOPP zum Abbestellen"),
    ],
)
def test_the_words_are_proposed_in_the_language_of_the_campaign_and_are_enough(language: str, words: str) -> None:
    [told] = about_stopping("Hi", language=language)

    assert repr(words) in told
    assert about_stopping(f"Hi {words}", language=language) == []


def test_what_somebody_asked_for_need_not_say_how_to_stop_it() -> None:
    assert about_stopping("Your order is ready", purpose="transactional") == []


def test_nobody_can_reply_to_a_name() -> None:
    assert about_stopping("Soldes ! Répondez STOP", sender="Truffe") == [
        "sms-reply: sms for lea: nobody can reply STOP to 'Truffe', which is no number - say {{ links.unsubscribe }}, "
        "or the number to send it to, or give `senders:` an `sms:` that is a number"
    ]
    for text in ("STOP au 36000", "STOP: 36 179", "STOP +33 7 00 00 00 00", "STOP shop.example/stop"):
        assert about_stopping(text, sender="Truffe") == []
    assert about_stopping("Répondez STOP", sender="36000") == []
