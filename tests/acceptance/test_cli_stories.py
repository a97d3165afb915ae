"""A story from the file to the outbox: what the plan, the preview, the rehearsal and the daemon say of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support.terminal import Shop

LAUNCH = """\
campaign: launch
language: en
country: FR
timezone: Europe/Paris
media_url: https://shop.example
stages:
  - stage: launch
    kind: awareness
    touches:
      - id: teaser
        channel: [instagram, mastodon]
        when: 1 march 2027 at 10:00
        text: New rings
        media: [{file: ring.jpg, alt: A ring}]
        by_channel:
          instagram: {post_as: story, text: ""}
"""
NOW = "2027-02-20T09:00+01:00"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop(tmp_path, monkeypatch)
    made.write("launch.yaml", LAUNCH)
    Image.new("RGB", (1080, 1920), "teal").save(tmp_path / "ring.jpg")
    return made


def test_a_story_is_called_so_wherever_it_is_shown(shop: Shop) -> None:
    plan = shop.done("plan", "launch.yaml", "--touch", "teaser.instagram", now=NOW)
    preview = shop.done("preview", "launch/teaser.instagram", now=NOW)
    rehearsal = shop.done("run", "--dry-run", "launch.yaml", now=NOW)

    assert "teaser.instagram  as it will be posted on instagram as a story" in plan
    assert "As       a story" in preview
    assert "everybody, as a story" in rehearsal
    assert rehearsal.count("as a story") == 1


def test_a_story_goes_as_one_and_its_edit_is_told(shop: Shop) -> None:
    shop.done("apply", "launch.yaml", "--yes", now=NOW)
    shop.edit("launch.yaml", '{post_as: story, text: ""}', "{post_as: reel}")
    refused = shop.run("apply", "launch.yaml", "--yes", now=NOW)
    shop.edit("launch.yaml", "{post_as: reel}", '{post_as: story, text: ""}')
    shop.send("2027-03-01T10:01+01:00")

    posted = [path.read_text(encoding="utf-8") for path in (shop.folder / "out").rglob("*teaser*.md")]
    stories = [text for text in posted if "Posted as: story" in text]
    assert "a reel is one video" in refused.stderr
    assert len(posted) == 2
    assert len(stories) == 1
    assert "Channel: instagram" in stories[0]
    assert "New rings" not in stories[0]
