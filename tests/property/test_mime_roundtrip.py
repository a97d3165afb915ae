"""Whatever people are called and whatever is written to them, the standard parser reads back what was meant."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st
from support.mails import a_mail

from campaigns.rendering import Content
from campaigns.rendering.encoding import Encoder
from scheduler.channels.base import Recipient
from scheduler.channels.email import address, mime

# Everything Unicode has, with more than its share of what breaks headers.
NASTY = st.sampled_from(
    [
        *"\r\n\t\v\f\x00\x1b\x1c\x85\u2028\u2029\u200b\u00a0\u202f\ufeff\ud800\u200f\u202e\u202c\u2066\u2069 \"\\<>(),:;@.=?_'",
        "=?utf-8?q?=41?=",
        "\r\nBcc: eve@evil.example",
        "\n\nbody",
        "é",
        "Ж",
        "日本",
        "👩‍👩‍👧",
        "\r",
        "a" * 90,
    ]
)
TEXTS = st.lists(st.one_of(NASTY, st.characters(), st.text(max_size=12)), max_size=40).map("".join)
NAMES = st.lists(st.one_of(NASTY, st.text(max_size=8)), max_size=8).map("".join)

EXPECTED_HEADERS = {
    "date", "from", "to", "reply-to", "subject", "message-id", "list-unsubscribe", "list-unsubscribe-post", "list-id",
    "feedback-id", "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip


def written(
    subject: str = "Hello", text: str = "Hello", html: str | None = None, name: str = "", sender: str = "Shop"
) -> bytes:
    """Return the bytes of a mail with these parts."""
    message = a_mail(
        content=Content(subject, text, html),
        recipient=Recipient(7, name, "lea@example.org"),
        sender=f"{sender} <shop@biksouv.example>",
        reply_to="Help <help@biksouv.example>",
        unsubscribe="https://biksouv.example/u/" + "t0ken" * 20,
        unsubscribe_mail="mailto:stop@biksouv.example?subject=stop",
    )
    return mime.build(message).data


def one_line(text: str) -> str:
    """Say independently what a header may keep of a text: gaps become one space, controls and turns go."""
    gaps = {" ", "\t", "\n", "\v", "\f", "\r", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u2028", "\u2029"}
    kept = ""
    for character in text:
        if character in gaps:
            kept += "" if kept.endswith(" ") else " "
        elif 0xD800 <= ord(character) <= 0xDFFF:
            kept += "\ufffd"
        elif 0x202A <= ord(character) <= 0x202E or 0x2066 <= ord(character) <= 0x2069:
            continue
        elif ord(character) >= 32 and not 127 <= ord(character) <= 159:
            kept += character
    return re.sub(" +", " ", kept).strip(" ")


def line_ends(text: str) -> str:
    """Bring a body to the form in which it is compared: newlines, one at the end, no lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode(errors="replace").decode()
    return text if text.endswith("\n") else text + "\n"


def parsed(data: bytes) -> EmailMessage:
    """Parse a mail and check what holds of every one: its headers, its line ends and its lengths."""
    head, _, body = data.partition(b"\r\n\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", data), "a bare CR or LF"
    assert data.endswith(b"\r\n")
    assert data.isascii()
    assert b"\0" not in data
    for line in head.split(b"\r\n"):
        assert len(line) <= 998
        assert len(line) <= 76 or b"=?" not in line
        for word in re.findall(rb"=\?utf-8\?[bq]\?[^ ?]*\?=", line):
            assert len(word) <= 75
    assert all(len(line) <= 76 for line in body.split(b"\r\n") if not line.startswith(b"Content-Type"))
    mail = message_from_bytes(data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    names = [name.lower() for name in mail]
    assert set(names) <= EXPECTED_HEADERS
    assert len(names) == len(set(names))
    assert not [part.defects for part in mail.walk() if part.defects]
    return mail


def shown_name(data: bytes, header: str = "to") -> str:
    """Return the name in a header with an address, decoded by the older of the two standard parsers.

    The newer one shows the fold between two encoded words of a name as a space, which RFC 2047 6.2 says to ignore.
    """
    raw = str(message_from_bytes(data, policy=policy.compat32)[header])
    name, _ = parseaddr(raw.replace("\r\n", "").replace("\n", ""))
    return str(make_header(decode_header(name)))


@given(TEXTS)
@example("\r\nBcc: eve@evil.example")
@example("=?utf-8?q?hello?=")
@example("a" * 2000)
@example("Ж" * 300)
@example("\r\x00\r0")
def test_a_subject_is_read_back(subject: str) -> None:
    meant = one_line("x" + subject)

    mail = parsed(written(subject="x" + subject))

    assert mail["subject"] == meant


@given(NAMES)
@example('"; Bcc: eve@evil.example')
@example("Dupont, Léa (la belle) <lea@evil.example>")
@example("\\")
def test_the_name_of_a_recipient_is_read_back_and_adds_no_address(name: str) -> None:
    meant = one_line(name)

    mail = parsed(written(name=name))

    assert [one.addr_spec for one in mail["to"].addresses] == ["lea@example.org"]
    assert shown_name(written(name=name)) == meant


@given(TEXTS, st.one_of(st.none(), TEXTS))
@example(".", "..\r\n.")
@example("From me\n", "--=_boundary--\r\n")
@example("x" * 5000, "é" * 5000)
def test_text_and_html_are_read_back(text: str, html: str | None) -> None:
    text, html = f"-{text}", html and f"-{html}"

    mail = parsed(written(text=text, html=html))

    parts = list(mail.iter_parts()) if mail.is_multipart() else [mail]
    assert [part.get_content_type() for part in parts] == ["text/plain"] + ["text/html"] * (html is not None)
    contents = [part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in parts]
    assert contents == [line_ends(said) for said in (text, html) if said is not None]


@given(TEXTS, TEXTS, NAMES)
def test_the_link_to_unsubscribe_is_always_whole_on_its_line(subject: str, text: str, name: str) -> None:
    data = written(subject=f"x{subject}", text=f"x{text}", name=name)

    link = b"<https://biksouv.example/u/" + b"t0ken" * 20 + b">"
    assert b"\r\nList-Unsubscribe: " + link + b",\r\n <mailto:stop@biksouv.example?subject=stop>\r\n" in data
    assert data.count(b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") == 1


@given(st.lists(TEXTS, min_size=1, max_size=6), st.integers(64, 4096))
@example(["Tea", "tea", "TEA"], 4096)
def test_what_an_encoder_remembers_changes_nothing(texts: list[str], bound: int) -> None:
    remembering = Encoder(bound)

    for text in texts * 3:
        assert remembering.encoded(text) == Encoder().encoded(text)


LOCALS = st.text(alphabet="abcXYZ019.!#$%&'*+-/=?^_`{|}~\"(),:;<>@[] é", max_size=70)
DOMAINS = st.lists(st.text(alphabet="abcXYZ019-_éß。 @", max_size=12), max_size=5).map(".".join)


@given(st.one_of(LOCALS, st.sampled_from(["info", "INFO", "Postmaster"])), DOMAINS)
@example("Info", "example.org")
@example("lea", "EXAMPLE.org")
@example("lea", "a" * 64 + ".org")
@example("l" * 243, "example.org")
@example("l" * 242, "example.org")
@example("lea", "bücher.example")
def test_an_address_is_read_as_the_library_reads_it(local: str, domain: str) -> None:
    try:
        found = validate_email(
            f"{local}@{domain}",
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
            allow_smtputf8=True,
        )
        expected = (found.local_part, found.ascii_domain)
    except EmailNotValidError:
        expected = None

    try:
        box = address.mailbox(f"{local}@{domain}")
        assert (box.local, box.domain) == expected
    except ValueError:
        assert expected is None


@given(st.text(alphabet=st.characters(blacklist_characters='<>"'), max_size=60))
def test_the_name_of_the_sender_is_read_back(sender: str) -> None:
    mail = parsed(written(sender=sender))

    assert [one.addr_spec for one in mail["from"].addresses] == ["shop@biksouv.example"]
    assert shown_name(written(sender=sender), "from") == one_line(sender.strip())
