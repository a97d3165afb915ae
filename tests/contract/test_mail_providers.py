"""What each provider is asked to send, and how often: the same words as by SMTP, one mail a key, one mark before it."""

from __future__ import annotations

import asyncio
import base64
import logging
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from channel_peers import LEA, Mark, offer
from provider_peers import ACCOUNTS, NAMES, SECRET, TOKEN, Cut, Far, answer, provider_channel

from campaigns.rendering import Content
from scheduler.channels.base import Message, Receipt
from scheduler.errors import NoAccount, NotSent, Refused, Unknown, Withheld

LINK = "https://news.biksouv.example/u/" + "t0ken" * 16
MARKETING = offer(
    reply_to="Aide, Équipe <aide@biksouv.example>",
    unsubscribe=LINK,
    unsubscribe_mail="mailto:stop@biksouv.example",
    return_path="b+stamp@bounces.biksouv.example",
)


def sent(far: Far, *messages: Message, **options: Any) -> list[Receipt | Exception]:
    """Send messages one after the other; errors are returned, not raised."""

    async def scenario() -> list[Receipt | Exception]:
        async with provider_channel(far, **options) as channel:
            outcomes: list[Receipt | Exception] = []
            for message in messages:
                try:
                    outcomes.append(await channel.send(message, Mark()))
                except Exception as error:
                    outcomes.append(error)
            return outcomes

    return asyncio.run(scenario())


def posted(name: str, message: Message = MARKETING, **fields: str) -> dict[str, Any]:
    """Return what one message made the provider get."""
    far = Far(name)
    sent(far, message, **fields)
    return far.posts[0].json


def mail_of(found: dict[str, Any]) -> EmailMessage:
    """Return the mail that SES was given, read by the standard parser."""
    return message_from_bytes(base64.b64decode(found["Content"]["Raw"]["Data"]), policy=policy.default)


def test_ses_gets_our_own_bytes_with_every_header() -> None:
    found = posted("ses")

    mail = mail_of(found)
    assert mail["From"] == "BikSouv & Pro <bonjour@biksouv.example>"
    assert mail["To"] == "Léa Martin <lea@example.org>"
    assert mail["Reply-To"] == '"Aide, Équipe" <aide@biksouv.example>'
    assert mail["Subject"] == "Léa, -30 %"
    assert mail["List-Unsubscribe"] == f"<{LINK}>, <mailto:stop@biksouv.example>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Feedback-ID"].startswith("valentines:offer-email:marketing:")
    assert mail["List-ID"] == "<valentines.biksouv.example>"
    text, html = mail.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert text.get_content() == "Bonjour Léa,\r\n.\r\nà bientôt\r\n"
    assert html.get_content() == "<p>Bonjour Léa</p>\r\n"


def test_ses_gets_the_envelope_and_the_tags_beside_the_mail() -> None:
    found = posted("ses", configuration_set="campaigns")

    del found["Content"]
    assert found == {
        "ConfigurationSetName": "campaigns",
        "Destination": {"ToAddresses": ["lea@example.org"]},
        "EmailTags": [
            {"Name": "campaign", "Value": "valentines"},
            {"Name": "edition", "Value": "2027"},
            {"Name": "touch", "Value": "offer-email"},
        ],
        "FeedbackForwardingEmailAddress": "b+stamp@bounces.biksouv.example",
    }


def test_ses_is_asked_at_its_own_path_with_a_signature_of_the_region() -> None:
    far = Far("ses")

    sent(far, MARKETING, session_token="canary-of-a-session")

    post = far.posts[0]
    assert post.path == "/v2/email/outbound-emails"
    assert post.headers["x-amz-date"] == "20270121T083000Z"
    assert post.headers["x-amz-security-token"] == "canary-of-a-session"
    assert post.headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20270121/eu-west-1/ses/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
    )


def test_a_mail_without_a_return_path_asks_ses_for_no_other_address() -> None:
    assert "FeedbackForwardingEmailAddress" not in posted("ses", offer())


def test_postmark_gets_the_same_in_fields() -> None:
    found = posted("postmark")

    sender = found["Headers"].pop()
    assert sender["Name"] == "Feedback-ID"
    assert sender["Value"].startswith("valentines:offer-email:marketing:")
    assert found == {
        "From": '"BikSouv & Pro" <bonjour@biksouv.example>',
        "To": '"Léa Martin" <lea@example.org>',
        "ReplyTo": '"Aide, Équipe" <aide@biksouv.example>',
        "Subject": "Léa, -30 %",
        "TextBody": "Bonjour Léa,\n.\nà bientôt\n",
        "HtmlBody": "<p>Bonjour Léa</p>\n",
        "Headers": [
            {"Name": "List-Unsubscribe", "Value": f"<{LINK}>, <mailto:stop@biksouv.example>"},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
            {"Name": "List-ID", "Value": "<valentines.biksouv.example>"},
        ],
        "MessageStream": "outbound",
        "Metadata": {"key": "0a1b2c3d4e5f", "message": "1-cd584cc95f0793d8"},
        "Tag": "valentines/offer-email",
        "TrackLinks": "None",
        "TrackOpens": False,
    }


def test_postmark_sends_marketing_by_the_stream_for_it() -> None:
    streams = {"message_stream": "receipts", "marketing_stream": "broadcast"}

    assert posted("postmark", offer(), **streams)["MessageStream"] == "broadcast"
    assert posted("postmark", offer(purpose="transactional"), **streams)["MessageStream"] == "receipts"


def test_resend_gets_the_same_in_fields() -> None:
    found = posted("resend")

    feedback = found["headers"].pop("Feedback-ID")
    assert feedback.startswith("valentines:offer-email:marketing:")
    assert found == {
        "from": '"BikSouv & Pro" <bonjour@biksouv.example>',
        "to": ['"Léa Martin" <lea@example.org>'],
        "reply_to": '"Aide, Équipe" <aide@biksouv.example>',
        "subject": "Léa, -30 %",
        "text": "Bonjour Léa,\n.\nà bientôt\n",
        "html": "<p>Bonjour Léa</p>\n",
        "headers": {
            "List-Unsubscribe": f"<{LINK}>, <mailto:stop@biksouv.example>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-ID": "<valentines.biksouv.example>",
        },
        "tags": [
            {"name": "campaign", "value": "valentines"},
            {"name": "edition", "value": "2027"},
            {"name": "touch", "value": "offer-email"},
            {"name": "message", "value": "1-cd584cc95f0793d8"},
        ],
    }


@pytest.mark.parametrize(("name", "header"), [("postmark", "x-postmark-server-token"), ("resend", "authorization")])
def test_the_credentials_stand_in_their_header(name: str, header: str) -> None:
    far = Far(name)

    sent(far, MARKETING)

    assert far.posts[0].headers[header].removeprefix("Bearer ") == TOKEN
    assert far.posts[0].headers["content-type"] == "application/json"
    assert far.posts[0].path == {"postmark": "/email", "resend": "/emails"}[name]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_marketing_says_that_a_machine_sent_it(name: str) -> None:
    found = posted(name, offer(purpose="transactional", unsubscribe=None))

    if name == "ses":
        told = dict(mail_of(found).items())
    elif name == "postmark":
        told = {header["Name"]: header["Value"] for header in found["Headers"]}
    else:
        told = found["headers"]
    assert told["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in told


@pytest.mark.parametrize(("name", "text", "html"), [("postmark", "TextBody", "HtmlBody"), ("resend", "text", "html")])
def test_a_part_that_is_not_there_is_not_made_up(name: str, text: str, html: str) -> None:
    words_alone = posted(name, offer(content=Content("Hello", "Hello\n", None)))
    pages_alone = posted(name, offer(content=Content("Hello", "", "<p>Hello</p>")))

    assert html not in words_alone
    assert pages_alone.get(text, "") == ""


@pytest.mark.parametrize("name", NAMES)
def test_the_receipt_bears_the_name_the_provider_gave(name: str) -> None:
    shown = {"ses": "Amazon SES", "postmark": "Postmark", "resend": "Resend"}[name]

    assert sent(Far(name), MARKETING) == [Receipt("id-0a1b2c3d4e5f", f"200 from {shown}")]


@pytest.mark.parametrize("name", NAMES)
def test_the_mark_comes_on_the_open_connection_before_the_first_byte(name: str) -> None:
    far = Far(name)
    mark = Mark(lambda: far.received)

    async def scenario() -> None:
        async with provider_channel(far) as channel:
            await channel.send(MARKETING, mark)

    asyncio.run(scenario())

    assert mark.seen == [0]
    assert far.received > 500


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_stopped_at_its_mark_leaves_no_byte_and_one_after_it_does(name: str) -> None:
    far = Far(name)

    async def scenario() -> tuple[int, list[str]]:
        async with provider_channel(far) as channel:
            with pytest.raises(Withheld):
                await channel.send(offer(key="one"), Mark(raises=Withheld("suppressed", "left")))
            before = far.received
            await channel.send(offer(key="two"), Mark())
            return before, far.taken

    assert asyncio.run(scenario()) == (0, ["two"])


@pytest.mark.parametrize("name", NAMES)
def test_mails_share_a_connection(name: str) -> None:
    far = Far(name)

    sent(far, *(offer(key=f"m{n}") for n in range(5)))

    assert far.taken == ["m0", "m1", "m2", "m3", "m4"]
    assert far.connections == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_connection_that_the_provider_closed_meanwhile_costs_nothing(name: str) -> None:
    far = Far(name, say=[Cut(answer(429, {}))])

    async def scenario() -> Receipt:
        async with provider_channel(far) as channel:
            with pytest.raises(NotSent):
                await channel.send(offer(key="one"), Mark())
            await far.closed.wait()
            return await channel.send(offer(key="two"), Mark())

    assert asyncio.run(scenario()).provider_id == "id-two"
    assert far.connections == 2


@pytest.mark.parametrize("name", NAMES)
def test_no_more_connections_are_open_than_the_settings_say(name: str) -> None:
    far = Far(name)

    async def scenario() -> None:
        async with provider_channel(far, connections=2) as channel:
            await asyncio.gather(*(channel.send(offer(key=f"m{n}"), Mark()) for n in range(8)))

    asyncio.run(scenario())

    assert len(far.taken) == 8
    assert far.connections == 2


def test_resend_is_asked_again_with_the_same_key_when_nobody_knows() -> None:
    far = Far("resend", say=["took drop", answer(500, {"name": "internal_server_error"})])

    outcomes = sent(far, MARKETING)

    assert outcomes == [Receipt("id-0a1b2c3d4e5f", "200 from Resend")]
    assert far.taken == ["0a1b2c3d4e5f"]
    assert [post.headers["idempotency-key"] for post in far.posts] == ["0a1b2c3d4e5f"] * 3
    assert len({post.body for post in far.posts}) == 1


def test_the_mark_of_a_mail_that_is_asked_for_again_is_written_once() -> None:
    far = Far("resend", say=["drop"])
    mark = Mark()

    async def scenario() -> None:
        async with provider_channel(far) as channel:
            await channel.send(MARKETING, mark)

    asyncio.run(scenario())

    assert (mark.calls, len(far.posts), far.taken) == (1, 2, ["0a1b2c3d4e5f"])


def test_what_is_said_of_the_second_request_is_not_said_of_the_first() -> None:
    far = Far("resend", say=["took drop", answer(429, {}), answer(403, {"name": "invalid_api_key"})])

    (outcome,) = sent(far, MARKETING)

    assert type(outcome) is Unknown
    assert str(outcome) == "Resend broke the connection: it may have taken the message"
    assert len(far.posts) == 3


def test_the_same_key_twice_gives_one_mail_where_keys_are_kept() -> None:
    far = Far("resend")

    first, second = sent(far, MARKETING, MARKETING)

    assert first == second
    assert far.taken == ["0a1b2c3d4e5f"]


def test_another_text_under_a_key_that_was_used_is_not_known_to_have_gone_and_not_asked_for_again() -> None:
    far = Far("resend")

    _, second = sent(far, MARKETING, offer(content=Content("Other", "Other\n", None)))

    assert type(second) is not Receipt
    assert isinstance(second, Unknown)
    assert "what was sent with this key before may have arrived" in str(second)
    assert len(far.posts) == 2


@pytest.mark.parametrize("name", ["postmark", "ses"])
@pytest.mark.parametrize("told", ["took drop", "drop", answer(500, {})])
def test_elsewhere_what_nobody_knows_is_never_asked_for_again(name: str, told: str | bytes) -> None:
    far = Far(name, say=[told])

    (outcome,) = sent(far, MARKETING)

    assert type(outcome) is Unknown
    assert len(far.posts) == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_address_that_providers_cannot_carry_is_refused_before_the_mark(name: str) -> None:
    far = Far(name)
    mark = Mark()

    async def scenario() -> None:
        async with provider_channel(far) as channel:
            person = type(LEA)(8, "Зоя", "зоя@example.org")
            with pytest.raises(Refused, match="no address with letters outside a-z"):
                await channel.send(offer(recipient=person), mark)
            with pytest.raises(NoAccount, match="no sender with letters outside a-z"):
                await channel.send(offer(sender="Зоя <зоя@biksouv.example>"), mark)

    asyncio.run(scenario())

    assert (mark.calls, far.posts) == (0, [])


@pytest.mark.parametrize("name", NAMES)
def test_a_port_where_nobody_listens_is_certainly_not_sent(name: str) -> None:
    mark = Mark()

    async def scenario() -> None:
        async with provider_channel(Far(name), endpoint="http://127.0.0.1:1") as channel:
            with pytest.raises(NotSent, match="cannot be reached: no connection"):
                await channel.send(MARKETING, mark)

    asyncio.run(scenario())

    assert mark.calls == 0


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_and_no_address_is_logged_or_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echoed = f"key {TOKEN} {SECRET} AKIDEXAMPLE may not write to lea@example.org"
    words = {"ses": "message", "postmark": "Message", "resend": "message"}[name]
    far = Far(name, say=["took", answer(401, {words: echoed})])

    _, error = sent(far, offer(key="one"), offer(key="two"))

    told = [str(error), repr(error), *(record.getMessage() for record in caplog.records)]
    secrets = (*(ACCOUNTS[name][key] for key in ACCOUNTS[name] if key != "region"), "lea@example.org")
    assert "may not write to <address>" in str(error)
    assert not [line for line in told if any(secret in line for secret in secrets)]
