"""Resend: a mail in fields, written and signed there. Sources: the pages `emails`, `errors` and `idempotency-keys` of
https://resend.com/docs.

It takes a second request with the same Idempotency-Key for the first for 24 hours: what is unknown is asked again at
once, with the same key and the same bytes.
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
from scheduler.channels.email.providers.answers import Answer, Differs, Said, discreet
from scheduler.channels.email.providers.base import Request, tag, written
from scheduler.channels.naming import message_name

FIELDS = ("api_key", "webhook_secret", "endpoint")
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{32,86}={0,2}\Z")  # the base64 of 24 to 64 bytes
_QUOTAS = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
_SENDER = frozenset({"invalid_from_address", "invalid_access", "invalid_region"})


class Resend:
    """Words mails for one account of Resend."""

    name = "Resend"
    keeps_keys = True

    def __init__(self, fields: Mapping[str, SecretStr]) -> None:
        account = Account("resend", fields, FIELDS)
        self._key = account.token("api_key")
        # The door's; read here so that a slip is told at the start.
        account.word("webhook_secret", _SECRET, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", default="")
        self._endpoint = account.endpoint("https://api.resend.com")
        self.place = self.name
        self.secrets: tuple[str, ...] = (self._key,)

    def request(self, message: Message, mail: Mail, now: datetime) -> Request:  # noqa: ARG002
        """Return the request; `text` is never left out, for then Resend would make one of its own."""
        found = parts.of(message, mail)
        tags = (
            ("campaign", message.campaign),
            ("edition", message.edition),
            ("touch", message.touch),
            ("message", message_name(message.delivery_id, message.key)),
        )
        body: dict[str, object] = {
            "from": found.sender,
            "to": [found.recipient],
            "subject": found.subject,
            "text": found.text,
            "headers": dict(found.headers),
            "tags": [{"name": name, "value": tag(value)} for name, value in tags if value],
        }
        optional = {"reply_to": found.reply_to, "html": found.html}
        body.update({name: value for name, value in optional.items() if value})
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Idempotency-Key": message.key,
        }
        return Request(f"{self._endpoint}/emails", headers, written(body))

    def judge(self, answer: Answer) -> Receipt:
        """Return the receipt with Resend's id."""
        if 200 <= answer.status < 300 and (given := discreet(answer.text("id"))):
            return Receipt(given, f"{answer.status} from {self.name}")
        fault, text = answer.text("name"), answer.text("message")
        said = Said(self.name, answer, discreet(f"{fault}: {text}" if fault else text, self.secrets))
        if answer.status == 409 and fault == "invalid_idempotent_request":
            raise Differs(f"{said}: what was sent with this key before may have arrived")
        if answer.status == 409 and fault == "concurrent_idempotent_requests":
            raise said.unknown()
        if fault in _QUOTAS:
            raise said.down("the quota is used up: ask Resend for more")
        if fault in _SENDER:
            raise said.ours("verify the sending domain at Resend")
        if answer.status in (400, 422) and "`to`" in text:
            raise said.refused()
        raise said.usual()
