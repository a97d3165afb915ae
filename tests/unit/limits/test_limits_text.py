"""Texts are measured the way each network counts them."""

import time

import pytest

from campaigns.limits import text

FAMILY = "👨‍👩‍👧‍👦"


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("hello", 5),
        ("cafe\u0301", 4),  # NFC makes one character of e and its accent
        ("日本語", 6),
        (FAMILY, 2),
        ("❤️", 2),
        ("1️⃣", 2),
        ("1", 1),
        ("🇫🇷", 2),
        ("…", 2),
        ("“ok”", 4),
        ("see https://shop.example/a/very/long/path?with=much#more now", 31),
        ("https://a.example https://a.example", 47),
        ("(https://a.example).", 26),
        ("shop.com", 23),
        ("shop.com/rings", 23),
        ("me@shop.com", 11),
        ("version 1.2.3", 13),
        ("shop.example", 12),  # no top level X makes links of
    ],
)
def test_x_weighs_characters_and_takes_every_link_for_23(written, length):
    assert text.weight(written) == length


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("hello", 5),
        (FAMILY, 1),
        ("https://shop.example/a/very/long/path now", 27),
        ("shop.com", 8),
        ("thanks @lea@server.example", 11),
    ],
)
def test_mastodon_counts_graphemes_short_links_and_mentions_without_their_server(written, length):
    assert text.with_short_links(written) == length


@pytest.mark.parametrize(("written", "length"), [("hello", 5), ("é", 1), ("👍", 4), (FAMILY, 25), ("3 ❤️", 8)])
def test_threads_counts_an_emoji_by_its_bytes(written, length):
    assert text.with_emoji_as_bytes(written) == length


@pytest.mark.parametrize(("written", "number"), [("e\u0301", 1), (FAMILY, 1), ("🇫🇷🇩🇪", 2), ("\r\n", 1), ("नमस्ते", 3)])
def test_a_grapheme_is_what_a_reader_sees_as_one_character(written, number):
    assert len(text.graphemes(written)) == number


def test_hashtags_have_a_letter_and_stand_for_themselves():
    written = "#ring #été2027 #1 #2027 a#b https://shop.example/#top ＃日本 #under_score &#39;"

    assert text.hashtags(written) == ["#ring", "#été2027", "＃日本", "#under_score"]


def test_mentions_are_no_mail_addresses():
    assert text.mentions("@lea, @shop.paris. me@shop.example @lea@server.example https://x.com/@no") == [
        "@lea",
        "@shop.paris",
        "@lea",
    ]


@pytest.mark.parametrize("written", ["a." * 50_000, "@" * 50_000, "#a" * 50_000, "https://" * 12_000, "-." * 50_000])
def test_a_hostile_text_is_measured_in_no_time(written):
    begun = time.process_time()

    text.weight(written)
    text.with_short_links(written)
    text.hashtags(written)
    text.mentions(written)

    assert time.process_time() - begun < 5
