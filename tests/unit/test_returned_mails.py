"""Reading what came back: reports of many servers, mailboxes of three kinds, and mails that nobody should take apart."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest
from support.returned_mails import NAMES, sample

from scheduler.channels.email.returned import Kind, Raw, of_stream, raw_mails, read
from scheduler.errors import SchedulerError

STAMP = "abcdefghijklmnopqrstuvwxyz234567abcdefgh"
LINK = "A" * 55
ID = "0a1b2c3d4e5f60718293a4b5"
LEA = "lea@example.org"

# Kind, what each notice means with its status, and how many of stamp, link and Message-ID it bears.
EXPECTED = {
    "advertisement": ("other", [], (0, 0, 0)),
    "arf-abuse": ("complaint", [], (1, 0, 0)),
    "arf-auth-failure": ("other", [], (1, 1, 1)),
    "arf-link-alone": ("complaint", [], (0, 1, 0)),
    "arf-not-spam": ("not_spam", [], (1, 1, 1)),
    "arf-opt-out": ("opt_out", [], (1, 1, 1)),
    "exchange-group": ("bounce", [("permanent_other", "5.7.133")], (1, 1, 1)),
    "exchange-not-found": ("bounce", [("dead_address", "5.1.10")], (1, 1, 1)),
    "exim-plain": ("bounce", [("dead_address", "")], (1, 1, 1)),
    "exim-report": ("bounce", [("mailbox_full", "5.2.2")], (1, 1, 1)),
    "exim-warning": ("delayed", [], (1, 0, 0)),
    "forwarded-address": ("bounce", [("dead_address", "5.1.1")], (1, 0, 0)),
    "french-plain": ("bounce", [("dead_address", "")], (1, 0, 0)),
    "gmail-no-such-user": ("bounce", [("dead_address", "5.1.1")], (1, 1, 1)),
    "gmail-too-fast": ("bounce", [("rate_limited", "5.2.1")], (1, 1, 1)),
    "gmail-unauthenticated": ("bounce", [("policy", "5.7.26")], (1, 1, 1)),
    "letter": ("other", [], (1, 0, 0)),
    "message-id-alone": ("bounce", [("dead_address", "5.1.1")], (0, 0, 1)),
    "outlook-away": ("auto_reply", [], (1, 0, 0)),
    "outlook-block-list": ("bounce", [("policy", "5.7.1")], (1, 1, 1)),
    "plain-full-without-code": ("bounce", [("mailbox_full", "")], (1, 0, 0)),
    "postfix-delayed": ("delayed", [], (1, 1, 1)),
    "postfix-delivered": ("delivered", [("accepted", "2.1.5")], (1, 1, 1)),
    "postfix-expired": ("bounce", [("temporary", "4.4.1")], (1, 1, 1)),
    "postfix-user-unknown": ("bounce", [("dead_address", "5.1.1")], (1, 1, 1)),
    "qmail": ("bounce", [("dead_address", "5.1.1")], (1, 1, 1)),
    "receipt": ("auto_reply", [], (1, 0, 0)),
    "report-without-status": ("bounce", [("dead_address", "5.1.1")], (1, 1, 1)),
    "sendmail-report": ("bounce", [("dead_address", "5.3.0")], (1, 1, 1)),
    "sendmail-sender-unknown": ("bounce", [("sender_refused", "5.1.8")], (1, 1, 1)),
    "several-recipients": ("bounce", [("accepted", "2.0.0"), ("dead_address", "5.1.1")], (1, 1, 1)),
    "smtputf8-report": ("bounce", [("dead_address", "5.1.6")], (1, 0, 1)),
    "status-in-base64": ("bounce", [("dead_address", "5.4.4")], (1, 0, 0)),
    "unsubscribe-by-mail": ("opt_out", [], (0, 1, 0)),
    "vacation": ("auto_reply", [], (1, 0, 0)),
}


def test_every_sample_is_expected_to_be_something() -> None:
    assert tuple(EXPECTED) == NAMES


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_is_read_as_what_it_is(name: str) -> None:
    found = read(Raw(1, sample(name)))

    proofs = (len(found.stamps), len(found.links), len(found.message_ids))
    assert (found.kind.value, [(one.meaning.value, one.status) for one in found.notices], proofs) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_windows_line_ends_change_nothing(name: str) -> None:
    assert read(Raw(1, sample(name).replace(b"\n", b"\r\n"))) == read(Raw(1, sample(name)))


def test_the_proofs_and_words_of_a_report_are_kept_as_they_stand() -> None:
    found = read(Raw(1, sample("postfix-user-unknown")))

    assert (found.stamps, found.links, found.message_ids) == ((STAMP,), (LINK,), (ID,))
    assert found.notices[0].text == "550 5.1.1 <lea@example.org>: Recipient address rejected: User unknown"
    assert found.notices[0].addresses == (LEA,)


@pytest.mark.parametrize("name", ["postfix-user-unknown", "exim-plain", "qmail"])
def test_a_mailbox_of_a_domain_in_unicode_is_known_by_its_letters_for_the_wire(name: str) -> None:
    found = read(Raw(1, sample(name, recipient="Lea@xn--mller-kva.example")))

    assert found.notices[0].addresses == ("lea@müller.example",)


def test_a_stamp_is_found_in_capitals_and_in_the_wrapping_of_a_forwarding_server() -> None:
    shouted = sample("qmail").replace(STAMP.encode(), STAMP.upper().encode())

    assert read(Raw(1, shouted)).stamps == (STAMP,)
    assert read(Raw(1, sample("forwarded-address"))).stamps == (STAMP,)


def test_the_envelope_tells_the_address_where_the_mail_does_not() -> None:
    assert read(Raw(1, b"Subject: hm\n\nhm\n", recipient=f"b+{STAMP}@shop.example")).stamps == (STAMP,)


def test_an_answer_that_says_automatic_is_no_bounce_whatever_it_quotes() -> None:
    mail = b"From: lea@example.org\nReturn-Path: <>\nSubject: Mail delivery failed\nAuto-Submitted: auto-replied\n\n550 5.1.1 user unknown\n"

    assert read(Raw(1, mail)).kind is Kind.AUTO_REPLY
    assert read(Raw(1, mail.replace(b"Auto-Submitted: auto-replied\n", b""))).kind is Kind.BOUNCE


HOSTILE = {
    "deep multiparts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(5000)
    ),
    "mails in mails": b"Content-Type: message/rfc822\n\n" * 10_000,
    "many parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 100_000,
    "many headers": b"A: b\n" * 100_000,
    "a number of five thousand digits": b"Content-Type: multipart/mixed; a*" + b"9" * 5000 + b"=x\n\nx",
}
ODD = {
    "nothing": b"",
    "a null byte": b"\x00",
    "no line end": b"Subject: x",
    "a charset nobody knows": b"From: mailer-daemon@x\nContent-Type: text/plain; charset=klingon-8\n\nreturned\n",
    "bytes that are no text": bytes(range(256)) * 50,
    "a subject cut off": b"Subject: =?utf-8?b?4pyT4pyT?==?utf-8?b?///\n\n",
    "style sheets without end": b"From: mailer-daemon@x\nContent-Type: text/html\n\n" + b"<style <style " * 30_000,
    "groups without end": b"Content-Type: message/delivery-status\n\n" + b"A: b\n\n" * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_mail_that_is_built_to_be_taken_apart_for_ever_is_not(name: str) -> None:
    began = time.process_time()

    found = read(Raw(1, HOSTILE[name][: 512 * 1024]))

    assert (found.kind, found.notices, found.stamps) == (Kind.UNREADABLE, (), ())
    assert found.note in ("it has too many parts", "its headers are too long", "it cannot be taken apart")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("name", ODD)
def test_a_mail_that_makes_no_sense_is_read_all_the_same(name: str) -> None:
    began = time.process_time()

    found = read(Raw(1, ODD[name]))

    assert found.kind in (Kind.OTHER, Kind.BOUNCE)
    assert time.process_time() - began < 10


def test_an_mbox_is_split_where_its_mails_begin() -> None:
    box = b"From MAILER-DAEMON Mon Jan  4 09:00:00 2027\nSubject: a\n\n>From here on\n\nFrom lea@example.org Mon Jan  4 09:00:00 2027\nSubject: b\n\nx\nFrom the inside\n"

    first, second = of_stream(io.BytesIO(box))

    assert (first.number, first.sender, first.data) == (1, "", b"Subject: a\n\nFrom here on\n\n")
    assert (second.number, second.sender, second.data) == (2, "lea@example.org", b"Subject: b\n\nx\nFrom the inside\n")


def test_one_mail_on_a_stream_is_read_to_its_end_and_kept_in_part() -> None:
    stream = io.BytesIO(b"Subject: a\n\n" + b"x" * 2_000_000)

    (only,) = of_stream(stream, recipient="b@example.org")

    assert (len(only.data), only.sender, only.recipient) == (524_288, None, "b@example.org")
    assert stream.read() == b""
    assert list(of_stream(io.BytesIO(b""))) == []


def test_a_maildir_is_read_from_new_and_cur_and_left_alone(tmp_path: Path) -> None:
    for place, name in (("new", "2.x"), ("cur", "1.x:2,S"), ("tmp", "3.x"), ("new", ".hidden")):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / name).write_bytes(b"Subject: " + name.encode() + b"\n\n")
    (tmp_path / "new" / "4.x").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "new" / "5.x")

    found = [raw.data for raw in raw_mails(tmp_path)]

    assert found == [b"Subject: 1.x:2,S\n\n", b"Subject: 2.x\n\n"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [".hidden", "2.x", "4.x", "5.x"]


def test_what_is_no_mailbox_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchedulerError, match="no such file or directory"):
        list(raw_mails(tmp_path / "gone"))
    with pytest.raises(SchedulerError, match="is a folder and no Maildir"):
        list(raw_mails(tmp_path))
