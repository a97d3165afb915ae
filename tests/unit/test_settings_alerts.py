"""Where alerts go, as the environment and `campaign.toml` say it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scheduler.errors import SchedulerError
from scheduler.settings import Settings
from scheduler.settings.destinations import Destination


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CAMPAIGN_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


def test_nobody_is_told_where_nothing_is_set(tmp_path: Path) -> None:
    assert Settings.read(tmp_path).alert_destinations() == ()


def test_several_destinations_stand_apart_by_blanks_or_commas_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "CAMPAIGN_ALERTS", "mailto:Owner@shop.example, webhook:OPS-team\tslack:team MAILTO:Owner@shop.example"
    )

    found = Settings.read(tmp_path).alert_destinations()

    assert found == (
        Destination("mailto", "Owner@shop.example"),
        Destination("webhook", "ops_team"),
        Destination("slack", "team"),
    )
    assert [one.channel for one in found] == ["email", "webhook", "slack"]


def test_the_file_may_have_them_as_a_list(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text('alerts = ["mailto:owner@shop.example", "slack:team"]\n', encoding="utf-8")

    assert [str(one) for one in Settings.read(tmp_path).alert_destinations()] == [
        "mailto:owner@shop.example",
        "slack:team",
    ]


def test_the_staff_is_told_of_its_tasks_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_ALERTS", "mailto:owner@shop.example")
    monkeypatch.setenv("CAMPAIGN_TASKS", "slack:team mailto:staff@shop.example")

    settings = Settings.read(tmp_path)

    assert [str(one) for one in settings.task_destinations()] == ["slack:team", "mailto:staff@shop.example"]
    assert [str(one) for one in settings.alert_destinations()] == ["mailto:owner@shop.example"]


def test_a_destination_of_tasks_that_cannot_be_read_is_said_by_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGN_TASKS", "sms:+33612345678")

    with pytest.raises(SchedulerError) as caught:
        Settings.read(tmp_path)

    assert "cannot read CAMPAIGN_TASKS" in str(caught.value)
    assert "612345678" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("owner@shop.example", "expected mailto:owner@shop.example, webhook:NAME or slack:NAME, got 'no colon'"),
        ("sms:+33612345678", "expected mailto:owner@shop.example, webhook:NAME or slack:NAME, got 'sms'"),
        ("mailto:owner", "expected one address behind mailto:, such as mailto:owner@shop.example"),
        ("mailto:a@b.example?cc=c@d.example,x@y", "expected one address behind mailto:"),
        ("mailto:a@shop.example\r\nBcc:x@y.example", "got 'bcc'"),
        ("webhook:", "expected the name of an account behind webhook:, in letters, digits and _"),
        ("webhook:https://hooks.example/secret", "expected the name of an account behind webhook:"),
    ],
)
def test_what_is_no_destination_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    monkeypatch.setenv("CAMPAIGN_ALERTS", text)

    with pytest.raises(SchedulerError) as refused:
        Settings.read(tmp_path)

    assert says in refused.value.message
    assert "CAMPAIGN_ALERTS" in refused.value.message
    for secret in ("33612345678", "hooks.example", "y.example"):
        assert secret not in refused.value.message
