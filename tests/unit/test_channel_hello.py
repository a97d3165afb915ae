"""How we greet a mail server."""

from __future__ import annotations

import socket

import pytest

from scheduler.channels.email import hello
from scheduler.errors import SchedulerError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("news.shop.example", "news.shop.example"),
        (" News.Shop.example ", "News.Shop.example"),
        ("müller.example", "xn--mller-kva.example"),
        ("[192.0.2.7]", "[192.0.2.7]"),
        ("[IPv6:2001:DB8:0::7]", "[IPv6:2001:db8::7]"),
        ("[2001:db8::7]", "[IPv6:2001:db8::7]"),
    ],
)
def test_a_name_is_read_as_servers_want_it(text: str, expected: str) -> None:
    assert hello.read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shop",
        "shop_app.local",
        "-shop.example",
        "192.0.2.7",
        "[shop.example]",
        "a@shop.example",
        "a.b\r\nQUIT",
        "é",
    ],
)
def test_what_is_no_full_name_is_no_greeting(text: str) -> None:
    with pytest.raises(SchedulerError, match="cannot read CAMPAIGN_SMTP_HELLO: expected a full host name, got "):
        hello.read(text)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("mail.shop.example", "mail.shop.example"),
        ("3f2ab8c91d04", None),
        ("shop_app.local", None),
        ("192.0.2.7", None),
        ("localhost.localdomain", None),
        ("1.0.0.127.in-addr.arpa", None),
    ],
)
def test_a_machine_has_a_name_when_others_could_look_it_up(
    machine: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: machine)

    assert hello.own_name() == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", "[192.0.2.7]"),
        ("2001:db8::7", "[IPv6:2001:db8::7]"),
        ("fe80::1%eth0", "[IPv6:fe80::1]"),
        ("::ffff:192.0.2.7", "[192.0.2.7]"),
    ],
)
def test_an_address_is_a_literal_of_its_kind(host: str, expected: str) -> None:
    assert hello.literal(host) == expected
