"""Mails that came back, as servers write them: invented people and servers, with room for the proof that they bear."""

from __future__ import annotations

import base64
from pathlib import Path

FOLDER = Path(__file__).parent / "returned"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.eml")))

TO = "bounces+abcdefghijklmnopqrstuvwxyz234567abcdefgh@shop.example"
RECIPIENT = "lea@example.org"
MESSAGE_ID = "0a1b2c3d4e5f60718293a4b5"
LINK = "A" * 55

_FIELDS = "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; {}\nAction: failed\nStatus: 5.4.4\n"


def sample(
    name: str, *, to: str = TO, recipient: str = RECIPIENT, message_id: str = MESSAGE_ID, link: str = LINK
) -> bytes:
    """Return a sample by its name, about the mail that was sent from `to` to `recipient`."""
    text = (FOLDER / f"{name}.eml").read_text(encoding="utf-8")
    for word, value in (
        ("@B64@", base64.encodebytes(_FIELDS.format(recipient).encode()).decode()),
        ("@TOLOCAL@", to.rpartition("@")[0]),
        ("@TO@", to),
        ("@RCPT@", recipient),
        ("@ID@", message_id),
        ("@LINK@", link),
    ):
        text = text.replace(word, value)
    return text.encode()


def mbox(*mails: bytes) -> bytes:
    """Return mails as one mbox, lines that begin with From quoted."""
    found = []
    for mail in mails:
        quoted = b"\n".join(b">" + line if line.startswith(b"From ") else line for line in mail.split(b"\n"))
        found.append(b"From MAILER-DAEMON Mon Jan  4 09:00:00 2027\n" + quoted + b"\n")
    return b"".join(found)
