"""The JSON Schema of a campaign file: it describes every key and accepts what the loader accepts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from campaigns import bundled
from campaigns.schema import json_schema

FULL = Path(__file__).with_name("full_campaign.yaml")


def check(schema: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    file = tmp_path / "campaign.schema.json"
    file.write_text(json.dumps(json_schema()), encoding="utf-8")
    return file


def test_every_campaign_at_hand_fits_the_schema(schema: Path) -> None:
    files = [FULL, *(bundled.example(name) / f"{name}.yaml" for name in bundled.examples())]

    done = check(schema, *files)

    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unknown_key_and_a_wrong_kind_do_not_fit(schema: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("campaign: a\ntitel: b\nstages: [{stage: c, kind: aware}]\n", encoding="utf-8")

    done = check(schema, broken)

    assert done.returncode == 1
    assert "'titel' was unexpected" in done.stdout
    assert "'aware' is not one of" in done.stdout


def test_products_of_a_personas_order_fit(schema: Path, tmp_path: Path) -> None:
    order = "{name: purchase, at: day 1, items: [{name: Ring, price: 20}, Card]}"
    file = tmp_path / "order.yaml"
    file.write_text(
        f"campaign: a\npersonas: {{lea: {{events: [{order}]}}}}\nstages: [{{stage: c, kind: loyalty}}]\n",
        encoding="utf-8",
    )

    done = check(schema, file)

    assert done.returncode == 0, done.stdout


def test_the_schema_is_a_schema(schema: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--check-metaschema", str(schema)]

    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def objects(part: Any, path: str = "$") -> list[tuple[str, dict[str, Any]]]:
    if isinstance(part, list):
        return [found for number, item in enumerate(part) for found in objects(item, f"{path}[{number}]")]
    if not isinstance(part, dict):
        return []
    own = [(path, part)] if "properties" in part else []
    return own + [found for key, item in part.items() for found in objects(item, f"{path}.{key}")]


def test_every_key_has_a_description_and_nothing_may_be_added() -> None:
    found = objects(json_schema())

    assert len(found) == 17
    for path, part in found:
        assert part["additionalProperties"] is False, path
        for key, value in part["properties"].items():
            assert value.get("description"), f"{path}.{key}"


def test_nothing_in_the_schema_speaks_of_null_but_an_event_without_keys() -> None:
    text = json.dumps(json_schema())

    assert text.count('"null"') == 1
    assert '"default": null' not in text
