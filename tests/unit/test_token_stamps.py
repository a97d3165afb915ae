"""Stamps of envelopes: short enough for an address, whole in capitals, and nobody else can make one."""

from __future__ import annotations

import pytest

from scheduler.settings import Settings
from scheduler.tokens import STAMP_LENGTH, Keyring, SignedLinks, Stamp, TokenError

SECRET = b"a secret of thirty-two bytes ...."
KEYS = Keyring(SECRET)
LEA = "lea@example.org"


def test_a_stamp_says_which_message_it_is_of() -> None:
    text = KEYS.stamp(4711, LEA)

    assert KEYS.read_stamp(text).delivery == 4711
    assert len(text) == STAMP_LENGTH == 40
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_a_stamp_may_come_back_in_capitals() -> None:
    assert KEYS.read_stamp(KEYS.stamp(4711, LEA).upper()) == KEYS.read_stamp(KEYS.stamp(4711, LEA))


def test_a_stamp_knows_its_address_and_no_other() -> None:
    stamp = KEYS.read_stamp(KEYS.stamp(4711, LEA))

    assert KEYS.is_for(stamp, "Lea@Example.org ")
    assert not KEYS.is_for(stamp, "lea@example.com")


def test_every_changed_letter_is_noticed() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    text = KEYS.stamp(4711, LEA)
    taken = 0

    for place, letter in enumerate(text):
        for other in letters.replace(letter, ""):
            try:
                KEYS.read_stamp(text[:place] + other + text[place + 1 :])
            except TokenError:
                continue
            taken += 1

    assert taken == 0


@pytest.mark.parametrize("text", ["", "a" * 39, "a" * 40, "a" * 41, "1" * 40, "é" * 40, "=" * 40])
def test_what_nobody_stamped_is_no_stamp(text: str) -> None:
    with pytest.raises(TokenError):
        KEYS.read_stamp(text)


def test_the_stamps_of_a_former_key_are_still_known() -> None:
    old = Keyring(b"another secret of many bytes ...")
    both = Keyring(SECRET, (b"another secret of many bytes ...",))

    stamp = both.read_stamp(old.stamp(7, LEA))

    assert stamp == Stamp(7, old.read_stamp(old.stamp(7, LEA)).mark)
    assert both.is_for(stamp, LEA)
    with pytest.raises(TokenError):
        KEYS.read_stamp(old.stamp(7, LEA))


def test_the_return_path_is_the_bounce_address_with_the_stamp() -> None:
    stamp = KEYS.stamp(7, LEA)

    assert SignedLinks(KEYS, None, "bounces@example.org").return_path(7, LEA) == f"bounces+{stamp}@example.org"
    assert SignedLinks(KEYS, None, "bounces-@example.org").return_path(7, LEA) == f"bounces-{stamp}@example.org"
    assert SignedLinks(KEYS, None).return_path(7, LEA) is None


def test_the_longest_bounce_address_leaves_room_for_its_stamp() -> None:
    settings = Settings(bounce_address=f"{'b' * 23}@example.org")

    path = SignedLinks(KEYS, None, settings.bounce_address).return_path(2**48 - 1, LEA)

    assert path is not None
    assert len(path.partition("@")[0]) == 64
    with pytest.raises(ValueError, match="at most 23 letters"):
        Settings(bounce_address=f"{'b' * 24}@example.org")


@pytest.mark.parametrize(
    "address", ["bounces", "@example.org", "+@example.org", "a b@example.org", "a@b@example.org", "a@x"]
)
def test_what_is_no_bounce_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="expected an address of your own"):
        Settings(bounce_address=address)
