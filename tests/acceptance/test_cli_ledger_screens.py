"""What is shown of the ledger and of the decisions about it, screen by screen.

The golden screens are written anew with `CAMPAIGN_UPDATE_GOLDEN=1 pytest tests/acceptance/test_cli_ledger_screens.py`.
"""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.terminal import Shop, screen

LATER = "2026-12-04T11:00"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Shop.example(tmp_path, monkeypatch)


@pytest.fixture
def lived(shop: Shop) -> Shop:
    """People were written to, one bought something, one opted out."""
    shop.applied()
    shop.done("event", "lea@example.org", "purchase", "--key", "product=tea", now="2026-11-24T12:00")
    shop.send("2026-11-24T12:10")
    shop.send("2026-12-01T10:00")
    shop.done("contacts", "unsubscribe", "karim@example.org", now="2026-12-01T11:00")
    shop.send("2026-12-04T10:00")
    return shop


def spoil(shop: Shop) -> None:
    """Let the rows say what no daemon ever writes."""
    with closing(sqlite3.connect(shop.folder / "var" / "campaign.db")) as conn:
        for name in ("delivery_ended", "attempt_closed"):
            conn.execute(f"DROP TRIGGER {name}")
        conn.execute("UPDATE delivery SET sent_at = NULL WHERE state = 'sent'")
        conn.execute("UPDATE attempt SET started_at = '2026-11-30T22:30:00.000000Z'")
        conn.commit()


def test_a_healthy_ledger_keeps_every_law(lived: Shop) -> None:
    text = lived.shown("doctor", "--ledger", now=LATER)

    assert text == screen("doctor-ledger", text)


def test_a_broken_ledger_is_told_law_by_law_and_ends_with_1(lived: Shop) -> None:
    spoil(lived)

    result = lived.run("doctor", "--ledger", now=LATER)

    assert result.exit_code == 1
    assert result.stdout == screen("doctor-ledger-broken", result.stdout)


def test_a_broken_ledger_as_json(lived: Shop) -> None:
    spoil(lived)

    result = lived.run("doctor", "--ledger", "--json", now=LATER)

    document = json.loads(result.stdout)
    laws = {law["name"]: law["violations"] for law in document["invariants"]}
    assert result.exit_code == 1
    assert document["sound"] is False
    assert list(laws) == [f"I{number}" for number in range(4, 18)]
    assert laws["I11"][0] == {"delivery": 1, "what": "sent, and nobody knows when"}
    assert laws["I17"] == []
    assert document["messages"]["sent"] == len(laws["I11"])


def test_a_broken_ledger_for_a_program_that_reads_lines(lived: Shop) -> None:
    spoil(lived)

    lines = lived.run("doctor", "--ledger", "--plain", now=LATER).stdout.splitlines()

    assert "✓\tI17\tattempts are numbered without a gap, under one key, and none is missing\t" in lines
    assert "✗\tI11\twhat has ended says how, and nothing else\tdelivery 1: sent, and nobody knows when" in lines


def test_the_mark_outside_the_database_tells_an_older_copy(lived: Shop) -> None:
    with closing(sqlite3.connect(lived.folder / "var" / "campaign.db")) as conn:
        name = conn.execute("SELECT value FROM meta WHERE key = 'instance'").fetchone()[0]
    mark = {"instance": name, "generation": 1, "newest": 900, "attempts": 900, "wall": "2026-12-04T09:00:00+00:00"}
    lived.write(f"state/campaign/{name}/ledger.hwm", json.dumps(mark))

    result = lived.run("doctor", "--ledger", now=LATER)

    assert result.exit_code == 1
    assert re.search(r"✗ I17 .*\n +\d+ attempts that were made are not in this database: it is an older", result.stdout)


def test_the_trail_of_decisions(lived: Shop) -> None:
    lived.done("pause", "shop", now="2026-12-02T09:00")

    text = re.sub(r"plan \w{8}", "plan N", lived.shown("audit", now=LATER))

    assert text == screen("audit", text)


def test_the_help_of_the_trail(shop: Shop) -> None:
    text = shop.shown("audit", "--help", now=None)

    assert text == screen("audit-help", text)


def test_a_database_that_is_whole(shop: Shop) -> None:
    shop.done("db", "upgrade")

    text = shop.shown("db", "check")

    assert text == screen("db-check", text)
