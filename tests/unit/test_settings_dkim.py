"""The settings of signing and of the name server: where they come from, and that no key shows."""

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


def key_file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def secrets(settings: Settings) -> tuple[str | None, ...]:
    assert settings.dkim is not None
    found = (settings.dkim.key, settings.dkim.second_key)
    return tuple(secret and secret.get_secret_value() for secret in found)


def test_the_project_file_names_domain_selectors_and_key_files_beside_it(tmp_path: Path) -> None:
    key_file(tmp_path / "keys" / "rsa.pem", "canary-rsa\n")
    key_file(tmp_path / "campaign.toml", '[dkim]\ndomain = "shop.example"\nselector = "r"\nkey_file = "keys/rsa.pem"\n')

    settings = Settings.read(tmp_path)

    assert settings.dkim is not None
    assert (settings.dkim.domain, settings.dkim.selector) == ("shop.example", "r")
    assert secrets(settings) == ("canary-rsa", None)
    assert settings.warnings == ()
    assert "canary" not in f"{settings!r} {settings}"


def test_environment_credentials_and_file_are_merged_field_by_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file(tmp_path / "campaign.toml", '[dkim]\ndomain = "shop.example"\nselector = "old"\nsecond_selector = "e"\n')
    key_file(tmp_path / "credentials" / "dkim--second-key", "from systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    monkeypatch.setenv("CAMPAIGN_DKIM__SELECTOR", "new")
    monkeypatch.setenv("CAMPAIGN_DKIM__KEY_FILE", str(key_file(tmp_path / "rsa.pem", "from a file\n")))

    settings = Settings.read(tmp_path)

    assert settings.dkim is not None
    assert (settings.dkim.selector, settings.dkim.second_selector) == ("new", "e")
    assert secrets(settings) == ("from a file", "from systemd")
    assert settings.warnings == ()


def test_a_key_in_the_project_file_is_said(tmp_path: Path) -> None:
    key_file(tmp_path / "campaign.toml", '[dkim]\ndomain = "shop.example"\nselector = "r"\nkey = "canary"\n')

    (warning,) = Settings.read(tmp_path).warnings

    assert warning.endswith("holds secrets (dkim.key): move them to the environment or to files of their own")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[dkim]\nselector = "r"\n', "cannot read CAMPAIGN_DKIM__DOMAIN: field required"),
        ('[dkim]\ndomain = "shop.example"\n', "cannot read CAMPAIGN_DKIM: expected a selector, e.g. 'c2027'"),
        ('[dkim]\ndomain = "shop.example"\nselector = "r"\nsecond_key = "canary"\n',
         "cannot read CAMPAIGN_DKIM: expected a second_selector for the second_key"),
        ('[dkim]\ndomain = "shop.example"\nselectr = "r"\n', "cannot read CAMPAIGN_DKIM__SELECTR: extra inputs are not permitted"),
        ('nameserver = "dns.example"\n', "cannot read CAMPAIGN_NAMESERVER: expected the address of a name server, such as 9.9.9.9 or [::1]:5353"),
        ('nameserver = "9.9.9.9:99999"\n', "cannot read CAMPAIGN_NAMESERVER: expected the address of a name server, such as 9.9.9.9 or [::1]:5353"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_and_no_key_shown(tmp_path: Path, text: str, words: str) -> None:
    key_file(tmp_path / "campaign.toml", text)

    with pytest.raises(SchedulerError) as caught:
        Settings.read(tmp_path)

    assert words in caught.value.message
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9.9.9.9", "[9.9.9.9]:53"),
        ("127.0.0.1:5353", "[127.0.0.1]:5353"),
        ("::1", "[::1]:53"),
        ("[2620:fe::fe]:54", "[2620:fe::fe]:54"),
    ],
)
def test_a_name_server_is_an_address_with_or_without_a_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    monkeypatch.setenv("CAMPAIGN_NAMESERVER", text)

    assert Settings.read(tmp_path).nameserver == expected
