"""A post told from others of its account by words that a network gave back changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support.mails import a_mail

from campaigns.rendering import Content
from scheduler.channels.base import Attempted, Found
from scheduler.channels.platforms.timeline import Listed, fingerprint, judged, unlinked

AT = datetime(2027, 2, 11, 9, 0, tzinfo=UTC)
TEXT = "Le bouquet est là. " * 12


def listed(text: str, after: float = 0.1) -> Listed:
    return Listed("7", text, 0, AT + timedelta(minutes=after), "https://x.com/i/status/7")


def found(post: Listed, text: str = TEXT) -> Found:
    return judged([post], Attempted(a_mail(content=Content("", text)), True, "", 1, AT), "X").found


@pytest.mark.parametrize(
    ("after", "what"), [(-2, Found.SENT), (-2.1, Found.NOT_SENT), (60, Found.SENT), (61, Found.OPEN)]
)
def test_what_stood_there_more_than_two_minutes_before_is_another_post(after: float, what: Found) -> None:
    assert found(listed(TEXT, after)) is what


@pytest.mark.parametrize(
    ("theirs", "what"),
    [(TEXT[:80] + "…", Found.OPEN), (TEXT[:80], Found.OPEN), (TEXT[:30], Found.NOT_SENT), ("", Found.NOT_SENT)],
)
def test_a_long_beginning_of_the_words_may_be_the_post(theirs: str, what: Found) -> None:
    assert found(listed(theirs)) is what


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Voir https://shop.example/a, merci", "Voir https://t.co/x1, merci"),
        ("shop.com et https://shop.com/a", "https://t.co/x1 et https://t.co/x2"),
        ("fe\u0302te", "fête"),
        ("deux\n\nlignes ", "deux lignes"),
    ],
)
def test_links_accents_and_blanks_are_no_difference(ours: str, theirs: str) -> None:
    assert fingerprint(ours, 1) == fingerprint(theirs, 1) == fingerprint(unlinked(ours), 1)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("Voir https://shop.example/a", "Voir"), ("Ouvert", "Fermé"), ("Ouvert", "Ouvert !")]
)
def test_other_words_are_a_difference(ours: str, theirs: str) -> None:
    assert fingerprint(ours, 1) != fingerprint(theirs, 1)
    assert fingerprint(ours, 1) != fingerprint(ours, 2)
