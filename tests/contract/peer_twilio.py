"""Twilio on loopback: keeps every SMS, knows who replied STOP, lists what went to a number, page by page."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar

from platform_peers import TEXT, PlatformPeer
from support.http_peer import Reply, Request

from campaigns.rendering import Content
from scheduler.channels.base import Message, Recipient
from scheduler.channels.platforms.twilio import TwilioChannel

SID = "AC" + "0a" * 16
KEY, SECRET = "SK" + "1b" * 16, "canary-of-the-api-secret"
NUMBER = "+33612345678"
PATH = f"/2010-04-01/Accounts/{SID}/Messages.json"


class TwilioPeer(PlatformPeer):
    """The far end of the channel `sms`; two requests with one text are two SMS."""

    name = "sms"
    commit = "POST /2010-04-01/Accounts/*/Messages.json"
    secrets = (SECRET, b64encode(f"{KEY}:{SECRET}".encode()).decode(), NUMBER)
    platform = TwilioChannel
    account: ClassVar[dict[str, str]] = {
        "account_sid": SID,
        "api_key": KEY,
        "api_secret": SECRET,
        "from": "+33700000000",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.taken: list[dict[str, Any]] = []
        self.stopped: set[str] = set()
        self.requests: list[Request] = []
        self.page = 50

    def message(self, **changes: Any) -> Message:
        """Return an SMS to Léa."""
        lea = Recipient(7, "Léa Martin", "lea@example.org", NUMBER)
        return super().message(**{"content": Content("", TEXT), "recipient": lea, **changes})

    def published(self) -> list[str]:
        """Return the SMS as their readers see them."""
        return [one["body"] for one in self.taken if one["direction"] != "inbound"]

    def add(self, body: str, at: datetime, *, to: str = NUMBER, **more: object) -> dict[str, Any]:
        """Keep an SMS as if it had been sent."""
        kept = {
            "sid": f"SM{len(self.taken):032x}",
            "to": to,
            "body": body,
            "direction": "outbound-api",
            "status": "queued",
            "date_created": format_datetime(at),
            "date_sent": None,
            **more,
        }
        self.taken.append(kept)
        return kept

    def answer(self, request: Request) -> Reply:
        """Take an SMS, or list those to a number."""
        self.requests.append(request)
        if request.headers.get("authorization") != "Basic " + b64encode(f"{KEY}:{SECRET}".encode()).decode():
            return fault(401, 20003)
        if request.route != PATH:
            return fault(404, 20404)
        if request.method == "GET":
            return self._listed(request.query)
        form = dict(request.form)
        if form["To"] in self.stopped:
            return fault(400, 21610)
        return Reply(201, self.add(form["Body"], self.clock.now(), to=form["To"]))

    def _listed(self, query: dict[str, str]) -> Reply:
        """Return a page, the newest first."""
        fitting = [one for one in reversed(self.taken) if one["to"] == query["To"]]
        begin = int(query.get("Page", "0")) * self.page
        more = f"{PATH}?To=%2B{query['To'][1:]}&Page={begin // self.page + 1}" if fitting[begin + self.page :] else None
        return Reply(200, {"messages": fitting[begin : begin + self.page], "next_page_uri": more})


def fault(status: int, code: int) -> Reply:
    """Return an error as Twilio says it, with the number of the person in its words."""
    words = f"The 'To' number {NUMBER} is not what it should be"
    return Reply(status, {"code": code, "message": words, "more_info": "https://www.twilio.com", "status": status})
