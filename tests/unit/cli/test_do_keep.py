import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from support.daemon import mail_server
from support.name_server import name_server, txt
from support.terminal import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def signs(shop: Shop, **env: str) -> dict[str, str]:
    result = shop.run("doctor", "--plain", **env)
    return {row.split("\t")[1]: row.split("\t")[0] for row in result.stdout.splitlines()}


def test_a_check_of_no_database_ends_with_1_and_an_upgrade_makes_one(shop: Shop) -> None:
    before = shop.run("db", "check")
    made = shop.json("db", "upgrade")
    after = shop.json("db", "check")

    assert before.exit_code == 1
    assert made == {"database": f"{shop.folder}/var/campaign.db", "current": True}
    assert after == {**made, "sound": True}


def test_a_damaged_database_fails_the_check_with_the_remedy(shop: Shop) -> None:
    shop.applied()
    path = shop.folder / "var" / "campaign.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size, root = conn.execute("SELECT page_size, rootpage FROM pragma_page_size, sqlite_schema"
                                  " WHERE name = 'ix_delivery_open'").fetchone()  # fmt: skip
    with path.open("r+b") as file:
        file.seek(size * (root - 1))
        file.write(bytes(100))

    result = shop.run("db", "check")

    assert result.exit_code == 1
    assert "is damaged" in result.stderr
    assert "put the newest backup in its place" in result.stderr


def test_an_old_database_fails_the_check_with_the_remedy(shop: Shop) -> None:
    shop.done("db", "upgrade")
    with closing(sqlite3.connect(shop.folder / "var" / "campaign.db")) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0000'")
        conn.commit()

    result = shop.run("db", "check")

    assert result.exit_code == 1
    assert "run campaign db upgrade" in result.stderr


def test_a_backup_is_one_complete_file_only_its_owner_can_read(shop: Shop) -> None:
    shop.applied()

    shop.done("db", "backup", "copy.db")

    copy = shop.folder / "copy.db"
    with closing(sqlite3.connect(copy)) as conn:
        assert conn.execute("SELECT count(*) FROM contact").fetchone() == (3,)
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_a_backup_overwrites_nothing(shop: Shop) -> None:
    shop.applied()
    shop.write("copy.db", "precious")

    result = shop.run("db", "backup", "copy.db")

    assert result.exit_code == 1
    assert "copy.db is there already" in result.stderr
    assert (shop.folder / "copy.db").read_text(encoding="utf-8") == "precious"


def test_the_doctor_of_a_project_in_order_ends_well(shop: Shop) -> None:
    shop.applied()

    result = shop.run("doctor", "--json")

    assert result.exit_code == 0
    assert '"level": "error"' not in result.stdout


def test_the_doctor_ends_with_1_on_a_file_with_mistakes_and_still_looks_at_the_rest(shop: Shop) -> None:
    shop.applied()
    shop.edit("shop.yaml", "channel: instagram", "chanel: instagram")

    result = shop.run("doctor")

    assert result.exit_code == 1
    assert "✗ files      shop.yaml:23: unknown key `chanel`" in result.stdout
    assert "campaign lint shop.yaml" in result.stdout
    assert "✓ database" in result.stdout


def test_the_doctor_logs_in_at_the_mail_server_and_sends_nothing(shop: Shop) -> None:
    zone = {
        "shop.example": [txt("v=spf1 mx -all"), "MX 10 mx.shop.example."],
        "_dmarc.shop.example": [txt("v=DMARC1; p=none")],
    }
    with mail_server() as (url, mailbox), name_server(zone) as nameserver:
        result = shop.run("doctor", CAMPAIGN_SMTP_URL=url, CAMPAIGN_NAMESERVER=nameserver)

    assert result.exit_code == 0
    assert f"✓ mail       {url.removeprefix('smtp://')} takes our log-in (nothing was sent)" in result.stdout
    assert mailbox.taken == []


def test_a_mail_server_that_does_not_answer_is_a_failed_check_with_its_remedy(shop: Shop) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with name_server({}) as nameserver:
        result = shop.run("doctor", CAMPAIGN_SMTP_URL=f"smtp://127.0.0.1:{port}", CAMPAIGN_NAMESERVER=nameserver)

    assert result.exit_code == 1
    assert f"✗ mail       mail server 127.0.0.1:{port}" in result.stdout
    assert "check CAMPAIGN_SMTP_URL" in result.stdout


def test_a_setting_that_cannot_be_read_is_a_failed_check(shop: Shop) -> None:
    found = signs(shop, CAMPAIGN_SECRET_KEY="short")

    assert found["mail"] == "✗"
    assert found["versions"] == "✓"


def test_an_approval_due_within_a_week_is_told(shop: Shop) -> None:
    shop.applied()

    later = shop.run("doctor", "--plain", now="2026-11-20T09:00+01:00").stdout
    soon = shop.run("doctor", "--plain", now="2026-12-01T09:00+01:00").stdout

    assert "\tapproval\t" not in later
    assert "!\tapproval\tshop/letter needs it, due Fri 4 Dec 10:00\tcampaign approve shop/letter" in soon


def test_a_folder_without_a_project_is_worth_knowing_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = Shop(tmp_path, monkeypatch).run("doctor")

    assert result.exit_code == 0
    assert "! project" in result.stdout
    assert "! database   none yet: nothing was ever applied here" in result.stdout
