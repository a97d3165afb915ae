"""By which name a message is known to whom it was handed."""

from __future__ import annotations

import pytest

from scheduler.channels.naming import message_name, read_name


def test_what_was_named_is_read_again() -> None:
    named = message_name(17, "0a1b2c3d4e5f")

    assert named == "17-cd584cc95f0793d8"
    assert read_name(named) == (17, "cd584cc95f0793d8")


def test_a_name_of_an_older_release_is_read_too() -> None:
    assert read_name("17.cd584cc95f0793d8") == (17, "cd584cc95f0793d8")


@pytest.mark.parametrize(
    "text", [None, 17, "", "17", "17-", "-cd584cc95f0793d8", "17-CD584CC95F0793D8", "17-cd584cc95f0793d8\n", "9" * 99]
)
def test_what_is_no_name_names_nothing(text: object) -> None:
    assert read_name(text) is None
