"""WhatsApp by Meta's own interface: approved templates alone, which may go to people who have not just written.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates (2026-11). WhatsApp
knows no key and shows nothing of what was sent: of a message that may have gone its webhook tells, or a person.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

from scheduler.channels.account import Account
from scheduler.channels.answers import Said
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.naming import message_name
from scheduler.channels.platforms.base import Platform
from scheduler.channels.platforms.graph import Graph
from scheduler.channels.platforms.web import Body
from scheduler.channels.platforms.whatsapp_codes import CODES, Meaning
from scheduler.channels.platforms.whatsapp_templates import APPROVED, Filled, Template, matching, nearest, read
from scheduler.errors import DeliveryError, NotSent, OptedOut, Refused

_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z", re.ASCII)
_BUSINESS = re.compile(r"[0-9]{5,25}\Z", re.ASCII)
_MESSAGE = re.compile(r"wamid\.[A-Za-z0-9+/=_-]{1,200}\Z")
_ONE_LINE = re.compile(r"[^\n\t]*\Z")
_BLANKS = "     "  # WhatsApp refuses a value with more than four in a row
_FRESH = timedelta(hours=1)  # how long the list of templates is believed
_YOUNG = timedelta(minutes=1)
_DAY = timedelta(hours=24)
_PAGE, _MOST_PAGES = 100, 20


class WhatsAppAccess(Graph):
    """One number that messages go from, and the templates of its business account."""

    business: str = ""
    templates: tuple[Template, ...] = ()
    templates_at: datetime | None = None

    def judge(self, said: Said) -> DeliveryError | None:
        """Read an answer by WhatsApp's codes; Meta's words, which may hold the person's number, are left out."""
        error = said.answer.fields.get("error")
        if not isinstance(error, dict):
            return super().judge(said)
        code = error.get("code")
        meaning, words = CODES.get(code, (None, "")) if isinstance(code, int) else (None, "")
        known = Said(said.name, said.answer, f"({code}) {words}", said.may_have)
        match meaning:
            case None:
                bare = {name: value for name, value in error.items() if name not in ("message", "error_user_msg")}
                return super().judge(replace(said, answer=replace(said.answer, fields={"error": bare})))
            case Meaning.STOPPED:
                return OptedOut(str(known))
            case Meaning.PERSON | Meaning.WORDS:
                return known.refused()
            case Meaning.TOMORROW:
                return NotSent(str(known), retry_at=self.clock.now() + _DAY)
            case Meaning.LATER:
                return known.later()
            case Meaning.ACCOUNT:
                return known.down("see the account and its number in Meta's WhatsApp Manager")

    async def known(self, fresh: timedelta) -> tuple[Template, ...]:
        """Return the templates of the account, read within `fresh`."""
        now = self.clock.now()
        if self.templates_at is None or now - self.templates_at >= fresh:
            self.templates, self.templates_at = tuple(await self._listed()), now
        return self.templates

    async def deliver(self, mark: Mark, filled: Filled, to: str, name: str) -> str:
        """Send one message and return its id; what becomes of it is told later under `name`."""
        template: dict[str, object] = {"name": filled.template.name, "language": {"code": filled.template.language}}
        if filled.values:
            template["components"] = [{"type": "body", "parameters": filled.parameters()}]
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to,
            "type": "template",
            "template": template,
            "biz_opaque_callback_data": name,
        }
        path = self._path(f"/{self.node}/messages")
        answer = self._noted(await self.web.commit(mark, "POST", path, Body(json=body), query=self._query(None)))
        messages = answer.fields.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        given = str(first.get("id", "")) if isinstance(first, dict) else ""
        if not _MESSAGE.match(given):
            raise self.web.unclear("the id of the message")
        return given

    async def _listed(self) -> list[Template]:
        found: list[Template] = []
        query = {"fields": "name,language,status,category,parameter_format,components", "limit": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            answer = await self.ask("GET", f"/{self.business}/message_templates", query=query)
            items, paging = answer.fields.get("data"), answer.fields.get("paging")
            if not isinstance(items, list):
                raise NotSent("WhatsApp answered without its templates")
            found += [one for item in items if (one := read(item)) is not None]
            cursors = paging.get("cursors") if isinstance(paging, dict) and paging.get("next") else None
            after = cursors.get("after") if isinstance(cursors, dict) else None
            if not isinstance(after, str) or not after:
                break
            query["after"] = after
        return found


class WhatsAppChannel(Platform[WhatsAppAccess]):
    """Sends texts that are an approved template of the account with its gaps filled."""

    name = "whatsapp"
    fields: ClassVar[tuple[str, ...]] = (
        "token",
        "phone_number_id",
        "business_account",
        "app_secret",
        "verify_token",
        "version",
        "endpoint",
    )

    def connect(self, fields: Account, name: str) -> WhatsAppAccess:
        """Return the access to an account. Raises SchedulerError where one of its fields cannot be used."""
        business = fields.word("business_account", _BUSINESS, "102290129340398")
        access = WhatsAppAccess(
            name, "WhatsApp", fields, self._clock, self._tls, node="phone_number_id", seconds=self._seconds
        )
        access.business = business
        return access

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Send one message; which template it is, and whether that is approved, is asked before the mark."""
        access = self.access(message)
        to = _number(message)
        if message.content.media:
            raise Refused("a message to WhatsApp carries no pictures here", remedy="write their address into the text")
        access.rested()
        filled = await _template(access, message)
        given = await access.deliver(mark, filled, to, message_name(message.delivery_id, message.key))
        return Receipt(given, f"the template {filled.template}, accepted by WhatsApp")

    async def close(self) -> None:
        """Let go of all connections."""
        opened = list(self._open.values())
        await super().close()
        for access in opened:
            await access.close()


async def _template(access: WhatsAppAccess, message: Message) -> Filled:
    """Return the template a text is. Raises: Refused where it is none, NotSent where that is not approved yet."""
    text = message.content.text
    found = matching(await access.known(_FRESH), text, message.purpose)
    if found is None or found.template.status != APPROVED:
        found = matching(await access.known(_YOUNG), text, message.purpose)
    if found is None:
        near = nearest(access.templates, text)
        raise Refused(
            f"the text is none of the {len(access.templates)} templates of the account",
            remedy=f"write it word for word as it was approved{f': the nearest is {near}' if near else ''}",
        )
    if found.template.status != APPROVED:
        status = re.sub(r"[^A-Z_]", "", found.template.status)[:30].lower().replace("_", " ")
        raise NotSent(f"the template {found.template} is {status or 'not approved'} at WhatsApp")
    for gap, value in found.values:
        if not _ONE_LINE.match(value) or _BLANKS in value:
            raise Refused(
                f"what stands in the gap {gap} of the template {found.template} has a line break, a tab or five blanks",
                remedy="WhatsApp takes none of these in a value: write it on one line",
            )
    return found


def _number(message: Message) -> str:
    """Return whom a message goes to. Raises: Refused where that is no number in E.164."""
    phone = message.recipient.phone if message.recipient is not None else None
    if not phone or not _E164.match(phone):
        raise Refused("no number to write to" if not phone else "the number is not an international one (E.164)")
    return phone
