from pathlib import Path

import pytest
from support.terminal import Shop

DAY = "2026-12-01T10:00+01:00"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch).applied()


def sent(lines: list[dict[str, object]]) -> set[object]:
    return {line["touch"] for line in lines if line["state"] == "sent"}


def test_a_paused_campaign_sends_nothing_until_it_is_resumed(shop: Shop) -> None:
    paused = shop.done("pause", "shop")
    while_paused = shop.send(DAY)
    resumed = shop.done("resume", "shop")
    after = shop.send(DAY)

    assert paused == "Paused shop.\nNext: campaign resume shop    let it go on\n"
    assert while_paused == []
    assert resumed == "Resumed shop.\n"
    assert sent(after) == {"welcome", "post"}


def test_a_touch_alone_is_paused_by_its_name_where_that_is_unique(shop: Shop) -> None:
    document = shop.json("pause", "welcome")

    assert document == {"paused": ["shop/welcome"], "changed": 1, "until": None}
    assert sent(shop.send(DAY)) == {"post"}
    assert shop.json("status")["campaigns"][0]["paused_touches"] == ["welcome"]


def test_a_pause_until_a_day_ends_by_itself_at_its_local_midnight(shop: Shop) -> None:
    text = shop.done("pause", "shop", "--until", "2026-12-02")

    assert text == "Paused shop until Wed 2 Dec 2026 00:00.\n"
    assert shop.send("2026-12-01T23:59+01:00") == []
    assert sent(shop.send("2026-12-02T08:00+01:00")) == {"post"} | {"welcome"}


def test_a_pause_until_the_past_is_refused(shop: Shop) -> None:
    result = shop.run("pause", "shop", "--until", "2026-11-01")

    assert result.exit_code == 64
    assert "'2026-11-01' has passed already" in result.stderr


def test_pausing_and_resuming_twice_says_so(shop: Shop) -> None:
    shop.done("pause", "shop")

    assert shop.done("pause", "shop") == "shop: paused already.\n"
    shop.done("resume", "shop")
    assert shop.done("resume", "shop") == "shop: not paused.\n"


def test_pausing_everything_asks_first(shop: Shop) -> None:
    asked = shop.run("pause", "--all")
    done = shop.json("pause", "--all", "--yes")

    assert asked.exit_code == 3
    assert "Pause 1 campaign: shop - nothing was done; say so with --yes" in asked.stderr
    assert done["paused"] == ["shop"]


def test_an_unknown_name_is_answered_with_the_nearest(shop: Shop) -> None:
    result = shop.run("pause", "welcom")

    assert result.exit_code == 1
    assert "no campaign or touch 'welcom' is in force - did you mean 'welcome'?" in result.stderr


def test_naming_nothing_is_a_wrong_command_line(shop: Shop) -> None:
    assert shop.run("resume").exit_code == 64
    assert shop.run("pause", "shop", "--all").exit_code == 64


def test_cancelling_needs_the_name_and_says_what_ends(shop: Shop) -> None:
    shop.done("event", "lea@example.org", "purchase", "--key", "product=tea")

    asked = shop.run("cancel", "shop")
    done = shop.done("cancel", "shop", "--confirm", "shop")

    assert asked.exit_code == 3
    assert "shop has 4 dates and 1 planned message to come; nothing of that will go" in asked.stderr
    assert done == "Cancelled shop: 1 planned message will not be sent.\n"
    assert shop.send(DAY) == []
    assert shop.json("status")["campaigns"][0]["state"] == "cancelled"


def test_the_plan_of_a_cancelled_campaign_says_so_and_that_an_apply_would_put_it_back(shop: Shop) -> None:
    shop.done("cancel", "shop", "--confirm", "shop")

    result = shop.run("plan", "shop.yaml", "--detailed-exitcode")
    document = shop.json("plan")

    assert result.exit_code == 2
    assert result.stdout.splitlines()[-3:] == [
        "! shop was cancelled by a person: nothing of it goes",
        "    to put it back: campaign apply shop.yaml --confirm shop",
        "No changes. shop matches its schedule; cancelled by a person.",
    ]
    assert (document["state"], document["paused_until"], document["paused_touches"]) == ("cancelled", None, [])


def test_the_plan_of_a_paused_campaign_says_until_when(shop: Shop) -> None:
    shop.done("pause", "shop", "--until", "2026-12-02")

    result = shop.run("plan", "--detailed-exitcode")
    document = shop.json("plan")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-3:] == [
        "! shop is paused until Wed 2 Dec 00:00: nothing of it goes",
        "    to let it go on: campaign resume shop",
        "No changes. shop matches its schedule; paused until Wed 2 Dec 00:00.",
    ]
    assert (document["state"], document["paused_until"]) == ("paused", "2026-12-02T00:00:00+01:00")
    assert "next: letter, Fri 4 Dec 10:00" in shop.done("plan", now="2026-12-02T00:00+01:00")


def test_the_plan_does_not_call_a_paused_touch_the_next(shop: Shop) -> None:
    shop.done("pause", "shop/welcome")

    said = shop.done("plan").splitlines()[-2:]
    document = shop.json("plan")

    assert said == [
        "! welcome is paused: campaign resume shop/welcome",
        "No changes. shop matches its schedule; next: post, Tue 1 Dec 10:00 (in 11 days).",
    ]
    assert (document["state"], document["paused_touches"]) == ("running", ["welcome"])


def test_a_cancelled_touch_leaves_the_others_alone(shop: Shop) -> None:
    shop.done("cancel", "shop/welcome", "--confirm", "shop/welcome")

    assert sent(shop.send(DAY)) == {"post"}


def test_an_approval_lets_the_held_messages_go(shop: Shop) -> None:
    friday = "2026-12-04T10:00+01:00"
    held = shop.send(friday)

    text = shop.done("approve", "letter", now=friday)
    after = shop.send(friday)

    assert {line["reason"] for line in held if line["touch"] == "letter"} == {"waits for approval"}
    assert text == "Approved shop/letter: 3 held messages let go.\n"
    assert sorted(line["recipient"] for line in after if line["state"] == "sent") == ["c1", "c2"]


def test_an_approval_ahead_of_time_holds_until_an_edit(shop: Shop) -> None:
    text = shop.done("approve", "shop/letter")
    approved = shop.json("status")["campaigns"][0]["needs_approval"]
    shop.edit("shop.yaml", "Ten percent", "Twenty percent")
    shop.done("apply", "--confirm", "shop")

    assert text == "Approved shop/letter with the content it has now; an edit asks again.\n"
    assert approved == []
    assert shop.json("status")["campaigns"][0]["needs_approval"] == ["letter"]


def test_a_rejected_touch_never_goes(shop: Shop) -> None:
    friday = "2026-12-04T10:00+01:00"
    shop.send(friday)

    text = shop.done("approve", "letter", "--reject", "--note", "wrong price", now=friday)

    assert text == "Rejected shop/letter: 3 messages will not be sent.\n"
    assert sent(shop.send(friday)) == set()


def test_approving_what_needs_none_says_so(shop: Shop) -> None:
    assert shop.done("approve", "welcome") == "shop/welcome needs no approval, and nothing of it is held.\n"


def test_a_whole_campaign_is_not_approved_at_once(shop: Shop) -> None:
    result = shop.run("approve", "shop")

    assert result.exit_code == 1
    assert "approve its touches one by one" in result.stderr
