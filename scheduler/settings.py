"""Settings of one project, read once at the edge and passed on; import it late, it brings pydantic-settings along."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from campaigns.definition.rates import ChannelRate
from scheduler.errors import SchedulerError

PREFIX = "CAMPAIGN_"
FILE = "campaign.toml"

# What may also be given as the name of a file that holds it (CAMPAIGN_SECRET_KEY_FILE), or as a systemd credential.
_SECRETS = ("database_url", "smtp_url", "smtp_password", "secret_key", "former_secret_keys", "api_token")
_BOUNCES = re.compile(
    r"(?P<name>[A-Za-z0-9_+=-]+(?:\.[A-Za-z0-9_+=-]+)*)@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}\Z"
)
_DKIM_SECRETS = ("key", "second_key")
_NESTED = (f"{PREFIX}ACCOUNTS__", f"{PREFIX}DKIM__")
_LEAST_KEPT = {"retention": 30, "unconfirmed": 1}  # days: less would be a slip of the pen
_DELIMITERS = "+-="
_LONGEST_BOUNCE_NAME = 23  # before the @ of a bounce address: of 64 octets (RFC 5321) a stamp and its delimiter take 41
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Dkim(BaseModel):
    """Which domain signs the mails, by which keys (PEM), each under a selector of its own.

    A selector without its key is one that the mail server signs with; nothing but `campaign doctor` looks at it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    domain: str
    selector: str | None = None
    key: SecretStr | None = None
    second_selector: str | None = None
    second_key: SecretStr | None = None

    @model_validator(mode="after")
    def _has_selectors(self) -> Self:
        if self.selector is None:
            raise ValueError("expected a selector, e.g. 'c2027'")
        if self.second_key is not None and self.second_selector is None:
            raise ValueError("expected a second_selector for the second_key")
        return self


class Settings(BaseSettings):
    """What the environment and `campaign.toml` say; None where they say nothing.

    `accounts` maps an account's name to its fields, both in lower case with underscores. `now` is the text of
    CAMPAIGN_NOW: the zone that a bare date is read in belongs to the campaign. `nameserver` is the address, and where
    it is not 53 the port, of the name server that `campaign doctor` asks instead of the machine's. `retention` and
    `unconfirmed` are the spans after which people are forgotten (`operations.retention`), None for never.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: str | None = Field(None, repr=False)
    smtp_url: SecretStr | None = None
    smtp_password: SecretStr | None = None
    smtp_transport: Literal["pipelined", "plain"] = "pipelined"
    smtp_connections: int = Field(4, ge=1, le=256)
    smtp_rate: ChannelRate | None = None
    secret_key: SecretStr | None = Field(None, min_length=16)
    former_secret_keys: SecretStr | None = None
    api_token: SecretStr | None = Field(None, min_length=16)
    now: str | None = None
    accounts: dict[str, dict[str, SecretStr]] = Field(default_factory=dict)
    dkim: Dkim | None = None
    nameserver: str | None = None
    public_url: str | None = None
    bounce_address: str | None = None
    outbox: Path | None = None
    state_dir: Path | None = None
    retention: str | None = None
    unconfirmed: str | None = "30 days"
    render_processes: int = Field(1, ge=1, le=64)

    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take nothing but what `read` gathered: the order of precedence stands there, in one place."""
        return (init_settings,)

    @classmethod
    def read(cls, project: Path, **flags: Any) -> Self:
        """Read the settings of the project in the folder `project`; a flag that is None was not given.

        Precedence: flag, environment, files named there (`*_FILE`), systemd credentials, `campaign.toml`, default.
        Relative paths of the environment and `campaign.toml` are relative to the project. Raises SchedulerError
        naming the setting, never its value.
        """
        warnings: list[str] = []
        values: dict[str, Any] = {}
        for layer in (
            _from_toml(project, warnings),
            _from_credentials(),
            _from_files(warnings),
            _from_environment(cls),
        ):
            _merge(values, layer)
        _resolve_paths(values, project)
        _merge(values, {name: value for name, value in flags.items() if value is not None})
        warnings.extend(_misspelt(cls))
        try:
            settings = cls(**values)
        except ValidationError as error:
            raise SchedulerError("; ".join(_mistakes(error)), remedy=f"see the environment and {FILE}") from None
        settings._warnings = (*warnings, *_in_clear(settings))
        return settings

    @field_validator("retention", "unconfirmed")
    @classmethod
    def _is_a_long_span(cls, span: str | None, info: ValidationInfo) -> str | None:
        if span is None or span.strip().lower() == "never":
            return None
        least = _LEAST_KEPT[str(info.field_name)]
        if (days := _days(span)) is None:
            raise ValueError("expected a span such as '3 years', or never")
        if days < least:
            raise ValueError(f"expected at least {least} days: whom it forgets does not come back")
        return span

    @field_validator("public_url")
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("expected an address such as https://news.biksouv.example")
        return url.rstrip("/")

    @field_validator("bounce_address")
    @classmethod
    def _can_be_stamped(cls, address: str | None) -> str | None:
        if address is None:
            return None
        found = _BOUNCES.match(address.strip())
        if found is None or not found["name"].strip(_DELIMITERS):
            raise ValueError("expected an address of your own such as bounces@example.org")
        if len(found["name"].rstrip(_DELIMITERS)) > _LONGEST_BOUNCE_NAME:
            raise ValueError(
                f"expected at most {_LONGEST_BOUNCE_NAME} letters before the @, the stamp needs the others"
            )
        return address.strip()

    @field_validator("nameserver")
    @classmethod
    def _is_name_server(cls, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            parts = urlsplit(f"//[{text}]" if text.count(":") > 1 and "[" not in text else f"//{text}")
            ip_address(parts.hostname or "")
            port = parts.port or 53
        except ValueError:
            raise ValueError("expected the address of a name server, such as 9.9.9.9 or [::1]:5353") from None
        return f"[{parts.hostname}]:{port}"

    @field_validator("accounts")
    @classmethod
    def _plain_names(cls, accounts: dict[str, dict[str, SecretStr]]) -> dict[str, dict[str, SecretStr]]:
        return {
            _key(name): {_key(field): value for field, value in fields.items()} for name, fields in accounts.items()
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know about these settings: secrets others can read, names that look misspelt."""
        return self._warnings

    def key(self) -> bytes | None:
        """Return the secret key as bytes, or None when none was given and the store keeps one of its own."""
        return self.secret_key.get_secret_value().encode() if self.secret_key is not None else None

    def former_keys(self) -> tuple[bytes, ...]:
        """Return the keys that were used before, the newest first: links that they signed are still good."""
        text = self.former_secret_keys.get_secret_value() if self.former_secret_keys is not None else ""
        return tuple(key.encode() for key in text.split())

    def account(self, name: str) -> Mapping[str, SecretStr]:
        """Return the fields of an account, empty when nothing is known of it; `my-shop` and `MY_SHOP` are the same."""
        return self.accounts.get(_key(name), {})


def _days(span: str) -> int | None:
    """Return how many whole days a span is at least; None for what is no span."""
    from campaigns.errors import CampaignError
    from campaigns.timing import resolver
    from campaigns.timing.phrases import parse_span

    start = datetime(2027, 1, 1, tzinfo=UTC)
    try:
        return (start - resolver.add_span(start, parse_span(span), "UTC", sign=-1)).days
    except CampaignError:
        return None


def _from_toml(project: Path, warnings: list[str]) -> dict[str, Any]:
    path = project / FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        raise SchedulerError(f"{path}: cannot be read: {text}") from None
    known = [*Settings.model_fields, *(f"{name}_file" for name in _SECRETS)]
    for name in values:
        if name not in known:
            near = get_close_matches(name, known, 1)
            remedy = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
            raise SchedulerError(f"{path}: unknown setting {name!r}", remedy=remedy)
    held: list[str] = [
        name for name in ("smtp_password", "secret_key", "former_secret_keys", "api_token") if name in values
    ]
    held += [name for name in ("database_url", "smtp_url") if urlsplit(str(values.get(name, ""))).password]
    held += [f"accounts.{name}.secret" for name, fields in _tables(values.get("accounts")) if "secret" in fields]
    held += [f"dkim.{name}" for name in _DKIM_SECRETS if name in _table(values.get("dkim"))]
    if held:
        warnings.append(
            f"{path} holds secrets ({', '.join(held)}): move them to the environment or to files of their own"
        )
    for name in _SECRETS:
        if (file := values.pop(f"{name}_file", None)) is not None:
            values[name] = _secret(project / str(file), f"{name}_file", warnings)
    _open_tables(values, project, warnings)
    return values


def _from_credentials() -> dict[str, Any]:
    """Read what systemd's LoadCredential= put in place: `smtp-password`, `accounts--shop--secret`, `dkim--key`."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    values: dict[str, Any] = {}
    for path in sorted(Path(folder).iterdir()) if folder and Path(folder).is_dir() else ():
        name = _key(path.name).removeprefix(PREFIX.lower())
        if name in _SECRETS:
            values[name] = _secret(path, path.name, None)
        elif name.startswith("accounts__") and name.count("__") == 2:
            _, account, field = name.split("__")
            values.setdefault("accounts", {}).setdefault(account, {})[field] = _secret(path, path.name, None)
        elif name.removeprefix("dkim__") in _DKIM_SECRETS and name.startswith("dkim__"):
            values.setdefault("dkim", {})[name.removeprefix("dkim__")] = _secret(path, path.name, None)
    return values


def _from_files(warnings: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in _SECRETS:
        variable = f"{PREFIX}{name.upper()}"
        if file := os.environ.get(f"{variable}_FILE"):
            if os.environ.get(variable):
                raise SchedulerError(f"{variable} and {variable}_FILE are both set", remedy="keep one of them")
            values[name] = _secret(Path(file), f"{variable}_FILE", warnings)
    return values


def _from_environment(cls: type[Settings]) -> dict[str, Any]:
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


def _merge(values: dict[str, Any], layer: Mapping[str, Any]) -> None:
    """Lay `layer` over `values`; accounts are merged field by field, so that a secret may come from elsewhere."""
    for name, value in layer.items():
        if name == "accounts" and isinstance(value, dict) and isinstance(values.get(name), dict):
            merged: dict[str, Any] = {_key(account): dict(fields) for account, fields in _tables(values[name])}
            for account, fields in _tables(value):
                merged.setdefault(_key(account), {}).update({_key(field): item for field, item in fields.items()})
            values[name] = merged
        elif name == "dkim" and isinstance(value, dict):
            values[name] = {**_table(values.get(name)), **value}
        else:
            values[name] = value


def _resolve_paths(values: dict[str, Any], project: Path) -> None:
    for name in ("outbox", "state_dir"):
        if isinstance(path := values.get(name), str):
            values[name] = project / path
    url = values.get("database_url")
    if isinstance(url, str) and url.startswith("sqlite:///") and not url.startswith(("sqlite:////", "sqlite:///:")):
        values["database_url"] = f"sqlite:///{(project / url.removeprefix('sqlite:///')).absolute()}"


def _misspelt(cls: type[Settings]) -> Iterator[str]:
    known = [f"{PREFIX}{name.upper()}{end}" for name in cls.model_fields for end in ("", "_FILE" * (name in _SECRETS))]
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or name in known or name.startswith(_NESTED):
            continue
        if near := get_close_matches(name, known, 1, cutoff=0.85):
            yield f"{name} is not a setting: did you mean {near[0]}?"


def _in_clear(settings: Settings) -> Iterator[str]:
    if settings.smtp_url is None:
        return
    url = settings.smtp_url.get_secret_value()
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.scheme == "smtp" and parts.username and parts.hostname not in _LOOPBACK:
        yield f"the log-in of {parts.hostname} travels in clear: use smtp+starttls:// or smtps:// in CAMPAIGN_SMTP_URL"


def _mistakes(error: ValidationError) -> Iterator[str]:
    for mistake in error.errors(include_input=False, include_url=False, include_context=False):
        name = "__".join(str(part) for part in mistake["loc"]).upper()
        text = mistake["msg"].removeprefix("Value error, ")
        yield f"cannot read {PREFIX}{name}: {text[:1].lower() + text[1:]}"


def _key(name: str) -> str:
    return name.strip().lower().replace("-", "_")
