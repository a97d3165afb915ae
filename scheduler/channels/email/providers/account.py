"""The fields of a provider's account, read and checked; no error shows a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

from scheduler.errors import SchedulerError

_LOOPBACK = re.compile(r"http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?\Z")
_SECURE = re.compile(r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?\Z")
_TOKEN = re.compile(r"[!-~]{1,4096}\Z")


class Account:
    """One account: `name` is that of the provider, `known` the fields it may have.

    Raises SchedulerError for any other field, which is a slip of the pen.
    """

    def __init__(self, name: str, fields: Mapping[str, SecretStr], known: tuple[str, ...]) -> None:
        self._name = name
        self._fields = {field: value.get_secret_value().strip() for field, value in fields.items()}
        for field in sorted(set(fields) - set(known)):
            raise SchedulerError(
                f"{self._setting(field)} is no setting of {name}", remedy=f"expected one of {', '.join(known)}"
            )

    def token(self, field: str, *, required: bool = True) -> str:
        """Return a secret of printable ASCII. Raises SchedulerError where it is missing or holds anything else."""
        value = self._fields.get(field, "")
        if not value and required:
            raise SchedulerError(
                f"the account of {self._name} has no {field}",
                remedy=f"set {self._setting(field)} or {self._setting(field)}_FILE",
            )
        if value and not _TOKEN.match(value):
            raise SchedulerError(f"cannot read {self._setting(field)}: expected printable ASCII without blanks")
        return value

    def word(self, field: str, pattern: re.Pattern[str], example: str, *, default: str | None = None) -> str:
        """Return a field that matches `pattern`; without `default` it is required. Raises SchedulerError."""
        value = self._fields.get(field)
        if not value and default is not None:
            return default
        if not value:
            raise SchedulerError(
                f"the account of {self._name} has no {field}", remedy=f"set {self._setting(field)}, e.g. {example}"
            )
        if not pattern.match(value):
            raise SchedulerError(f"cannot read {self._setting(field)}: expected e.g. {example}")
        return value

    def endpoint(self, default: str) -> str:
        """Return where requests go, scheme and host: https, or http to this machine itself. Raises SchedulerError."""
        value = (self._fields.get("endpoint") or default).rstrip("/")
        if not (_SECURE.match(value) or _LOOPBACK.match(value)) or not _has_port(value):
            raise SchedulerError(
                f"cannot use {self._setting('endpoint')}: expected https:// and a host, nothing after it",
                remedy=f"leave it out for {default}",
            )
        return value

    def _setting(self, field: str) -> str:
        return f"CAMPAIGN_ACCOUNTS__{self._name.upper()}__{field.upper()}"


def _has_port(url: str) -> bool:
    """Whether the port of a URL, where it names one, can be one."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
