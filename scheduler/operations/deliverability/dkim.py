"""The DKIM record of a selector: is it there, in order, and that of the key we sign with (RFC 6376 3.6, 8301, 8463)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.operations.deliverability import tags
from scheduler.operations.deliverability.resolver import Resolver
from scheduler.operations.deliverability.verdict import Verdict, error, ok, warning

_STRING = 60  # characters of a quoted string on the screen; a record may be any number of strings, each up to 255


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector of a signing domain; `kind` and `public` are those of our own key, None where another signs."""

    name: str
    domain: str
    kind: str | None = None
    public: str | None = None

    @property
    def place(self) -> str:
        """The name of the TXT record."""
        return f"{self.name}._domainkey.{self.domain}"


def check(selector: Selector, resolver: Resolver) -> Iterator[Verdict]:
    """Judge the record of one selector. Raises LookupFailed when nobody can say what it is."""
    place, remedy = selector.place, _publish(selector)
    records = [text for text in resolver.texts(place) if "p=" in text or "v=DKIM1" in text]
    if len(records) != 1:
        found = "no record" if not records else f"{len(records)} records, expected one"
        yield error("dkim", f"{place}: {found}", remedy)
        return
    found_tags = tags.read(records[0])
    if found_tags is None or "p" not in found_tags or not _is_of_this_version(found_tags):
        yield error("dkim", f"{place}: cannot read {_shown(records[0])}", remedy)
        return
    public = "".join(found_tags["p"].split())
    if not public:
        yield error("dkim", f"{place}: the key was withdrawn (p= is empty)", remedy)
        return
    kind = found_tags.get("k", "rsa").lower()
    if selector.public is not None and (kind, public) != (selector.kind, selector.public):
        yield error("dkim", f"{place}: it is not the key that we sign with", remedy)
        return
    try:
        size = len(b64decode(public, validate=True))
    except (binascii.Error, ValueError):
        yield error("dkim", f"{place}: p= is not base64", remedy)
        return
    yield from _hints(selector, found_tags, kind, size)


def _is_of_this_version(found: dict[str, str]) -> bool:
    """Whether v= is not there, or the first tag and `DKIM1` (RFC 6376 3.6.1)."""
    return "v" not in found or next(iter(found.items())) == ("v", "DKIM1")


def _hints(selector: Selector, found: dict[str, str], kind: str, size: int) -> Iterator[Verdict]:
    """Judge a record whose key is the right one; `size` is that of the key in bytes."""
    place = selector.place
    flags = {flag.strip().lower() for flag in found.get("t", "").split(":")}
    hashes = {name.strip().lower() for name in found.get("h", "sha256").split(":")}
    services = {name.strip().lower() for name in found.get("s", "*").split(":")}
    if "sha256" not in hashes or not services & {"*", "email"}:
        tag = f"h={found['h']}" if "sha256" not in hashes else f"s={found['s']}"
        yield error("dkim", f"{place}: {tag} keeps it from being used for mail", f"take {tag} out of the record")
    elif "y" in flags:
        yield warning("dkim", f"{place}: t=y says that signatures are only a test", "take t=y out of the record")
    elif kind == "rsa" and size < 256:  # an RSA-2048 key is 294 bytes with its frame, one of 1024 bits 162
        yield warning(
            "dkim", f"{place}: the RSA key is shorter than 2048 bits", "make a longer one under a new selector"
        )
    else:
        whose = "our key" if selector.public is not None else "a key of the mail server"
        yield ok("dkim", f"{place}: {'Ed25519' if kind == 'ed25519' else kind.upper()}, {whose}")


def _publish(selector: Selector) -> str:
    """Return the record to publish, as a zone file has it: strings that are put together without anything between."""
    if selector.public is None:
        return "publish what your mail provider names for this selector"
    record = f"v=DKIM1; k={selector.kind}; p={selector.public}"
    strings = " ".join(f'"{record[at : at + _STRING]}"' for at in range(0, len(record), _STRING))
    return f"publish {selector.place} TXT {strings}"


def _shown(record: str) -> str:
    return repr(record if len(record) <= 60 else record[:57] + "...")
