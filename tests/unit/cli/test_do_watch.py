from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.terminal import Shop

from scheduler.store import plans
from scheduler.store.database import Store

DAY = "2026-12-01T10:00+01:00"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch).applied()


def beat(shop: Shop, at: datetime) -> None:
    """Let a daemon have been heard from."""
    store = Store(f"sqlite:///{shop.folder}/var/campaign.db")
    jobs = [{"at": "2026-12-01T08:30:00+00:00", "job": "shop/welcome once"}, {"at": at.isoformat(), "job": "heartbeat"}]
    with store.begin() as conn:
        plans.beat(conn, daemon="shop-1:812", pid=812, host="shop-1", started_at=at, now=at, next_jobs=jobs)
    store.close()


def test_the_status_has_the_keys_of_the_contract(shop: Shop) -> None:
    status = shop.json("status")

    assert list(status) == ["daemon", "campaigns", "unknown", "held", "hold", "next_look_at", "tasks"]
    assert status["tasks"] == {"open": 0, "overdue": 0}
    assert status["daemon"] is None
    campaign = status["campaigns"][0]
    assert {name: campaign[name] for name in ("id", "state", "next", "sent", "failed", "waiting", "unknown")} == {
        "id": "shop",
        "state": "running",
        "next": {"touch": "welcome", "at": "2026-12-01T09:30:00+01:00"},
        "sent": 0,
        "failed": 0,
        "waiting": 0,
        "unknown": 0,
    }
    assert campaign["needs_approval"] == ["letter"]


def test_the_status_of_what_is_paused_says_how_it_goes_on(shop: Shop) -> None:
    shop.done("pause", "shop")

    text = shop.done("status")

    assert "Next: campaign resume shop            let it go on\n" in text


def test_the_status_counts_what_went_and_what_is_held(shop: Shop) -> None:
    shop.send(DAY)
    shop.send("2026-12-04T10:00+01:00")

    status = shop.json("status", now="2026-12-04T10:01+01:00")

    assert status["held"] == 3
    assert status["campaigns"][0]["states"] == {"expired": 3, "held": 3, "sent": 3, "suppressed": 1}


def test_a_daemon_that_was_heard_from_is_shown_with_its_next_jobs(shop: Shop) -> None:
    beat(shop, datetime(2026, 11, 20, 7, 59, 57, tzinfo=UTC))

    text = shop.done("status")
    document = shop.json("status")

    assert text.splitlines()[0] == ("Daemon   running since Fri 20 Nov 08:59, heartbeat 3 s ago   pid 812 on shop-1")
    assert "APScheduler fires next\n  Tue  1 Dec 09:30  shop/welcome  in 11 days\n" in text
    assert "heartbeat\n" not in text
    assert document["daemon"]["next_jobs"][0]["job"] == "shop/welcome once"


def test_a_daemon_that_fell_silent_is_not_running(shop: Shop) -> None:
    beat(shop, datetime(2026, 11, 20, 7, 58, tzinfo=UTC))

    assert shop.json("status")["daemon"] is None


def test_with_a_running_daemon_apply_does_not_warn(shop: Shop) -> None:
    beat(shop, datetime(2026, 11, 20, 7, 59, 57, tzinfo=UTC))
    shop.edit("shop.yaml", "Ten percent", "Twenty percent")

    text = shop.done("apply", "--confirm", "shop")

    assert "the daemon is not running" not in text


def test_an_unknown_campaign_is_answered_with_the_nearest(shop: Shop) -> None:
    status, log = shop.run("status", "shp"), shop.run("log", "shp")

    assert (status.exit_code, log.exit_code) == (1, 1)
    assert "no campaign 'shp' is on the schedule - did you mean 'shop'?" in status.stderr
    assert "no campaign 'shp' is on the schedule - did you mean 'shop'?" in log.stderr


def test_watching_needs_a_terminal_or_json(shop: Shop) -> None:
    result = shop.run("status", "--watch")

    assert result.exit_code == 64
    assert "--watch needs a terminal, or --json for one document a line" in result.stderr


def test_the_log_is_ndjson_that_masks_addresses_unless_told(shop: Shop) -> None:
    shop.send(DAY)

    masked = shop.lines("log", "--touch", "welcome")
    shown = shop.lines("log", "shop/welcome", "--show-contacts")

    assert list(masked[0]) == [
        "at", "campaign", "edition", "touch", "channel", "by_hand", "contact", "occurrence", "state", "reason", "due_at",
        "attempts", "provider_id",
    ]  # fmt: skip
    assert [line["contact"] for line in masked] == ["l…@example.org", "k…@example.org", "n…@example.org"]
    assert [line["contact"] for line in shown] == ["lea@example.org", "karim@example.org", "nina@example.org"]
    assert masked[0]["at"] == "2026-12-01T10:00:00+01:00"


def test_the_log_of_one_person(shop: Shop) -> None:
    shop.send(DAY)

    assert [line["touch"] for line in shop.lines("log", "--contact", "lea@example.org")] == ["welcome"]


def test_the_log_since_a_span_or_a_day(shop: Shop) -> None:
    shop.send(DAY)
    shop.send("2026-12-01T15:00+01:00")
    now = "2026-12-01T16:00+01:00"

    assert {line["touch"] for line in shop.lines("log", "--since", "2h", now=now)} == {"reminder"}
    assert len(shop.lines("log", "--since", "2026-12-01", now=now)) == 7
    assert shop.lines("log", "--since", "2026-12-02", now=now) == []


def test_a_since_that_cannot_be_read_is_a_wrong_command_line(shop: Shop) -> None:
    result = shop.run("log", "--since", "yesterday")

    assert result.exit_code == 64
    assert "cannot read 'yesterday', expected e.g. 30min, 2h, 3d, 1w or 2027-01-10" in result.stderr


def test_a_log_without_a_line_says_so(shop: Shop) -> None:
    assert shop.done("log").splitlines()[0] == "nothing was sent, held or left out yet"
    assert shop.done("log", "--failed").splitlines()[0] == "no message fits what was asked"


def test_a_cut_log_says_that_there_is_more(shop: Shop) -> None:
    shop.send(DAY)

    assert shop.done("log", "--limit", "2").splitlines()[-1] == "2 messages, the newest; --limit shows more"


def test_a_task_is_listed_and_ticked_off(shop: Shop) -> None:
    shop.done("event", "lea@example.org", "bad_experience", now=DAY)
    shop.send("2026-12-02T10:00+01:00")

    (task,) = shop.json("tasks")["tasks"]
    done = shop.done("tasks", "done", "1", "--note", "will come on Friday")

    assert (task["who"], task["text"], task["due_at"]) == ("Léa +33639980012", "Call Léa", "2026-12-02T10:00:00+01:00")
    assert done == "Done: 1. 0 open tasks.\n"
    assert shop.json("tasks")["tasks"] == []
    assert shop.json("tasks", "--all")["tasks"][0]["note"] == "will come on Friday"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("done", "7"), 1, "task 7 is not there - see what is open: campaign tasks"),
        (("done",), 64, "say which: campaign tasks done ID"),
        (("list", "7"), 64, "to tick it off: campaign tasks done 7"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_task_that_is_not_there_is_refused(shop: Shop, args: tuple[str, ...], code: int, message: str) -> None:
    result = shop.run("tasks", *args)

    assert result.exit_code == code
    assert message in result.stderr


def test_tasks_are_ticked_off_all_or_none(shop: Shop) -> None:
    shop.done("event", "lea@example.org", "bad_experience", now=DAY)
    shop.send("2026-12-02T10:00+01:00")

    result = shop.run("tasks", "done", "1", "7")

    assert result.exit_code == 1
    assert len(shop.json("tasks")["tasks"]) == 1
