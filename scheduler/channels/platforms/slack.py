"""Messages into a channel of Slack by a bot (https://docs.slack.dev/reference/methods/chat.postMessage).

Slack knows no key that keeps a repeat from being a second message: the key goes along as metadata, and the channel's
history is looked through for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scheduler.channels.account import Account
from scheduler.channels.answers import Said
from scheduler.channels.base import Above, Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms.base import Access, Platform, hung_on
from scheduler.channels.platforms.web import Body, Web
from scheduler.errors import DeliveryError, NotSent, Refused

ENDPOINT = "https://slack.com"
LONGEST_TEXT = 40_000  # characters, after which Slack cuts
EVENT = "campaign_message"

_CHANNEL = re.compile(r"[CGD][A-Z0-9]{7,20}\Z")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,6}\Z")
_NAMED = re.compile(r"[CGD][A-Z0-9]{7,20}:[0-9]{1,12}\.[0-9]{1,6}\Z")
_NAME = re.compile(r"[a-z0-9_]{1,60}\Z")
_BEFORE = timedelta(minutes=2)
_AFTER = timedelta(minutes=10)
_PAGE = 200
_MOST_PAGES = 10

# What Slack says in `error`, with status 200 (read 2026-11). What is in none of these is refused.
_LATER = frozenset({"ratelimited", "rate_limited", "request_timeout", "message_limit_exceeded"})
_UNKNOWN = frozenset({"fatal_error", "internal_error", "service_unavailable"})  # "some aspect may have succeeded"
_DOWN = frozenset(
    {
        "access_denied",
        "accesslimited",
        "account_inactive",
        "as_user_not_supported",
        "channel_not_found",
        "deprecated_endpoint",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "is_archived",
        "method_deprecated",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)


@dataclass(slots=True)
class SlackAccess(Access):
    """One account: the bot, and the channel it writes into."""

    channel: str


class SlackChannel(Platform[SlackAccess]):
    """Writes into one channel for each account; signs and mentions in a text stay text."""

    name = "slack"
    fields = ("token", "channel", "endpoint")
    settles_after = timedelta(seconds=30)

    def connect(self, fields: Account, name: str) -> SlackAccess:
        """Return the access to an account. Raises SchedulerError where one of its fields cannot be used."""
        token = fields.token("token")
        web = Web(
            "Slack",
            fields.endpoint(ENDPOINT),
            self._clock,
            headers={"Authorization": f"Bearer {token}"},
            secrets=(token,),
            judge=_judge,
            seconds=self._seconds,
            tls=self._tls,
        )
        return SlackAccess(name, web, fields.word("channel", _CHANNEL, "C0123456789, as the channel's details show it"))

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Post one message; its key goes along in the metadata."""
        access = self.access(message)
        text = escaped(message.content.text.strip())
        if not text:
            raise Refused("a message without text")
        if len(text) > LONGEST_TEXT:
            raise Refused(f"a message of {len(text):,} characters: expected at most {LONGEST_TEXT:,}")
        if message.content.media:
            raise Refused("a message to Slack carries no pictures here", remedy="write their address into the text")
        body: dict[str, object] = {
            "channel": access.channel,
            "text": text,
            "metadata": {"event_type": EVENT, "event_payload": {"key": message.key}},
        }
        if message.above is not None:
            body["thread_ts"] = _thread(access, message.above)
        answer = await access.web.commit(mark, "POST", "/api/chat.postMessage", Body(json=body))
        ts = answer.text("ts")
        if not _TS.match(ts):
            raise access.web.unclear("the moment of the message")
        return Receipt(f"{access.channel}:{ts}", "posted to Slack")

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look for the message in the channel's history by its key, else by its words."""
        access, message = self.access(attempted.message), attempted.message
        query = {
            "channel": access.channel,
            "oldest": f"{(attempted.started_at - _BEFORE).timestamp():.6f}",
            "latest": f"{(attempted.started_at + _AFTER).timestamp():.6f}",
            "inclusive": "true",
            "include_all_metadata": "true",
            "limit": str(_PAGE),
        }
        method = "conversations.history"
        if message.above is not None:
            method, query["ts"] = "conversations.replies", _thread(access, message.above)
        words = _plain(escaped(message.content.text))
        alike: list[dict[str, object]] = []
        for _ in range(_MOST_PAGES):
            answer = await access.web.ask("GET", f"/api/{method}", query=query)
            found = answer.fields.get("messages")
            if not isinstance(found, list):
                raise NotSent("Slack answered without messages")
            for one in (each for each in found if isinstance(each, dict)):
                key = _key(one)
                if key == message.key:
                    return _seen(access, one, "by its key")
                if one.get("ts") == query.get("ts"):
                    continue  # the first of the thread, which is always shown
                if key is None and one.get("bot_id") and _plain(str(one.get("text", ""))) == words:
                    alike.append(one)
            cursor = _next(answer.fields)
            if not cursor:
                break
            query["cursor"] = cursor
        else:
            return Evidence(Found.OPEN, f"the channel has more than {_PAGE * _MOST_PAGES:,} messages of that time")
        if alike:
            return _seen(access, alike[-1], "by its words")
        return Evidence(Found.NOT_SENT, "the channel's history has no such message")


def _thread(access: SlackAccess, above: Above) -> str:
    """Return the moment that names the thread: that of its first message; a reply's own names nothing."""
    channel, _, ts = hung_on("Slack", above.first, _NAMED).partition(":")
    if channel != access.channel:
        raise Refused(f"the message it hangs on is in {channel}, and the account writes into {access.channel}")
    return ts


def escaped(text: str) -> str:
    """Return a text in which nothing is a sign for Slack: no mention, no link under other words."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    """Return the words of a message as they are compared; Slack puts addresses into angle brackets."""
    return " ".join(re.sub(r"<([^<>|]*)(?:\|[^<>]*)?>", r"\1", text).split())


def _key(message: dict[str, object]) -> str | None:
    """Return the key in a message's metadata, None where it has none of ours."""
    metadata = message.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    key = payload.get("key") if isinstance(payload, dict) else None
    return key if isinstance(key, str) else None


def _seen(access: SlackAccess, message: dict[str, object], how: str) -> Evidence:
    ts = str(message.get("ts", ""))
    if not _TS.match(ts):
        raise NotSent("Slack shows a message without its moment")
    at = datetime.fromtimestamp(float(ts), UTC)
    return Evidence(Found.SENT, f"the channel's history has it at {at:%H:%M:%S} UTC, {how}", f"{access.channel}:{ts}")


def _next(fields: object) -> str:
    more = fields.get("response_metadata") if isinstance(fields, dict) else None
    cursor = more.get("next_cursor") if isinstance(more, dict) else None
    return cursor if isinstance(cursor, str) else ""


def _judge(said: Said) -> DeliveryError | None:
    """Read an answer: Slack says no with status 200 and `ok: false`."""
    answer = said.answer
    if not 200 <= answer.status < 300:
        return said.usual()
    if answer.fields.get("ok") is True:
        return None
    error = answer.text("error")
    if answer.fields.get("ok") is not False or not _NAME.match(error):
        return said.unknown()
    known = Said(said.name, answer, error, said.may_have)
    if error in _LATER:
        return known.later()
    if error in _UNKNOWN:
        return known.unknown()
    if error in _DOWN:
        return known.down("mend the token or the channel of the account; the bot has to be invited there")
    return known.refused()
