"""The commands at a real terminal: questions that are answered, lines that are read, a daemon that is stopped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.daemon import environment, mail_server
from support.terminal import CTRL_C, NOW, Shop, at_terminal

NOW_DUE = """\
campaign: today
timezone: Europe/Paris
courtesy: {quiet_hours: none}
senders: {email: The Shop <hello@shop.example>, postal_address: Lilas 12, unsubscribe: "mailto:stop@shop.example"}
stages:
  - stage: launch
    kind: awareness
    when: as soon as possible
    touches:
      - {id: hello, channel: email, subject: "Hello {{ contact.first_name }}", text: Come in}
      - {id: post, channel: facebook, text: We are open}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def status(shop: Shop) -> dict[str, object]:
    return shop.json("status")["campaigns"][0]


def test_a_yes_puts_a_campaign_on_the_schedule(shop: Shop) -> None:
    shown = at_terminal(shop.folder, "apply", "--now", NOW, typed="y\n")

    assert shown.code == 0
    assert "Put shop on the schedule? [y/N]: y" in shown.text
    assert "Applied shop 2026: 6 added. Revision 1." in shown.text


def test_a_no_changes_nothing_and_ends_with_3(shop: Shop) -> None:
    shown = at_terminal(shop.folder, "apply", "--now", NOW, typed="n\n")

    assert shown.code == 3
    assert "nothing was done" in shown.text
    assert not (shop.folder / "var").exists()


def test_with_no_input_a_terminal_is_not_asked(shop: Shop) -> None:
    shown = at_terminal(shop.folder, "apply", "--now", NOW, "--no-input")

    assert shown.code == 3
    assert "say so with --yes" in shown.text


def test_a_change_is_confirmed_by_typing_the_name(shop: Shop) -> None:
    shop.applied()
    shop.edit("shop.yaml", "Ten percent", "Twenty percent")

    wrong = at_terminal(shop.folder, "apply", "--now", NOW, typed="yes\n")
    right = at_terminal(shop.folder, "apply", "--now", NOW, typed="shop\n")

    assert wrong.code == 3
    assert "that is not shop: nothing was done" in wrong.text
    assert right.code == 0
    assert "1 touch on the schedule will be different. Type shop to go on: shop" in right.text
    assert status(shop)["revision"] == 2


def test_ctrl_c_at_a_question_ends_with_130(shop: Shop) -> None:
    shown = at_terminal(shop.folder, "apply", "--now", NOW, typed=CTRL_C)

    assert shown.code == 130
    assert not (shop.folder / "var").exists()


def test_at_a_terminal_the_daemon_writes_lines_for_people_and_stops_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path, monkeypatch)
    shop.write("today.yaml", NOW_DUE)
    shop.write("people.csv", "email,first_name,consent\nlea@example.org,Léa,marketing\nnina@example.org,Nina,\n")
    shop.done("contacts", "import", "people.csv", "--yes", now=None)
    shop.done("apply", "--yes", now=None)
    with mail_server() as (url, mailbox):
        env = environment(CAMPAIGN_SMTP_URL=url)

        shown = at_terminal(tmp_path, "run", env=env, after=5, typed=CTRL_C)

    text = re.sub(r"^\d\d:\d\d:\d\d ", "10:00:02 ", shown.text, flags=re.MULTILINE)
    lines = re.sub(r"id <\S+", "id <1789…", re.sub(r"\d\.\d s", "0.4 s", text)).splitlines()
    assert shown.code == 0
    assert mailbox.recipients() == ["lea@example.org"]
    assert (
        "! no account for facebook: their messages are held (to see them as files: campaign run --outbox DIR)" in lines
    )
    assert "10:00:02 skip      today/hello → n…@example.org  no consent" in lines
    assert "10:00:02 sent      today/hello → l…@example.org  id <1789…  0.4 s" in lines
    assert any(line.startswith("10:00:02 held      today/post → facebook  no account for facebook") for line in lines)
    assert "stopped: 1 sent, 1 held, 1 suppressed" in lines
