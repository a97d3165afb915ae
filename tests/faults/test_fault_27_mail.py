"""Rows 27 to 34: the mail server is away, hangs, hangs up, refuses one person, everybody, or only for now."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from support.faults import CONNECTIONS, HEAD, Daemon, Mailing, only_full, until
from support.sink import Rule, Sink, sink

if TYPE_CHECKING:
    from conftest import Mailings

# The five minutes of RFC 5321 as seconds: the same program, told before it starts.
_IMPATIENT = """
import scheduler.channels.email.server as server
server.Timeouts.__init__.__defaults__ = (1, 1, 1, 1, 1, 1)
"""


def impatient(mailing: Mailing) -> Daemon:
    """Start a daemon whose patience with a server is a second."""
    return mailing.start(told=_IMPATIENT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def attempts(mailing: Mailing) -> int:
    return int(mailing.query("SELECT count(*) FROM attempt")[0][0])


def rested(mailing: Mailing, there: Sink, step: str) -> tuple[int, dict[str, int]]:
    """Let everybody wait for a server that refuses at `step`, then mend it and send.

    Returns how often it was asked at that step while it refused, and what the states were by then.
    """
    daemon = mailing.start()
    waiting(mailing, 40)
    asked, states = there.reached(step), mailing.states()
    there.script()
    daemon.stop()
    mailing.wait_is_over()
    daemon = mailing.start()
    mailing.until_nobody_waits()
    daemon.stop()
    return asked, states


def waiting(mailing: Mailing, count: int) -> None:
    until(lambda: mailing.states().get("retry_wait", 0) >= count, f"{count} wait to be tried again")


def test_27_a_server_that_refuses_connections_costs_nothing_but_time(mailings: Mailings, server: Sink) -> None:
    port = free_port()
    mailing = mailings("sqlite", 30, CAMPAIGN_SMTP_URL=f"smtp://127.0.0.1:{port}")
    daemon = mailing.start()
    waiting(mailing, 30)
    marks = attempts(mailing)
    early = mailing.query("SELECT count(*) FROM delivery WHERE next_at <= due_at")[0][0]
    daemon.stop()

    with sink(port=port) as there:
        mailing.wait_is_over()
        daemon = mailing.start()
        mailing.until_nobody_waits()
        daemon.stop()
        found = mailing.account(there)

    assert (marks, early) == (0, 0)
    assert (found.taken, found.unknown, found.is_kept()) == (30, (), True), found


def test_27_a_server_whose_name_does_not_resolve_costs_nothing_but_time(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 5, CAMPAIGN_SMTP_URL="smtp://nowhere.invalid:25")

    daemon = mailing.start()
    waiting(mailing, 5)
    daemon.stop()

    assert attempts(mailing) == 0
    assert {row.state for row in mailing.rows()} == {"retry_wait"}


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not-taken"])
def test_28_cut_after_the_dot_and_before_the_answer_is_unknown_and_never_sent_again(
    taken: bool, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings("sqlite", 30)
    server.script(Rule("dot", "take-close" if taken else "close", match="p7@"))
    daemon = mailing.start()
    mailing.settled()
    daemon.stop()
    server.script()
    mailing.start("--once").ended()

    found = mailing.account(server)
    assert found.unknown == ("p7@example.org",)
    assert (found.taken, found.is_kept()) == (30 if taken else 29, True), found
    assert mailing.listed_as_unknown() == 1


def test_29_an_answer_that_takes_its_time_is_waited_for(mailings: Mailings, server: Sink, full: bool) -> None:
    mailing = mailings("sqlite", 8)
    server.script(Rule("dot", "delay", seconds=100 if full else 4, match="p3@"))
    daemon = mailing.start()
    server.wait(8, 120)
    mailing.settled()
    daemon.stop()

    found = mailing.account(server)
    assert (found.taken, found.unknown, found.is_kept()) == (8, (), True), found


@pytest.mark.parametrize("step", ["connect", only_full("ehlo"), only_full("mail"), only_full("rcpt"), "data"])
def test_30_a_server_that_hangs_before_the_end_of_the_mail_is_given_up_and_the_mail_certainly_not_sent(
    step: str, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings("sqlite", 6)
    server.script(Rule(step, "silent", times=1))
    daemon = impatient(mailing)
    if step in ("connect", "ehlo"):
        # Nobody waits for a connection that does not open while there are others.
        until(lambda: mailing.states() == {"sent": 6}, "everybody got it by the other connections")
    else:
        server.wait(5)
        waiting(mailing, 1)
    first = mailing.account(server)
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert first.unknown == ()
    assert (found.taken, found.unknown, found.is_kept()) == (6, (), True), found


def test_30_a_server_that_stops_reading_half_way_is_given_up_and_the_mail_certainly_not_sent(
    mailings: Mailings, server: Sink
) -> None:
    long = HEAD + (
        "stages:\n  - stage: launch\n    kind: awareness\n    when: as soon as possible\n    touches:\n"
        '      - {id: mailing, channel: email, subject: Hello, text: "' + "much to say " * 5_000 + '"}\n'
    )
    mailing = mailings("sqlite", 4, long)
    server.script(Rule("body", "deaf", match="p2@", times=1))
    daemon = impatient(mailing)
    server.wait(3)
    until(lambda: {"retry_wait", "unknown"} & set(mailing.states()), "it is given up")
    first = mailing.account(server)
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert first.duplicates == ()
    assert found.is_kept(), found
    assert len(found.unknown) <= 1


def test_30_a_server_that_answers_one_byte_at_a_time_is_heard_out(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 3)
    server.script(Rule("rcpt", "drip"), Rule("dot", "drip"))
    daemon = mailing.start()
    server.wait(3)
    mailing.settled()
    daemon.stop()

    found = mailing.account(server)
    assert (found.taken, found.unknown, found.is_kept()) == (3, (), True), found


@pytest.mark.full
@pytest.mark.timeout(600)
def test_30_a_server_that_hangs_is_given_up_after_the_minutes_of_the_standard(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 3)
    server.script(Rule("data", "silent", times=1))
    daemon = mailing.start()
    server.wait(2)
    until(lambda: mailing.states().get("retry_wait") == 1, "it is given up", 200)
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert (found.taken, found.unknown, found.is_kept()) == (3, (), True), found


@pytest.mark.parametrize(
    ("step", "code", "text"),
    [
        ("rcpt", 450, "4.2.0 greylisted, come back later"),
        only_full("rcpt", 451, "4.3.0 try again"),
        only_full("mail", 452, "4.3.1 no room now"),
        ("dot", 451, "4.3.0 try again"),
        ("connect", 421, "4.3.2 not now"),
        only_full("rcpt", 421, "4.7.0 too many"),
    ],
)
def test_31_a_server_that_says_later_is_tried_later_and_everybody_gets_it_once(
    step: str, code: int, text: str, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings("sqlite", 12)
    server.script(Rule(step, "reply", code=code, text=text))
    daemon = mailing.start()
    waiting(mailing, 12)
    soonest = mailing.query("SELECT min(next_at) FROM delivery")[0][0]
    due = mailing.query("SELECT max(due_at) FROM delivery")[0][0]
    pressed = server.reached(step)
    threading.Event().wait(1.5)
    pressed_later = server.reached(step)
    server.script()
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert soonest > due
    assert pressed_later == pressed  # nobody knocks again before the time
    assert (found.taken, found.unknown, found.is_kept()) == (12, (), True), found


def test_32_a_log_in_that_is_refused_rests_the_channel_and_touches_nobody(mailings: Mailings) -> None:
    with sink(auth=True) as there:
        mailing = mailings("sqlite", 40, CAMPAIGN_SMTP_URL=f"smtp://shop:secret@127.0.0.1:{there.port}")
        there.script(Rule("auth", "reply", code=535, text="5.7.8 wrong"))
        logins, states = rested(mailing, there, "auth")
        found = mailing.account(there)

    assert states == {"retry_wait": 40}
    assert logins <= 3 * CONNECTIONS
    assert (found.taken, found.unknown, found.is_kept()) == (40, (), True), found


def test_32_a_sender_that_is_refused_rests_the_channel_and_touches_nobody(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 40)
    server.script(Rule("mail", "reply", code=530, text="5.7.0 log in first"))

    asked, states = rested(mailing, server, "mail")

    found = mailing.account(server)
    assert states == {"retry_wait": 40}
    assert asked <= 2 * CONNECTIONS
    assert (found.taken, found.unknown, found.is_kept()) == (40, (), True), found


@pytest.mark.parametrize("step", ["rcpt", "dot"])
def test_33_one_refusal_of_a_hundred_fails_one_and_sends_ninety_nine(
    step: str, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings("sqlite", 100)
    server.script(Rule(step, "reply", code=550, text="5.1.1 nobody here", match="p42@"))
    daemon = mailing.start()
    mailing.settled()
    daemon.stop()

    assert mailing.states() == {"sent": 99, "failed": 1}
    assert [row.email for row in mailing.rows() if row.state == "failed"] == ["p42@example.org"]
    taken = server.recipients()
    assert len(taken) == len(set(taken)) == 99


@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data", "body", "dot"])
@pytest.mark.parametrize("accident", ["rst", only_full("close")])
def test_34_a_line_that_goes_dead_at_a_step_costs_at_most_one_unknown(
    step: str, accident: str, mailings: Mailings, server: Sink
) -> None:
    mailing = mailings("sqlite", 16)
    server.script(Rule(step, accident, first=3 if step in ("mail", "rcpt", "data", "body", "dot") else 1, times=1))
    daemon = mailing.start()
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert found.is_kept(), found
    assert found.open == ()
    # Only from the final dot on does nobody know; the body may be answered by silence and cut at the same moment.
    assert len(found.unknown) <= (1 if step in ("body", "dot") else 0), found
    assert found.taken + len(found.unknown) == 16


def test_34_a_line_that_goes_dead_after_the_mail_was_taken_is_unknown_once(mailings: Mailings, server: Sink) -> None:
    mailing = mailings("sqlite", 16)
    server.script(Rule("dot", "take-rst", first=3, times=1))
    daemon = mailing.start()
    mailing.until_nobody_waits()
    daemon.stop()

    found = mailing.account(server)
    assert (found.taken, len(found.unknown), found.is_kept()) == (16, 1, True), found
