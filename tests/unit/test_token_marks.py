"""The marks of links and pictures: short, each for one door and one link, and nobody else can make them."""

from __future__ import annotations

import base64
import re

import pytest

from scheduler.tokens import ExampleLinks, Keyring, Mark, Purpose, SignedLinks, Token, TokenError

KEYS = Keyring(b"0" * 32)


def test_a_mark_says_which_message_and_which_link_and_is_the_same_every_time() -> None:
    mark = KEYS.marker(Purpose.CLICK, 123_456)

    assert mark(7) == KEYS.marker(Purpose.CLICK, 123_456)(7)
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", mark(7))
    assert KEYS.read_mark(Purpose.CLICK, mark(7)) == Mark(123_456, 7)
    assert KEYS.read_mark(Purpose.CLICK, mark(0)) == Mark(123_456, 0)


def test_a_mark_of_a_former_key_is_still_read() -> None:
    old = Keyring(b"old key of the shop").marker(Purpose.CLICK, 1)(2)

    assert Keyring(b"new key of the shop", [b"old key of the shop"]).read_mark(Purpose.CLICK, old) == Mark(1, 2)


def test_a_mark_opens_its_own_door_alone() -> None:
    click = KEYS.marker(Purpose.CLICK, 1)(2)

    for other in (Purpose.OPEN, Purpose.UNSUBSCRIBE, Purpose.PREFERENCES):
        with pytest.raises(TokenError):
            KEYS.read_mark(other, click)
    for purpose in Purpose:
        with pytest.raises(TokenError):
            KEYS.read_mark(Purpose.CLICK, KEYS.sign(purpose, Token(1, 2)))


@pytest.mark.parametrize("place", range(24))
def test_a_mark_with_one_bit_changed_is_nobody_s(place: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(KEYS.marker(Purpose.CLICK, 1)(2)))
    raw[place] ^= 1

    with pytest.raises(TokenError):
        KEYS.read_mark(Purpose.CLICK, base64.urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize("text", ["", "A" * 31, "A" * 32, "A" * 33, "é" * 32, "=" * 32, "A" * 31 + "\n", "+/" * 16])
def test_what_is_no_mark_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        KEYS.read_mark(Purpose.CLICK, text)


def test_the_addresses_of_a_message_stand_on_the_public_one() -> None:
    links = SignedLinks(KEYS, "https://news.shop.example/mail")
    tracked = links.tracked(5)
    assert tracked is not None

    assert tracked.click(1).startswith("https://news.shop.example/mail/c/")
    assert re.fullmatch(r"https://news\.shop\.example/mail/o/[\w-]{32}\.gif", tracked.picture)
    assert links.is_own(tracked.click(1))
    assert not links.is_own("https://news.shop.example/mailing")
    assert SignedLinks(KEYS, None).tracked(5) is None
    assert ExampleLinks().tracked(5) is None
