"""What `campaign status` says of the readers of measured mails, with and without programs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.shop import moment
from support.terminal import Shop

from scheduler.catalog import Catalog
from scheduler.operations import tracking
from scheduler.store.database import Store
from scheduler.store.people import MEASUREMENT, add_consent
from scheduler.store.reader import deliveries
from scheduler.store.tracking import Hit

SENT = "2026-12-01T16:00+01:00"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop.example(tmp_path, monkeypatch).applied()
    made.send(SENT)
    return made


def read(shop: Shop) -> None:
    """Let one person click and another one's scanner open and click."""
    store = Store(f"sqlite:///{shop.folder}/var/campaign.db")
    now = moment("2026-12-01T16:00:00+01:00") + timedelta(hours=1)
    with store.begin() as conn:
        mails = [row for row in deliveries(conn) if row.contact is not None and row.state == "sent"][:2]
        for row in mails:
            assert row.contact is not None
            add_consent(conn, row.contact, MEASUREMENT, given=True, at=now, source="test")
    reader, scanned = [(row.id, row.contact or 0) for row in mails]
    hits = [Hit(*reader, 1, now, ""), Hit(*scanned, 0, now, "proxy"), Hit(*scanned, 1, now, "prefetch")]
    tracking.keep(store, hits)
    assert tracking.settle(store, Catalog(), now=now + timedelta(minutes=1))
    store.close()


def test_nobody_measured_is_not_spoken_of(shop: Shop) -> None:
    assert shop.json("status")["campaigns"][0]["measured"] is None
    assert "clicked" not in shop.done("status")


def test_readers_are_told_beside_programs(shop: Shop) -> None:
    read(shop)

    assert shop.json("status")["campaigns"][0]["measured"] == {
        "opened": {"human": 0, "raw": 1},
        "clicked": {"human": 1, "raw": 2},
    }
    assert "shop: 1 messages clicked in, 0 opened (with programs 2 and 1)" in shop.done("status")
