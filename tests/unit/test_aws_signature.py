"""AWS Signature Version 4 against the vectors of AWS's own test suite (aws-sig-v4-test-suite, public domain facts)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scheduler.channels.email.providers.sigv4 import Credentials, Scope, sign

# The suite's key, region, service, host and moment; none of them is anybody's.
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SUITE = Scope("us-east-1", "service")
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7"
    "mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d"
    "+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("method", "headers", "body", "names", "signature"),
    [
        pytest.param(
            "GET", {}, b"", "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", id="get-vanilla",
        ),
        pytest.param(
            "POST", {}, b"", "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", id="post-vanilla",
        ),
        pytest.param(
            "POST", {"My-Header1": "value1"}, b"", "host;my-header1;x-amz-date",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c", id="post-header-key-sort",
        ),
        pytest.param(
            "POST", {"My-Header1": "VALUE1"}, b"", "host;my-header1;x-amz-date",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d", id="post-header-value-case",
        ),
        pytest.param(
            "GET", {"My-Header1": " value1", "My-Header2": ' "a   b   c"'}, b"",
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736", id="get-header-value-trim",
        ),
        pytest.param(
            "POST", {"Content-Type": FORM}, b"Param1=value1", "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a", id="post-x-www-form-urlencoded",
        ),
        pytest.param(
            "POST", {"Content-Type": f"{FORM}; charset=utf8"}, b"Param1=value1", "content-type;host;x-amz-date",
            "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
            id="post-x-www-form-urlencoded-parameters",
        ),
    ],
)  # fmt: skip
def test_a_request_is_signed_as_aws_signs_it(
    method: str, headers: dict[str, str], body: bytes, names: str, signature: str
) -> None:
    given = {"Host": "example.amazonaws.com", **headers}

    signed = sign(Credentials(KEY, SECRET), SUITE, method, "/", given, body, AT)

    assert signed["X-Amz-Date"] == "20150830T123600Z"
    assert signed["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_a_session_token_is_sent_and_signed() -> None:
    given = {"Host": "example.amazonaws.com"}

    signed = sign(Credentials(KEY, SECRET, TOKEN), SUITE, "POST", "/", given, b"", AT)

    assert signed["X-Amz-Security-Token"] == TOKEN
    assert signed["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    )


def test_what_was_given_is_not_changed() -> None:
    given = {"Host": "example.amazonaws.com"}

    sign(Credentials(KEY, SECRET), SUITE, "GET", "/", given, b"", AT)

    assert given == {"Host": "example.amazonaws.com"}


def test_no_secret_is_in_the_name_of_the_credentials() -> None:
    shown = repr(Credentials(KEY, SECRET, TOKEN))

    assert SECRET not in shown
    assert TOKEN not in shown
