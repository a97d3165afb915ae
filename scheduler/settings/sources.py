"""Where settings come from: `campaign.toml`, systemd credentials, files, the environment; not what they may say."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from scheduler.errors import SchedulerError

PREFIX = "CAMPAIGN_"
FILE = "campaign.toml"

# What may also be given as the name of a file that holds it (CAMPAIGN_SECRET_KEY_FILE), or as a systemd credential.
SECRETS = ("database_url", "smtp_url", "smtp_password", "secret_key", "former_secret_keys", "api_token")
_DKIM_SECRETS = ("key", "second_key")
_ACCOUNT_SECRETS = (
    "secret",
    "secret_access_key",
    "session_token",
    "server_token",
    "api_key",
    "api_secret",
    "app_password",
    "app_secret",
    "auth_token",
    "client_secret",
    "password",
    "refresh_token",
    "token",
    "verify_token",
)


def from_toml(cls: type[BaseSettings], project: Path, warnings: list[str]) -> dict[str, Any]:
    """Read `campaign.toml` and the files that it names; raises SchedulerError for a setting that is none."""
    path = project / FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        raise SchedulerError(f"{path}: cannot be read: {text}") from None
    known = [*cls.model_fields, *(f"{name}_file" for name in SECRETS)]
    for name in values:
        if name not in known:
            near = get_close_matches(name, known, 1)
            remedy = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
            raise SchedulerError(f"{path}: unknown setting {name!r}", remedy=remedy)
    held: list[str] = [
        name for name in ("smtp_password", "secret_key", "former_secret_keys", "api_token") if name in values
    ]
    held += [name for name in ("database_url", "smtp_url") if _has_password(str(values.get(name, "")))]
    held += [
        f"accounts.{name}.{field}"
        for name, fields in _tables(values.get("accounts"))
        for field in _ACCOUNT_SECRETS
        if field in fields
    ]
    held += [f"dkim.{name}" for name in _DKIM_SECRETS if name in _table(values.get("dkim"))]
    if held:
        warnings.append(
            f"{path} holds secrets ({', '.join(held)}): move them to the environment or to files of their own"
        )
    for name in SECRETS:
        if (file := values.pop(f"{name}_file", None)) is not None:
            values[name] = _secret(project / str(file), f"{name}_file", warnings)
    _open_tables(values, project, warnings)
    return values


def _has_password(url: str) -> bool:
    try:
        return bool(urlsplit(url).password)
    except ValueError:  # as [ and ] in a password make it; who uses the address says so
        return "@" in url


def from_credentials() -> dict[str, Any]:
    """Read what systemd's LoadCredential= put in place: `smtp-password`, `accounts--shop--secret`, `dkim--key`."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    values: dict[str, Any] = {}
    for path in sorted(Path(folder).iterdir()) if folder and Path(folder).is_dir() else ():
        name = key_of(path.name).removeprefix(PREFIX.lower())
        if name in SECRETS:
            values[name] = _secret(path, path.name, None)
        elif name.startswith("accounts__") and name.count("__") == 2:
            _, account, field = name.split("__")
            values.setdefault("accounts", {}).setdefault(account, {})[field] = _secret(path, path.name, None)
        elif name.removeprefix("dkim__") in _DKIM_SECRETS and name.startswith("dkim__"):
            values.setdefault("dkim", {})[name.removeprefix("dkim__")] = _secret(path, path.name, None)
    return values


def from_files(warnings: list[str]) -> dict[str, Any]:
    """Read the files that variables such as CAMPAIGN_SECRET_KEY_FILE name."""
    values: dict[str, Any] = {}
    for name in SECRETS:
        variable = f"{PREFIX}{name.upper()}"
        if file := os.environ.get(f"{variable}_FILE"):
            if os.environ.get(variable):
                raise SchedulerError(f"{variable} and {variable}_FILE are both set", remedy="keep one of them")
            values[name] = _secret(Path(file), f"{variable}_FILE", warnings)
    return values


def from_environment(cls: type[BaseSettings]) -> dict[str, Any]:
    """Read the environment, with what the files hold that fields of accounts and of dkim name."""
    try:
        values = EnvSettingsSource(cls)()
    except SettingsError:
        raise SchedulerError(
            f"cannot read {PREFIX}ACCOUNTS or {PREFIX}DKIM",
            remedy=f"write {PREFIX}ACCOUNTS__NAME__FIELD=value, {PREFIX}DKIM__FIELD=value",
        ) from None
    _open_tables(values, Path(), [])
    return values


def _open_tables(values: dict[str, Any], base: Path, warnings: list[str]) -> None:
    """Replace every field `x_file` of an account and of dkim by `x`, the content of that file."""
    for account, fields in _tables(values.get("accounts")):
        _open(fields, f"accounts.{account}", base, warnings)
    _open(_table(values.get("dkim")), "dkim", base, warnings)


def _open(fields: dict[str, Any], table: str, base: Path, warnings: list[str]) -> None:
    for field in [field for field in fields if field.lower().endswith("_file")]:
        path = base / str(fields.pop(field))
        fields[field.lower().removesuffix("_file")] = _secret(path, f"{table}.{field}", warnings)


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(accounts: object) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(accounts, dict):
        yield from ((name, fields) for name, fields in accounts.items() if isinstance(fields, dict))


def _secret(path: Path, name: str, warnings: list[str] | None) -> str:
    """Return what stands in a secret's file, without the line end that editors add."""
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        text = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise SchedulerError(f"cannot read {path}, named by {name}: {text}") from None
    if warnings is not None and mode & 0o004:
        warnings.append(f"{path}, named by {name}, can be read by every user of this machine: chmod o-r it")
    return text.rstrip("\r\n")


def merge(values: dict[str, Any], layer: Mapping[str, Any]) -> None:
    """Lay `layer` over `values`; accounts are merged field by field, so that a secret may come from elsewhere."""
    for name, value in layer.items():
        if name == "accounts" and isinstance(value, dict) and isinstance(values.get(name), dict):
            merged: dict[str, Any] = {key_of(account): dict(fields) for account, fields in _tables(values[name])}
            for account, fields in _tables(value):
                merged.setdefault(key_of(account), {}).update({key_of(field): item for field, item in fields.items()})
            values[name] = merged
        elif name == "dkim" and isinstance(value, dict):
            values[name] = {**_table(values.get(name)), **value}
        else:
            values[name] = value


def resolve_paths(values: dict[str, Any], project: Path) -> None:
    """Make paths absolute that are relative to the project."""
    for name in ("outbox", "state_dir"):
        if isinstance(path := values.get(name), str):
            values[name] = project / path
    url = values.get("database_url")
    if isinstance(url, str) and url.startswith("sqlite:///") and not url.startswith(("sqlite:////", "sqlite:///:")):
        values["database_url"] = f"sqlite:///{(project / url.removeprefix('sqlite:///')).absolute()}"


def key_of(name: str) -> str:
    """Return a name as the environment can spell it: lower case, underscores."""
    return name.strip().lower().replace("-", "_")
