"""What the terminal says of a mail provider: the doctor's line, the daemon's first line, a test message that goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from support.name_server import name_server, txt
from support.signatures import ed25519_pem
from support.terminal import Shop

ZONE = {
    "shop.example": [txt("v=spf1 include:amazonses.example -all"), "MX 10 mx.shop.example."],
    "_dmarc.shop.example": [txt("v=DMARC1; p=reject")],
}
SES = {
    "CAMPAIGN_EMAIL_PROVIDER": "ses",
    "CAMPAIGN_ACCOUNTS__SES__REGION": "eu-west-1",
    "CAMPAIGN_ACCOUNTS__SES__ACCESS_KEY_ID": "AKIDEXAMPLE",
    "CAMPAIGN_ACCOUNTS__SES__SECRET_ACCESS_KEY": "canary",
    "CAMPAIGN_ACCOUNTS__SES__ENDPOINT": "http://127.0.0.1:1",  # whatever happens, nothing is asked of the real one
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def doctor(shop: Shop, **env: str) -> list[str]:
    """Return what the doctor says of mail, a line each."""
    with name_server(ZONE) as nameserver:
        result = shop.run("doctor", CAMPAIGN_NAMESERVER=nameserver, **env)
    assert "canary" not in result.stdout
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_the_doctor_names_the_provider_and_looks_at_the_domain(shop: Shop) -> None:
    lines = doctor(shop, **SES)

    assert "✓ mail Amazon SES, eu-west-1: its account is complete (it was not asked)" in lines
    assert any(line.startswith(("✓ spf", "✗ spf", "! spf")) for line in lines)


def test_the_doctor_does_not_take_our_spf_for_the_provider_s(shop: Shop) -> None:
    lines = doctor(shop, **SES)
    shop.write("campaign.toml", '[dkim]\ndomain = "shop.example"\nselector = "s1"\n')
    named = doctor(shop, **SES)

    at = lines.index(
        "! dmarc shop.example: whether the provider speaks for it cannot be seen, its return path is its own"
    )
    assert lines[at + 1].startswith("set CAMPAIGN_DKIM__DOMAIN and CAMPAIGN_DKIM__SELECTOR to what the provider signs")
    assert "✓ dmarc shop.example: reject, aligned by DKIM" in named


def test_the_doctor_says_what_an_account_lacks(shop: Shop) -> None:
    lines = doctor(shop, CAMPAIGN_EMAIL_PROVIDER="postmark")

    at = lines.index("✗ mail the account of postmark has no server_token")
    told = " ".join(lines[at + 1 : at + 3])
    assert told.startswith("set CAMPAIGN_ACCOUNTS__POSTMARK__SERVER_TOKEN or")


def test_the_doctor_says_whether_a_provider_can_tell_what_came_back(shop: Shop) -> None:
    postmark = {"CAMPAIGN_EMAIL_PROVIDER": "postmark", "CAMPAIGN_ACCOUNTS__POSTMARK__SERVER_TOKEN": "canary"}
    proven = {**postmark, "CAMPAIGN_ACCOUNTS__POSTMARK__WEBHOOK_PASSWORD": "canary"}

    alone, nowhere = doctor(shop, **postmark), doctor(shop, **proven)
    told = doctor(shop, **proven, CAMPAIGN_PUBLIC_URL="https://news.shop.example")

    at = alone.index("! bounces postmark cannot tell which mails came back: nobody's mail is ever stopped")
    assert alone[at + 1].startswith("set CAMPAIGN_ACCOUNTS__POSTMARK__WEBHOOK_PASSWORD")
    assert "! bounces postmark has no address to tell which mails came back" in nowhere
    there = "https://news.shop.example/in/email/postmark"
    assert f"✓ bounces postmark tells which mails came back at {there}" in told
    assert not any("bounces" in line for line in doctor(shop, **SES))


def test_the_doctor_says_that_our_own_key_signs_nothing(shop: Shop) -> None:
    shop.write("keys/ed25519.pem", ed25519_pem()).chmod(0o600)
    shop.write("campaign.toml", '[dkim]\ndomain = "shop.example"\nselector = "s1"\nkey_file = "keys/ed25519.pem"\n')

    lines = doctor(shop, **SES)

    assert "! dkim our own key signs nothing: a provider signs what it sends" in lines


def test_a_test_message_goes_by_the_provider(shop: Shop, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/emails", method="POST").respond_with_json({"id": "5f"})

    result = shop.run(
        "send",
        "welcome",
        "--to",
        "you@example.org",
        "--test",
        CAMPAIGN_EMAIL_PROVIDER="resend",
        CAMPAIGN_ACCOUNTS__RESEND__API_KEY="canary",
        CAMPAIGN_ACCOUNTS__RESEND__ENDPOINT=httpserver.url_for("/").rstrip("/"),
    )

    assert (result.exit_code, result.stderr) == (0, "")
    (request, _) = httpserver.log[0]
    assert request.get_json()["to"] == ["you@example.org"]
    assert request.get_json()["subject"].startswith("[TEST]")


def test_the_daemon_says_by_whom_mails_go(shop: Shop) -> None:
    shop.applied()

    result = shop.run("run", "--once", now=None, **SES)

    assert "mail by Amazon SES, eu-west-1" in result.stderr + result.stdout
