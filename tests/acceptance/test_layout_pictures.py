"""Every bundled layout as a browser draws it: light, dark and on a phone; facts that anybody can check on a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.chromium import Browser, chromium

from campaigns import rendering
from campaigns.loader import restore
from campaigns.timeline import PlannedOffer

BODY = """\
# Your basket waits

Hello {{ contact.first_name }}, we keep it for **two days**, and [resizing](https://rings.example/sizes) costs nothing.

[Go on where you stopped](https://rings.example/basket)

## What people ask

| Question | Answer |
|---|---|
| Exchange | 30 days |

- no questions asked

> It came in two days.
"""
ITEMS = [
    {"name": "The ring Aurora", "image": "https://rings.example/ring.png", "alt": "A gold ring", "price": 240},
    {"name": "A box with a name as long as Donaudampfschifffahrtsgesellschaftskapitänsmütze", "quantity": 2},
]
PAPER = {False: (243, 244, 246), True: (15, 17, 21)}
CARD = {False: (255, 255, 255), True: (25, 28, 35)}
BUTTON = {  # of each layout: in the light, in the dark
    "announcement": ((29, 78, 216), (138, 180, 255)),
    "offer": ((194, 65, 12), (251, 146, 60)),
    "plain": ((29, 78, 216), (138, 180, 255)),
    "product": ((15, 118, 110), (94, 234, 212)),
    "receipt": ((22, 101, 52), (134, 239, 172)),
    "review": ((146, 64, 14), (252, 211, 77)),
}

every_layout = pytest.mark.parametrize("layout", sorted(BUTTON))
every_light = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
every_width = pytest.mark.parametrize("width", [800, 375], ids=["desk", "phone"])

# Of every text that is seen: its ink, the paper behind it, its size and weight.
_TEXTS = """
(() => {
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim(), holder = walk.currentNode.parentElement;
    if (!text || !holder.getClientRects().length) continue;
    let paper = holder;
    while (paper && getComputedStyle(paper).backgroundColor === "rgba(0, 0, 0, 0)") paper = paper.parentElement;
    found.push([text, getComputedStyle(holder).color, getComputedStyle(paper || document.body).backgroundColor]);
  }
  return found;
})()
"""
_BOX = """
(() => { const box = document.querySelector("%s").getBoundingClientRect();
  return [box.left, box.top, box.right, box.bottom].map(Math.round); })()
"""


@dataclass(frozen=True)
class Look:
    """What a layout looks like: its picture, and what the browser measured."""

    picture: Image.Image
    scroll_width: int
    sheet: list[int]
    button: list[int]
    heading: list[int]
    texts: list[tuple[str, str, str]]
    hidden_height: int
    asked_for: list[str]


def written(layout: str) -> str:
    """Return the HTML of a mail in this layout, its picture a file beside it."""
    touch: Mapping[str, object] = {
        "id": "mail",
        "channel": "email",
        "subject": "Your basket",
        "preheader": "We keep it for two days",
        "on": "purchase",
        "template": "a.md",
        "layout": layout,
        "offer": "LOVE30",
    }
    campaign = restore(
        {
            "campaign": "rings",
            "language": "en",
            "country": "GB",
            "timezone": "Europe/London",
            "senders": {
                "email": "Rings & Co <hello@rings.example>",
                "postal_address": "1 High Street, Bath",
                "unsubscribe": "mailto:stop@rings.example",
            },
            "offers": {"LOVE30": {"terms": "30 % off all rings", "until": {"date": "02-07"}}},
            "stages": [{"stage": "a", "kind": "conversion", "touches": [touch]}],
        }
    )
    ((stage, only),) = campaign.touches()
    now = datetime(2027, 1, 21, 8, 30, tzinfo=UTC)
    given = rendering.facts(
        campaign,
        stage,
        only,
        contact={"first_name": "Léa"},
        event={"name": "purchase", "order": "L-2041", "total": 310, "items": ITEMS},
        offer=PlannedOffer("LOVE30", now, datetime(2027, 2, 7, 22, 0, tzinfo=UTC), "until 7 February"),
        now=now,
        zone="Europe/London",
        unsubscribe="mailto:stop@rings.example",
        edition="2027",
    )
    html = rendering.Renderer(campaign, {"a.md": BODY}).render(only, given).html
    assert html is not None
    return html.replace("https://rings.example/ring.png", "ring.png")


Looks = Callable[[str, bool, int], Look]


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looks]:
    """Look at a layout, each form of it once."""
    folder = tmp_path_factory.mktemp("layouts")
    Image.new("RGB", (192, 192), "#b8860b").save(folder / "ring.png")
    with chromium(folder) as browser:
        yield cache(lambda layout, dark, width: look(browser, folder, layout, dark, width))


def look(browser: Browser, folder: Path, layout: str, dark: bool, width: int) -> Look:
    page = folder / f"{layout}.html"
    page.write_text(written(layout), encoding="utf-8")
    browser.open(page, width=width, dark=dark)

    def box(selector: str) -> list[int]:
        found: list[int] = browser.evaluate(_BOX % selector)
        return found

    return Look(
        browser.picture(),
        browser.evaluate("document.documentElement.scrollWidth"),
        box(".sheet"),
        box(".button"),
        box("h1"),
        [(text, ink, paper) for text, ink, paper in browser.evaluate(_TEXTS)],
        browser.evaluate("document.querySelector('.preheader').offsetHeight"),
        [Path(url).name for url in browser.asked_for()],
    )


def pixel(picture: Image.Image, x: int, y: int) -> Any:
    return picture.getpixel((x, y))


@every_layout
@every_light
def test_layout_fits_a_phone_without_scrolling_sideways(looks: Looks, layout: str, dark: bool) -> None:
    seen = looks(layout, dark, 375)

    assert seen.scroll_width == 375
    assert seen.picture.width == 375


@every_layout
def test_layout_is_at_most_600_pixels_wide_in_the_middle_of_a_desk(looks: Looks, layout: str) -> None:
    left, _, right, _ = looks(layout, False, 800).sheet

    assert (left, right) == (100, 700)


@every_layout
@every_width
@every_light
def test_layout_is_drawn_on_light_paper_by_day_and_on_dark_paper_by_night(
    looks: Looks, layout: str, dark: bool, width: int
) -> None:
    seen = looks(layout, dark, width)
    left, top, _, _ = seen.heading

    assert pixel(seen.picture, 2, 2) == PAPER[dark]
    assert pixel(seen.picture, left + 1, top - 4) == CARD[dark]


@every_layout
@every_width
@every_light
def test_button_of_a_layout_is_seen_and_large_enough_for_a_thumb(
    looks: Looks, layout: str, dark: bool, width: int
) -> None:
    seen = looks(layout, dark, width)
    left, top, right, bottom = seen.button

    assert pixel(seen.picture, left + 8, (top + bottom) // 2) == BUTTON[layout][dark]
    assert bottom - top >= 44  # WCAG 2.2, success criterion 2.5.5
    colours = seen.picture.crop((left, top, right, bottom)).getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 10, "there are no words on it"


@every_layout
@every_width
@every_light
def test_words_of_a_layout_stand_out_from_their_paper(looks: Looks, layout: str, dark: bool, width: int) -> None:
    texts = looks(layout, dark, width).texts

    assert len(texts) >= 15
    weak = [(text, ink, paper) for text, ink, paper in texts if contrast(ink, paper) < 4.5]
    assert weak == []  # WCAG 2.2, success criterion 1.4.3, level AA


@every_layout
@every_light
def test_heading_of_a_layout_is_drawn_in_another_colour_than_its_paper(looks: Looks, layout: str, dark: bool) -> None:
    seen = looks(layout, dark, 800)
    left, top, right, bottom = seen.heading
    colours = seen.picture.crop((left, top, right, bottom)).getcolors(1 << 20)
    assert colours is not None
    levels = [sum(rgb) for _, rgb in colours if isinstance(rgb, tuple)]

    assert max(levels) - min(levels) > 500


@every_layout
def test_preheader_of_a_layout_is_not_seen_and_nothing_is_loaded_from_afar(looks: Looks, layout: str) -> None:
    seen = looks(layout, False, 800)

    assert seen.hidden_height == 0
    pictured = ["ring.png"] if layout in ("product", "receipt", "review") else []
    assert seen.asked_for == [f"{layout}.html", *pictured]


def contrast(ink: str, paper: str) -> float:
    """Return how far two colours `rgb(r, g, b)` are apart, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    dark, light = sorted(map(_luminance, (ink, paper)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
