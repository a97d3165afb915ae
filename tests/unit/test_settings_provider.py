"""The settings of mail providers: where their secrets come from, what is refused, and what mails then go by."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scheduler.bootstrap import live_channels, mail_lanes
from scheduler.channels.email.providers.channel import ProviderChannel, provider_of
from scheduler.channels.email.smtp import EmailChannel
from scheduler.errors import SchedulerError
from scheduler.settings import Settings

SES = {
    "CAMPAIGN_EMAIL_PROVIDER": "ses",
    "CAMPAIGN_ACCOUNTS__SES__REGION": "eu-west-1",
    "CAMPAIGN_ACCOUNTS__SES__ACCESS_KEY_ID": "AKIDEXAMPLE",
    "CAMPAIGN_ACCOUNTS__SES__SECRET_ACCESS_KEY": "canary-secret",
}
POSTMARK = {"CAMPAIGN_EMAIL_PROVIDER": "postmark", "CAMPAIGN_ACCOUNTS__POSTMARK__SERVER_TOKEN": "canary-token"}
RESEND = {"CAMPAIGN_EMAIL_PROVIDER": "resend", "CAMPAIGN_ACCOUNTS__RESEND__API_KEY": "canary-key"}

Read = Callable[..., Settings]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CAMPAIGN_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return what reads the settings of an environment."""

    def settings(*environments: dict[str, str]) -> Settings:
        for environment in environments:
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
        return Settings.read(tmp_path)

    return settings


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        (SES, "Amazon SES, eu-west-1"),
        (POSTMARK, "Postmark, stream outbound"),
        ({**POSTMARK, "CAMPAIGN_ACCOUNTS__POSTMARK__MARKETING_STREAM": "news"}, "Postmark, stream outbound and news"),
        (RESEND, "Resend"),
    ],
)
def test_the_provider_that_is_named_carries_the_mails(read: Read, environment: dict[str, str], place: str) -> None:
    settings = read(environment)

    assert type(live_channels(settings, outbox=None)["email"]) is ProviderChannel
    assert "webhook" not in live_channels(settings, outbox=None)
    assert provider_of(settings).place == place
    assert settings.warnings == ()


def test_a_mail_server_still_carries_them_where_no_provider_is_named(read: Read) -> None:
    settings = read({"CAMPAIGN_SMTP_URL": "smtp://localhost", **{k: v for k, v in SES.items() if "ACCOUNTS" in k}})

    assert type(live_channels(settings, outbox=None)["email"]) is EmailChannel


def test_a_mail_server_and_a_provider_at_once_are_refused(read: Read) -> None:
    with pytest.raises(SchedulerError) as refused:
        read(SES, {"CAMPAIGN_SMTP_URL": "smtp://localhost"})

    assert refused.value.message == (
        "cannot read CAMPAIGN_EMAIL_PROVIDER: expected no CAMPAIGN_SMTP_URL beside it, mails go one way: "
        "keep one of them"
    )


def test_a_provider_that_nobody_knows_is_refused(read: Read) -> None:
    with pytest.raises(SchedulerError, match=r"cannot read CAMPAIGN_EMAIL_PROVIDER: .*'postmark', 'resend' or 'ses'"):
        read({"CAMPAIGN_EMAIL_PROVIDER": "mailgun"})


def test_one_mail_is_on_its_way_for_each_connection(read: Read) -> None:
    assert mail_lanes(read(RESEND, {"CAMPAIGN_SMTP_CONNECTIONS": "12"})) == 12


@pytest.mark.parametrize(
    ("environment", "message", "remedy"),
    [
        (
            {"CAMPAIGN_EMAIL_PROVIDER": "ses"},
            "the account of ses has no region",
            "set CAMPAIGN_ACCOUNTS__SES__REGION, e.g. eu-west-1",
        ),
        (
            {**SES, "CAMPAIGN_ACCOUNTS__SES__SECRET_ACCESS_KEY": ""},
            "the account of ses has no secret_access_key",
            "set CAMPAIGN_ACCOUNTS__SES__SECRET_ACCESS_KEY or CAMPAIGN_ACCOUNTS__SES__SECRET_ACCESS_KEY_FILE",
        ),
        (
            {**SES, "CAMPAIGN_ACCOUNTS__SES__REGION": "eu-west-1.evil.example/"},
            "cannot read CAMPAIGN_ACCOUNTS__SES__REGION: expected e.g. eu-west-1",
            "",
        ),
        (
            {**RESEND, "CAMPAIGN_ACCOUNTS__RESEND__API_KEY": "canary key"},
            "cannot read CAMPAIGN_ACCOUNTS__RESEND__API_KEY: expected printable ASCII without blanks",
            "",
        ),
        (
            {**RESEND, "CAMPAIGN_ACCOUNTS__RESEND__APIKEY": "canary"},
            "CAMPAIGN_ACCOUNTS__RESEND__APIKEY is no setting of resend",
            "expected one of api_key, webhook_secret, endpoint",
        ),
        (
            {**RESEND, "CAMPAIGN_ACCOUNTS__RESEND__WEBHOOK_SECRET": "canary"},
            "cannot read CAMPAIGN_ACCOUNTS__RESEND__WEBHOOK_SECRET: expected e.g. whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "",
        ),
        (
            {**POSTMARK, "CAMPAIGN_ACCOUNTS__POSTMARK__WEBHOOK_PASSWORD": "canary é"},
            "cannot read CAMPAIGN_ACCOUNTS__POSTMARK__WEBHOOK_PASSWORD: expected printable ASCII without blanks",
            "",
        ),
        (
            {**POSTMARK, "CAMPAIGN_ACCOUNTS__POSTMARK__MESSAGE_STREAM": "My Stream"},
            "cannot read CAMPAIGN_ACCOUNTS__POSTMARK__MESSAGE_STREAM: expected e.g. outbound",
            "",
        ),
    ],
)
def test_an_account_that_cannot_be_used_is_told_at_the_start(
    read: Read, environment: dict[str, str], message: str, remedy: str
) -> None:
    settings = read(environment)

    with pytest.raises(SchedulerError) as refused:
        live_channels(settings, outbox=None)

    assert (refused.value.message, refused.value.remedy) == (message, remedy)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("endpoint", "good"),
    [
        ("https://api.eu.resend.example", True),
        ("https://api.eu.resend.example:8443/", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://api.resend.com", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost@evil.example", False),
        ("https://user:canary@api.resend.com", False),
        ("https://api.resend.com/v2", False),
        ("https://api.resend.com?x", False),
        ("https://api.resend.com#x", False),
        ("ftp://api.resend.com", False),
        ("api.resend.com", False),
        ("https://api.resend.com:0", False),
        ("https://api.resend.com:99999", False),
        ("https://", False),
    ],
)
def test_credentials_travel_by_tls_or_not_at_all(read: Read, endpoint: str, good: bool) -> None:
    settings = read(RESEND, {"CAMPAIGN_ACCOUNTS__RESEND__ENDPOINT": endpoint})

    if good:
        assert provider_of(settings).name == "Resend"
        return
    with pytest.raises(SchedulerError, match="expected https:// and a host, nothing after it") as refused:
        provider_of(settings)
    assert "canary" not in str(refused.value)


def test_secrets_may_stand_in_files_and_in_credentials_of_systemd(read: Read, tmp_path: Path) -> None:
    key = tmp_path / "ses.key"
    key.write_text("canary-of-the-file\n")
    key.chmod(0o600)
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "accounts--ses--session-token").write_text("canary-of-systemd\n")
    named = {name: value for name, value in SES.items() if "SECRET" not in name}

    settings = read(
        named, {"CAMPAIGN_ACCOUNTS__SES__SECRET_ACCESS_KEY_FILE": str(key), "CREDENTIALS_DIRECTORY": str(folder)}
    )

    assert provider_of(settings).secrets == ("canary-of-the-file", "canary-of-systemd", "AKIDEXAMPLE")


@pytest.mark.parametrize("field", ["secret_access_key", "session_token", "server_token", "api_key"])
def test_a_secret_of_a_provider_in_the_project_file_is_said(read: Read, tmp_path: Path, field: str) -> None:
    (tmp_path / "campaign.toml").write_text(f'[accounts.mine]\n{field} = "canary"\n')

    (warning,) = read().warnings

    assert f"holds secrets (accounts.mine.{field})" in warning
    assert "canary" not in warning


@pytest.mark.parametrize("environment", [SES, POSTMARK, RESEND])
def test_no_secret_is_shown(read: Read, environment: dict[str, str]) -> None:
    settings = read(environment)

    shown = [repr(settings), str(settings), repr(provider_of(settings)), repr(vars(provider_of(settings)).get("place"))]

    assert not [text for text in shown if "canary" in text]
