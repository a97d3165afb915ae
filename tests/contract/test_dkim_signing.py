"""Signatures of DKIM, judged by two verifiers that are not ours: dkimpy, and Perl's Mail::DKIM over real DNS."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from channel_peers import Mark, Script, smtp_server
from support.mails import a_mail
from support.name_server import name_server, txt
from support.signatures import by_dkimpy, by_perl, ed25519_pem, rsa_pem

from campaigns.rendering import Content
from scheduler.bootstrap import live_channels
from scheduler.channels.base import Recipient
from scheduler.channels.email import dkim, mime
from scheduler.channels.email.dkim import Signer
from scheduler.channels.email.mime import Mail
from scheduler.errors import SchedulerError
from scheduler.settings import Dkim, Settings

MOMENT = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)
OFFER = a_mail(
    content=Content("Léa, votre offre " + "é" * 60, "Bonjour\n\n\n", "<p>Bonjour</p>\n"),
    recipient=Recipient(7, "Łucja Nowakowska-Wiśniewska, une amie de la maison", "lea@example.org"),
    reply_to="Aide <aide@biksouv.example>",
    unsubscribe="https://biksouv.example/u/" + "t0ken" * 20,
    unsubscribe_mail="mailto:stop@biksouv.example",
)


def settings(**changes: object) -> Dkim:
    fields: dict[str, object] = {
        "domain": "biksouv.example",
        "selector": "r2027",
        "key": rsa_pem(),
        "second_selector": "e2027",
        "second_key": ed25519_pem(),
    }
    return Dkim(**{**fields, **changes})  # type: ignore[arg-type]


def signer() -> Signer:
    return Signer("biksouv.example", dkim.load(settings()))


def mail(**changes: object) -> Mail:
    return mime.build(dataclasses.replace(OFFER, **changes))  # type: ignore[arg-type]


def records() -> dict[str, str]:
    return {f"{key.selector}._domainkey.biksouv.example": key.record for key in signer().keys}


MAILS = {
    "with html": {},
    "of text alone": {"content": Content("Offre", "Bonjour")},
    "that ends in empty lines": {"content": Content("Offre", "Bonjour\n\n\n\n")},
    "of other letters": {"content": Content("Кольца и браслеты", "Скидка\n" * 90, "<p>Скидка</p>" * 90)},
    "with dots": {"content": Content("Dots", ".\n..\n.\n")},
    "about an order": {"purpose": "transactional", "unsubscribe": None, "unsubscribe_mail": None},
    "to an address of other letters": {"recipient": Recipient(7, "Léa", "léa@bücher.example")},
    "with gaps": {"content": Content("a \t b   c", "x")},
}


@pytest.mark.parametrize("name", MAILS)
def test_both_verifiers_accept_a_mail(name: str) -> None:
    data = signer().sign(mail(**MAILS[name])).data

    assert by_dkimpy(data, records(), index=0)
    assert by_dkimpy(data, records(), index=1)
    with name_server({place: [txt(record)] for place, record in records().items()}) as server:
        assert ("rsa-sha256", "r2027", "pass") in by_perl(data, server)


@pytest.mark.parametrize(
    "data",
    [
        b"From:  A \t <a@biksouv.example> \r\nSubject:\ta  b\r\n\t c\r\n\r\nx\r\n",
        b"from: <a@biksouv.example>\r\nSUBJECT: x\r\nSubject: y\r\n\r\n",
        b"From: <a@biksouv.example>\r\n\r\nx  \r\n \r\n\r\n",
    ],
)
def test_whatever_the_gaps_of_a_mail_both_verifiers_accept_it(data: bytes) -> None:
    signed = signer().sign(dataclasses.replace(mail(), data=data)).data

    assert by_dkimpy(signed, records(), index=0)
    assert by_dkimpy(signed, records(), index=1)
    with name_server({place: [txt(record)] for place, record in records().items()}) as server:
        assert ("rsa-sha256", "r2027", "pass") in by_perl(signed, server)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"From: BikSouv", b"From: BikSouw"),
        (b"To: ", b"To: eve "),
        (b"Subject: ", b"Subject: Re "),
        (b"Date: Thu", b"Date: Fri"),
        (b"Message-ID: <0", b"Message-ID: <1"),
        (b"Reply-To: Aide", b"Reply-To: Bide"),
        (b"/u/t0ken", b"/u/token"),
        (b"<mailto:stop@", b"<mailto:go@"),
        (b"List-Unsubscribe-Post: List", b"List-Unsubscribe-Post: Lost"),
        (b"List-ID: <v", b"List-ID: <w"),
        (b"Feedback-ID: v", b"Feedback-ID: w"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.1"),
        (b"Content-Type: multipart/alternative", b"Content-Type: multipart/mixed"),
        (b"<p>Bonjour", b"<p>Bonsoir"),
    ],
)
def test_no_verifier_accepts_a_mail_that_was_changed(old: bytes, new: bytes) -> None:
    data = signer().sign(mail()).data
    changed = data.replace(old, new)

    assert changed != data
    for index in (0, 1):
        assert not _accepted(changed, index)
    with name_server({place: [txt(record)] for place, record in records().items()}) as server:
        assert [result for algorithm, _, result in by_perl(changed, server) if algorithm == "rsa-sha256"] == ["fail"]


@pytest.mark.parametrize(
    "line",
    [
        "From: Eve <eve@evil.example>", "To: eve@evil.example", "Cc: eve@evil.example", "Reply-To: eve@evil.example",
        "Subject: Win", "Date: Fri, 22 Jan 2027 08:30:00 +0000", "List-Unsubscribe: <https://evil.example>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click", "Content-Type: text/html", "Message-ID: <a@evil.example>",
        "Content-Transfer-Encoding: 8bit", "Auto-Submitted: no", "Feedback-ID: a:b:c:evil1",
    ],
)  # fmt: skip
def test_no_header_can_be_added_to_a_signed_mail(line: str) -> None:
    data = line.encode() + b"\r\n" + signer().sign(mail()).data

    assert not _accepted(data, 0)
    assert not _accepted(data, 1)


def _accepted(data: bytes, index: int) -> bool:
    import dkim as dkimpy

    try:
        return by_dkimpy(data, records(), index=index)
    except dkimpy.DKIMException:
        return False


def test_what_the_daemon_sends_by_these_settings_is_signed(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(
        'smtp_url = "smtp://127.0.0.1:PORT"\n[dkim]\ndomain = "biksouv.example"\nselector = "r2027"\nkey_file = "rsa.pem"\n'
    )
    (tmp_path / "rsa.pem").write_text(rsa_pem())
    script = Script()

    async def send() -> None:
        async with smtp_server(script) as port:
            text = (tmp_path / "campaign.toml").read_text()
            (tmp_path / "campaign.toml").write_text(text.replace("PORT", str(port)))
            channel = live_channels(Settings.read(tmp_path), outbox=None)["email"]
            await channel.send(OFFER, Mark())
            await channel.close()

    asyncio.run(send())

    (mail_taken,) = script.mails
    assert mail_taken.count(b"DKIM-Signature:") == 1
    assert by_dkimpy(mail_taken, records())


def test_a_mail_is_signed_in_front_and_otherwise_left_alone() -> None:
    plain = mail()

    signed = signer().sign(plain)

    front = signed.data.removesuffix(plain.data).decode()
    assert len(front) + len(plain.data) == len(signed.data)
    assert re.findall(r"^DKIM-Signature: v=1; a=(\S+);", front, re.MULTILINE) == ["rsa-sha256", "ed25519-sha256"]
    assert all(len(line) <= 76 for line in front.split("\r\n"))
    assert dataclasses.replace(signed, data=plain.data) == plain


def test_the_same_mail_is_signed_with_the_same_bytes() -> None:
    assert signer().sign(mail()) == signer().sign(mail())


def test_the_record_to_publish_is_the_one_that_verifies() -> None:
    first, second = signer().keys

    assert re.fullmatch(r"v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A[A-Za-z0-9+/]{344,360}={0,2}", first.record)
    assert second.record == "v=DKIM1; k=ed25519; p=A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "secret words"}, "cannot read dkim.key: expected a private key in PEM"),
        ({"second_key": rsa_pem(1024)}, "cannot use dkim.second_key: expected 2048 to 4096 bits, got 1024"),
        ({"second_selector": "r2027"}, "dkim.second_selector is 'r2027' like the first"),
        ({"selector": "a b"}, "cannot use 'a b' as the selector of dkim.key"),
        ({"selector": "a; d=evil.example"}, "as the selector of dkim.key"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_by_its_setting(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SchedulerError) as caught:
        dkim.load(settings(**changes))

    assert words in caught.value.message
    assert "secret words" not in str(caught.value)
    assert "MII" not in str(caught.value)


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    with pytest.raises(SchedulerError) as caught:
        dkim.load(settings())

    assert caught.value.message == "dkim.key is set, but the package that signs mails is not installed"
    assert caught.value.remedy == "pip install 'campaign-sequencer[dkim]'"


def test_a_domain_that_is_none_is_refused_by_its_setting() -> None:
    with pytest.raises(SchedulerError, match=r"cannot read dkim\.domain 'bik; souv'"):
        dkim.domain_of(settings(domain="bik; souv"))


def test_a_domain_of_other_letters_signs_by_its_a_labels() -> None:
    assert dkim.domain_of(settings(domain="Bücher.example")) == "xn--bcher-kva.example"


def test_no_key_is_shown_by_what_is_printed() -> None:
    one = signer()
    body = rsa_pem().splitlines()[1]

    shown = f"{settings()!r} {settings()} {one.keys!r} {vars(one)!r}"

    assert body not in shown
    assert "PRIVATE" not in shown
