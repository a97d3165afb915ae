"""Slack on loopback: one channel that keeps its messages with their metadata, and shows its history page by page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from platform_peers import TEXT, PlatformPeer
from support.http_peer import Reply, Request

from campaigns.rendering import Content
from scheduler.channels.base import Message
from scheduler.channels.platforms.slack import SlackChannel

TOKEN = "xoxb-canary-of-the-slack-token"
CHANNEL = "C0123456789"


class SlackPeer(PlatformPeer):
    """The far end of the channel `slack`."""

    name = "slack"
    commit = "POST /api/chat.postMessage"
    secrets = (TOKEN,)
    platform = SlackChannel
    account: ClassVar[dict[str, str]] = {"token": TOKEN, "channel": CHANNEL}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.taken: list[dict[str, Any]] = []
        self.page = 100
        self.shows_metadata = True

    def message(self, **changes: Any) -> Message:
        """Return a message to the colleagues."""
        return super().message(**{"content": Content("", TEXT), **changes})

    def published(self) -> list[str]:
        """Return the texts as their readers see them."""
        return [one["text"].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for one in self.taken]

    def hanging(self) -> list[tuple[str, str]]:
        """Return the texts of replies, each with that of the first message of its thread."""
        texts = {one["ts"]: one["text"] for one in self.taken}
        return [(one["text"], texts[one["thread_ts"]]) for one in self.taken if "thread_ts" in one]

    def emptied(self) -> None:
        """Take every post away."""
        self.taken.clear()

    def answer(self, request: Request) -> Reply:
        """Post a message, or show the history."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(200, {"ok": False, "error": "invalid_auth"})
        if request.route == "/api/conversations.history":
            return self._history(request.query)
        if request.route == "/api/conversations.replies":
            return self._replies(request.query)
        if request.route != "/api/chat.postMessage":
            return Reply(200, {"ok": False, "error": "unknown_method"})
        body = json.loads(request.body)
        if body["channel"] != CHANNEL:
            return Reply(200, {"ok": False, "error": "channel_not_found"})
        threaded = {"thread_ts": body["thread_ts"]} if "thread_ts" in body else {}
        if threaded and body["thread_ts"] not in [one["ts"] for one in self.taken if "thread_ts" not in one]:
            return Reply(200, {"ok": False, "error": "cannot_reply_to_message"})
        ts = f"{self.clock.now().timestamp() + len(self.taken) / 1000:.6f}"
        self.taken.append(
            {"type": "message", "bot_id": "B01", "ts": ts, "text": body["text"], **threaded, **_metadata(body)}
        )
        return Reply(200, {"ok": True, "channel": CHANNEL, "ts": ts, "message": self.taken[-1]})

    def _history(self, query: dict[str, str]) -> Reply:
        return self._shown(query, [one for one in reversed(self.taken) if "thread_ts" not in one])

    def _replies(self, query: dict[str, str]) -> Reply:
        first = [one for one in self.taken if one["ts"] == query["ts"]]
        if not first or "thread_ts" in first[0]:
            return Reply(200, {"ok": False, "error": "thread_not_found"})
        return self._shown(query, [one for one in self.taken if one.get("thread_ts") == query["ts"]], first)

    def _shown(
        self, query: dict[str, str], messages: list[dict[str, Any]], always: Sequence[dict[str, Any]] = ()
    ) -> Reply:
        inside = [one for one in messages if float(query["oldest"]) <= float(one["ts"]) <= float(query["latest"])]
        inside = [*always, *inside]
        begin = int(query.get("cursor", "0"))
        shown = inside[begin : begin + self.page]
        if not self.shows_metadata or query.get("include_all_metadata") != "true":
            shown = [{name: value for name, value in one.items() if name != "metadata"} for one in shown]
        more = str(begin + self.page) if inside[begin + self.page :] else ""
        return Reply(200, {"ok": True, "messages": shown, "response_metadata": {"next_cursor": more}})


def _metadata(body: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": body["metadata"]} if "metadata" in body else {}
