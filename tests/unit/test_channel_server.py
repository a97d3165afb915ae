"""The mail server's URL."""

from __future__ import annotations

import pytest

from scheduler.channels.email.server import SmtpServer
from scheduler.errors import SchedulerError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://localhost", SmtpServer("localhost", 25)),
        ("smtp://localhost:1025", SmtpServer("localhost", 1025)),
        ("smtp+starttls://mx.example.org", SmtpServer("mx.example.org", 587, "smtp+starttls")),
        ("smtps://shop:s%40same@mx.example.org", SmtpServer("mx.example.org", 465, "smtps", "shop", "s@same")),
        (
            "SMTPS://shop%40biksouv.example:pw@mx.example.org:2465/",
            SmtpServer("mx.example.org", 2465, "smtps", "shop@biksouv.example", "pw"),
        ),
        ("smtp://[::1]:2525", SmtpServer("::1", 2525)),
    ],
)
def test_a_url_names_the_server(url: str, expected: SmtpServer) -> None:
    assert SmtpServer.parse(url) == expected


def test_a_password_from_elsewhere_stands_in() -> None:
    assert SmtpServer.parse("smtps://shop@mx.example.org", "sesame").password == "sesame"
    assert SmtpServer.parse("smtps://shop:own@mx.example.org", "sesame").password == "own"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mx.example.org", "expected smtp, smtp+starttls, smtps"),
        ("smtp+tls://mx.example.org", "got smtp+tls:// - did you mean smtp"),
        ("http://mx.example.org", "got http://"),
        ("smtp://", "expected scheme://user@host:port"),
        ("smtp://mx.example.org:http", "expected scheme://user@host:port"),
        ("smtp://mx.example.org:99999", "expected scheme://user@host:port"),
        ("smtp://mx.example.org/inbox", "expected scheme://user@host:port"),
        ("smtp://:sesame@mx.example.org", "a password but no user name"),
    ],
)
def test_what_cannot_be_read_says_so_without_the_secret(url: str, words: str) -> None:
    with pytest.raises(SchedulerError) as caught:
        SmtpServer.parse(url)

    assert words in str(caught.value)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("password", ["ses/ame", "ses[ame", "ses]ame", "ses#ame", "ses?ame"])
def test_a_password_that_has_to_be_encoded_is_told_how(password: str) -> None:
    with pytest.raises(SchedulerError) as caught:
        SmtpServer.parse(f"smtps://shop:{password}@mx.example.org")

    assert str(caught.value).endswith(
        "expected scheme://user@host:port - percent-encode the password in CAMPAIGN_SMTP_URL (/ is %2F), "
        "or put it in CAMPAIGN_SMTP_PASSWORD instead"
    )
    assert "ses" not in str(caught.value)


def test_its_password_is_not_shown() -> None:
    assert "sesame" not in repr(SmtpServer.parse("smtps://shop:sesame@mx.example.org"))
