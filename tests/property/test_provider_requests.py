"""Whatever people are called and whatever is written to them, providers get just that, in the fields meant for it."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from email.utils import getaddresses
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr
from support.mails import a_mail
from test_mime_roundtrip import NAMES, TEXTS, one_line

from campaigns.rendering import Content
from scheduler.channels.base import Message, Recipient
from scheduler.channels.email import mime
from scheduler.channels.email.providers.answers import discreet
from scheduler.channels.email.providers.postmark import Postmark
from scheduler.channels.email.providers.resend import Resend
from scheduler.channels.email.providers.ses import Ses

MOMENT = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)
POSTMARK = Postmark({"server_token": SecretStr("token")})
RESEND = Resend({"api_key": SecretStr("token")})
SES = Ses({"access_key_id": SecretStr("A"), "secret_access_key": SecretStr("s"), "region": SecretStr("eu-west-1")})
OUR_HEADERS = ["Feedback-ID", "List-ID", "List-Unsubscribe", "List-Unsubscribe-Post"]
INJECTED = '","Bcc":"eve@evil.example","x":"\r\nBcc: eve@evil.example\r\n\r\n"}'


def message(subject: str, text: str, html: str | None, name: str) -> Message:
    """Return a marketing message with these parts."""
    return a_mail(
        content=Content("Hello " + subject, text + "Hello", html),
        recipient=Recipient(7, name, "lea@example.org"),
        sender="Shop <shop@biksouv.example>",
        unsubscribe="https://biksouv.example/u/" + "t0ken" * 20,
    )


def body(data: bytes) -> dict[str, Any]:
    """Read a request's body, in which no name may stand twice."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names))
        return dict(pairs)

    found = json.loads(data, object_pairs_hook=once)
    assert isinstance(found, dict)
    return found


def unicode(text: str) -> str:
    """Say independently what is left of a text: a lone surrogate is no character."""
    return "".join("?" if 0xD800 <= ord(character) <= 0xDFFF else character for character in text)


@given(subject=TEXTS, text=TEXTS, html=st.none() | TEXTS, name=NAMES)
@example(subject=INJECTED, text=INJECTED, html=INJECTED, name=INJECTED)
def test_what_is_written_arrives_and_nothing_else(subject: str, text: str, html: str | None, name: str) -> None:
    made = message(subject, text, html, name)
    mail = mime.build(made)

    postmark, resend = POSTMARK.request(made, mail, MOMENT), RESEND.request(made, mail, MOMENT)

    first, second = body(postmark.body), body(resend.body)
    assert first["Subject"] == second["subject"] == one_line("Hello " + subject)
    assert first["TextBody"] == second["text"] == unicode(text) + "Hello"
    assert first.get("HtmlBody", "") == second.get("html", "") == unicode(html or "")
    assert first["From"] == second["from"] == "Shop <shop@biksouv.example>"
    assert [first["To"]] == second["to"]
    assert getaddresses([first["To"]]) == [(one_line(name), "lea@example.org")]
    assert sorted(header["Name"] for header in first["Headers"]) == sorted(second["headers"]) == OUR_HEADERS
    assert set(first) - {"HtmlBody"} == {
        "From", "To", "Subject", "TextBody", "Headers", "MessageStream", "Metadata", "Tag", "TrackLinks", "TrackOpens",
    }  # fmt: skip
    assert set(second) - {"html"} == {"from", "to", "subject", "text", "headers", "tags"}
    for request in (postmark, resend):
        assert all(value.isascii() and value.isprintable() for value in request.headers.values())


@given(subject=TEXTS, text=TEXTS, html=st.none() | TEXTS, name=NAMES)
def test_ses_gets_the_mail_that_a_mail_server_would_get(subject: str, text: str, html: str | None, name: str) -> None:
    made = message(subject, text, html, name)
    mail = mime.build(made)

    request = SES.request(made, mail, MOMENT)

    found = body(request.body)
    assert base64.b64decode(found["Content"]["Raw"]["Data"], validate=True) == mail.data
    assert found["Destination"] == {"ToAddresses": ["lea@example.org"]}
    assert all(value.isascii() and value.isprintable() for value in request.headers.values())


@given(campaign=NAMES, touch=NAMES)
def test_tags_are_of_letters_that_providers_take(campaign: str, touch: str) -> None:
    made = message("", "", None, "")
    mail = mime.build(made)
    object.__setattr__(made, "campaign", campaign)
    object.__setattr__(made, "touch", touch)

    values = [one["Value"] for one in body(SES.request(made, mail, MOMENT).body)["EmailTags"]]

    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value) for value in values)


@given(words=TEXTS)
@example(words="no\r\n2027-01-21 ERROR forged line of the log")
@example(words="x" * 199 + "sesame")
def test_what_a_provider_says_is_one_short_line_without_secrets(words: str) -> None:
    shown = discreet(f"{words} sesame for lea@example.org", ("sesame",))

    assert shown.isprintable()
    assert len(shown) <= 200
    assert "sesame" not in shown
    assert "lea@example.org" not in shown
