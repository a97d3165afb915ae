"""The limits themselves: each names its page and the day it was read; authors set their own."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from campaigns import limits
from campaigns.definition.vocabulary import CHANNELS
from campaigns.limits import media, quota
from campaigns.limits.model import Measure

DAY = timedelta(days=1)
NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)


def test_every_limit_names_its_channel_its_page_and_the_day_it_was_read():
    assert len({one.name for one in limits.LIMITS}) == len(limits.LIMITS)
    for one in limits.LIMITS:
        assert one.channel in CHANNELS, one.name
        assert urlsplit(one.source).scheme == "https", one.name
        assert date(2026, 11, 1) <= one.seen, one.name
        assert (one.least is not None or one.most is not None) != bool(one.formats), one.name


def test_every_network_that_is_posted_to_has_limits():
    networks = "facebook instagram threads mastodon bluesky linkedin x telegram whatsapp sms slack"

    assert {one.channel for one in limits.LIMITS} == set(networks.split())


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("instagram.hashtags.max", None, 5),
        ("instagram.caption.length", None, 2200),
        ("instagram.image.aspect", Decimal("0.8"), Decimal("1.91")),
        ("instagram.media.min", 1, None),
        ("bluesky.text.graphemes", None, 300),
        ("bluesky.text.bytes", None, 3000),
        ("mastodon.text.length", None, 500),
        ("threads.text.length", None, 500),
        ("x.text.weighted", None, 280),
        ("x.video.duration", Decimal("0.5"), 1200),
        ("telegram.caption.length", None, 1024),
        ("linkedin.text.length", None, 3000),
        ("facebook.text.length", None, 63_206),
        ("sms.text.length", None, 1600),
    ],
)
def test_the_limits_are_those_of_the_pages(name, low, high):
    found = limits.limit(name, {})

    assert (found.least, found.most) == (low, high)


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        ("1000", None, 1000),
        (" 8 MB ", None, 8_000_000),
        ("16MiB", None, 16_777_216),
        ("90 s", None, 90),
        ("0.02", None, Decimal("0.02")),
        ("4:5", None, Decimal("0.8")),
        ("3 to 90 s", 3, 90),
        ("4:5 to 2:1", Decimal("0.8"), 2),
    ],
)
def test_a_setting_is_a_number_with_a_unit_a_ratio_or_a_range(written, low, high):
    found = limits.read_setting(written)

    assert found is not None
    assert (found.least, found.most) == (low, high)


@pytest.mark.parametrize("written", ["", "many", "-1", "5 to 3", "4:0", "1e9", "5 TB", "3 to", "1" * 13, "5 to 6 to 7"])
def test_what_is_no_number_is_no_setting(written):
    assert limits.read_setting(written) is None


def test_a_single_number_takes_the_place_of_the_bound_there_is():
    ten, two = limits.read_setting("10"), limits.read_setting("2 to 10")

    assert limits.limit("instagram.media.min", {"instagram.media.min": ten}).least == 10
    assert limits.limit("instagram.hashtags.max", {"instagram.hashtags.max": ten}).most == 10
    both = limits.limit("instagram.image.aspect", {"instagram.image.aspect": two})
    assert (both.least, both.most, both.is_set) == (2, 10, True)
    upper = limits.limit("instagram.image.aspect", {"instagram.image.aspect": ten})
    assert (upper.least, upper.most) == (Decimal("0.8"), 10)


def test_prices_can_be_set_and_formats_cannot():
    cent = limits.read_setting("0.01")

    assert limits.price("x.price.post", {"x.price.post": cent}).amount == Decimal("0.01")
    assert limits.price("x.price.link", {}).amount == Decimal("0.2")
    assert "instagram.image.format" not in limits.NAMES
    assert {"x.price.link", "mastodon.text.length"} <= set(limits.NAMES)


def test_a_day_of_posts_is_any_24_hours():
    moments = [NOON, NOON + timedelta(hours=1), NOON + DAY, NOON + DAY + timedelta(minutes=59)]

    assert quota.most_in_a_day(moments) == 3
    assert quota.most_in_a_day([NOON, NOON + DAY]) == 1
    assert quota.most_in_a_day([]) == 0


def test_a_spread_moves_as_little_as_it_must_and_keeps_the_quota():
    moments = [NOON] * 5 + [NOON + 3 * DAY]

    moved = quota.spread(moments, 2)

    assert moved == (NOON, NOON, NOON + DAY, NOON + DAY, NOON + 2 * DAY, NOON + 3 * DAY)
    assert quota.most_in_a_day(moved) == 2
    assert quota.spread(moments, 5) == tuple(moments)


def test_sizes_and_shapes_are_written_as_a_person_would():
    assert [media.size(n) for n in (900, 8_000_000, 1_420_000, 16_777_216, 300_000_000, 10**9)] == [
        "900 bytes",
        "8 MB",
        "1.42 MB",
        "16.8 MB",
        "300 MB",
        "1 GB",
    ]
    assert [media.aspect(Decimal(n)) for n in ("0.8", "1", "1.91", "0.5625", "20", "0.1")] == [
        "4:5",
        "1:1",
        "1.91:1",
        "9:16",
        "20:1",
        "1:10",
    ]


def test_every_measure_is_used_by_a_limit():
    assert {one.measure for one in limits.LIMITS} == set(Measure)
