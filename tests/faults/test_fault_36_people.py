"""Rows 36 to 38 and 42: people say stop, campaigns are changed, one person or template is poison, events come in floods."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.daemon import campaign
from support.faults import BOTH, HEAD, MAILING, SQLITE_FIRST, only_full, until
from support.sink import Rule, Sink

if TYPE_CHECKING:
    from conftest import Mailings


def mailing_with(text: str) -> str:
    return HEAD + (
        "stages:\n  - stage: launch\n    kind: awareness\n    when: as soon as possible\n    touches:\n"
        f"      - {{id: mailing, channel: email, subject: Hello, text: {json.dumps(text)}}}\n"
    )


@pytest.mark.parametrize("kind", SQLITE_FIRST)
@pytest.mark.parametrize("step", [only_full("connect"), only_full("ehlo"), "mail", "rcpt", only_full("data")])
def test_36_who_says_stop_before_the_mark_gets_nothing(kind: str, step: str, mailings: Mailings, server: Sink) -> None:
    mailing = mailings(kind, 1)
    server.script(Rule(step, "hold"))
    daemon = mailing.start()
    server.wait_step(step)

    mailing.done("contacts", "unsubscribe", "p0@example.org")
    server.release()
    until(lambda: mailing.states() == {"suppressed": 1}, "it is suppressed")
    daemon.stop()

    assert server.stats()["taken"] == 0


@pytest.mark.parametrize("kind", SQLITE_FIRST)
def test_36_who_says_stop_after_the_mark_gets_this_one_and_no_other(
    kind: str, mailings: Mailings, server: Sink
) -> None:
    second = MAILING + '      - {id: second, channel: email, subject: Again, text: "x"}\n'
    mailing = mailings(kind, 1, second)
    server.script(Rule("dot", "hold"))
    daemon = mailing.start()
    server.wait_step("dot")

    mailing.done("contacts", "unsubscribe", "p0@example.org")
    server.release()
    until(lambda: "sent" in mailing.states() and "attempting" not in mailing.states(), "it went")
    daemon.stop()
    mailing.wait_is_over()
    mailing.start("--once").ended()

    assert server.stats()["taken"] == 1
    assert [row.state for row in mailing.rows("second")] == ["suppressed"]


@pytest.mark.parametrize("kind", BOTH)
def test_36_people_who_say_stop_while_the_mailing_runs_get_nothing_afterwards(
    kind: str, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings(kind, 60)
    server.script(Rule("dot", "hold", first=9))
    daemon = mailing.start()
    server.wait_step("dot", 12)  # every connection is busy, and the others' mails are ready and wait

    stopped = [f"p{number}@example.org" for number in range(59, 40, -3)]
    for email in stopped:
        mailing.done("contacts", "unsubscribe", email)
    server.release()
    mailing.settled()
    daemon.stop()

    assert not set(stopped) & set(server.recipients())
    assert sorted(row.email for row in mailing.rows() if row.state == "suppressed") == sorted(stopped)
    assert mailing.states() == {"sent": 53, "suppressed": 7}


@pytest.mark.parametrize("kind", SQLITE_FIRST)
def test_37_edits_and_pauses_while_it_sends_lose_nothing_and_send_nothing_twice(
    kind: str, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings(kind, 150)
    server.script(Rule("dot", "delay", seconds=0.03))
    daemon = mailing.start()
    server.wait(5)

    for number in range(4):
        mailing.done("pause", "shop")
        mailing.apply(MAILING.replace("Come in", f"Come in, number {number}"))
        mailing.done("resume", "shop")
    mailing.apply(MAILING)
    mailing.settled(100)
    code = daemon.stop()

    found = mailing.account(server)
    assert code == 0, daemon.said()
    assert (found.taken, found.unknown, found.is_kept()) == (150, (), True), found


def test_37_a_touch_that_is_taken_out_while_it_sends_ends_there(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 120)
    server.script(Rule("dot", "delay", seconds=0.05))
    daemon = mailing.start()
    server.wait(5)

    mailing.apply(MAILING.replace("id: mailing", "id: other").replace("Come in", "Something else"))
    before = server.stats()["taken"]
    mailing.settled(100)
    daemon.stop()

    rows = mailing.rows()
    assert {row.state for row in rows} <= {"sent", "cancelled"}
    assert sum(row.state == "sent" for row in rows) <= before + 4
    assert before < 120


@pytest.mark.parametrize(
    "poison",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a * b }}{% endfor %}{% endfor %}",
        "{{ 'x' * 900000000 }}",
        "{{ 1 / 0 }}",
    ],
    ids=["endless", "huge", "wrong"],
)
def test_38_a_text_that_is_poison_for_one_person_fails_for_that_person_alone(
    poison: str, mailings: Mailings, server: Sink
) -> None:
    text = "{% if contact.first_name == 'Person 3' %}" + poison + "{% endif %}Come in, {{ contact.first_name }}"
    mailing = mailings("sqlite", 20, mailing_with(text))
    daemon = mailing.start()
    mailing.settled(100)
    running = daemon.is_running()
    daemon.stop()

    assert running, daemon.said()
    assert mailing.states() == {"sent": 19, "failed": 1}
    assert [row.email for row in mailing.rows() if row.state == "failed"] == ["p3@example.org"]
    assert len(set(server.recipients())) == 19


@pytest.mark.parametrize("kind", SQLITE_FIRST)
def test_42_of_a_flood_of_events_repeated_shuffled_and_from_the_future_each_that_happened_counts_once(
    kind: str, mailings: Mailings, server: Sink
) -> None:
    thanks = HEAD + (
        "stages:\n  - stage: home\n    kind: loyalty\n    touches:\n"
        "      - {id: mailing, channel: email, purpose: transactional, on: purchase, when: immediately,"
        ' subject: Thanks, text: "For {{ event.product }}"}\n'
    )
    mailing = mailings(kind, 25, thanks)
    now = datetime.now(UTC)
    lines = [
        {
            "who": f"p{number}@example.org",
            "name": "purchase",
            "id": f"order-{number}",
            "at": (now - timedelta(minutes=number)).isoformat(),
            "product": "tea",
        }
        for number in range(25)
    ]
    future = [
        {**line, "id": f"future-{number}", "at": (now + timedelta(days=400)).isoformat()}
        for number, line in enumerate(lines[:3])
    ]
    flood = lines * 40 + future
    random.Random(7).shuffle(flood)
    daemon = mailing.start()

    env = mailing.env
    done = campaign(
        mailing.folder, "event", "-", env=env, stdin="".join(json.dumps(one) + "\n" for one in flood), check=False
    )
    server.wait(25)
    until(lambda: mailing.states() == {"sent": 25}, "what has happened is answered")
    code = daemon.stop()

    assert done.returncode == 1, done.stderr
    assert done.stderr.count("lies in the future") == 3
    assert mailing.query("SELECT count(*) FROM event WHERE key LIKE 'future-%'")[0][0] == 0
    assert code == 0, daemon.said()
    taken = server.recipients()
    assert sorted(taken) == sorted(f"p{number}@example.org" for number in range(25))
    assert mailing.query("SELECT count(*) FROM event WHERE key LIKE 'order-%'")[0][0] == 25


def test_42_one_event_sent_a_thousand_times_at_once_counts_once(mailings: Mailings, server: Sink) -> None:
    thanks = HEAD + (
        "stages:\n  - stage: home\n    kind: loyalty\n    touches:\n"
        "      - {id: mailing, channel: email, purpose: transactional, on: purchase, when: immediately,"
        ' subject: Thanks, text: "x"}\n'
    )
    mailing = mailings("sqlite", 1, thanks)
    line = json.dumps({"who": "p0@example.org", "name": "purchase", "id": "order-1"}) + "\n"
    daemon = mailing.start()

    done = campaign(mailing.folder, "event", "-", env=mailing.env, stdin=line * 1_000, check=False)
    server.wait(1)
    mailing.settled()
    daemon.stop()

    assert done.returncode == 0, done.stderr
    assert server.recipients() == ["p0@example.org"]
    assert mailing.query("SELECT count(*) FROM event")[0][0] == 1
