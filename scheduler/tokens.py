"""Signed links: what a token in an address says, who made it and for what; no names, no addresses, no storage.

A token is base64url of version, key id, contact, message and last moment, then a MAC over these and its purpose (HMAC
of RFC 2104 with SHA-256, cut to 16 bytes as its section 5 allows). The purpose is signed and not written: a token made
for one door opens no other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

_VERSION = 1
_SAYS = struct.Struct(">B4sQQI")  # version, key id, contact, message, last moment
_MAC_BYTES = 16
LENGTH = (_SAYS.size + _MAC_BYTES) * 4 // 3 + 1  # characters; what is longer or shorter is no token


class Purpose(StrEnum):
    """What a token is for."""

    UNSUBSCRIBE = "unsubscribe"
    CONFIRM = "confirm"


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


class Keyring:
    """Signs with the first key and knows the tokens of all: links in mails outlive the key that made them."""

    def __init__(self, secret: bytes, former: Sequence[bytes] = ()) -> None:
        keys = [_derived(each) for each in (secret, *former)]
        self._first = keys[0]
        self._keys = {_key_id(key): key for key in reversed(keys)}

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


class Links(Protocol):
    """The addresses that stand in messages; None where there is nothing to build them on."""

    def unsubscribe(self, token: Token, own: str | None) -> str | None:
        """Return where this person stops marketing; `own` is what the campaign file names."""
        ...

    def confirm(self, token: Token, *, until: datetime) -> str | None:
        """Return where this person confirms a sign-up, up to `until`."""
        ...


class SignedLinks:
    """Links on the project's public address (`https://news.shop.example`), each with a token of its own."""

    def __init__(self, keys: Keyring, public_url: str | None) -> None:
        self._keys = keys
        self._base = public_url

    def unsubscribe(self, token: Token, own: str | None) -> str | None:
        """Return the person's link of RFC 8058; `own` without a public address by https, which that asks for."""
        if self._base is None or not self._base.startswith("https:"):
            return own
        return f"{self._base}/u/{self._keys.sign(Purpose.UNSUBSCRIBE, token)}"

    def confirm(self, token: Token, *, until: datetime) -> str | None:
        """Return the address of the page that asks for the confirmation; None without a public address."""
        if self._base is None:
            return None
        return f"{self._base}/o/{self._keys.sign(Purpose.CONFIRM, token, until=until)}"


class ExampleLinks:
    """What stands for the links where nothing is sent: a rehearsal, a preview."""

    def unsubscribe(self, token: Token, own: str | None) -> str | None:  # noqa: ARG002
        """Return the campaign file's address, else where the link will stand."""
        return own or EXAMPLE_STOP

    def confirm(self, token: Token, *, until: datetime) -> str | None:  # noqa: ARG002
        """Return an address that shows where the link will stand."""
        return EXAMPLE_CONFIRM


EXAMPLE_CONFIRM = "https://news.shop.example/o/example"
EXAMPLE_STOP = "https://news.shop.example/u/example"


def _derived(secret: bytes) -> bytes:
    """Return the key of tokens alone: whoever learns another key made of the secret cannot sign links."""
    return hmac.digest(secret, b"campaign tokens 1", hashlib.sha256)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id" + key).digest()[:4]


def _mac(key: bytes, purpose: Purpose, says: bytes) -> bytes:
    return hmac.digest(key, purpose.value.encode() + b"\0" + says, hashlib.sha256)[:_MAC_BYTES]


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
