"""Who followed a link: told by the request, and by what was done around it; literal moments, no storage."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest

from scheduler.operations.visitors import judge, seen
from scheduler.store.tracking import PICTURE, TRAP, StoredHit

SENT = datetime.fromisoformat("2027-01-04T09:00:00+00:00")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def hit(number: int, link: int, seconds: float, by: str = "") -> StoredHit:
    return StoredHit(number, 1, link, SENT + timedelta(seconds=seconds), by, "")


def kinds(*hits: StoredHit) -> list[str]:
    return [kind.value for _, kind in sorted(judge(hits, SENT).items())]


@pytest.mark.parametrize(
    ("agent", "picture", "kind"),
    [
        (FIREFOX, False, ""),
        (FIREFOX, True, ""),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT P30) AppleWebKit/537.36 Chrome/130 Mobile Safari/537.36", False, ""),
        ("Mozilla/5.0", True, "proxy"),
        ("Mozilla/5.0", False, ""),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", True, "proxy"),
        ("YahooMailProxy; https://help.yahoo.com/", True, "proxy"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", False, "prefetch"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", False, "prefetch"),
        ("WhatsApp/2.24.1 A", False, "prefetch"),
        ("curl/8.5.0", False, "prefetch"),
        ("", False, "unknown"),
        ("  ", True, "unknown"),
    ],
)
def test_some_say_what_they_are(agent: str, picture: bool, kind: str) -> None:
    assert seen({"user-agent": agent}, "198.51.100.7", picture=picture) == kind


@pytest.mark.parametrize("header", ["sec-purpose", "purpose", "x-purpose", "x-moz"])
def test_a_browser_that_looks_ahead_is_no_reader(header: str) -> None:
    asked = {"user-agent": FIREFOX, header: "Prefetch;prerender"}

    assert seen(asked, "198.51.100.7", picture=False) == "prefetch"


@pytest.mark.parametrize(
    ("address", "kind"), [("192.0.2.200", "unknown"), ("192.0.3.1", ""), ("2001:db8::7", "unknown"), ("nonsense", "")]
)
def test_in_a_data_centre_nobody_reads(address: str, kind: str) -> None:
    networks = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))

    assert seen({"user-agent": FIREFOX}, address, picture=False, networks=networks) == kind


def test_a_reader_who_opens_and_clicks_is_one() -> None:
    assert kinds(hit(1, PICTURE, 60), hit(2, 1, 70), hit(3, 2, 75)) == ["human", "human", "human"]


def test_what_comes_within_five_seconds_of_the_sending_was_not_read() -> None:
    assert kinds(hit(1, 1, 1), hit(2, 1, 5), hit(3, 1, 5.001)) == ["prefetch", "prefetch", "human"]


def test_three_links_within_a_second_are_a_program_s_and_so_is_everything_around_them() -> None:
    program = [hit(1, 1, 100), hit(2, 2, 100.4), hit(3, 3, 101), hit(4, PICTURE, 95), hit(5, 4, 111)]

    assert kinds(*program, hit(6, 1, 111.5)) == ["prefetch"] * 5 + ["human"]


def test_two_links_at_once_or_one_link_three_times_are_a_reader_s() -> None:
    assert kinds(hit(1, 1, 100), hit(2, 2, 100.5)) == ["human", "human"]
    assert kinds(hit(1, 1, 100), hit(2, 1, 100.2), hit(3, 1, 100.4)) == ["human", "human", "human"]
    assert kinds(hit(1, 1, 100), hit(2, 2, 100.5), hit(3, 3, 101.1)) == ["human", "human", "human"]


def test_who_follows_the_link_that_no_reader_sees_is_a_program() -> None:
    assert kinds(hit(1, 1, 100), hit(2, TRAP, 108), hit(3, 1, 119)) == ["prefetch", "prefetch", "human"]


def test_what_a_request_said_of_itself_stands() -> None:
    assert kinds(hit(1, PICTURE, 1, "proxy"), hit(2, 1, 100, "unknown")) == ["proxy", "unknown"]
