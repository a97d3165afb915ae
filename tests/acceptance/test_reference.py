"""The reference of the campaign file is made from the schema, so that no key is missing and none is invented."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from campaigns.schema import json_schema

PAGE = Path(__file__).parents[2] / "docs" / "campaign-file.md"
MARK = "<!-- generated from the schema -->"


def test_every_key_of_the_schema_is_described_and_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    head = text.partition(MARK)[0]
    tables = "\n".join(reference(json_schema()))
    made = f"{head}{MARK}\n\n{tables}"
    if os.environ.get("CAMPAIGN_UPDATE_GOLDEN"):
        PAGE.write_text(made, encoding="utf-8")
        text = made

    assert text == made
    assert " |  |" not in made


def reference(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one table for each kind of mapping, the campaign itself first."""
    definitions = schema.get("$defs", {})
    yield from table("The campaign", schema, definitions)
    for name in sorted(definitions):
        if "properties" in definitions[name]:
            yield from table(title(name), definitions[name], definitions)


def title(name: str) -> str:
    return f"`{name.lower()}`"


def table(heading: str, schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    yield f"## {heading}"
    yield ""
    yield "| Key | Value | Meaning |"
    yield "|---|---|---|"
    required = set(schema.get("required", ()))
    for key, value in schema["properties"].items():
        resolved = follow(value, definitions)
        needed = " **(needed)**" if key in required else ""
        meaning = str(value.get("description") or resolved.get("description") or "").replace("|", "\\|")
        yield f"| `{key}`{needed} | {kind(value, definitions)} | {meaning} |"
    yield ""


def follow(value: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    name = str(value.get("$ref", "")).rsplit("/", 1)[-1]
    found: dict[str, Any] = definitions.get(name, value)
    return found


def kind(value: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[-1]
        target = definitions.get(name, {})
        return title(name) if "properties" in target else kind(target, definitions)
    if "enum" in value:
        return ", ".join(f"`{word}`" for word in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    for name in ("anyOf", "oneOf"):
        if name in value:
            kinds = dict.fromkeys(kind(one, definitions) for one in value[name] if one.get("type") != "null")
            return " or ".join(kinds)
    if value.get("type") == "array":
        return f"list of {kind(value['items'], definitions)}" if "items" in value else "list"
    if value.get("type") == "object":
        inner = value.get("additionalProperties")
        return f"mapping to {kind(inner, definitions)}" if isinstance(inner, dict) and inner else "mapping"
    types = value.get("type", "text")
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    found = [words.get(one, one) for one in ([types] if isinstance(types, str) else types)]
    # Text is read as it is written, so that a number needs no quotes there; a reader only needs to know that it is text.
    return "text" if "text" in found else " or ".join(found)
