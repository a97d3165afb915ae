"""The fields of an account at a provider or platform, read and checked; no error shows a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

from scheduler.errors import NoAccount, SchedulerError

_LOOPBACK = re.compile(r"http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?\Z")
_SECURE = re.compile(r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?\Z")
_TOKEN = re.compile(r"[!-~]{1,4096}\Z")
TOKEN_EXPIRES = "token_expires"  # noqa: S105 - any account may have it: a day, read by `horizon`


class Account:
    """One account: `name` is what the settings call it, `known` the fields it may have beside `token_expires`.

    Raises SchedulerError for any other field, which is a slip of the pen.
    """

    def __init__(self, name: str, fields: Mapping[str, SecretStr], known: tuple[str, ...]) -> None:
        self._name = name
        self._fields = {field: value.get_secret_value().strip() for field, value in fields.items()}
        for field in sorted(set(fields) - {*known, TOKEN_EXPIRES}):
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

    def text(self, field: str) -> str:
        """Return a field as it is, the empty text where it is missing."""
        return self._fields.get(field, "")

    def _setting(self, field: str) -> str:
        return f"CAMPAIGN_ACCOUNTS__{self._name.upper()}__{field.upper()}"


def name_of(channel: str, account: str | None) -> str:
    """Return what the settings call the account of a channel: `instagram_biksouv`, or `instagram` where it is one."""
    key = (account or channel).strip().lower().replace("-", "_")
    return channel if key == channel else f"{channel}_{key}"


def find(
    accounts: Mapping[str, Mapping[str, SecretStr]], channel: str, account: str | None, known: tuple[str, ...]
) -> Account:
    """Return the account that posts of a channel go by: that of its name, else the only one of the channel.

    Raises: NoAccount when there is none, or one of its fields cannot be used.
    """
    name = name_of(channel, account)
    found = next((each for each in (name, channel) if each in accounts), None)
    if found is None:
        setting = f"CAMPAIGN_ACCOUNTS__{name.upper()}__{known[0].upper()}"
        raise NoAccount(f"{channel} has no account {account or channel!r}", remedy=f"set {setting}")
    try:
        return Account(found, accounts[found], known)
    except SchedulerError as error:
        raise NoAccount(error.message, remedy=error.remedy) from None


def _has_port(url: str) -> bool:
    """Whether the port of a URL, where it names one, can be one."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
