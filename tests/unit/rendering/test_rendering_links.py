"""The web links of a finished mail: which there are, where each leads, and what takes their places."""

from __future__ import annotations

import pytest

from campaigns.rendering import links

MAIL = (
    '<html><head><link rel="icon" href="https://shop.example/icon"></head><body class="x">'
    '<p>Say href="https://shop.example/said" aloud</p>'
    '<a class="button" href="https://shop.example/rings?a=1&amp;b=2#top">Rings</a>'
    '<a href="mailto:stop@shop.example">Stop</a><a href="#top">Up</a>'
    '<A HREF="https://shop.example/upper">no</A><a href="HTTPS://SHOP.example/two" style="color:red">Two</a>'
    '<area href="https://shop.example/area"></body></html>'
)


def test_the_web_links_of_anchors_are_asked_about_and_nothing_else() -> None:
    found = links.replaced(MAIL, {}, str, "")

    assert found.unknown == ("https://shop.example/rings?a=1&amp;b=2#top", "HTTPS://SHOP.example/two")
    assert found.html == MAIL
    assert links.replaced("no link", {}, str, "").unknown == ()


def test_a_link_gets_its_address_and_the_rest_of_the_mail_stays_to_the_letter() -> None:
    places = {
        "https://shop.example/rings?a=1&amp;b=2#top": 7,
        "https://shop.example/icon": 8,
        "HTTPS://SHOP.example/two": 0,
    }

    made = links.replaced(MAIL, places, lambda number: f"https://news.example/c/{number}", "<img>")

    assert made.unknown == ()
    assert made.html == MAIL.replace("https://shop.example/rings?a=1&amp;b=2#top", "https://news.example/c/7").replace(
        "</body>", "<img></body>"
    )


def test_a_mail_without_a_body_has_its_tail_at_the_end() -> None:
    assert links.replaced("<p>x", {}, str, "<img>").html == "<p>x<img>"


@pytest.mark.parametrize(
    ("href", "leads"),
    [
        ("https://shop.example/?a=1&amp;b=%C3%A9", "https://shop.example/?a=1&b=%C3%A9"),
        ("https://shop.example/bagues/é?q=l'été#là", "https://shop.example/bagues/%C3%A9?q=l'%C3%A9t%C3%A9#l%C3%A0"),
        ("http://192.0.2.7:8080/x", "http://192.0.2.7:8080/x"),
        ("https://shop.example/100%", "https://shop.example/100%"),
        ("javascript:alert(1)", None),
        ("JavaScript:alert(1)//https://shop.example", None),
        ("data:text/html,x", None),
        ("//evil.example/x", None),
        ("/relative", None),
        ("https:///nohost", None),
        ("https://", None),
        ("https:shop.example", None),
        ("https://shop.example@evil.example/", None),
        ("https://user:word@evil.example/", None),
        ("https://shop.example\\@evil.example/", None),
        ("https://shop.example/\r\nSet-Cookie: a=b", None),
        ("https://shop.example/&#13;&#10;Set-Cookie: a=b", None),
        ("https://shop.example/\x00", None),
        ("https://shop.example/\u2028x", None),
        ("https://shop.example/a b", None),
        ("https://shop.example:99999/", None),
        ("https://[::1/", None),
        ("https://bücher.example/", None),
        ("https://shop.example/" + "a" * 1_979, "https://shop.example/" + "a" * 1_979),
        ("https://shop.example/" + "a" * 1_980, None),
        ("https://shop.example/" + "é" * 1_000, None),
        ("", None),
    ],
)
def test_only_a_whole_web_address_is_a_destination(href: str, leads: str | None) -> None:
    assert links.destination(href) == leads


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://shop.example/x", "https://shop.example/x?utm_source=s&utm_campaign=c%26d"),
        ("https://www.shop.example/?b=2&a=1#f", "https://www.shop.example/?b=2&a=1&utm_source=s&utm_campaign=c%26d#f"),
        ("https://shop.example/?UTM_Source=own#", "https://shop.example/?UTM_Source=own&utm_campaign=c%26d#"),
        ("https://shop.example/?utm_source=&utm_campaign=x", "https://shop.example/?utm_source=&utm_campaign=x"),
        ("https://shop.example/?", "https://shop.example/?utm_source=s&utm_campaign=c%26d"),
        ("https://SHOP.example/x", "https://SHOP.example/x?utm_source=s&utm_campaign=c%26d"),
        ("https://notshop.example/x", "https://notshop.example/x"),
        ("https://shop.example.evil.example/x", "https://shop.example.evil.example/x"),
    ],
)
def test_the_sites_that_asked_are_told_of_the_campaign_where_they_are_not_told_yet(url: str, written: str) -> None:
    assert links.with_utm(url, {"shop.example"}, {"source": "s", "campaign": "c&d"}) == written


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("https://shop.example/?who=lea@example.org", True),
        ("https://shop.example/?who=LEA%40Example.org", True),
        ("https://shop.example/c/4711-x", True),
        ("https://shop.example/?who=max@example.org", False),
        ("https://shop.example/7", False),
    ],
)
def test_an_address_that_tells_who_reads_it_is_known(url: str, names: bool) -> None:
    assert links.names_somebody(url, ("lea@example.org", "4711", "7")) is names
