"""Signed links: what a token in an address says, who made it and for what; no names, no addresses, no storage.

A token is base64url of version, key id, contact, message and last moment, then a MAC over these and its purpose (HMAC
of RFC 2104 with SHA-256, cut to 16 bytes as its section 5 allows). The purpose is signed and not written: a token made
for one door opens no other.

A stamp is the token of a mail's envelope: shorter, and in letters that mail servers may turn to upper or lower case.
A mark is the token of a link or picture of a mail, of which there may be dozens in one: shorter, and good for ever.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

_VERSION = 1
_SAYS = struct.Struct(">B4sQQI")  # version, key id, contact, message, last moment
_MAC_BYTES = 16
LENGTH = (_SAYS.size + _MAC_BYTES) * 4 // 3 + 1  # characters; what is longer or shorter is no token

# A stamp: 3 bytes of the key id, 6 of the delivery, 4 that tell its address from others, 12 of the MAC.
_STAMP_KEY, _STAMP_DELIVERY, _STAMP_ADDRESS, _STAMP_MAC = 3, 6, 4, 12
_STAMP_SAYS = _STAMP_KEY + _STAMP_DELIVERY + _STAMP_ADDRESS
STAMP_LENGTH = (_STAMP_SAYS + _STAMP_MAC) * 8 // 5  # 40 letters of base32
_DELIMITERS = ("+", "-", "=")
_MAILTO = "mailto:"

# A mark: 3 bytes of the key id, 6 of the delivery, 3 of the link's number, 12 of the MAC.
_MARK_KEY, _MARK_DELIVERY, _MARK_NUMBER, _MARK_MAC = 3, 6, 3, 12
_MARK_SAYS = _MARK_KEY + _MARK_DELIVERY + _MARK_NUMBER
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
MARK_LENGTH = (_MARK_SAYS + _MARK_MAC) * 4 // 3  # 32 letters of base64url


class Purpose(StrEnum):
    """What a token is for."""

    UNSUBSCRIBE = "unsubscribe"
    CONFIRM = "confirm"
    PREFERENCES = "preferences"
    CLICK = "click"
    OPEN = "open"


class TokenError(Exception):
    """The text is no token of ours for this purpose; `expired` when it was one, and its time is over."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("expired" if expired else "not a token")
        self.expired = expired


@dataclass(frozen=True, slots=True)
class Token:
    """Whom a link was made for: the contact's row id, and the message it stood in (0: none)."""

    contact: int
    delivery: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Which message a link or a picture stood in, and which of its links it is (0: none that a reader sees)."""

    delivery: int
    number: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which message an envelope was made for; `mark` tells the address it went to from the person's other ones."""

    delivery: int
    mark: bytes


class Keyring:
    """Signs with the first key and knows the tokens of all: links in mails outlive the key that made them."""

    def __init__(self, secret: bytes, former: Sequence[bytes] = ()) -> None:
        keys = [_derived(each) for each in (secret, *former)]
        self._first = keys[0]
        self._keys = {_key_id(key): key for key in reversed(keys)}
        self._short = {_key_id(key)[:_STAMP_KEY]: key for key in reversed(keys)}
        # The two hashes of HMAC as they stand after the key (RFC 2104 section 4): a mail has dozens of marks.
        self._mark_key = _key_id(self._first)[:_MARK_KEY]
        self._inner, self._outer = (
            hashlib.sha256(bytes(byte ^ pad for byte in self._first.ljust(64, b"\0"))) for pad in (0x36, 0x5C)
        )
        self._begun: dict[Purpose, hashlib._Hash] = {}

    def sign(self, purpose: Purpose, token: Token, *, until: datetime | None = None) -> str:
        """Return the text of a token: the same for the same input; without `until` it is good for ever."""
        last = 0 if until is None else int(until.timestamp())
        says = _SAYS.pack(_VERSION, _key_id(self._first), token.contact, token.delivery, last)
        return base64.urlsafe_b64encode(says + _mac(self._first, purpose, says)).rstrip(b"=").decode()

    def read(self, purpose: Purpose, text: str, *, now: datetime) -> Token:
        """Return what a token says. Raises TokenError for everything that was not signed here for this purpose.

        Compared in constant time; a token with an unknown key takes as long as one with a wrong MAC.
        """
        raw = _decoded(text)
        says, mac = raw[: _SAYS.size], raw[_SAYS.size :]
        version, key_id, contact, delivery, last = _SAYS.unpack(says)
        key = self._keys.get(key_id, self._first)
        if not hmac.compare_digest(mac, _mac(key, purpose, says)) or version != _VERSION or key_id != _key_id(key):
            raise TokenError
        if last and now > datetime.fromtimestamp(last, UTC):
            raise TokenError(expired=True)
        return Token(contact, delivery)

    def marker(self, purpose: Purpose, delivery: int) -> Callable[[int], str]:
        """Return what makes the marks of a message by their numbers (0 to 16,777,215): the same for the same input."""
        says = self._mark_key + delivery.to_bytes(_MARK_DELIVERY, "big")
        finished = self._outer
        if purpose not in self._begun:
            self._begun[purpose] = self._inner.copy()
            self._begun[purpose].update(purpose.value.encode() + b"\0mark\0")
        begun = self._begun[purpose].copy()
        begun.update(says)

        def mark(number: int) -> str:
            last = number.to_bytes(_MARK_NUMBER, "big")
            inner, outer = begun.copy(), finished.copy()
            inner.update(last)
            outer.update(inner.digest())
            made = binascii.b2a_base64(says + last + outer.digest()[:_MARK_MAC], newline=False)
            return made.translate(_URL_SAFE).decode()

        return mark

    def read_mark(self, purpose: Purpose, text: str) -> Mark:
        """Return what a mark says. Raises TokenError for everything that was not signed here for this purpose.

        Compared in constant time; one with an unknown key takes as long as one with a wrong MAC.
        """
        if len(text) != MARK_LENGTH or not text.isascii():
            raise TokenError
        try:
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise TokenError from None
        says, mac = raw[:_MARK_SAYS], raw[_MARK_SAYS:]
        key = self._short.get(says[:_MARK_KEY], self._first)
        wanted = hmac.digest(key, purpose.value.encode() + b"\0mark\0" + says, "sha256")[:_MARK_MAC]
        if not hmac.compare_digest(mac, wanted) or says[:_MARK_KEY] not in self._short:
            raise TokenError
        end = _MARK_KEY + _MARK_DELIVERY
        return Mark(int.from_bytes(says[_MARK_KEY:end], "big"), int.from_bytes(says[end:], "big"))

    def stamp(self, delivery: int, address: str) -> str:
        """Return the stamp of a message's envelope, 40 small letters and digits: the same for the same input."""
        key = self._first
        says = _key_id(key)[:_STAMP_KEY] + delivery.to_bytes(_STAMP_DELIVERY, "big") + _mark(key, address)
        return base64.b32encode(says + _stamp_mac(key, says)).decode().lower()

    def read_stamp(self, text: str) -> Stamp:
        """Return what a stamp says, in whatever case it came back. Raises TokenError for what was not stamped here."""
        if len(text) != STAMP_LENGTH or not text.isascii():
            raise TokenError
        try:
            raw = base64.b32decode(text.upper())
        except (binascii.Error, ValueError):
            raise TokenError from None
        says, mac = raw[:_STAMP_SAYS], raw[_STAMP_SAYS:]
        key = self._short.get(says[:_STAMP_KEY], self._first)
        if not hmac.compare_digest(mac, _stamp_mac(key, says)) or says[:_STAMP_KEY] not in self._short:
            raise TokenError
        return Stamp(int.from_bytes(says[_STAMP_KEY : _STAMP_KEY + _STAMP_DELIVERY], "big"), says[-_STAMP_ADDRESS:])

    def is_for(self, stamp: Stamp, address: str) -> bool:
        """Whether a stamp was made for a mail to this address, by whichever key."""
        return any(_mark(key, address) == stamp.mark for key in self._keys.values())


class Links(Protocol):
    """The addresses that stand in messages; None where there is nothing to build them on."""

    def unsubscribe(self, token: Token, own: str | None) -> str | None:
        """Return where this person stops marketing; `own` is what the campaign file names."""
        ...

    def unsubscribe_mail(self, token: Token, own: str) -> str:
        """Return the `mailto:` by which this person stops marketing; `own` is what the campaign file names."""
        ...

    def confirm(self, token: Token, *, until: datetime) -> str | None:
        """Return where this person confirms a sign-up, up to `until`."""
        ...

    def return_path(self, delivery: int, address: str) -> str | None:
        """Return the address of what comes back of this mail to `address`; None: the campaign's sender."""
        ...

    def preferences(self, token: Token) -> str | None:
        """Return where this person chooses what they get."""
        ...

    def tracked(self, delivery: int) -> Tracked | None:
        """Return the addresses by which readers of a message are measured."""
        ...

    def is_own(self, address: str) -> bool:
        """Whether an address leads to the doors of this project."""
        ...


@dataclass(frozen=True, slots=True)
class Tracked:
    """The addresses in one message that tell us of its reader: of its links by their numbers, and of its picture."""

    click: Callable[[int], str]
    picture: str


class SignedLinks:
    """Links on the project's public address (`https://news.shop.example`), each with a token of its own."""

    def __init__(self, keys: Keyring, public_url: str | None, bounce_address: str | None = None) -> None:
        self._keys = keys
        self._base = public_url
        name, _, domain = (bounce_address or "").rpartition("@")
        # `bounces@` gets a plus; an author whose server splits at another sign writes it at the end: `bounces-@`.
        self._bounces = (name if name.endswith(_DELIMITERS) else f"{name}+", domain) if name else None

    def unsubscribe(self, token: Token, own: str | None) -> str | None:
        """Return the person's link of RFC 8058, which asks for a public address by https; without one what `own` says.

        A `mailto:` bears the person's token, any other address is everybody's.
        """
        if self._base is not None and self._base.startswith("https:"):
            return f"{self._base}/u/{self._keys.sign(Purpose.UNSUBSCRIBE, token)}"
        return self.unsubscribe_mail(token, own) if own is not None and own.startswith(_MAILTO) else own

    def unsubscribe_mail(self, token: Token, own: str) -> str:
        """Return `own` with the person's token at the end of the subject (RFC 6068), by which `bounces` knows it."""
        address, _, query = own.partition("?")
        fields = dict(field.partition("=")[::2] for field in query.split("&")) if query else {}
        said = next((name for name in fields if name.lower() == "subject"), "subject")
        fields[said] = f"{fields.get(said) or 'unsubscribe'}%20{self._keys.sign(Purpose.UNSUBSCRIBE, token)}"
        return f"{address}?{'&'.join(f'{name}={value}' for name, value in fields.items())}"

    def confirm(self, token: Token, *, until: datetime) -> str | None:
        """Return the address of the page that asks for the confirmation; None without a public address."""
        if self._base is None:
            return None
        return f"{self._base}/o/{self._keys.sign(Purpose.CONFIRM, token, until=until)}"

    def return_path(self, delivery: int, address: str) -> str | None:
        """Return the stamped bounce address of one mail (VERP); None where the project has no bounce address."""
        if self._bounces is None:
            return None
        name, domain = self._bounces
        return f"{name}{self._keys.stamp(delivery, address)}@{domain}"

    def preferences(self, token: Token) -> str | None:
        """Return the address of the person's own page; None without a public address."""
        return None if self._base is None else f"{self._base}/p/{self._keys.sign(Purpose.PREFERENCES, token)}"

    def tracked(self, delivery: int) -> Tracked | None:
        """Return the addresses of the message; None without a public address."""
        if self._base is None:
            return None
        mark, base = self._keys.marker(Purpose.CLICK, delivery), f"{self._base}/c/"
        picture = self._keys.marker(Purpose.OPEN, delivery)(0)
        return Tracked(lambda number: base + mark(number), f"{self._base}/o/{picture}.gif")

    def is_own(self, address: str) -> bool:
        """Whether an address lies under the public one."""
        return self._base is not None and (address == self._base or address.startswith(f"{self._base}/"))


class ExampleLinks:
    """What stands for the links where nothing is sent: a rehearsal, a preview."""

    def unsubscribe(self, token: Token, own: str | None) -> str | None:  # noqa: ARG002
        """Return the campaign file's address, else where the link will stand."""
        return own or EXAMPLE_STOP

    def unsubscribe_mail(self, token: Token, own: str) -> str:  # noqa: ARG002
        """Return the campaign file's address."""
        return own

    def confirm(self, token: Token, *, until: datetime) -> str | None:  # noqa: ARG002
        """Return an address that shows where the link will stand."""
        return EXAMPLE_CONFIRM

    def return_path(self, delivery: int, address: str) -> str | None:  # noqa: ARG002
        """Return None: nothing goes, so nothing comes back."""
        return None

    def preferences(self, token: Token) -> str | None:  # noqa: ARG002
        """Return an address that shows where the link will stand."""
        return EXAMPLE_PREFERENCES

    def tracked(self, delivery: int) -> Tracked | None:  # noqa: ARG002
        """Return None: nobody reads what is not sent."""
        return None

    def is_own(self, address: str) -> bool:
        """Whether it is one of the examples."""
        return address in (EXAMPLE_CONFIRM, EXAMPLE_STOP, EXAMPLE_PREFERENCES)


EXAMPLE_CONFIRM = "https://news.shop.example/o/example"
EXAMPLE_STOP = "https://news.shop.example/u/example"
EXAMPLE_PREFERENCES = "https://news.shop.example/p/example"


def _derived(secret: bytes) -> bytes:
    """Return the key of tokens alone: whoever learns another key made of the secret cannot sign links."""
    return hmac.digest(secret, b"campaign tokens 1", hashlib.sha256)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id" + key).digest()[:4]


def _mac(key: bytes, purpose: Purpose, says: bytes) -> bytes:
    return hmac.digest(key, purpose.value.encode() + b"\0" + says, hashlib.sha256)[:_MAC_BYTES]


def _stamp_mac(key: bytes, says: bytes) -> bytes:
    return hmac.digest(key, b"bounce\0" + says, hashlib.sha256)[:_STAMP_MAC]


def _mark(key: bytes, address: str) -> bytes:
    """Return four bytes that tell an address from a person's other ones; keyed, so that they do not tell it."""
    return hmac.digest(key, b"bounced address\0" + address.strip().lower().encode(), hashlib.sha256)[:_STAMP_ADDRESS]


def _decoded(text: str) -> bytes:
    """Return the bytes of a token; only its one canonical spelling is read."""
    if len(text) != LENGTH or not text.isascii():
        raise TokenError
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError from None
    if len(raw) != _SAYS.size + _MAC_BYTES or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise TokenError
    return raw
