"""What `plan` and `doctor` say of tokens that end before the posts they are for, and of where alerts go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.daemon import mail_server
from support.terminal import Shop

from scheduler.clock import SystemClock
from scheduler.store import meta
from scheduler.store.database import Store
from scheduler.store.meta import Hold

POSTS = """\
campaign: spring
language: en
country: FR
timezone: Europe/Paris
accounts: {mastodon: shop}
stages:
  - stage: launch
    kind: awareness
    touches:
      - {id: before, channel: mastodon, when: 28 february 2027 at 10:00, text: "Soon"}
      - {id: on-the-day, channel: mastodon, when: 1 march 2027 at 10:00, text: "Today"}
      - {id: after, channel: mastodon, when: 3 march 2027 at 18:30, text: "Still here"}
      - {id: elsewhere, channel: telegram, when: 3 march 2027 at 18:30, text: "Here too"}
"""
TOKEN = {
    "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__TOKEN": "canary",
    "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__TOKEN_EXPIRES": "2027-03-01",
}
REMEDY = "make a new one, set CAMPAIGN_ACCOUNTS__MASTODON_SHOP__TOKEN and …TOKEN_EXPIRES"
NOW = "2027-01-20T09:00+01:00"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop(tmp_path, monkeypatch)
    made.write("spring.yaml", POSTS)
    return made


def doctor(shop: Shop, name: str, *, now: str = NOW, **env: str) -> list[list[str]]:
    """Return what the doctor says under a name: sign, words, remedy."""
    result = shop.run("doctor", "--plain", now=now, **env)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert "canary" not in result.output
    return [[row[0], *row[2:]] for row in rows if row[1] == name]


def test_a_network_with_an_account_is_not_said_to_have_none(shop: Shop) -> None:
    said = shop.done("apply", "spring.yaml", "--yes", now=NOW, **TOKEN)

    assert "no account for telegram:" in said
    assert "no account for mastodon" not in said


def test_the_plan_names_what_comes_after_the_end_of_its_token(shop: Shop) -> None:
    lines = shop.done("plan", now=NOW, **TOKEN).splitlines()

    begin = next(number for number, line in enumerate(lines) if line.startswith("! the token"))
    assert lines[begin : begin + 5] == [
        "! the token of mastodon_shop ends on Mon 1 Mar 2027, before 2 dates:",
        "    on-the-day  Mon 1 Mar 10:00",
        "    after       Wed 3 Mar 18:30",
        f"    {REMEDY}",
        "",
    ]


def test_the_plan_says_it_to_programs(shop: Shop) -> None:
    document = json.loads(shop.done("plan", "--json", now=NOW, **TOKEN))

    assert document["tokens"] == [
        {
            "touch": touch,
            "due_at": due_at,
            "account": "mastodon_shop",
            "token_ends_at": "2027-03-01T01:00:00+01:00",
            "hint": REMEDY,
        }
        for touch, due_at in (("on-the-day", "2027-03-01T10:00:00+01:00"), ("after", "2027-03-03T18:30:00+01:00"))
    ]


def test_a_plan_within_the_time_of_its_tokens_says_nothing_of_them(shop: Shop) -> None:
    later = {**TOKEN, "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__TOKEN_EXPIRES": "2027-03-04"}

    assert "token" not in shop.done("plan", now=NOW, **later)
    assert "token" not in shop.done("plan", now=NOW)


def test_a_plan_that_changes_nothing_says_it_too(shop: Shop) -> None:
    shop.done("apply", "--yes", now=NOW)

    text = shop.done("plan", now=NOW, **TOKEN)

    assert "No changes." in text
    assert "! the token of mastodon_shop ends on Mon 1 Mar 2027, before 2 dates:" in text


def test_the_doctor_names_the_first_date_that_comes_too_late(shop: Shop) -> None:
    shop.done("apply", "--yes", now=NOW)

    assert doctor(shop, "token", **TOKEN) == [
        [
            "!",
            "mastodon_shop: it ends on Mon 1 Mar 2027, before spring/on-the-day Mon 1 Mar 2027 10:00 and 1 other date",
            REMEDY,
        ]
    ]


def test_the_doctor_warns_of_a_token_two_weeks_before_it_ends(shop: Shop) -> None:
    said = [doctor(shop, "token", now=day, **TOKEN) for day in ("2027-02-14", "2027-02-15T02:00+01:00", "2027-03-02")]

    assert said == [
        [["✓", "mastodon_shop: it ends on Mon 1 Mar 2027", ""]],
        [["!", "mastodon_shop: it ends on Mon 1 Mar 2027", REMEDY]],
        [["✗", "mastodon_shop: it ended on Mon 1 Mar 2027", REMEDY]],
    ]


def test_the_doctor_refuses_a_day_that_is_none(shop: Shop) -> None:
    wrong = {**TOKEN, "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__TOKEN_EXPIRES": "next spring"}

    assert doctor(shop, "tokens", **wrong) == [
        ["✗", "cannot read CAMPAIGN_ACCOUNTS__MASTODON_SHOP__TOKEN_EXPIRES: expected a day such as 2027-03-01", ""]
    ]


def test_the_doctor_warns_that_alerts_go_nowhere(shop: Shop) -> None:
    assert doctor(shop, "alerts") == [
        [
            "!",
            "they go nowhere: nobody is told when something needs a person",
            "set CAMPAIGN_ALERTS, e.g. mailto:owner@shop.example",
        ]
    ]


def test_the_doctor_says_where_alerts_go_and_what_is_missing_for_that(shop: Shop) -> None:
    alerts = "mailto:owner@shop.example webhook:ops slack:team"

    missing = doctor(shop, "alerts", CAMPAIGN_ALERTS=alerts)
    there = doctor(
        shop,
        "alerts",
        CAMPAIGN_ALERTS=alerts,
        CAMPAIGN_SMTP_URL="smtp://127.0.0.1:1",
        CAMPAIGN_ACCOUNTS__OPS__URL="http://127.0.0.1:1/ops",
        CAMPAIGN_ACCOUNTS__SLACK_TEAM__TOKEN="canary",
        CAMPAIGN_ACCOUNTS__SLACK_TEAM__CHANNEL="C0123456789",
    )

    assert missing == [
        ["✗", "they cannot go to mailto:owner@shop.example", "set CAMPAIGN_SMTP_URL or CAMPAIGN_EMAIL_PROVIDER"],
        ["✗", "they cannot go to webhook:ops", "set CAMPAIGN_ACCOUNTS__OPS__URL"],
        ["✗", "they cannot go to slack:team", "set CAMPAIGN_ACCOUNTS__SLACK_TEAM__TOKEN"],
    ]
    assert there == [
        ["✓", "they go to mailto:owner@shop.example", ""],
        ["✓", "they go to webhook:ops", ""],
        ["✓", "they go to slack:team", ""],
    ]


def applied_and_held(shop: Shop) -> None:
    """Put the campaign on the schedule, and the schedule on HOLD."""
    shop.done("apply", "--yes", now=NOW)
    store = Store(f"sqlite:///{shop.folder / 'var' / 'campaign.db'}")
    with store.begin() as conn:
        meta.set_hold(conn, Hold("another machine was at work", SystemClock().now()))
    store.close()


def test_a_single_look_of_the_daemon_tells_the_operator_of_a_hold_once(shop: Shop) -> None:
    applied_and_held(shop)

    with mail_server() as (url, mailbox):
        settings = {"CAMPAIGN_SMTP_URL": url, "CAMPAIGN_ALERTS": "mailto:owner@shop.example"}
        codes = [shop.run("run", "--once", now=None, **settings).exit_code for _ in range(2)]

    (mail,) = mailbox.messages()
    assert codes == [3, 3]
    assert (mail["Subject"], mail["To"]) == (
        "HOLD: nothing is sent: another machine was at work",
        "owner@shop.example",
    )
    assert f"{shop.folder} on " in mail.get_content()


def test_a_trial_into_files_tells_nobody(shop: Shop) -> None:
    applied_and_held(shop)

    with mail_server() as (url, mailbox):
        settings = {"CAMPAIGN_SMTP_URL": url, "CAMPAIGN_ALERTS": "mailto:owner@shop.example"}
        database = ("--database", "sqlite:///var/campaign.db")
        code = shop.run("run", "--once", "--outbox", "out", *database, now=None, **settings).exit_code

    assert (code, mailbox.taken) == (3, [])
    assert not (shop.folder / "out").exists() or not list((shop.folder / "out").rglob("*alert*"))
