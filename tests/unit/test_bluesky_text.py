"""Where links, tags and mentions of a Bluesky post begin and end, in bytes, and what a post is called."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.channels.platforms.bluesky_text import Span, check, record_key, spans
from scheduler.errors import Refused

MOMENT = datetime(2027, 2, 11, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("https://a.example", (Span("link", 0, 17, "https://a.example"),)),
        ("été 💐 https://a.example/é?b=1.", (Span("link", 11, 35, "https://a.example/é?b=1"),)),
        ("(voir https://a.example/x_(y))", (Span("link", 6, 29, "https://a.example/x_(y)"),)),
        ("« https://a.example » !", (Span("link", 3, 20, "https://a.example"),)),
        ("https:// ftp://a.example xhttps://a.example", ()),
        ("💐#Fête2027, #1 #_ ##x", (Span("tag", 4, 14, "Fête2027"),)),
        ("https://a.example/#ancre", (Span("link", 0, 24, "https://a.example/#ancre"),)),
        ("Merci @lea.bsky.social.", (Span("mention", 6, 22, "lea.bsky.social"),)),
        ("lea@example.org @lea @a..b @-a.example @a.1", ()),
        ("#" + "a" * 64, (Span("tag", 0, 65, "a" * 64),)),
        ("#" + "a" * 65, ()),
    ],
)
def test_what_leads_somewhere_is_found_in_bytes(text: str, expected: tuple[Span, ...]) -> None:
    assert spans(text) == expected


_PIECES = st.sampled_from(
    ["https://a.example/é", "#fête", "@lea.example", "👩‍👩‍👧", "é", " ", "\n", ".", "(", "x", "\u0301", "@", "#"]
)


@given(st.lists(_PIECES, max_size=12).map("".join) | st.text(max_size=60))
def test_every_span_lies_within_the_text_between_whole_characters(text: str) -> None:
    raw, end = text.encode("utf-8", "surrogatepass"), 0
    for span in spans(text):
        shown = raw[span.start : span.end].decode()
        assert end <= span.start < span.end <= len(raw)
        assert shown.lstrip("#＃@") == span.value
        end = span.end


def test_a_post_has_the_same_name_every_time_and_each_message_its_own() -> None:
    assert record_key(MOMENT, "0a1b2c") == record_key(MOMENT, "0a1b2c") == "3nbawmimdxibw"
    assert record_key(MOMENT, "0a1b2d") != record_key(MOMENT, "0a1b2c")


def test_later_posts_have_later_names() -> None:
    names = [record_key(datetime(2027, 2, 11, 9, 0, second, tzinfo=UTC), "same") for second in range(60)]

    assert names == sorted(names)


@given(st.integers(min_value=0, max_value=4_102_444_800), st.text(max_size=20))
def test_every_name_is_one_a_server_takes(seconds: int, key: str) -> None:
    name = record_key(datetime.fromtimestamp(seconds, UTC), key)

    assert len(name) == 13
    assert name[0] in "234567abcdefghij"
    assert set(name) <= set("234567abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize("text", ["💐" * 300, "👩‍👩‍👧‍👦" * 120, "a" * 300])
def test_a_text_at_the_limit_is_taken(text: str) -> None:
    try:
        check(text)
        refused = ""
    except Refused as error:
        refused = error.message

    assert refused == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a" * 301, "the text has 301 characters: Bluesky takes at most 300"),
        ("👩‍👩‍👧‍👦" * 121, "the text has 3025 bytes of UTF-8: Bluesky takes at most 3000"),
    ],
)
def test_a_text_beyond_it_is_refused_with_the_numbers(text: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        check(text)

    assert caught.value.message == words
