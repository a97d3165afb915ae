import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.terminal import Shop

from scheduler.store.database import Store

DAY = "2026-12-01T10:00+01:00"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def deliveries(shop: Shop, name: str = "campaign.db") -> int:
    with closing(sqlite3.connect(shop.folder / "var" / name)) as conn:
        return int(conn.execute("SELECT count(*) FROM delivery").fetchone()[0])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("shop.yaml",), "the daemon follows the database, not files"),
        (("--contacts", "people.csv"), "the daemon follows the database, not files"),
        (("--seed", "7"), "the daemon follows the database, not files"),
        (("--now", DAY), "--now (and CAMPAIGN_NOW) would send at a wrong time: only with --dry-run or --outbox"),
        (("--once", "--now", DAY), "only with --dry-run or --outbox"),
        (("--outbox", "out", "--now", DAY), "a clock that was set stands still: add --once"),
        (("--dry-run", "--once"), "--dry-run has no daemon and no database"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_run_that_could_do_harm_is_a_wrong_command_line(shop: Shop, args: tuple[str, ...], message: str) -> None:
    result = shop.run("run", *args, now=None)

    assert result.exit_code == 64
    assert message in result.stderr


def test_a_clock_set_by_the_environment_is_refused_too(shop: Shop) -> None:
    result = shop.run("run", "--once", now=None, CAMPAIGN_NOW=DAY)

    assert result.exit_code == 64
    assert "would send at a wrong time" in result.stderr


def test_without_a_database_there_is_nothing_to_run(shop: Shop) -> None:
    result = shop.run("run", "--once", now=None)

    assert result.exit_code == 1
    assert "put a campaign on the schedule: campaign apply" in result.stderr
    assert not (shop.folder / "var").exists()


def test_one_look_with_nothing_due_tells_what_is_next_and_what_has_no_account(shop: Shop) -> None:
    shop.applied()

    result = shop.run("run", "--once", now=None)

    assert result.exit_code == 0
    assert result.stdout == ""
    assert "! no account for email, instagram: their messages are held" in result.stderr
    assert "nothing was due; next: shop/welcome, Tue 1 Dec 2026 09:30\n" in result.stderr


def test_each_outcome_is_a_line_of_json_that_names_nobody(shop: Shop) -> None:
    lines = shop.applied().send(DAY)

    assert sorted((line["touch"], line["recipient"], line["state"], line["reason"]) for line in lines) == [
        ("post", "@theshop", "sent", "1 December"),
        ("welcome", "c1", "sent", "1 December"),
        ("welcome", "c2", "sent", "1 December"),
        ("welcome", "c3", "suppressed", "no consent"),
    ]
    assert "lea" not in json.dumps([{**line, "provider_id": ""} for line in lines])


def test_plain_lines_are_separated_by_tabs(shop: Shop) -> None:
    shop.applied()

    text = shop.done("run", "--once", "--outbox", "out", "--plain", now=DAY)

    assert "2026-12-01T09:00:00+00:00\tsent\tshop\tpost\tinstagram\t@theshop\t1 December\n" in text


def test_a_message_that_fails_ends_once_with_1(shop: Shop) -> None:
    shop.applied()
    shop.done("event", "lea@example.org", "purchase", now="2026-11-24T12:00")

    result = shop.run("run", "--once", "--outbox", "out", now="2026-11-24T12:10")

    (line,) = map(json.loads, result.stdout.splitlines())
    assert result.exit_code == 1
    assert (line["touch"], line["state"]) == ("thanks", "failed")
    assert "unknown name 'event.product'" in line["reason"]


def test_a_trial_writes_files_and_the_schedule_knows_nothing_of_it(shop: Shop) -> None:
    shop.applied()

    result = shop.run("run", "--once", "--outbox", "out", now=DAY)

    names = sorted(path.name for path in (shop.folder / "out" / "shop-2026").iterdir())
    assert [name.split("-", 3)[3].rsplit("-", 1)[0] for name in names if name.endswith((".eml", ".md"))] == [
        "post",
        "welcome-karim",
        "welcome-lea",
    ]
    assert (shop.folder / "out" / "index.html").exists()
    assert "nothing is sent, every message becomes a file in out" in result.stderr
    assert deliveries(shop) == 0
    assert deliveries(shop, "outbox.db") == 4


def test_a_trial_goes_on_where_it_stood_until_the_schedule_changes(shop: Shop) -> None:
    shop.applied()
    shop.done("run", "--once", "--outbox", "out", now=DAY)

    again = shop.run("run", "--once", "--outbox", "out", now=DAY)
    shop.done("event", "lea@example.org", "purchase", "--key", "product=tea", now=DAY)
    fresh = shop.run("run", "--once", "--outbox", "out", now=DAY)

    assert again.stdout == ""
    assert "a trial on a fresh copy of campaign.db" not in again.stderr
    assert "a trial on a fresh copy of campaign.db" in fresh.stderr
    assert fresh.stdout.count("\n") == 4


def test_a_trial_never_pulls_the_copy_from_under_another_one(shop: Shop) -> None:
    shop.applied()
    shop.done("run", "--once", "--outbox", "out", now=DAY)
    shop.done("event", "lea@example.org", "purchase", now=DAY)
    other = Store(f"sqlite:///{shop.folder}/var/outbox.db")

    with other.lock():
        result = shop.run("run", "--once", "--outbox", "out", now=DAY)
    other.close()

    assert result.exit_code == 75
    assert deliveries(shop, "outbox.db") == 4


def test_a_trial_of_a_database_on_a_server_needs_to_know_where_to_write(shop: Shop) -> None:
    result = shop.run(
        "run", "--once", "--outbox", "out", now=DAY, CAMPAIGN_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )

    assert result.exit_code == 1
    assert "say which database the trial may write to: --database URL" in result.stderr


def test_a_trial_copies_the_database_that_is_configured(shop: Shop) -> None:
    url = f"sqlite:///{shop.folder}/elsewhere/shop.db"
    shop.done("apply", "--yes", CAMPAIGN_DATABASE_URL=url)

    shop.done("run", "--once", "--outbox", "out", now=DAY, CAMPAIGN_DATABASE_URL=url)

    assert (shop.folder / "elsewhere" / "outbox.db").exists()
    assert not (shop.folder / "var").exists()


def test_what_somebody_should_know_of_the_settings_is_told(shop: Shop) -> None:
    shop.applied()

    result = shop.run("run", "--once", now=None, CAMPAIGN_SMPT_URL="smtp://localhost:25")

    assert "! CAMPAIGN_SMPT_URL is not a setting: did you mean CAMPAIGN_SMTP_URL?" in result.stderr
