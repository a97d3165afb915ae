"""The small parts of the doors: buckets, languages, addresses."""

from __future__ import annotations

import pytest

from scheduler.errors import SchedulerError
from scheduler.web import Address
from scheduler.web.rates import Buckets
from scheduler.web.words import LANGUAGES, language_of, words


def test_a_bucket_gives_its_burst_and_then_so_many_a_second() -> None:
    buckets = Buckets(per_second=0.5, burst=3)

    assert [buckets.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 2.0]
    assert buckets.take("a", 1.0) == 1.0
    assert buckets.take("a", 2.0) == 0
    assert buckets.take("a", 2.0) == 2.0


def test_each_name_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(per_second=1, burst=1)

    assert [buckets.take(name, 0.0) for name in ("a", "b", "a")] == [0, 0, 1.0]


def test_of_many_names_the_oldest_are_forgotten() -> None:
    buckets = Buckets(per_second=0.001, burst=1, most=2)

    assert [buckets.take(name, 0.0) for name in ("a", "b", "c", "a")] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("pt,de;q=0.5,ru;q=0.7", "ru"),
        ("zh-CN", "en"),
        ("de;q=0", "en"),
        ("de;q=much,es", "es"),
        ("*", "en"),
    ],
)
def test_a_page_speaks_the_language_the_browser_wants_most(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


def test_every_language_says_everything() -> None:
    assert LANGUAGES == ("en", "fr", "ro", "ru", "es", "de")
    missing = {language: words("en").keys() ^ words(language).keys() for language in LANGUAGES}
    assert missing == {"en": set(), "fr": set(), "ro": set(), "ru": set(), "es": set(), "de": set()}


def test_an_address_to_listen_on_is_a_host_and_a_port() -> None:
    assert Address.read("127.0.0.1:8080") == Address("127.0.0.1", 8080)
    assert Address.read("[::1]:80") == Address("::1", 80)
    assert Address.read("Müller.example:80") == Address("xn--mller-kva.example", 80)
    assert str(Address("::1", 80)) == "[::1]:80"


@pytest.mark.parametrize("text", ["", "8080", ":8080", "host:", "host:http", "host:70000", "::1:80"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SchedulerError, match="expected HOST:PORT"):
        Address.read(text)


@pytest.mark.parametrize(("host", "is_local"), [("127.0.0.1", True), ("::1", True), ("localhost", True)])
def test_this_machine_alone_is_told_from_everybody(host: str, is_local: bool) -> None:
    assert Address(host, 80).is_local is is_local
    assert not Address("0.0.0.0", 80).is_local
    assert not Address("shop.example", 80).is_local
