"""What looks like a secret in a campaign file; the shapes are those that providers document for their tokens."""

from __future__ import annotations

import re

_KEY = re.compile(
    r"(?:^|[_-])(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key"
    r"|credentials?|bearer|authorization|mot[_-]de[_-]passe)$"
)
_VALUES = (
    (re.compile(r"://[^\s/@:]{0,256}:[^\s/@]{1,256}@"), "the address holds a user and a password"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "this is a private key"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10}"), "this looks like an access token"),
    (re.compile(r"\bEAA[A-Za-z0-9]{40,}"), "this looks like an access token"),
    (re.compile(r"\b(?:sk|rk)_live_[A-Za-z0-9]{16,}|\bsk-[A-Za-z0-9_-]{24,}"), "this looks like an API key"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}"), "this looks like an access token"),
    (re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"), "this looks like an access token"),
    (re.compile(r"\bSG\.[\w-]{16,}\.[\w-]{16,}"), "this looks like an API key"),
    (re.compile(r"\bAKIA[A-Z0-9]{16}\b|\bAIza[\w-]{35}"), "this looks like an API key"),
    (re.compile(r"\bBearer\s+[A-Za-z0-9._~+/-]{16,}"), "this looks like an access token"),
    (re.compile(r"https://hooks\.slack\.com/services/\S+"), "the address of a hook is a secret"),
)
_ACCOUNT_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_\-+/=.]{32,}\Z")


def secret_in_key(path: tuple[str | int, ...], name: str) -> bool:
    """Whether a value under the key `name` would be a secret; lint codes under `disable` are none."""
    return path[:1] != ("disable",) and bool(_KEY.search(name.strip().casefold().replace(" ", "_")))


def secret_in_value(path: tuple[str | int, ...], text: str) -> str:
    """Say what secret the text looks like; empty when it looks like none."""
    for pattern, what in _VALUES:
        if pattern.search(text):
            return what
    if path[:1] == ("accounts",) and _ACCOUNT_TOKEN.match(text):
        return "this looks like a token, where the name of an account is expected"
    return ""
