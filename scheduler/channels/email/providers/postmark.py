"""Postmark: a mail in fields, written and signed there. Source: https://postmarkapp.com/developer/api/email-api.

Postmark has no idempotency key, so what is unknown stays so; the key stands in the mail's metadata, by which it is
found there. Tracking is off: ours, where it is on, stands in the mail already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from pydantic import SecretStr

from scheduler.channels.account import Account
from scheduler.channels.base import Message, Receipt
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.providers import fields as parts
from scheduler.channels.email.providers.answers import Answer, Said, discreet
from scheduler.channels.email.providers.base import Request, written
from scheduler.channels.naming import message_name

FIELDS = ("server_token", "message_stream", "marketing_stream", "webhook_password", "endpoint")
_STREAM = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}\Z")
# Numbers of its errors (https://postmarkapp.com/developer/api/overview#error-codes).
_MAINTENANCE = 100
_INACTIVE = 406
_INVALID = 300
_TOO_MANY = 429
_DOWN = {
    10: "check the server token",
    405: "look at the account at Postmark: it may not send",
    412: "the account at Postmark waits for its approval",
    413: "look at the account at Postmark: it may not send",
    1235: "check the message streams of the account",
    1236: "check the message streams of the account",
}
_SENDER = {400: "register the sending domain at Postmark", 401: "confirm the sender signature at Postmark"}


class Postmark:
    """Words mails for one server of Postmark; marketing may go by a stream of its own, which Postmark asks for."""

    name = "Postmark"
    keeps_keys = False

    def __init__(self, fields: Mapping[str, SecretStr]) -> None:
        account = Account("postmark", fields, FIELDS)
        self._token = account.token("server_token")
        self._stream = account.word("message_stream", _STREAM, "outbound", default="outbound")
        self._marketing = account.word("marketing_stream", _STREAM, "broadcast", default=self._stream)
        account.token("webhook_password", required=False)  # the door's; read here so that a slip is told at the start
        self._endpoint = account.endpoint("https://api.postmarkapp.com")
        streams = dict.fromkeys((self._stream, self._marketing))
        self.place = f"{self.name}, stream {' and '.join(streams)}"
        self.secrets: tuple[str, ...] = (self._token,)

    def request(self, message: Message, mail: Mail, now: datetime) -> Request:  # noqa: ARG002
        """Return the request; what the mail has not is left out."""
        found = parts.of(message, mail)
        body: dict[str, object] = {
            "From": found.sender,
            "To": found.recipient,
            "Subject": found.subject,
            "Headers": [{"Name": name, "Value": value} for name, value in found.headers],
            "MessageStream": self._marketing if message.purpose == "marketing" else self._stream,
            "Metadata": {"key": message.key, "message": message_name(message.delivery_id, message.key)},
            "Tag": discreet(f"{message.campaign}/{message.touch}"),
            "TrackLinks": "None",
            "TrackOpens": False,
        }
        optional = {"ReplyTo": found.reply_to, "TextBody": found.text, "HtmlBody": found.html}
        body.update({name: value for name, value in optional.items() if value})
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Postmark-Server-Token": self._token,
        }
        return Request(f"{self._endpoint}/email", headers, written(body))

    def judge(self, answer: Answer) -> Receipt:
        """Return the receipt with Postmark's MessageID."""
        number = answer.fields.get("ErrorCode")
        if 200 <= answer.status < 300 and number == 0 and (given := discreet(answer.text("MessageID"))):
            return Receipt(given, f"{answer.status} from {self.name}")
        text = answer.text("Message")
        told = f"({number}) {text}" if isinstance(number, int) else text
        said = Said(self.name, answer, discreet(told, self.secrets))
        if answer.status == 503 and number == _MAINTENANCE:
            raise said.later()
        if 400 <= answer.status < 500 and isinstance(number, int):
            if number in _DOWN:
                raise said.down(_DOWN[number])
            if number in _SENDER:
                raise said.ours(_SENDER[number])
            if number == _TOO_MANY:
                raise said.later()
            if number == _INACTIVE or (number == _INVALID and "'To'" in text):
                raise said.refused()
        raise said.usual()
