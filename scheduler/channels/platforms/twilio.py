"""SMS by Twilio (https://www.twilio.com/docs/messaging/api/message-resource); replies are read in `operations.texts`.

Twilio knows no key that keeps a repeat from being a second SMS: what may have gone is looked up in the list of messages
to that number.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

from scheduler.channels.account import Account
from scheduler.channels.answers import Said
from scheduler.channels.base import Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms.base import Access, Platform
from scheduler.channels.platforms.twilio_codes import CODES, Meaning
from scheduler.channels.platforms.web import Body, Web
from scheduler.errors import DeliveryError, NotSent, OptedOut, Refused

ENDPOINT = "https://api.twilio.com"
LONGEST_TEXT = 1_600  # characters
MESSAGE = "message"  # the parameter of a status callback that names the delivery

_LONGEST_VALIDITY = 36_000  # seconds that Twilio keeps a message in its queue, and its default
_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}\Z")
_KEY = re.compile(r"SK[0-9a-fA-F]{32}\Z")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}\Z")
_MESSAGE = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}\Z")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z", re.ASCII)
_SENDER = re.compile(r"(?:\+?[0-9]{3,15}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11})\Z", re.ASCII)
_CALLBACK = re.compile(r"https?://[^\s?#]+\Z")
_TRIAL = "Sent from your Twilio trial account - "

_BEFORE = timedelta(minutes=2)  # what Twilio's clock and ours may differ
_AFTER = timedelta(minutes=10)  # the request had to come to its end meanwhile
_PAGE = 200
_MOST_PAGES = 10


@dataclass(slots=True)
class TwilioAccess(Access):
    """One account: `path` of its messages, and the senders it has; `callback` is where Twilio tells what became."""

    path: str
    sender: str
    service: str
    callback: str


class TwilioChannel(Platform[TwilioAccess]):
    """Sends SMS; the sender is the campaign's (`senders.sms`), else the account's `from` or its messaging service."""

    name = "sms"
    fields = (
        "account_sid",
        "api_key",
        "api_secret",
        "auth_token",
        "from",
        "messaging_service_sid",
        "status_callback",
        "endpoint",
    )
    settles_after = timedelta(seconds=60)

    def connect(self, fields: Account, name: str) -> TwilioAccess:
        """Return the access to an account. Raises SchedulerError where one of its fields cannot be used."""
        sid = fields.word("account_sid", _ACCOUNT, "AC and 32 letters and digits")
        if fields.text("api_key"):
            user, password = fields.word("api_key", _KEY, "SK and 32 letters and digits"), fields.token("api_secret")
        else:
            user, password = sid, fields.token("auth_token")
        credentials = b64encode(f"{user}:{password}".encode()).decode()
        web = Web(
            "Twilio",
            fields.endpoint(ENDPOINT),
            self._clock,
            headers={"Authorization": f"Basic {credentials}"},
            secrets=(password, credentials),
            judge=_judge,
            seconds=self._seconds,
            tls=self._tls,
        )
        return TwilioAccess(
            name,
            web,
            f"/2010-04-01/Accounts/{sid}/Messages.json",
            fields.word("from", _SENDER, "+15005550006", default=""),
            fields.word("messaging_service_sid", _SERVICE, "MG and 32 letters and digits", default=""),
            fields.word("status_callback", _CALLBACK, "https://news.biksouv.example/in/sms/sms", default=""),
        )

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Send one SMS; whether the number and the text can be taken is asked before the mark."""
        access = self.access(message)
        form = self._form(access, message)
        handle = _fingerprint(message.key, form["To"])
        answer = await access.web.commit(mark, "POST", access.path, Body(form=form), handle=handle)
        sid = answer.text("sid")
        if not _MESSAGE.match(sid):
            raise access.web.unclear("the id of the message")
        return Receipt(sid, f"{access.web.told(answer.text('status')) or 'accepted'} by Twilio")

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look for the SMS among all that went to this number, by its words and its moment."""
        access, to = self.access(attempted.message), _number(attempted.message)
        if attempted.handle not in ("", _fingerprint(attempted.message.key, to)):
            return Evidence(Found.OPEN, "the person has another number now than the SMS went to")
        earliest, latest = attempted.started_at - _BEFORE, attempted.started_at + _AFTER
        listed = await self._listed(access, to)
        if listed is None:
            return Evidence(Found.OPEN, f"Twilio lists more than {_PAGE * _MOST_PAGES:,} SMS to this number")
        near = [one for one in listed if earliest <= one.at <= latest]
        words = _plain(attempted.message.content.text)
        same = [one for one in near if _plain(one.body) == words]
        if same:
            many = f", the first of {len(same)} that fit" if len(same) > 1 else ""
            first = min(same, key=lambda one: one.at)
            return Evidence(Found.SENT, f"Twilio lists it at {first.at:%H:%M:%S} UTC: {first.status}{many}", first.sid)
        unclear = [one for one in near if not one.body or not attempted.same_words]
        if unclear:
            return Evidence(
                Found.OPEN,
                f"Twilio lists {len(unclear)} SMS to this number then, without the words to know this one by",
            )
        return Evidence(Found.NOT_SENT, "Twilio lists no such SMS to this number")

    def _form(self, access: TwilioAccess, message: Message) -> dict[str, str]:
        """Return what is posted. Raises: Refused for a number or a text that cannot be sent."""
        text = message.content.text.strip()
        if not text:
            raise Refused("an SMS without text")
        if len(text) > LONGEST_TEXT:
            raise Refused(f"an SMS of {len(text):,} characters: expected at most {LONGEST_TEXT:,}")
        if message.content.media:
            raise Refused("an SMS carries no pictures", remedy="write their address into the text")
        form = {"To": _number(message), "Body": text}
        if access.service:
            form["MessagingServiceSid"] = access.service
        if sender := message.sender or ("" if access.service else access.sender):
            form["From"] = sender
        if not (access.service or sender):
            raise Refused(
                "nobody said who this SMS is from", remedy="write `sms:` under `senders:`, or set `from` of the account"
            )
        if message.expires_at is not None:
            left = int((message.expires_at - self._clock.now()).total_seconds())
            form["ValidityPeriod"] = str(min(max(left, 1), _LONGEST_VALIDITY))
        if access.callback:
            form["StatusCallback"] = f"{access.callback}?{urlencode({MESSAGE: message.delivery_id})}"
        return form

    async def _listed(self, access: TwilioAccess, to: str) -> list[_Listed] | None:
        """Return all that went to a number, or None where they are too many to look through.

        Not by `DateSent`: what still waits in Twilio's queue has none.
        """
        query: Mapping[str, str] | None = {"To": to, "PageSize": str(_PAGE)}
        path, found = access.path, list[_Listed]()
        for _ in range(_MOST_PAGES):
            answer = await access.web.ask("GET", path, query=query)
            items = answer.fields.get("messages")
            if not isinstance(items, list):
                raise NotSent("Twilio answered without a list of messages")
            found += [one for item in items if (one := _read(item)) is not None]
            path, query = answer.text("next_page_uri"), None
            if not path:
                return found
            if not path.startswith(f"{access.path}?"):
                raise NotSent("Twilio answered with a next page that is elsewhere")
        return None


@dataclass(frozen=True, slots=True)
class _Listed:
    sid: str
    at: datetime
    body: str
    status: str


def _read(item: object) -> _Listed | None:
    """Return a message of the list that went out; None for a reply. Raises: NotSent for what cannot be read."""
    fields: dict[str, object] = item if isinstance(item, dict) else {}
    if fields.get("direction") == "inbound":
        return None
    try:
        at = parsedate_to_datetime(str(fields["date_created"]))
        sid = str(fields["sid"])
    except (KeyError, ValueError):
        raise NotSent("Twilio lists a message without a date") from None
    status = re.sub(r"[^a-z_-]", "", str(fields.get("status")))[:20]
    return _Listed(sid, at if at.tzinfo else at.replace(tzinfo=UTC), str(fields.get("body") or ""), status)


def _number(message: Message) -> str:
    """Return whom an SMS goes to. Raises: Refused where that is no number in E.164."""
    phone = message.recipient.phone if message.recipient is not None else None
    if not phone or not _E164.match(phone):
        raise Refused("no number to send an SMS to" if not phone else "the number is not an international one (E.164)")
    return phone


def _fingerprint(key: str, number: str) -> str:
    """Return four letters by which another number is told from the one a message went to; too few to find it by."""
    return hmac.digest(key.encode(), number.encode(), "sha256").hex()[:4]


def _plain(text: str) -> str:
    """Return the words as they are compared: what a carrier or a trial account does to them is left out."""
    return " ".join(unicodedata.normalize("NFC", text.removeprefix(_TRIAL)).split())


def _judge(said: Said) -> DeliveryError | None:
    """Read an answer; the words of Twilio often hold the number, so ours are shown."""
    answer = said.answer
    if 200 <= answer.status < 300:
        return None
    code = answer.fields.get("code")
    if answer.status >= 500 or not isinstance(code, int):
        return said.usual()
    meaning, words = CODES.get(code, (None, ""))
    known = Said(said.name, answer, f"code {code}{': ' if words else ''}{words}", said.may_have)
    if meaning is Meaning.STOPPED:
        return OptedOut(str(known))
    if meaning in (Meaning.NUMBER, Meaning.WORDS):
        return known.refused()
    if meaning is Meaning.LATER:
        return known.later()
    if meaning is Meaning.ACCOUNT:
        return known.down("mend the account or `senders.sms`, see https://www.twilio.com/docs/api/errors")
    return known.usual()
