"""From a campaign to the database and back: the JSON of a campaign says the same as its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from campaigns import bundled
from campaigns.loader import load, restore

FULL = Path(__file__).with_name("full_campaign.yaml")
FILES = [FULL, *(bundled.example(name) / f"{name}.yaml" for name in bundled.examples())]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_campaign_survives_the_way_through_json(file: Path) -> None:
    campaign = load(file.read_bytes(), file.name)

    short = campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    whole = campaign.model_dump(mode="json", by_alias=True)

    assert restore(json.loads(json.dumps(short))) == campaign
    assert restore(json.loads(json.dumps(whole))) == campaign
    assert restore(short).model_dump(mode="json", by_alias=True, exclude_defaults=True) == short


def test_the_phrases_of_the_author_survive() -> None:
    campaign = load(FULL.read_bytes())

    back = restore(campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True))

    assert back.stages[0].when is not None
    assert back.stages[0].when.phrase == "early january"
    assert back.offers["LOVE30"].until is not None
    assert back.offers["LOVE30"].until.phrase == "10 days before valentine's day"


def test_two_campaigns_are_equal_wherever_they_stand() -> None:
    text = FULL.read_text(encoding="utf-8")

    assert load(text, "one.yaml") == load("\n\n" + text, "two.yaml")
    assert load(text) != load(text.replace("holdout: 10%", "holdout: 11%"))


def test_what_is_no_campaign_is_not_restored() -> None:
    with pytest.raises(ValidationError):
        restore({"campaign": "a"})
