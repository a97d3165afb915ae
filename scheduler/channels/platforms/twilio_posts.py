"""What Twilio posts to us: replies of people, and what became of messages; signed, or nobody's.

Source: https://www.twilio.com/docs/usage/security#validating-requests, read 2026-11.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from scheduler.channels.platforms.wishes import Wish, read_wish

SIGNATURE = "x-twilio-signature"

_DEFAULT_PORTS = {"https": 443, "http": 80}


def is_signed(token: str, url: str, fields: Iterable[tuple[str, str]], signature: str) -> bool:
    """Whether a post to `url`, as Twilio called it, bears the signature of the account's auth token.

    How long it takes tells nothing of the token. With the scheme's own port or without it is the same address.
    """
    found = list(fields)
    signed = [hmac.compare_digest(sign(token, each, found).encode(), signature.encode()) for each in _spelt(url)]
    return any(signed)


def sign(token: str, url: str, fields: Sequence[tuple[str, str]]) -> str:
    """Return the signature: HMAC-SHA1 of the address and every field with its value, in their order by name."""
    whole = url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    return b64encode(hmac.digest(token.encode(), whole.encode(), "sha1")).decode()


def wish(body: str, opt_out_type: str = "") -> Wish:
    """Read what a reply asks for; `opt_out_type` is what Twilio itself took it for, where the account has it do so."""
    told = opt_out_type.strip().upper()
    if told in ("STOP", "START"):
        return Wish(told.lower())
    return read_wish(body)


def _spelt(url: str) -> tuple[str, str]:
    """Return an address with its port and without."""
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    bare = str(host) if port == _DEFAULT_PORTS[parts.scheme] else f"{host}:{port}"
    return parts._replace(netloc=bare).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()
