"""Settings of one project, read once at the edge and passed on; import it late, it brings pydantic-settings along."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from campaigns.definition.rates import ChannelRate
from scheduler.errors import SchedulerError
from scheduler.settings import advice, destinations, hosts, sources
from scheduler.settings.destinations import Destination
from scheduler.settings.dkim import Dkim
from scheduler.settings.sources import FILE, PREFIX, key_of

__all__ = ["FILE", "PREFIX", "Dkim", "Settings"]

_BOUNCES = re.compile(
    r"(?P<name>[A-Za-z0-9_+=-]+(?:\.[A-Za-z0-9_+=-]+)*)@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}\Z"
)
_SITE = re.compile(r"(?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}")
_LEAST_KEPT = {"retention": 30, "unconfirmed": 1}  # days: less would be a slip of the pen
_DELIMITERS = "+-="
_LONGEST_BOUNCE_NAME = 23  # before the @ of a bounce address: of 64 octets (RFC 5321) a stamp and its delimiter take 41


class Settings(BaseSettings):
    """What the environment and `campaign.toml` say; None where they say nothing.

    `accounts` maps an account's name to its fields, both in lower case with underscores. `now` is the text of
    CAMPAIGN_NOW: the zone that a bare date is read in belongs to the campaign. `nameserver` is the address, and where
    it is not 53 the port, of the name server that `campaign doctor` asks instead of the machine's. `retention` and
    `unconfirmed` are the spans after which people are forgotten (`operations.retention`), None for never. `utm_domains`
    and `scanner_networks` are lists with spaces or commas between. `alerts` says where it is told what needs a person,
    `tasks` where the staff is told what they have to do.
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
    smtp_hello: str | None = None
    email_provider: Literal["postmark", "resend", "ses"] | None = None
    secret_key: SecretStr | None = Field(None, min_length=16)
    former_secret_keys: SecretStr | None = None
    api_token: SecretStr | None = Field(None, min_length=16)
    now: str | None = None
    accounts: dict[str, dict[str, SecretStr]] = Field(default_factory=dict)
    dkim: Dkim | None = None
    nameserver: str | None = None
    public_url: str | None = None
    bounce_address: str | None = None
    utm_domains: str | None = None
    scanner_networks: str | None = None
    outbox: Path | None = None
    state_dir: Path | None = None
    retention: str | None = None
    unconfirmed: str | None = "30 days"
    render_processes: int = Field(1, ge=1, le=64)
    alerts: str | None = None
    tasks: str | None = None

    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _project: Path = PrivateAttr(default=Path())

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
            sources.from_toml(cls, project, warnings),
            sources.from_credentials(),
            sources.from_files(warnings),
            sources.from_environment(cls),
        ):
            sources.merge(values, layer)
        sources.resolve_paths(values, project)
        sources.merge(values, {name: value for name, value in flags.items() if value is not None})
        warnings.extend(advice.misspelt(cls))
        try:
            settings = cls(**values)
        except ValidationError as error:
            raise SchedulerError("; ".join(advice.mistakes(error)), remedy=f"see the environment and {FILE}") from None
        settings._warnings = (*warnings, *advice.in_clear(settings.smtp_url))
        settings._project = project
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

    @field_validator("email_provider")
    @classmethod
    def _is_the_only_way(cls, provider: str | None, info: ValidationInfo) -> str | None:
        if provider is not None and info.data.get("smtp_url") is not None:
            raise ValueError(f"expected no {PREFIX}SMTP_URL beside it, mails go one way: keep one of them")
        return provider

    @field_validator("public_url")
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("expected an address such as https://news.biksouv.example")
        user, at, place = parts.netloc.rpartition("@")
        if place.isascii():
            return url.rstrip("/")
        name, colon, port = place.partition(":")
        return parts._replace(netloc=f"{user}{at}{hosts.in_ascii(name)}{colon}{port}").geturl().rstrip("/")

    @field_validator("bounce_address")
    @classmethod
    def _can_be_stamped(cls, address: str | None) -> str | None:
        if address is None:
            return None
        local, at, domain = address.strip().rpartition("@")
        found = _BOUNCES.match(address := f"{local}{at}{hosts.in_ascii(domain)}")
        if found is None or not found["name"].strip(_DELIMITERS):
            raise ValueError("expected an address of your own such as bounces@example.org")
        if len(found["name"].rstrip(_DELIMITERS)) > _LONGEST_BOUNCE_NAME:
            raise ValueError(
                f"expected at most {_LONGEST_BOUNCE_NAME} letters before the @, the stamp needs the others"
            )
        return address

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
            key_of(name): {key_of(field): value for field, value in fields.items()} for name, fields in accounts.items()
        }

    @field_validator("utm_domains")
    @classmethod
    def _are_sites(cls, text: str | None) -> str | None:
        for site in _words(text):
            if _SITE.fullmatch(hosts.in_ascii(site)) is None:
                raise ValueError(f"expected sites such as shop.example, got {site[:60]!r}")
        return text

    @field_validator("scanner_networks")
    @classmethod
    def _are_networks(cls, text: str | None) -> str | None:
        for network in _words(text):
            try:
                ip_network(network)
            except ValueError:
                raise ValueError(f"expected networks such as 192.0.2.0/24, got {network[:60]!r}") from None
        return text

    @field_validator("alerts", "tasks", mode="before")
    @classmethod
    def _are_destinations(cls, value: object) -> object:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = " ".join(value)  # as `campaign.toml` may have them
        if isinstance(value, str):
            destinations.read(value)
        return value

    def alert_destinations(self) -> tuple[Destination, ...]:
        """Return where it is told what needs a person, empty where nobody is."""
        return destinations.read(self.alerts)

    def task_destinations(self) -> tuple[Destination, ...]:
        """Return where the staff is told of its tasks, empty where nobody is."""
        return destinations.read(self.tasks)

    def utm_sites(self) -> tuple[str, ...]:
        """Return the sites (lower case, in ASCII) whose links say which campaign they stood in."""
        return tuple(hosts.in_ascii(site) for site in _words(self.utm_domains))

    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return the networks in which no reader sits, only the machines of data centres."""
        return tuple(ip_network(network) for network in _words(self.scanner_networks))

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

    @property
    def project(self) -> Path:
        """The folder of the project they were read for; where they were not read, the working directory."""
        return self._project

    def account(self, name: str) -> Mapping[str, SecretStr]:
        """Return the fields of an account, empty when nothing is known of it; `my-shop` and `MY_SHOP` are the same."""
        return self.accounts.get(key_of(name), {})


def _words(text: str | None) -> list[str]:
    """Return what stands between spaces and commas, in lower case."""
    return (text or "").replace(",", " ").lower().split()


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
