"""Whoever fills a field of a mail with what would break out of it: nothing gets out, or the mail is refused."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from support.mails import a_mail

from campaigns.rendering import Content
from scheduler.channels.base import Message, Recipient
from scheduler.channels.email import mime
from scheduler.channels.email.mime import Mail
from scheduler.errors import NoAccount, Refused

MOMENT = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)
OFFER = a_mail(
    content=Content("Offre", "Bonjour\n", "<p>Bonjour</p>\n"),
    reply_to="Aide <aide@biksouv.example>",
    unsubscribe="https://biksouv.example/u/t0ken",
    unsubscribe_mail="mailto:stop@biksouv.example",
    return_path="b+t0ken@biksouv.example",
)

# What a contact, a CSV file, an event or an author can put into each field.
FIELDS = {
    "subject": lambda text: {"content": Content(f"Offre{text}", "Bonjour\n", "<p>Bonjour</p>\n")},
    "text": lambda text: {"content": Content("Offre", f"Bonjour{text}", "<p>Bonjour</p>\n")},
    "html": lambda text: {"content": Content("Offre", "Bonjour\n", f"<p>Bonjour{text}</p>")},
    "name of the recipient": lambda text: {"recipient": Recipient(7, f"Léa{text}", "lea@example.org")},
    "ascii name of the recipient": lambda text: {"recipient": Recipient(7, f"Lea{text}", "lea@example.org")},
    "address of the recipient": lambda text: {"recipient": Recipient(7, "Léa", f"lea@example.org{text}")},
    "local part of the recipient": lambda text: {"recipient": Recipient(7, "Léa", f"lea{text}@example.org")},
    "name of the sender": lambda text: {"sender": f"BikSouv{text} <bonjour@biksouv.example>"},
    "address of the sender": lambda text: {"sender": f"BikSouv <bonjour@biksouv.example{text}>"},
    "what follows the sender": lambda text: {"sender": f"BikSouv <bonjour@biksouv.example>{text}"},
    "name for answers": lambda text: {"reply_to": f"Aide{text} <aide@biksouv.example>"},
    "address for answers": lambda text: {"reply_to": f"aide@biksouv.example{text}"},
    "link to leave": lambda text: {"unsubscribe": f"https://biksouv.example/u/{text}"},
    "host of the link": lambda text: {"unsubscribe": f"https://biksouv.example{text}/u"},
    "mail to leave": lambda text: {"unsubscribe_mail": f"mailto:stop@biksouv.example{text}"},
    "query of the mail": lambda text: {"unsubscribe_mail": f"mailto:stop@biksouv.example?subject={text}"},
    "return path": lambda text: {"return_path": f"b+t0ken@biksouv.example{text}"},
    "campaign": lambda text: {"campaign": f"valentines{text}"},
    "touch": lambda text: {"touch": f"offer{text}"},
    "key": lambda text: {"key": f"0a1b{text}"},
}
PAYLOADS = {
    "header by CRLF": "\r\nBcc: eve@evil.example",
    "header by LF": "\nBcc: eve@evil.example",
    "header by CR": "\rBcc: eve@evil.example",
    "header by other line ends": "\x85Bcc: e@evil.example\u2028Bcc: e@evil.example\u2029Bcc: e@evil.example\v\fBcc: e",
    "folded header": "\r\n Bcc: eve@evil.example\r\n\tX: y",
    "encoded line break": "%0d%0aBcc: eve@evil.example",
    "line break in an encoded word": "=?utf-8?q?=0D=0ABcc=3A_eve=40evil.example?=",
    "body": "\r\n\r\n<script>alert(1)</script>",
    "second address": ", eve@evil.example",
    "address in brackets": "> , Eve <eve@evil.example",
    "quote": '" <eve@evil.example>, "',
    "backslash": "\\",
    "comment": " (hidden) ",
    "group": "; eve@evil.example;",
    "end of data": "\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n",
    "end of data by LF": "\n.\nMAIL FROM:<eve@evil.example>\n",
    "end of data by CR": "\r.\rMAIL FROM:<eve@evil.example>\r",
    "end of data, mixed": "\n.\r\nMAIL FROM:<eve@evil.example>\r\n.\n",
    "end of data at the end": "\r\n.",
    "NUL": "\0\r\0\n.\0\r\n",
    "lone surrogates": "\ud800\udc80\udfff",
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "boundary": "\r\n--=_c6cb1e1ae775b8fc5ff6938f\r\nContent-Type: text/html\r\n\r\n",
    "turned direction": "\u202egro.elpmaxe@eve\u202d\u2066\u2067",
    "overlong word": "x" * 5000,
    "overlong words": " y" * 5000,
    "overlong other letters": "Ж" * 5000,
    "overlong path": "/" + "z" * 990,
    "zero widths": "\u200b\u200d\u2060\ufeff",
}
NAMES = {
    "date", "from", "to", "reply-to", "subject", "message-id", "list-unsubscribe", "list-unsubscribe-post", "list-id",
    "feedback-id", "mime-version", "content-type",
}  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("field", FIELDS)
def test_nothing_breaks_out_of_its_field(field: str, payload: str) -> None:
    message = dataclasses.replace(OFFER, **FIELDS[field](PAYLOADS[payload]))
    mail = built(message)
    if isinstance(mail, str):
        # The key is made by us and tells nothing of anybody; everything else may hold an address.
        assert field == "key" or "eve@" not in mail
        return

    parsed = message_from_bytes(mail.data, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert sorted(name.lower() for name in parsed) == sorted(NAMES)
    assert [address.addr_spec for address in parsed["from"].addresses] == ["bonjour@biksouv.example"]
    assert [address.domain for address in parsed["to"].addresses] == ["example.org"]
    answers = [address.addr_spec for address in parsed["reply-to"].addresses]
    # `anything <eve@evil.example>` is one address, if an author means it; never two.
    assert answers == ["aide@biksouv.example"] or (field, answers) == ("address for answers", ["eve@evil.example"])
    assert [part.get_content_type() for part in parsed.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert all(box.domain.endswith(".example") for box in (mail.sender, mail.return_path))
    assert mail.recipient.domain == "example.org"
    on_the_wire(mail.data)


def built(message: Message) -> Mail | str:
    """Return the mail, or what the refusal says."""
    try:
        return mime.build(message)
    except (Refused, NoAccount) as refusal:
        return str(refusal)


def on_the_wire(data: bytes) -> None:
    """Check what holds of the bytes of every mail, whatever a server takes for a line end."""
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", data), "a bare CR or LF"
    assert not re.search(rb"(?:\A|[\r\n])\.(?:[\r\n]|\Z)", data), "a line that is a dot alone"
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", data), "a control character"
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert data.endswith(b"\r\n")


def test_a_name_cannot_turn_what_stands_beside_it_round() -> None:
    mail = mime.build(dataclasses.replace(OFFER, recipient=Recipient(7, "Léa\u202e\u2066 gro", "lea@example.org")))

    assert message_from_bytes(mail.data, policy=policy.default)["to"].addresses[0].display_name == "Léa gro"


def test_marks_of_direction_that_turn_nothing_are_kept() -> None:
    mail = mime.build(dataclasses.replace(OFFER, content=Content("מבצע\u200f!", "x")))

    assert message_from_bytes(mail.data, policy=policy.default)["subject"] == "מבצע\u200f!"


@pytest.mark.parametrize(
    ("changes", "header", "expected"),
    [
        # а and о are Cyrillic here: the name that looks like another's is shown for what it is.
        ({"sender": "Pay <a@pаypаl.example>"}, "From", "Pay <a@xn--pypl-53dc.example>"),
        ({"reply_to": "a@gооgle.example"}, "Reply-To", "<a@xn--ggle-55da.example>"),
        ({"unsubscribe": "https://pаypаl.example/u?a=1"}, "List-Unsubscribe", "<https://xn--pypl-53dc.example/u?a=1>,\r\n <mailto:stop@biksouv.example>"),
        ({"unsubscribe_mail": "mailto:stop@pаypаl.example"}, "List-Unsubscribe", "<https://biksouv.example/u/t0ken>,\r\n <mailto:stop@xn--pypl-53dc.example>"),
        # What the DNS would read as a dot is one.
        ({"reply_to": "a@shop。example"}, "Reply-To", "<a@shop.example>"),
    ],
)  # fmt: skip
def test_a_domain_that_looks_like_another_is_written_in_ascii(
    changes: dict[str, str], header: str, expected: str
) -> None:
    text = mime.build(dataclasses.replace(OFFER, **changes)).data.decode()  # type: ignore[arg-type]

    assert f"\r\n{header}: {expected}\r\n" in text


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "http://biksouv.example/u", "https://user:pass@biksouv.example/u", "https:///u",
        "https://biksouv.example:99999999/u", "//biksouv.example/u", "data:text/html,x", "https://[::1]/u",
        "mailto:", "mailto:stop", "mailto:a@b.example,c@d.example", "mailto:Shop <stop@biksouv.example>",
    ],
)  # fmt: skip
def test_what_is_no_way_out_is_refused(link: str) -> None:
    with pytest.raises(Refused, match="mail cannot be written"):
        mime.build(dataclasses.replace(OFFER, unsubscribe=link))
