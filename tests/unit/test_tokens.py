"""Tokens of links: what they say, for how long, and that nobody else can make one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.tokens import LENGTH, Keyring, Purpose, SignedLinks, Token, TokenError

NOW = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)
KEYS = Keyring(b"a secret of thirty-two bytes ....")
LEA = Token(contact=7, delivery=4711)


def test_a_token_says_whom_it_was_made_for() -> None:
    text = KEYS.sign(Purpose.UNSUBSCRIBE, LEA)

    assert KEYS.read(Purpose.UNSUBSCRIBE, text, now=NOW) == Token(contact=7, delivery=4711)
    assert len(text) == LENGTH == 55


def test_the_same_token_is_signed_the_same_way_every_time() -> None:
    assert KEYS.sign(Purpose.UNSUBSCRIBE, LEA) == KEYS.sign(Purpose.UNSUBSCRIBE, LEA)


def test_a_token_for_one_purpose_opens_no_other_door() -> None:
    text = KEYS.sign(Purpose.CONFIRM, LEA)

    with pytest.raises(TokenError):
        KEYS.read(Purpose.UNSUBSCRIBE, text, now=NOW)


def test_every_flipped_bit_is_noticed() -> None:
    raw = base64.urlsafe_b64decode(KEYS.sign(Purpose.UNSUBSCRIBE, LEA) + "=")
    taken = 0

    for bit in range(len(raw) * 8):
        forged = bytearray(raw)
        forged[bit // 8] ^= 1 << bit % 8
        try:
            KEYS.read(Purpose.UNSUBSCRIBE, base64.urlsafe_b64encode(forged).rstrip(b"=").decode(), now=NOW)
        except TokenError:
            continue
        taken += 1

    assert taken == 0


def test_another_spelling_of_a_token_is_none() -> None:
    text = KEYS.sign(Purpose.UNSUBSCRIBE, LEA)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The last of 55 letters carries two bits that are no part of the 41 bytes.
    twin = text[:-1] + letters[letters.index(text[-1]) ^ 1]

    with pytest.raises(TokenError):
        KEYS.read(Purpose.UNSUBSCRIBE, twin, now=NOW)


@pytest.mark.parametrize("text", ["", "A" * 54, "A" * 55, "A" * 56, "A" * 54 + "=", "é" * 55, "!" * 55, "A" * 100_000])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        KEYS.read(Purpose.UNSUBSCRIBE, text, now=NOW)


def test_a_token_with_an_end_is_good_up_to_it() -> None:
    text = KEYS.sign(Purpose.CONFIRM, LEA, until=NOW + timedelta(days=10))

    assert KEYS.read(Purpose.CONFIRM, text, now=NOW + timedelta(days=10)) == LEA
    with pytest.raises(TokenError) as caught:
        KEYS.read(Purpose.CONFIRM, text, now=NOW + timedelta(days=10, seconds=1))
    assert caught.value.expired


def test_a_forged_token_is_not_told_to_be_too_old() -> None:
    raw = bytearray(base64.urlsafe_b64decode(KEYS.sign(Purpose.CONFIRM, LEA, until=NOW) + "="))
    raw[-1] ^= 1
    text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    with pytest.raises(TokenError) as caught:
        KEYS.read(Purpose.CONFIRM, text, now=NOW + timedelta(days=400))
    assert not caught.value.expired


def test_links_outlive_the_key_that_signed_them_while_it_is_kept_as_a_former_one() -> None:
    text = KEYS.sign(Purpose.UNSUBSCRIBE, LEA)
    renewed = Keyring(b"another secret", [b"a secret of thirty-two bytes ...."])

    assert renewed.read(Purpose.UNSUBSCRIBE, text, now=NOW) == LEA
    with pytest.raises(TokenError):
        Keyring(b"another secret").read(Purpose.UNSUBSCRIBE, text, now=NOW)


def test_links_stand_on_the_public_address_and_unsubscribing_asks_for_https() -> None:
    links = SignedLinks(KEYS, "https://news.shop.example")
    plain = SignedLinks(KEYS, "http://news.shop.example")

    link = links.unsubscribe(LEA, "mailto:stop@shop.example")
    assert link is not None
    assert link.startswith("https://news.shop.example/u/")
    assert KEYS.read(Purpose.UNSUBSCRIBE, link.rpartition("/")[2], now=NOW) == LEA
    assert plain.unsubscribe(LEA, "https://shop.example/stop") == "https://shop.example/stop"
    assert SignedLinks(KEYS, None).unsubscribe(LEA, None) is None
    assert SignedLinks(KEYS, None).confirm(LEA, until=NOW) is None


@pytest.mark.parametrize(
    ("own", "begins"),
    [
        ("mailto:stop@shop.example", "mailto:stop@shop.example?subject=unsubscribe%20"),
        ("mailto:stop@shop.example?subject=stop", "mailto:stop@shop.example?subject=stop%20"),
        ("mailto:stop@shop.example?Subject=", "mailto:stop@shop.example?Subject=unsubscribe%20"),
        ("mailto:stop@shop.example?cc=a@x.example", "mailto:stop@shop.example?cc=a@x.example&subject=unsubscribe%20"),
    ],
)
def test_a_mail_to_unsubscribe_bears_the_token_in_its_subject(own: str, begins: str) -> None:
    for links in (SignedLinks(KEYS, None), SignedLinks(KEYS, "http://news.shop.example")):
        link = links.unsubscribe(LEA, own)

        assert link is not None
        assert link.startswith(begins)
        assert KEYS.read(Purpose.UNSUBSCRIBE, link.removeprefix(begins), now=NOW) == LEA
