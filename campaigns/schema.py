"""The JSON Schema of a campaign file, for editors; what it cannot say (names, phrases) only the loader checks."""

from __future__ import annotations

from typing import Any

from campaigns.definition import Campaign


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a campaign file, with a description of every key.

    It accepts every file the loader accepts: a text that looks like a number (`code: 0123`) may stay unquoted.
    """
    schema = Campaign.model_json_schema(by_alias=True, mode="validation")
    definitions = {name: _tidied(part) for name, part in schema.pop("$defs").items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_tidied(schema),
        "title": "Campaign",
        "$defs": definitions,
    }


def _tidied(part: Any) -> Any:
    """Drop what editors would show and nobody can write: null, generated titles, empty defaults."""
    if isinstance(part, list):
        return [_tidied(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "patternProperties" in part:
        part = {**part, "additionalProperties": False}
    choices = [item for item in part.get("anyOf", ()) if item != {"type": "null"}]
    if "anyOf" in part and _is_optional(part):
        rest = {key: value for key, value in part.items() if key != "anyOf"}
        part = {**choices[0], **rest} if len(choices) == 1 else {**rest, "anyOf": choices}
    return {
        key: {name: _tidied(item) for name, item in value.items()} if key == "properties" else _tidied(value)
        for key, value in part.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and _says_nothing(value))
    }


def _is_optional(part: dict[str, Any]) -> bool:
    """Whether null stands for "left out" here; a field that means it has no default of null."""
    return "default" in part and part["default"] is None


def _says_nothing(default: Any) -> bool:
    """Whether a default is empty, or a mapping of nothing but empty ones."""
    return (
        all(_says_nothing(item) for item in default.values())
        if isinstance(default, dict)
        else default in (None, "", [])
    )
