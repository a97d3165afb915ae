"""Telegram on loopback: one chat that a bot posts into, and cannot read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from platform_peers import PlatformPeer
from support.http_peer import Reply, Request

from scheduler.channels.platforms.telegram import TelegramChannel

TOKEN = "123456789:canary-of-the-telegram-token-00"
CHAT = "@biksouv"
WORDS = ("chat_id", "caption", "media", "reply_parameters")


class TelegramPeer(PlatformPeer):
    """The far end of the channel `telegram`."""

    name = "telegram"
    commit = "POST /bot*/send*"
    secrets = (TOKEN, TOKEN.partition(":")[2])
    platform = TelegramChannel
    account: ClassVar[dict[str, str]] = {"token": TOKEN, "chat": CHAT}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.taken: list[dict[str, Any]] = []  # `method`, `text`, `files`: bytes by their field

    def published(self) -> list[str]:
        """Return the texts as their readers see them."""
        return [one["text"] for one in self.taken]

    def hanging(self) -> list[tuple[str, str]]:
        """Return the texts of replies, each with that of the post it answers."""
        return [(one["text"], self.taken[one["above"] - 1]["text"]) for one in self.taken if "above" in one]

    def emptied(self) -> None:
        """Take every post away."""
        self.taken.clear()

    def answer(self, request: Request) -> Reply:
        """Take a post."""
        bot, _, method = request.route.removeprefix("/").partition("/")
        if bot != f"bot{TOKEN}":
            return no(401, "Unauthorized")
        fields: dict[str, Any]
        if request.headers["content-type"] == "application/json":
            fields, files = request.json, {}
        else:
            parts = request.parts
            fields = {name: value.decode() for name, value in parts.items() if name in WORDS}
            files = {name: value for name, value in parts.items() if name not in fields}
        if fields["chat_id"] != CHAT:
            return no(400, "Bad Request: chat not found")
        number = len(self.taken) + 1
        answered = fields.get("reply_parameters", {})
        answered = json.loads(answered) if isinstance(answered, str) else answered
        if answered and not 1 <= answered["message_id"] < number:
            return no(400, "Bad Request: message to be replied not found")
        if method == "sendMediaGroup":
            group = json.loads(fields["media"])
            assert [one["media"] for one in group] == [f"attach://{name}" for name in files]
            fields["caption"] = group[0].get("caption", "")
            result: object = [{"message_id": number + place} for place in range(len(group))]
        else:
            result = {"message_id": number, "chat": {"username": "biksouv"}, "date": 0}
        text = fields.get("text", fields.get("caption", ""))
        hangs = {"above": answered["message_id"]} if answered else {}
        self.taken.append({"method": method, "text": text, "files": files, **hangs})
        return Reply(200, {"ok": True, "result": result})


def no(status: int, description: str, **parameters: int) -> Reply:
    """Return an error as Telegram says it."""
    more = {"parameters": parameters} if parameters else {}
    return Reply(status, {"ok": False, "error_code": status, "description": description, **more})
