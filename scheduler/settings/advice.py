"""What is said of settings: mistakes by the name of their setting, slips of the pen, log-ins in clear."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings

from scheduler.settings.sources import PREFIX, SECRETS

_NESTED = (f"{PREFIX}ACCOUNTS__", f"{PREFIX}DKIM__")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def misspelt(cls: type[BaseSettings]) -> Iterator[str]:
    """Yield what to say of variables that are almost settings."""
    known = [f"{PREFIX}{name.upper()}{end}" for name in cls.model_fields for end in ("", "_FILE" * (name in SECRETS))]
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or name in known or name.startswith(_NESTED):
            continue
        if near := get_close_matches(name, known, 1, cutoff=0.85):
            yield f"{name} is not a setting: did you mean {near[0]}?"


def in_clear(smtp_url: SecretStr | None) -> Iterator[str]:
    """Yield what to say of a log-in that others on the way can read."""
    if smtp_url is None:
        return
    url = smtp_url.get_secret_value()
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.scheme == "smtp" and parts.username and parts.hostname not in _LOOPBACK:
        yield f"the log-in of {parts.hostname} travels in clear: use smtp+starttls:// or smtps:// in CAMPAIGN_SMTP_URL"


def mistakes(error: ValidationError) -> Iterator[str]:
    """Yield each mistake with the name of its setting; no value is shown."""
    for mistake in error.errors(include_input=False, include_url=False, include_context=False):
        name = "__".join(str(part) for part in mistake["loc"]).upper()
        text = mistake["msg"].removeprefix("Value error, ")
        yield f"cannot read {PREFIX}{name}: {text[:1].lower() + text[1:]}"
