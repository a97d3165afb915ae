"""What travels with the package is found in a checkout; the wheel has its own test."""

from __future__ import annotations

import pytest

from campaigns import bundled
from campaigns.errors import CampaignError


def test_the_examples_are_found_by_name() -> None:
    assert bundled.examples() == (
        "groomer-rebooking",
        "loyalty-loop",
        "restaurant-launch",
        "shop-lifecycle",
        "skincare-shop",
        "valentines",
    )
    assert (bundled.example("valentines") / "valentines.yaml").is_file()


def test_an_unknown_example_is_refused_with_a_near_name() -> None:
    with pytest.raises(CampaignError) as refused:
        bundled.example("valentine")

    assert str(refused.value) == "unknown example 'valentine' - did you mean 'valentines'?"


def test_templates_are_texts_by_their_path_with_slashes() -> None:
    templates = bundled.templates()

    assert any(path.startswith("layouts/") for path in templates)
    assert all(isinstance(text, str) and not path.startswith("/") for path, text in templates.items())
