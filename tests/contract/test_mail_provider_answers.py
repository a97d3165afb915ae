"""What each answer of a mail provider means for the message, from a receipt to rubbish."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from channel_peers import WENT, Mark, offer, serving_tls, trusting_tls
from provider_peers import NAMES, Cut, Far, answer, provider, provider_channel
from support.http_peer import serving

from scheduler.channels.base import Receipt
from scheduler.channels.email.providers.channel import ProviderChannel
from scheduler.clock import FixedClock
from scheduler.errors import ChannelDown, NotSent, OurFault, Refused, Unknown


def told(name: str, *say: str | bytes, seconds: float = 5) -> Receipt | Exception:
    """Return what becomes of a message that is answered so; a repeat gets the next answer, none is slept for."""

    async def scenario() -> Receipt | Exception:
        async with provider_channel(Far(name, say=list(say)), seconds=seconds, pauses=()) as channel:
            try:
                return await channel.send(offer(), Mark())
            except Exception as error:
                return error

    return asyncio.run(scenario())


def ses(status: int, kind: str, words: str = "no", **headers: str) -> bytes:
    """Return a refusal of Amazon SES."""
    return answer(status, {"message": words}, x_amzn_ErrorType=f"{kind}:http://internal.amazon.com/coral/", **headers)


def postmark(status: int, number: int, words: str = "no") -> bytes:
    """Return a refusal of Postmark."""
    return answer(status, {"ErrorCode": number, "Message": words})


def resend(status: int, kind: str, words: str = "no") -> bytes:
    """Return a refusal of Resend."""
    return answer(status, {"statusCode": status, "name": kind, "message": words})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Unknown),  # a yes that names no mail
        (202, Unknown),
        (204, Unknown),
        (301, ChannelDown),
        (307, ChannelDown),
        (400, OurFault),
        (401, ChannelDown),
        (403, ChannelDown),
        (404, ChannelDown),
        (408, NotSent),
        (413, Refused),
        (422, OurFault),
        (429, NotSent),
        (451, OurFault),
        (500, Unknown),
        (502, Unknown),
        (503, Unknown),
        (504, Unknown),
    ],
)
def test_a_status_without_words_means_what_it_means_everywhere(name: str, status: int, expected: type) -> None:
    assert type(told(name, answer(status, {}))) is expected


@pytest.mark.parametrize(
    ("say", "expected"),
    [
        (ses(400, "AccountSuspendedException"), ChannelDown),
        (ses(400, "SendingPausedException"), ChannelDown),
        (ses(400, "MailFromDomainNotVerifiedException"), ChannelDown),
        (ses(404, "NotFoundException", "Configuration set <campaigns> does not exist."), ChannelDown),
        (ses(400, "MessageRejected", "Email address is not verified. The following identities failed"), OurFault),
        (ses(400, "MessageRejected", "Sending suspended for this account"), ChannelDown),
        (ses(400, "MessageRejected", "Transaction failed: message contained virus"), Refused),
        (ses(400, "MessageRejected", "something else"), OurFault),
        (ses(400, "BadRequestException", "Missing final '@domain'"), Refused),
        (ses(400, "BadRequestException", "Illegal address"), Refused),
        (ses(400, "BadRequestException", "something else"), OurFault),
        (ses(403, "SignatureDoesNotMatch"), ChannelDown),
        (ses(403, "InvalidClientTokenId"), ChannelDown),
        (ses(400, "ExpiredTokenException"), ChannelDown),
        (ses(403, "AccessDeniedException"), ChannelDown),
        (ses(429, "TooManyRequestsException", "Maximum sending rate exceeded."), NotSent),
        (ses(400, "ThrottlingException", "Maximum sending rate exceeded."), NotSent),
        (ses(400, "LimitExceededException"), NotSent),
        (ses(429, "TooManyRequestsException", "Daily message quota exceeded."), ChannelDown),
        (ses(500, "InternalServiceErrorException"), Unknown),
        (answer(400, {"__type": "com.amazonaws.sesv2#SendingPausedException", "Message": "no"}), ChannelDown),
    ],
)
def test_what_ses_says(say: bytes, expected: type) -> None:
    assert type(told("ses", say)) is expected


@pytest.mark.parametrize(
    ("say", "expected"),
    [
        (postmark(401, 10, "Bad or missing Server API token."), ChannelDown),
        (postmark(422, 400, "The 'From' address you supplied is not a Sender Signature"), OurFault),
        (postmark(422, 401), OurFault),
        (postmark(422, 405), ChannelDown),
        (postmark(422, 412), ChannelDown),
        (postmark(422, 413), ChannelDown),
        (postmark(422, 1235), ChannelDown),
        (postmark(422, 406, "You tried to send to recipient(s) that have been marked as inactive."), Refused),
        (postmark(422, 300, "Error parsing 'To': Illegal email address 'x'."), Refused),
        (postmark(422, 300, "Invalid 'From' address: 'x'."), OurFault),
        (postmark(422, 403), OurFault),
        (postmark(429, 429), NotSent),
        (postmark(503, 100, "Down for maintenance"), NotSent),
        (postmark(503, 0), Unknown),
        (postmark(500, 0), Unknown),
        (answer(200, {"ErrorCode": 406, "Message": "no", "MessageID": "x"}), Unknown),
    ],
)
def test_what_postmark_says(say: bytes, expected: type) -> None:
    assert type(told("postmark", say)) is expected


@pytest.mark.parametrize(
    ("say", "expected"),
    [
        (resend(401, "missing_api_key"), ChannelDown),
        (resend(401, "restricted_api_key"), ChannelDown),
        (resend(403, "invalid_api_key"), ChannelDown),
        (resend(403, "validation_error", "You can only send testing emails to your own address"), ChannelDown),
        (resend(422, "invalid_from_address"), OurFault),
        (resend(422, "validation_error", "Invalid `to` field. The address needs another form."), Refused),
        (resend(422, "validation_error", "Invalid `from` field."), OurFault),
        (resend(422, "missing_required_field"), OurFault),
        (resend(400, "invalid_idempotency_key"), OurFault),
        (resend(409, "concurrent_idempotent_requests"), Unknown),
        (resend(429, "rate_limit_exceeded"), NotSent),
        (resend(429, "daily_quota_exceeded"), ChannelDown),
        (resend(429, "monthly_quota_exceeded"), ChannelDown),
        (resend(451, "security_error"), OurFault),
        (resend(500, "application_error"), Unknown),
    ],
)
def test_what_resend_says(say: bytes, expected: type) -> None:
    assert type(told("resend", say)) is expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("after", "retry_at"),
    [
        ("120", WENT + timedelta(seconds=120)),
        ("Thu, 21 Jan 2027 09:00:00 GMT", datetime(2027, 1, 21, 9, 0, tzinfo=UTC)),
        ("99999999999999999999", WENT + timedelta(hours=24)),
        ("soon", None),
    ],
)
def test_too_many_is_later_and_says_when(name: str, after: str, retry_at: datetime | None) -> None:
    outcome = told(name, answer(429, {}, Retry_After=after))

    assert isinstance(outcome, NotSent)
    assert outcome.retry_at == retry_at


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "say",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>oh!",
        b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n["MessageId"]',
        Cut(b'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"id": "x"'),
        answer(200, {"MessageId": 7, "MessageID": None, "id": ["x"], "ErrorCode": 0}),
        answer(200, {"MessageId": "\x00", "MessageID": "\n", "id": " ", "ErrorCode": 0}),
        answer(200, {"MessageId": "x", "MessageID": "x", "id": "x", "ErrorCode": 0, "pad": "y" * 70_000}),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"[" * 60_000,
        Cut(b"\x16\x03\x01rubbish\r\n\r\n"),
        Cut(b"HTTP/1.1"),
        "drop",
    ],
)
def test_an_answer_that_is_no_receipt_leaves_it_unknown(name: str, say: str | bytes) -> None:
    outcome = told(name, say)

    assert type(outcome) is Unknown
    assert str(outcome).endswith(": it may have taken the message")


@pytest.mark.parametrize("name", NAMES)
def test_silence_after_the_request_is_unknown(name: str) -> None:
    outcome = told(name, "took hang", seconds=0.3)

    assert type(outcome) is Unknown
    assert "did not answer in time" in str(outcome)


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_whose_words_break_off_is_still_a_refusal(name: str) -> None:
    outcome = told(name, Cut(b"HTTP/1.1 413 Large\r\nContent-Length: 999\r\n\r\n{"))

    assert type(outcome) is Refused


@pytest.mark.parametrize("name", NAMES)
def test_a_redirect_takes_the_credentials_nowhere(name: str) -> None:
    elsewhere = Far(name)

    async def scenario() -> None:
        async with serving(elsewhere.serve) as port:
            far = Far(name, say=[answer(307, {}, Location=f"http://127.0.0.1:{port}/taken")])
            async with provider_channel(far) as channel:
                with pytest.raises(ChannelDown) as refused:
                    await channel.send(offer(), Mark())
        assert refused.value.remedy == "redirects are not followed: mend `endpoint` of the account"

    asyncio.run(scenario())

    assert elsewhere.connections == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_that_may_be_ours_stops_the_channel_until_others_are_taken(name: str) -> None:
    no = answer(422, {})

    async def scenario() -> list[type]:
        far = Far(name, say=[no, no, "took", no])
        async with provider_channel(far) as channel:
            outcomes: list[type] = []
            for key in ("one", "one", "two", "one"):
                try:
                    outcomes.append(type(await channel.send(offer(key=key), Mark())))
                except Exception as error:
                    outcomes.append(type(error))
            return outcomes

    assert asyncio.run(scenario()) == [OurFault, OurFault, Receipt, Refused]


@pytest.mark.parametrize("name", NAMES)
def test_a_certificate_that_is_not_trusted_stops_before_the_mark(name: str) -> None:
    far = Far(name)
    mark = Mark()

    async def scenario(trusted: bool) -> Receipt | Exception:
        server = await asyncio.start_server(far.serve, "localhost", 0, ssl=serving_tls())
        port = server.sockets[0].getsockname()[1]
        made = provider(name, port, endpoint=f"https://localhost:{port}")
        tls = trusting_tls() if trusted else None
        channel = ProviderChannel(made, timeout_seconds=5, pauses=(), tls=tls, clock=FixedClock(WENT))
        try:
            return await channel.send(offer(), mark)
        except Exception as error:
            return error
        finally:
            await channel.close()
            server.close()

    stranger = asyncio.run(scenario(trusted=False))
    calls = mark.calls
    known = asyncio.run(scenario(trusted=True))

    assert type(stranger) is NotSent
    assert "TLS failed" in str(stranger)
    assert calls == 0
    assert type(known) is Receipt
