"""What `campaign reconcile` says of messages nobody knows the outcome of, and what a person may say of them.

The golden screens are written anew with `CAMPAIGN_UPDATE_GOLDEN=1 pytest tests/acceptance/test_cli_reconcile.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.settling import LOST_ANSWER, LOST_MESSAGE, TruthfulChannel
from support.terminal import Shop, screen

from scheduler import bootstrap
from scheduler.channels.base import Attempted, Evidence, Found
from scheduler.cli.options import Session
from scheduler.cli.reconcile import reconcile
from scheduler.clock import VirtualClock
from scheduler.errors import AttentionError
from scheduler.operations import settling
from scheduler.rendering.inline import InlineRenderer
from scheduler.store import inquiries
from scheduler.store.database import Store
from scheduler.store.writer import InlineWriter

SENT_AT = datetime.fromisoformat("2026-12-01T09:30+01:00")
LATER = "2026-12-01T12:00+01:00"


class Life:
    """The shop on the first of December, and its mail server: of the first mail the answer, the second is lost."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.store = Store(f"sqlite:///{shop.folder / 'var' / 'campaign.db'}")
        self.clock = VirtualClock(SENT_AT)
        self.channel = TruthfulChannel("email", LOST_ANSWER, LOST_MESSAGE)
        self.system = bootstrap.assemble(
            self.store,
            InlineWriter(),
            InlineRenderer(),
            {"email": self.channel},
            self.clock,
            worker_id="w",
            secret_key=b"0" * 32,
        )
        asyncio.run(self.system.dispatcher.work_off())
        self.clock.advance_to(datetime.fromisoformat(LATER))

    def reconcile(self, *, yes: bool = True, json: bool = False, plain: bool = False) -> int:
        """Do as the command does, with this channel."""
        session = Session(folder=self.shop.folder, json=json, plain=plain, no_color=True, no_input=True)
        chosen = settling.unsettled(self.store)
        return asyncio.run(reconcile(session, self.store, self.system.settler, chosen, self.clock.now(), yes=yes))

    def states(self) -> dict[int, str | None]:
        """Return the state of the two messages."""
        return {number: settling.state_of(self.store, number) for number in self.numbers}

    numbers: tuple[int, ...] = ()


@pytest.fixture
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    shop = Shop.example(tmp_path, monkeypatch)
    shop.applied()
    life = Life(shop)
    life.numbers = tuple(one.record.id for one in settling.unsettled(life.store))
    yield life
    life.store.close()


def answers(first: Evidence | None, second: Evidence | None) -> Callable[[Attempted], Evidence]:
    given = iter((first, second))

    def says(_attempted: Attempted) -> Evidence:
        found = next(given)
        assert found is not None
        return found

    return says


def test_what_is_unknown_is_listed_for_a_person_where_no_channel_can_look(life: Life) -> None:
    result = life.shop.run("reconcile", now=LATER)

    assert result.exit_code == 3
    assert "lea@" not in result.stdout
    assert result.stdout == screen("reconcile", result.stdout)


def test_the_evidence_is_shown_and_what_is_evident_is_settled(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    code = life.reconcile()

    text = capsys.readouterr().out
    assert code == 0
    assert text == screen("reconcile-settled", text)
    assert list(life.states().values()) == ["sent", "retry_wait"]


def test_without_an_answer_to_the_question_nothing_is_settled(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AttentionError, match="Settle 2 messages so"):
        life.reconcile(yes=False)

    assert "found in the list of what arrived" in capsys.readouterr().out
    assert list(life.states().values()) == ["unknown", "unknown"]


def test_what_cannot_be_told_says_when_it_is_looked_up_again(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    soon = life.clock.now() + timedelta(minutes=30)
    life.channel.says = answers(
        Evidence(Found.OPEN, "still being processed", look_at=soon), Evidence(Found.OPEN, "the list was cleared")
    )

    code = life.reconcile()

    text = capsys.readouterr().out
    assert code == 3
    assert text == screen("reconcile-open", text)


def test_what_the_channel_cannot_tell_yet_is_not_asked(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    life.channel.settles_after = timedelta(hours=3)

    code = life.reconcile()

    assert "not known: email can tell from Tue 1 Dec 12:30 on" in capsys.readouterr().out
    assert (code, life.channel.asked) == (0, [])


def test_the_document_of_what_was_settled(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    life.reconcile(json=True)

    document = json.loads(capsys.readouterr().out)
    first, second = document["unknown"]
    assert first == {
        "message": life.numbers[0],
        "campaign": "shop",
        "edition": "2026",
        "touch": "welcome",
        "channel": "email",
        "contact": "l…@example.org",
        "attempted_at": "2026-12-01T09:30:00+01:00",
        "reason": "the connection was lost before the answer",
        "found": "sent",
        "evidence": "found in the list of what arrived",
        "provider_id": first["provider_id"],
        "look_at": None,
        "state": "sent",
    }
    assert first["provider_id"].startswith("post-")
    assert (second["found"], second["provider_id"], second["state"]) == ("not sent", None, "retry_wait")
    assert (document["settled"], document["left"]) == ({"sent": 1, "retry_wait": 1}, 0)


def test_lines_for_a_program_that_reads_lines(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    life.reconcile(plain=True)

    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(row[3], row[5], row[6], row[7]) for row in rows] == [
        ("welcome", "l…@example.org", "sent", "sent"),
        ("welcome", rows[1][5], "retry_wait", "not sent"),
    ]


def test_a_person_says_that_a_message_went(life: Life) -> None:
    number = life.numbers[0]

    text = life.shop.done("reconcile", f"#{number}", "--sent", "--note", "it is in her inbox", now=LATER)

    assert text == f"Message {number} is noted as sent.\n"
    assert life.states()[number] == "sent"
    audit = life.shop.done("audit", now=LATER)
    assert f"message #{number}" in audit
    assert "it is in her inbox" in audit


@pytest.mark.parametrize(
    ("option", "state", "says"),
    [("--not-sent", "retry_wait", "is sent again"), ("--give-up", "failed", "is given up")],
)
def test_a_person_says_that_a_message_did_not_go(life: Life, option: str, state: str, says: str) -> None:
    number = life.numbers[1]

    text = life.shop.done("reconcile", str(number), option, "--note", "not in his inbox", now=LATER)

    assert text == f"Message {number} {says}.\n"
    assert life.states()[number] == state


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("reconcile", "--sent", "--note", "x"), "say which message"),
        (("reconcile", "17", "--sent"), "say how you know: --note TEXT"),
        (("reconcile", "17", "--sent", "--not-sent", "--note", "x"), "exclude each other"),
        (("reconcile", "17", "--note", "x"), "--note goes with --sent, --not-sent or --give-up"),
        (("reconcile", "9999", "--sent", "--note", "x"), "message 9999 is not there"),
        (("reconcile", "9999"), "message 9999 is not there"),
        (("reconcile", "shpo"), "did you mean 'shop'?"),
    ],
)
def test_a_mistaken_word_is_answered_with_what_was_expected(life: Life, arguments: tuple[str, ...], says: str) -> None:
    result = life.shop.run(*arguments, now=LATER)

    assert result.exit_code != 0
    assert says in result.stderr
    assert set(life.states().values()) == {"unknown"}


def test_a_message_that_is_settled_already_is_left_alone(life: Life) -> None:
    number = str(life.numbers[0])
    life.shop.done("reconcile", number, "--sent", "--note", "seen", now=LATER)

    result = life.shop.run("reconcile", number, "--give-up", "--note", "no", now=LATER)

    assert result.exit_code == 1
    assert f"message {number} is sent, not unknown" in result.stderr


def test_nothing_unknown_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop.example(tmp_path, monkeypatch)
    shop.applied()

    assert shop.done("reconcile") == "every message is known to have gone, or not\n"


def test_the_status_and_the_log_tell_of_it_with_the_evidence(life: Life) -> None:
    soon = life.clock.now() + timedelta(minutes=30)
    open_ = Evidence(Found.OPEN, "still being processed", look_at=soon)
    life.channel.says = answers(open_, Evidence(Found.OPEN, "the list was cleared"))
    asyncio.run(life.system.settler.look())

    status, log = (life.shop.shown(*words, now=LATER) for words in (("status",), ("log", "--failed")))

    assert status == screen("status-unknown", status)
    assert log == screen("log-unknown", log)
    with life.store.read() as conn:
        assert len(inquiries.unknown(conn)) == 2


def test_the_help_of_reconcile(life: Life) -> None:
    text = life.shop.shown("reconcile", "--help", now=None)

    assert text == screen("reconcile-help", text)
