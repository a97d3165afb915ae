"""Limits of the networks as an author sets them under `limits:`: the names there are, and their values."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, JsonValue, PlainSerializer, WithJsonSchema

from campaigns import limits
from campaigns.definition.values import UnreadableError, shown, text, written
from campaigns.errors import suggestion


def _name(value: object) -> str:
    name = text(value)
    if name not in limits.NAMES:
        raise UnreadableError(
            f"there is no limit {shown(name)}",
            remedy=suggestion(name, limits.NAMES) or "write one of docs/preflight.md, such as mastodon.text.length",
        )
    return name


def _setting(value: object) -> limits.Setting:
    if isinstance(value, limits.Setting):
        return value
    setting = limits.read_setting(text(value))
    if setting is None:
        raise UnreadableError(
            f"expected a limit, got {shown(value)}", remedy="write it as 1000, 8 MB, 90 s or 4:5 to 1.91:1"
        )
    return setting


BY_LIMIT: dict[str, JsonValue] = {"propertyNames": {"enum": [*limits.NAMES]}}
LimitName = Annotated[str, BeforeValidator(_name), WithJsonSchema({"enum": [*limits.NAMES]})]
LimitValue = Annotated[
    limits.Setting,
    BeforeValidator(_setting),
    PlainSerializer(written),
    WithJsonSchema({"type": ["string", "number"]}),
]
