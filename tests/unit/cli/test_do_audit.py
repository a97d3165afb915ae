"""Who decided what: every decision leaves a line, and nobody can take it away."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.daemon import mail_server
from support.terminal import Shop

LATER = "2026-11-21T09:00+01:00"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    return Shop.example(tmp_path, monkeypatch)


def trail(shop: Shop, *args: str) -> list[tuple[str, str]]:
    return [(line["action"], line["subject"]) for line in shop.json("audit", *args)["audit"]]


def test_every_decision_of_a_shop_leaves_a_line(shop: Shop) -> None:
    shop.applied()
    shop.done("approve", "letter")
    shop.done("pause", "shop")
    shop.done("resume", "shop")
    shop.done("contacts", "unsubscribe", "karim@example.org")
    shop.done("db", "backup", "copy.db")
    with mail_server() as (url, _):
        shop.done("send", "welcome", "--to", "me@example.org", "--test", CAMPAIGN_SMTP_URL=url)
    shop.done("cancel", "shop", "--confirm", "shop")

    assert trail(shop) == [
        ("import", "people.csv"),
        ("apply", "shop"),
        ("approve", "shop/letter"),
        ("pause", "shop"),
        ("resume", "shop"),
        ("unsubscribe", "contact #2"),
        ("db backup", "copy.db"),
        ("send test", "shop/welcome"),
        ("cancel", "shop"),
    ]


def test_a_line_says_when_who_and_what_exactly(shop: Shop) -> None:
    shop.known()

    assert shop.json("audit") == {
        "audit": [
            {
                "at": "2026-11-20T08:00:00+00:00",
                "who": "ana",
                "action": "import",
                "subject": "people.csv",
                "detail": {"new": 3, "updated": 0},
            }
        ]
    }


def test_one_campaign_and_its_touches(shop: Shop) -> None:
    shop.applied()
    shop.done("approve", "letter", "--reject")

    assert trail(shop, "--campaign", "shop") == [("apply", "shop"), ("reject", "shop/letter")]
    assert trail(shop, "--campaign", "sho") == []


def test_only_the_newest_and_only_since(shop: Shop) -> None:
    shop.applied()
    shop.done("pause", "shop", now=LATER)

    assert trail(shop, "--limit", "1") == [("pause", "shop")]
    assert shop.done("audit", "--since", "2h", "--plain", now=LATER).splitlines() == [
        "2026-11-21T09:00:00+01:00\tana\tpause\tshop\t"
    ]


def test_no_address_of_anybody_stands_in_the_trail(shop: Shop) -> None:
    shop.applied()
    shop.done("contacts", "unsubscribe", "karim@example.org")
    with mail_server() as (url, _):
        shop.done("send", "welcome", "--to", "me@example.org", "--test", CAMPAIGN_SMTP_URL=url)

    assert "example.org" not in shop.done("audit")


def test_a_line_cannot_be_taken_away(shop: Shop) -> None:
    shop.applied()

    with closing(sqlite3.connect(shop.folder / "var" / "campaign.db")) as conn:
        with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
            conn.execute("DELETE FROM audit")
        with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
            conn.execute("UPDATE audit SET who = 'nobody'")


def test_a_database_that_cannot_be_written_is_copied_all_the_same(shop: Shop) -> None:
    shop.applied()
    with closing(sqlite3.connect(shop.folder / "var" / "campaign.db")) as conn:
        conn.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
        conn.commit()

    result = shop.run("db", "backup", "copy.db")

    assert result.exit_code == 0
    assert "the copy is complete, but the audit trail does not have it" in result.stderr
    assert (shop.folder / "copy.db").is_file()
