"""Settings: what wins over what, secrets from files, and nothing secret in any text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scheduler.errors import SchedulerError
from scheduler.settings import Settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CAMPAIGN_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


def secret_file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_nothing_set_is_nothing_known(tmp_path: Path) -> None:
    settings = Settings.read(tmp_path)

    assert settings.database_url is None
    assert settings.smtp_url is None
    assert settings.key() is None
    assert settings.now is None
    assert settings.accounts == {}
    assert settings.outbox is None
    assert settings.public_url is None
    assert settings.render_processes == 1
    assert settings.warnings == ()


def test_the_environment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_DATABASE_URL", "postgresql://shop@db/campaigns")
    monkeypatch.setenv("CAMPAIGN_SMTP_URL", "smtps://shop:sesame@mx.example.org")
    monkeypatch.setenv("CAMPAIGN_SECRET_KEY", "0123456789abcdef")
    monkeypatch.setenv("CAMPAIGN_NOW", "2027-01-10")
    monkeypatch.setenv("CAMPAIGN_PUBLIC_URL", "https://news.biksouv.example/")
    monkeypatch.setenv("CAMPAIGN_OUTBOX", "out")
    monkeypatch.setenv("CAMPAIGN_RENDER_PROCESSES", "2")

    settings = Settings.read(tmp_path)

    assert settings.database_url == "postgresql://shop@db/campaigns"
    assert settings.smtp_url is not None
    assert settings.smtp_url.get_secret_value() == "smtps://shop:sesame@mx.example.org"
    assert settings.key() == b"0123456789abcdef"
    assert settings.now == "2027-01-10"
    assert settings.public_url == "https://news.biksouv.example"
    assert settings.outbox == tmp_path / "out"
    assert settings.render_processes == 2
    assert settings.warnings == ()


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_DATABASE_URL", "")

    assert Settings.read(tmp_path).database_url is None


def test_flag_wins_over_environment_and_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "campaign.toml").write_text(
        'public_url = "https://file.example"\nnow = "2027-01-01"\noutbox = "file"\n'
    )
    monkeypatch.setenv("CAMPAIGN_PUBLIC_URL", "https://env.example")
    monkeypatch.setenv("CAMPAIGN_NOW", "2027-01-02")

    settings = Settings.read(tmp_path, now="2027-01-03", outbox=None)

    assert settings.outbox == tmp_path / "file"
    assert settings.public_url == "https://env.example"
    assert settings.now == "2027-01-03"


def test_accounts_are_merged_field_by_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "campaign.toml").write_text(
        '[accounts.shop-crm]\nurl = "https://crm.example"\nallow_private = "true"\n'
    )
    monkeypatch.setenv("CAMPAIGN_ACCOUNTS__SHOP_CRM__SECRET", "whsec_x")
    monkeypatch.setenv("CAMPAIGN_ACCOUNTS__SHOP_CRM__ALLOW_PRIVATE", "false")

    account = Settings.read(tmp_path).account("Shop-CRM")

    assert {name: value.get_secret_value() for name, value in account.items()} == {
        "url": "https://crm.example",
        "allow_private": "false",
        "secret": "whsec_x",
    }


def test_a_secret_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_SMTP_PASSWORD_FILE", str(secret_file(tmp_path / "password", "sesame\n")))
    monkeypatch.setenv("CAMPAIGN_SECRET_KEY_FILE", str(secret_file(tmp_path / "key", "0123456789abcdef\r\n")))
    monkeypatch.setenv("CAMPAIGN_ACCOUNTS__CRM__SECRET_FILE", str(secret_file(tmp_path / "hook", "whsec_x")))

    settings = Settings.read(tmp_path)

    assert settings.smtp_password is not None
    assert settings.smtp_password.get_secret_value() == "sesame"
    assert settings.key() == b"0123456789abcdef"
    assert settings.account("crm")["secret"].get_secret_value() == "whsec_x"
    assert settings.warnings == ()


def test_the_project_file_may_name_secret_files_beside_it(tmp_path: Path) -> None:
    secret_file(tmp_path / "password", "sesame\n")
    (tmp_path / "campaign.toml").write_text('smtp_password_file = "password"\n')

    settings = Settings.read(tmp_path)

    assert settings.smtp_password is not None
    assert settings.smtp_password.get_secret_value() == "sesame"


def test_systemd_credentials_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    secret_file(folder / "smtp-password", "sesame")
    secret_file(folder / "accounts--crm--secret", "whsec_x")
    secret_file(folder / "unrelated", "x")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))

    settings = Settings.read(tmp_path)

    assert settings.smtp_password is not None
    assert settings.smtp_password.get_secret_value() == "sesame"
    assert settings.account("crm")["secret"].get_secret_value() == "whsec_x"


def test_a_secret_and_its_file_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_SECRET_KEY", "0123456789abcdef")
    monkeypatch.setenv("CAMPAIGN_SECRET_KEY_FILE", str(secret_file(tmp_path / "key", "other")))

    with pytest.raises(SchedulerError, match="CAMPAIGN_SECRET_KEY and CAMPAIGN_SECRET_KEY_FILE are both set"):
        Settings.read(tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_SMTP_PASSWORD_FILE", str(tmp_path / "nowhere"))

    with pytest.raises(SchedulerError, match="nowhere, named by CAMPAIGN_SMTP_PASSWORD_FILE: No such file"):
        Settings.read(tmp_path)


def test_a_secret_everybody_can_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_SMTP_PASSWORD_FILE", str(secret_file(tmp_path / "password", "sesame", 0o644)))

    [warning] = Settings.read(tmp_path).warnings

    assert "can be read by every user of this machine" in warning
    assert "sesame" not in warning


def test_a_secret_in_the_project_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(
        'secret_key = "0123456789abcdef"\nsmtp_url = "smtps://shop:sesame@mx.example"\n[accounts.crm]\nsecret = "w"\n'
    )

    [warning] = Settings.read(tmp_path).warnings

    assert "holds secrets (secret_key, smtp_url, accounts.crm.secret)" in warning
    assert "sesame" not in warning


@pytest.mark.parametrize("password", ["ses[ame", "ses]ame"])
def test_a_secret_that_no_address_may_hold_is_one_too(tmp_path: Path, password: str) -> None:
    (tmp_path / "campaign.toml").write_text(f'smtp_url = "smtps://shop:{password}@mx.example"\n')

    [warning] = Settings.read(tmp_path).warnings

    assert "holds secrets (smtp_url)" in warning


def test_a_password_in_clear_is_said_unless_it_stays_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGN_SMTP_URL", "smtp://shop:sesame@mx.example.org")
    [warning] = Settings.read(tmp_path).warnings
    monkeypatch.setenv("CAMPAIGN_SMTP_URL", "smtp://shop:sesame@localhost:1025")

    assert warning.startswith("the log-in of mx.example.org travels in clear")
    assert Settings.read(tmp_path).warnings == ()


def test_a_misspelt_variable_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_SMPT_URL", "smtp://localhost")
    monkeypatch.setenv("CAMPAIGN_TEST_POSTGRES_URL", "postgresql://localhost")

    assert Settings.read(tmp_path).warnings == ("CAMPAIGN_SMPT_URL is not a setting: did you mean CAMPAIGN_SMTP_URL?",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('smpt_url = "x"\n', "unknown setting 'smpt_url' - did you mean 'smtp_url'?"),
        ("smtp_url = \n", "cannot be read: Invalid value"),
        ('public_url = "news.biksouv.example"\n', "cannot read CAMPAIGN_PUBLIC_URL: expected an address such as"),
        (
            'public_url = "https://ca☃nary..example"\n',
            "CAMPAIGN_PUBLIC_URL: expected a host whose letters a domain can",
        ),
        ('secret_key = "short-canary"\n', "cannot read CAMPAIGN_SECRET_KEY: "),
        ('accounts = "canary"\n', "cannot read CAMPAIGN_ACCOUNTS: "),
        ('retention = "soon"\n', "cannot read CAMPAIGN_RETENTION: expected a span such as '3 years', or never"),
        ('retention = "29 days"\n', "cannot read CAMPAIGN_RETENTION: expected at least 30 days"),
        ('unconfirmed = "3 hours"\n', "cannot read CAMPAIGN_UNCONFIRMED: expected at least 1 days"),
        ('utm_domains = "shop.example, https://x"\n', "expected sites such as shop.example, got 'https://x'"),
        ('scanner_networks = "192.0.2.1/24"\n', "expected networks such as 192.0.2.0/24, got '192.0.2.1/24'"),
        ("render_processes = 0\n", "cannot read CAMPAIGN_RENDER_PROCESSES: input should be greater than or equal to 1"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named_and_not_shown(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "campaign.toml").write_text(text)

    with pytest.raises(SchedulerError) as caught:
        Settings.read(tmp_path)

    assert words in str(caught.value)
    assert "canary" not in str(caught.value)


def test_accounts_that_are_no_json_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_ACCOUNTS", "canary")

    with pytest.raises(SchedulerError, match="cannot read CAMPAIGN_ACCOUNTS"):
        Settings.read(tmp_path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///var/shop.db", "sqlite:///{project}/var/shop.db"),
        ("sqlite:////srv/shop.db", "sqlite:////srv/shop.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://db/shop", "postgresql://db/shop"),
    ],
)
def test_a_database_file_lies_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, expected: str
) -> None:
    monkeypatch.setenv("CAMPAIGN_DATABASE_URL", url)

    assert Settings.read(tmp_path).database_url == expected.format(project=tmp_path)


def test_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_DATABASE_URL", "postgresql://shop:canary1@db/campaigns")
    monkeypatch.setenv("CAMPAIGN_SMTP_URL", "smtps://shop:canary2@mx.example.org")
    monkeypatch.setenv("CAMPAIGN_SMTP_PASSWORD", "canary3")
    monkeypatch.setenv("CAMPAIGN_SECRET_KEY", "canary4-canary4-canary4")
    monkeypatch.setenv("CAMPAIGN_ACCOUNTS__CRM__URL", "https://hooks.example/canary5")

    settings = Settings.read(tmp_path)

    assert "canary" not in repr(settings)
    assert "canary" not in str(settings)


def test_nobody_is_forgotten_for_silence_unless_the_settings_say_after_how_long(tmp_path: Path) -> None:
    assert (Settings.read(tmp_path).retention, Settings.read(tmp_path).unconfirmed) == (None, "30 days")

    (tmp_path / "campaign.toml").write_text('retention = "3 years"\nunconfirmed = "never"\n')

    assert (Settings.read(tmp_path).retention, Settings.read(tmp_path).unconfirmed) == ("3 years", None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://news.müller.example/", "https://news.xn--mller-kva.example"),
        ("https://News.MÜLLER.example:8443/campaign", "https://news.xn--mller-kva.example:8443/campaign"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://News.shop.example", "https://News.shop.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_public_address_is_in_the_letters_in_which_requests_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, read: str
) -> None:
    monkeypatch.setenv("CAMPAIGN_PUBLIC_URL", written)

    assert Settings.read(tmp_path).public_url == read


def test_bounces_and_sites_of_domains_in_other_letters_are_known_as_mails_have_them(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(
        'bounce_address = "bounces@Müller.example"\nutm_domains = "Müller.example, shop.example"\n', encoding="utf-8"
    )

    settings = Settings.read(tmp_path)

    assert settings.bounce_address == "bounces@xn--mller-kva.example"
    assert settings.utm_sites() == ("xn--mller-kva.example", "shop.example")


def test_sites_and_networks_are_lists_with_spaces_or_commas(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(
        'utm_domains = "Shop.example, blog.example"\nscanner_networks = "192.0.2.0/24 2001:db8::/32"\n'
    )

    settings = Settings.read(tmp_path)

    assert settings.utm_sites() == ("shop.example", "blog.example")
    assert [str(network) for network in settings.networks()] == ["192.0.2.0/24", "2001:db8::/32"]
    (tmp_path / "campaign.toml").unlink()
    assert (Settings.read(tmp_path).utm_sites(), Settings.read(tmp_path).networks()) == ((), ())
