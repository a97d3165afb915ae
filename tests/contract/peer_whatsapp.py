"""WhatsApp on loopback: lists the templates of an account, page by page, and takes messages that are one of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from peer_graph import error
from platform_peers import TEXT, PlatformPeer
from support.http_peer import Reply, Request

from campaigns.rendering import Content
from scheduler.channels.base import Message, Recipient
from scheduler.channels.platforms.whatsapp import WhatsAppChannel

TOKEN = "EAAcanaryOfTheWhatsAppToken"
APP_SECRET = "canaryoftheappsecret0123456789abcd"
NUMBER, PHONE, BUSINESS = "+33612345678", "106540352242922", "102290129340398"


def template(name: str, body: str, *, language: str = "fr", **more: Any) -> dict[str, Any]:
    """Return a template as WhatsApp lists it."""
    parts = [{"type": "BODY", "text": body}, *more.pop("also", [])]
    usual = {"status": "APPROVED", "category": "UTILITY", "parameter_format": "POSITIONAL"}
    return {"id": "594425479261596", "name": name, "language": language, "components": parts, **usual, **more}


class WhatsAppPeer(PlatformPeer):
    """The far end of the channel `whatsapp`; two requests with one text are two messages."""

    name = "whatsapp"
    commit = f"POST /v26.0/{PHONE}/messages"
    secrets = (TOKEN, APP_SECRET, NUMBER)
    platform = WhatsAppChannel
    account: ClassVar[dict[str, str]] = {
        "token": TOKEN,
        "phone_number_id": PHONE,
        "business_account": BUSINESS,
        "app_secret": APP_SECRET,
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.templates = [
            template("order_ready", "Bonjour {{1}}, votre {{2}} vous attend jusqu’à {{3}}. À bientôt !"),
            template("bouquet", TEXT, category="MARKETING"),
        ]
        self.taken: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self.page = 100

    def message(self, **changes: Any) -> Message:
        """Return a message to Léa."""
        lea = Recipient(7, "Léa Martin", "lea@example.org", NUMBER)
        return super().message(**{"content": Content("", TEXT), "recipient": lea, **changes})

    def published(self) -> list[str]:
        """Return the messages as their readers see them."""
        return [one["seen"] for one in self.taken]

    def answer(self, request: Request) -> Reply:
        """List templates, or take a message."""
        self.requests.append(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}" or len(request.query["appsecret_proof"]) != 64:
            return error(190, message="Invalid OAuth access token", status=401)
        if request.route == f"/v26.0/{BUSINESS}/message_templates":
            begin = int(request.query.get("after", "0"))
            after = begin + self.page
            paging: dict[str, Any] = {"cursors": {"before": str(begin), "after": str(after)}}
            if self.templates[after:]:
                paging["next"] = f"https://graph.facebook.com/v26.0/{BUSINESS}/message_templates?after={after}"
            return Reply(200, {"data": self.templates[begin:after], "paging": paging})
        if request.route != f"/v26.0/{PHONE}/messages":
            return error(100, 33, "Unsupported request")
        return self._sent(request.json)

    def _sent(self, body: dict[str, Any]) -> Reply:
        fixed = {"messaging_product": "whatsapp", "recipient_type": "individual", "type": "template"}
        assert fixed == {name: body[name] for name in fixed}
        wanted = body["template"]["name"], body["template"]["language"]["code"]
        known = [one for one in self.templates if (one["name"], one["language"]) == wanted]
        if not known or known[0]["status"] != "APPROVED":
            return error(132001, message="Template name does not exist in the translation", status=404)
        given = [one["parameters"] for one in body["template"].get("components", []) if one["type"] == "body"]
        values = {one.get("parameter_name", str(place)): one["text"] for place, one in enumerate((given or [[]])[0], 1)}
        text = known[0]["components"][0]["text"]
        if set(re.findall(r"\{\{\s*(\w+)\s*\}\}", text)) != set(values):
            return error(132000, message="Number of parameters does not match the expected number of params")
        seen = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: values[found[1]], text)
        given_id = f"wamid.HBgLMzM2MTIzNDU2NzgVAgARGBI{len(self.taken):04d}AA=="
        self.taken.append({"id": given_id, "to": body["to"], "template": wanted, "values": values, "seen": seen})
        contacts = [{"input": body["to"], "wa_id": body["to"].lstrip("+")}]
        return Reply(200, {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": given_id}]})
