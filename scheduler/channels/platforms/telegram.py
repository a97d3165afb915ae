"""Posts into a chat or channel of Telegram by a bot (https://core.telegram.org/bots/api).

Telegram knows no key, and a bot cannot read what it posted: a post that may have gone is held for a person. The token
stands in the path of every request, so no address is ever shown.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from scheduler.channels.account import Account
from scheduler.channels.answers import Said
from scheduler.channels.base import Above, Mark, Message, Receipt
from scheduler.channels.platforms.base import Access, Platform, hung_on
from scheduler.channels.platforms.media import Medium, as_jpeg
from scheduler.channels.platforms.web import Body, Web
from scheduler.clock import Clock
from scheduler.errors import DeliveryError, NotSent, Refused

ENDPOINT = "https://api.telegram.org"
LONGEST_TEXT = 4_096  # UTF-16 units
LONGEST_CAPTION = 1_024
MOST_MEDIA = 10

_TOKEN = re.compile(r"[0-9]{5,20}:[A-Za-z0-9_-]{20,100}\Z")
_CHAT = re.compile(r"(?:-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31})\Z")
_NAMED = re.compile(r"(?:-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31})/[0-9]{1,15}\Z")
_MOST_BYTES = 50 << 20  # of a file
_MOST_PICTURE = 10 << 20
_WIDEST = 4_096
_UPLOADS = 4  # times as long as other requests: several files go with one
_MOST_WAIT = 86_400
# Of the chat or the bot's rights in it, not of this post.
_OF_THE_CHAT = re.compile(r"chat not found|upgraded|rights|write_forbidden|kicked|not a member|admin_required", re.I)


@dataclass(slots=True)
class TelegramAccess(Access):
    """One account: the bot's `path`, which holds its token, and the chat it posts into."""

    path: str
    chat: str

    def __repr__(self) -> str:
        return f"TelegramAccess({self.name!r})"


class TelegramChannel(Platform[TelegramAccess]):
    """Posts a text, one picture or video, or a group of two to ten; nothing in a text is a sign for Telegram."""

    name = "telegram"
    fields = ("token", "chat", "endpoint")

    def connect(self, fields: Account, name: str) -> TelegramAccess:
        """Return the access to an account. Raises SchedulerError where one of its fields cannot be used."""
        token = fields.word("token", _TOKEN, "the token that BotFather gave, digits and a colon first")
        web = Web(
            "Telegram",
            fields.endpoint(ENDPOINT),
            self._clock,
            secrets=(token, token.partition(":")[2]),
            judge=partial(_judge, self._clock, token),
            seconds=self._seconds * _UPLOADS,
            tls=self._tls,
        )
        return TelegramAccess(name, web, f"/bot{token}", fields.word("chat", _CHAT, "@biksouv or -1001234567890"))

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Post one message; media are read and checked before the mark."""
        access = self.access(message)
        text, files = message.content.text.strip(), message.content.media
        if len(files) > MOST_MEDIA:
            raise Refused(f"{len(files)} media in one post: Telegram takes at most {MOST_MEDIA}")
        most = LONGEST_CAPTION if files else LONGEST_TEXT
        if (length := len(text.encode("utf-16-le")) // 2) > most:
            raise Refused(f"a text of {length:,} characters: expected at most {most:,}{' beside media' * bool(files)}")
        if not text and not files:
            raise Refused("a post without text and media")
        media = [_fitting(await self._media.read(file, alt)) for file, alt in files]
        method, body = _request(access.chat, text, media, _answered(access, message.above))
        answer = await access.web.commit(mark, "POST", f"{access.path}/{method}", body)
        result = answer.fields.get("result")
        first = result[0] if isinstance(result, list) and result else result
        number = first.get("message_id") if isinstance(first, dict) else None
        if not isinstance(number, int):
            raise access.web.unclear("the number of the message")
        return Receipt(f"{access.chat}/{number}", "posted to Telegram")


def _answered(access: TelegramAccess, above: Above | None) -> dict[str, int] | None:
    """Return what makes a post a reply to another one of the chat."""
    if above is None:
        return None
    chat, _, number = hung_on("Telegram", above.post, _NAMED).rpartition("/")
    if chat != access.chat:
        raise Refused(f"the post it hangs on is in {chat}, and the account posts into {access.chat}")
    return {"message_id": int(number)}


def _request(chat: str, text: str, media: list[Medium], answered: dict[str, int] | None) -> tuple[str, Body]:
    """Return the method and what it is given."""
    if not media:
        reply = {"reply_parameters": answered} if answered else {}
        return "sendMessage", Body(json={"chat_id": chat, "text": text, **reply})
    written = {"reply_parameters": json.dumps(answered)} if answered else {}
    kinds = ["video" if one.is_video else "photo" for one in media]
    if len(media) == 1:
        form = {"chat_id": chat, **({"caption": text} if text else {}), **written}
        return f"send{kinds[0].capitalize()}", Body(form=form, files={kinds[0]: _file(media[0])})
    group: list[dict[str, str]] = [
        {"type": kind, "media": f"attach://file{number}"} for number, kind in enumerate(kinds)
    ]
    if text:
        group[0]["caption"] = text
    files = {f"file{number}": _file(one) for number, one in enumerate(media)}
    return "sendMediaGroup", Body(form={"chat_id": chat, "media": json.dumps(group), **written}, files=files)


def _file(medium: Medium) -> tuple[str, bytes, str]:
    return medium.name, medium.data, medium.mime


def _fitting(medium: Medium) -> Medium:
    """Return a medium that Telegram takes. Raises: Refused for one that cannot be made so."""
    if medium.is_video:
        if len(medium.data) > _MOST_BYTES:
            raise Refused(f"{medium.name} is larger than the 50 MiB that Telegram takes of a bot")
        return medium
    return as_jpeg(medium, most_bytes=_MOST_PICTURE, most_width=_WIDEST)


def _judge(clock: Clock, token: str, said: Said) -> DeliveryError | None:
    """Read an answer by `error_code`, `description` and `parameters`."""
    answer = said.answer
    if 200 <= answer.status < 300 and answer.fields.get("ok") is True:
        return None
    if answer.status >= 500 or answer.fields.get("ok") is not False:
        return said.usual()
    description = re.sub(r"[^A-Za-z0-9 ,.:'_-]", "", answer.text("description").replace(token, ""))[:120]
    known = Said(said.name, answer, description, said.may_have)
    given = answer.fields.get("parameters")
    parameters: dict[str, object] = given if isinstance(given, dict) else {}
    if answer.status == 429:
        wait = parameters.get("retry_after")
        if isinstance(wait, int) and 0 <= wait <= _MOST_WAIT:
            return NotSent(str(known), retry_at=clock.now() + timedelta(seconds=wait))
        return known.later()
    if isinstance(moved := parameters.get("migrate_to_chat_id"), int):
        return known.down(f"the group has another number now: set `chat` of the account to {moved}")
    if answer.status == 403 or (answer.status == 400 and _OF_THE_CHAT.search(description)):
        return known.down("mend `chat` of the account, and let the bot write there")
    if answer.status in (401, 404):
        return known.down("mend `token` of the account: Telegram knows no such bot")
    return known.usual()
