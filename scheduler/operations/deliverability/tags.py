"""Records of the form `a=1; b=2`, which DKIM and DMARC share; what the tags mean is theirs."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


def read(text: str) -> dict[str, str] | None:
    """Return the tags in their order, names and values without blanks around them; a last `;` may stand or not.

    None where it is no such list: a part without `=`, a bad name, or a tag that comes twice (RFC 6376 3.2).
    """
    found: dict[str, str] = {}
    parts = text.split(";")
    if not parts[-1].strip():
        parts.pop()
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not _NAME.match(name) or name in found:
            return None
        found[name] = value.strip()
    return found
