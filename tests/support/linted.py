"""A small campaign with one mail, and what `campaign lint` says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scheduler.cli.main import cli

HEAD = """\
campaign: shop
language: en
country: GB
timezone: Europe/London
senders:
  email: The Shop <hello@shop.example>
  postal_address: 1 High Street, Bath
  unsubscribe: mailto:stop@shop.example
personas:
  lea:
    says: Léa
    contact: {first_name: Léa, email: lea@example.org, phone: "+447700900123", consent: [marketing]}
stages:
  - stage: a
    kind: awareness
    when: early march
    touches:
      - id: mail
        channel: email
"""
WORDS = "Hello {{ contact.first_name }}, the new rings are here: thirty of them, in gold and in silver, each made by hand.\n"
SUBJECT = "        subject: The new rings are here\n"
PREHEADER = "        preheader: In gold and in silver\n"
TEMPLATE = "        template: mail.md\n"


def lint(folder: Path, touch: str, files: dict[str, str], *words: str) -> list[dict[str, Any]]:
    """Return the findings of `campaign lint --json` in a folder with one campaign and its templates."""
    for name, text in {"shop.yaml": HEAD + touch, "mail.md": WORDS, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(cli, ["lint", "--json", "--now", "2026-11-20", *words])
    found: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return found


def told(found: list[dict[str, Any]], code: str) -> list[tuple[str, str, str, str]]:
    """Return (level, place, message, remedy) of the findings with this code."""
    return [
        (one["level"], f"{one['file']}:{one['line']}", one["message"], one["hint"])
        for one in found
        if one["code"] == code
    ]


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that commands find themselves in, without settings of the machine."""
    monkeypatch.chdir(folder)
    for name in ("CAMPAIGN_NOW", "CAMPAIGN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return folder
