"""DKIM signatures (RFC 6376, 8463): a mail in, the same mail with one signature a key before it; no DNS here.

Bodies are signed as they are (`simple`), because nothing may change them on the way and hashing them is then all there
is to do; headers are signed `relaxed`, because servers fold them anew. There is no time in a signature: a message that
is tried again must have the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from scheduler.channels.email import address
from scheduler.channels.email.mime import Mail
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.settings import Dkim, Settings

# What is signed. Each name stands once more in h= than the mail has it: a second one, or one that was missing, breaks
# the signature when somebody adds it (RFC 6376 5.4.2, 8.15).
SIGNED = (
    "From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post",
    "List-ID", "Feedback-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
)  # fmt: skip
_SIGNED = tuple(name.lower().encode() for name in SIGNED)
_LINE = 76
_GAP = re.compile(rb"[ \t]+")
_SELECTOR = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\Z"
)
# RFC 8301 3.2: verifiers take keys of 1024 to 4096 bits and signers use 2048 or more.
_LEAST_BITS, _MOST_BITS = 2048, 4096


@dataclass(frozen=True, slots=True)
class Key:
    """A private key at work: `name` is `rsa` or `ed25519`, `public` what p= of its DNS record says.

    `sign` takes the bytes that a signature is over. It is safe to call from several threads at once.
    """

    selector: str
    name: str
    bits: int
    public: str
    sign: Callable[[bytes], bytes] = dataclasses.field(repr=False)

    @property
    def record(self) -> str:
        """The text of the TXT record that has to be published."""
        return f"v=DKIM1; k={self.name}; p={self.public}"


class Signer:
    """Signs the mails of one domain with one key or with several; made once and used by every thread."""

    def __init__(self, domain: str, keys: Sequence[Key]) -> None:
        self.domain = domain
        self.keys = tuple(keys)

    @classmethod
    def from_settings(cls, settings: Settings) -> Signer | None:
        """Return what signs by these settings; None where they name no key.

        Raises SchedulerError for a key that cannot be used and where the package for signing is not installed.
        """
        dkim = settings.dkim
        keys = load(dkim) if dkim is not None else ()
        return cls(domain_of(dkim), keys) if dkim is not None and keys else None

    def sign(self, mail: Mail) -> Mail:
        """Return `mail` with a signature of each key in front; the same mail gives the same bytes.

        Takes about a quarter of a millisecond with RSA-2048, most of it with the GIL released.
        """
        head, _, body = mail.data.partition(b"\r\n\r\n")
        names, signed = _headers(head)
        body_hash = b64encode(_body_digest(body))
        lines: list[bytes] = []
        for key in self.keys:
            start, canonical = _tags(self.domain, key.selector, key.name, names)
            what = b"".join((signed, canonical, body_hash, b"; b="))
            lines += (start, body_hash, b";\r\n b=", _folded(b64encode(key.sign(what))), b"\r\n")
        return dataclasses.replace(mail, data=b"".join((*lines, mail.data)))


def load(dkim: Dkim) -> tuple[Key, ...]:
    """Return the keys of these settings, none where only selectors are named.

    Raises SchedulerError, naming the setting and never its value, for a key that cannot be used and without the package
    `cryptography`.
    """
    pairs = ((dkim.selector, dkim.key, "key"), (dkim.second_selector, dkim.second_key, "second_key"))
    keys = [
        load_key(selector, secret.get_secret_value(), f"dkim.{name}")
        for selector, secret, name in pairs
        if selector is not None and secret is not None
    ]
    if len(keys) == 2 and keys[0].selector == keys[1].selector:
        raise SchedulerError(
            f"dkim.second_selector is {keys[0].selector!r} like the first", remedy="give each key a selector of its own"
        )
    return tuple(keys)


def domain_of(dkim: Dkim) -> str:
    """Return the signing domain in ASCII (A-labels). Raises SchedulerError when it is no domain."""
    try:
        return address.mailbox(f"a@{dkim.domain}").domain
    except ValueError as error:
        raise SchedulerError(f"cannot read dkim.domain {dkim.domain!r}: {error}") from None


def load_key(selector: str, pem: str, name: str) -> Key:
    """Read a private key (PEM, not encrypted): RSA of 2048 to 4096 bits, or Ed25519.

    `name` is the setting it stands in, for the SchedulerError that says why it cannot be used.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
    except ImportError:
        raise SchedulerError(
            f"{name} is set, but the package that signs mails is not installed",
            remedy="pip install 'campaign-sequencer[dkim]'",
        ) from None

    if not _SELECTOR.match(selector):
        raise SchedulerError(f"cannot use {selector!r} as the selector of {name}: expected e.g. 'c2027'")
    remedy = "make one: openssl genrsa -out dkim.pem 2048"
    try:
        private = serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise SchedulerError(f"cannot read {name}: it is encrypted", remedy="openssl pkey -in KEY -out PLAIN") from None
    except (ValueError, UnsupportedAlgorithm):
        raise SchedulerError(f"cannot read {name}: expected a private key in PEM", remedy=remedy) from None
    if isinstance(private, ed25519.Ed25519PrivateKey):
        raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

        def sign_digest(what: bytes, private: ed25519.Ed25519PrivateKey = private) -> bytes:
            return private.sign(hashlib.sha256(what).digest())  # RFC 8463 3

        return Key(selector, "ed25519", 256, b64encode(raw).decode(), sign_digest)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise SchedulerError(f"cannot use {name}: expected an RSA or Ed25519 key", remedy=remedy)
    if not _LEAST_BITS <= private.key_size <= _MOST_BITS:
        raise SchedulerError(
            f"cannot use {name}: expected {_LEAST_BITS} to {_MOST_BITS} bits, got {private.key_size}", remedy=remedy
        )
    spki = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()

    def sign(what: bytes, private: rsa.RSAPrivateKey = private) -> bytes:
        return private.sign(what, scheme, digest)

    return Key(selector, "rsa", private.key_size, b64encode(spki).decode(), sign)


def _headers(head: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Return the names for h= and the headers they stand for, canonical (RFC 6376 3.4.2), last of each name first."""
    found: dict[bytes, list[bytes]] = {}
    if b"\r\n " in head or b"\r\n\t" in head:
        head = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if b"  " in value or b"\t" in value:
            value = _GAP.sub(b" ", value)
        found.setdefault(name.rstrip().lower(), []).append(value.strip(b" "))
    names: list[bytes] = []
    canonical: list[bytes] = []
    for name in _SIGNED:
        for value in reversed(found.get(name, ())):
            names.append(name)
            canonical.append(b"%s:%s\r\n" % (name, value))
        names.append(name)
    return tuple(names), b"".join(canonical)


def _body_digest(body: bytes) -> bytes:
    """Hash a body without the empty lines at its end, but with the end of its last line (RFC 6376 3.4.3)."""
    if body.endswith(b"\r\n\r\n") or not body.endswith(b"\r\n"):
        while body.endswith(b"\r\n"):
            body = body[:-2]
        body += b"\r\n"
    return hashlib.sha256(body).digest()


@lru_cache(maxsize=256)
def _tags(domain: str, selector: str, kind: str, names: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """Return the header up to the body's hash, folded as it is sent and canonical as it is signed."""
    tags = [f"v=1; a={kind}-sha256; c=relaxed/simple;", f"d={domain};", f"s={selector};"]
    fields = [name.decode() + ":" for name in names]
    fields[0] = f"h={fields[0]}"
    fields[-1] = fields[-1].removesuffix(":") + ";"
    lines = ["DKIM-Signature:"]
    for place, word in enumerate((*tags, *fields)):
        gap = " " if place <= len(tags) else ""  # none between the names of h=
        if len(lines[-1]) + len(gap) + len(word) > _LINE:
            lines.append(" " + word)
        else:
            lines[-1] += gap + word
    wire = "\r\n".join([*lines, " bh="]).encode()
    value = _GAP.sub(b" ", wire.partition(b":")[2].replace(b"\r\n", b"")).strip(b" ")
    return wire, b"dkim-signature:" + value


def _folded(text: bytes) -> bytes:
    width = _LINE - len(" b=")
    return b"\r\n ".join([text[at : at + width] for at in range(0, len(text), width)])
