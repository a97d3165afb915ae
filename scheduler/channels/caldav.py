"""One collection on a CalDAV server (RFC 4791): objects by their names, each written once."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from pydantic import SecretStr

from scheduler.channels.account import Account
from scheduler.channels.answers import Answer, Said
from scheduler.channels.platforms.web import Body, Web
from scheduler.clock import Clock
from scheduler.errors import DeliveryError, NotSent

NAME = "caldav"  # of the account
FIELDS = ("url", "user", "password")

_URL = re.compile(r"(?:https://[^\s/?#@]+|http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?)/[^\s?#]*\Z")
_USER = re.compile(r"[^\s:]{1,200}\Z")
_AT_ONCE = 50  # objects asked for with one request
_SECONDS = 20.0
_DAV, _CAL = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_ICS = "text/calendar; charset=utf-8"
_EXPECTED = frozenset({404, 412})  # answers that say how things are, not that something is wrong


@dataclass(frozen=True, slots=True)
class Entry:
    """An object of the collection as it lies there; `etag` names this state of it."""

    etag: str
    content: str = field(repr=False)


class TaskCollection:
    """The calendar of an account: `url` of the collection, `user`, `password`. No error shows one of them.

    Raises: SchedulerError where a field is missing or cannot be used.
    """

    def __init__(
        self,
        accounts: Mapping[str, Mapping[str, SecretStr]],
        clock: Clock,
        *,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        seconds: float = _SECONDS,
    ) -> None:
        fields = Account(NAME, accounts.get(NAME, {}), FIELDS)
        url = fields.word("url", _URL, "https://dav.biksouv.example/calendars/shop/tasks/")
        user, password = fields.word("user", _USER, "shop"), fields.token("password")
        parts = urlsplit(url)
        credentials = b64encode(f"{user}:{password}".encode()).decode()
        self._path = parts.path.rstrip("/") + "/"
        self._web = Web(
            "the calendar",
            f"{parts.scheme}://{parts.netloc}",
            clock,
            headers={"Authorization": f"Basic {credentials}"},
            secrets=(password, credentials),
            judge=_judge,
            seconds=seconds,
            tls=tls,
        )

    async def read(self, names: Collection[str]) -> dict[str, Entry]:
        """Return the objects of these names that are there. Raises: DeliveryError when the server does not say."""
        found: dict[str, Entry] = {}
        wanted = sorted(names)
        for begin in range(0, len(wanted), _AT_ONCE):
            hrefs = "".join(
                f"<D:href>{escape(self._path + name)}</D:href>" for name in wanted[begin : begin + _AT_ONCE]
            )
            answer = await self._web.ask(
                "REPORT",
                self._path,
                Body(content=_MULTIGET.format(hrefs=hrefs).encode(), kind="application/xml; charset=utf-8"),
                headers={"Depth": "1", "Accept": "application/xml, text/xml"},
            )
            found |= _entries(answer)
        return found

    async def add(self, name: str, content: bytes) -> bool:
        """Write an object that is not there yet; return False when it was (RFC 9110 13.1.2). Raises: DeliveryError."""
        return await self._put(name, content, {"If-None-Match": "*"})

    async def replace(self, name: str, content: bytes, etag: str) -> bool:
        """Write an object over the state named by `etag`; False when it is another one now. Raises: DeliveryError."""
        return await self._put(name, content, {"If-Match": etag})

    async def remove(self, name: str) -> bool:
        """Take an object away; return whether it was there. Raises: DeliveryError."""
        answer = await self._web.ask("DELETE", self._path + name, headers={"Accept": "*/*"})
        return answer.status not in _EXPECTED

    async def close(self) -> None:
        """Let go of the connections; the next request makes new ones."""
        await self._web.close()

    async def _put(self, name: str, content: bytes, condition: Mapping[str, str]) -> bool:
        body = Body(content=content, kind=_ICS)
        answer = await self._web.ask("PUT", self._path + name, body, headers={"Accept": "*/*", **condition})
        if answer.status == 404:
            raise Said("the calendar", answer, may_have=False).down("mend `url` of the account `caldav`")
        return answer.status != 412


_MULTIGET = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">'
    "<D:prop><D:getetag/><C:calendar-data/></D:prop>{hrefs}</C:calendar-multiget>"
)


def _judge(said: Said) -> DeliveryError | None:
    status = said.answer.status
    return None if 200 <= status < 300 or status in _EXPECTED else said.usual()


def _entries(answer: Answer) -> dict[str, Entry]:
    """Read a multistatus (RFC 4918 13); what has no etag or no content is not there."""
    if answer.status == 404:
        raise Said("the calendar", answer, may_have=False).down("mend `url` of the account `caldav`")
    if b"<!DOCTYPE" in answer.raw or b"<!ENTITY" in answer.raw:
        raise NotSent("the calendar answered with XML that declares things of its own")
    try:
        whole = ET.fromstring(answer.raw)  # noqa: S314 - what could expand was refused
    except ET.ParseError:
        raise NotSent("the calendar answered without XML") from None
    if whole.tag != f"{_DAV}multistatus":
        raise NotSent("the calendar answered with something else than was asked for")
    found = {}
    for response in whole.iter(f"{_DAV}response"):
        href = response.findtext(f"{_DAV}href") or ""
        etag = response.findtext(f"{_DAV}propstat/{_DAV}prop/{_DAV}getetag")
        content = response.findtext(f"{_DAV}propstat/{_DAV}prop/{_CAL}calendar-data")
        if etag and content:
            found[unquote(urlsplit(href).path).rpartition("/")[2]] = Entry(etag, content)
    return found
