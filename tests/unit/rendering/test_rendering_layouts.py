"""The bundled layouts: accessible, self-contained, readable in the dark and on a phone."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from rendering_world import mail, render

LAYOUTS = ["plain", "announcement", "offer", "product", "review", "receipt"]
BODY = {
    "a.md": "# Titre\n\nTexte et [lien](https://x.example).\n\n[Bouton](https://x.example)\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n- un\n\n> cité\n\n![Bague](https://x.example/a.png)\n"
}


def html_of(layout: str) -> str:
    content = render(mail(template="a.md", layout=layout, offer="AMOUR30", preheader="Avant-goût"), BODY)
    assert content.html is not None
    return content.html


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(html)
    return parser.found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_tells_the_language_and_what_its_tables_are(layout: str) -> None:
    found = tags(html_of(layout))

    assert dict(found)["html"]["lang"] == "fr"
    drawn = [given for tag, given in found if tag == "table" and given.get("class") != "table-data"]
    assert drawn
    assert all(given["role"] == "presentation" for given in drawn)
    assert all("alt" in given for tag, given in found if tag == "img")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_loads_nothing_from_elsewhere(layout: str) -> None:
    html = html_of(layout).replace("https://x.example/a.png", "")

    assert not re.search(r"<(?:link|script|iframe|object)\b|@import|url\(|src=\"http", html)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_has_a_dark_and_a_narrow_form(layout: str) -> None:
    html = html_of(layout)

    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media (max-width: 480px)" in html
    assert 'name="viewport"' in html
    assert '<meta name="color-scheme" content="light dark">' in html


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_shows_the_preheader_to_inboxes_only(layout: str) -> None:
    (hidden,) = [given for tag, given in tags(html_of(layout)) if given.get("class") == "preheader"]

    assert hidden["aria-hidden"] == "true"
    assert "display: none" in str(hidden["style"])


def test_offer_layout_has_the_coupon() -> None:
    html = html_of("offer")

    assert ">AMOUR30</p>" in html
    assert ">-30 % et livraison offerte</p>" in html
    assert ">Valable jusqu&#x27;au 7 février</p>" in html or ">Valable jusqu'au 7 février</p>" in html


def test_offer_layout_without_an_offer_is_a_plain_letter() -> None:
    content = render(mail(template="a.md", layout="offer"), BODY)

    assert content.html is not None
    assert 'class="coupon' not in content.html


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ("#1f2430", "#ffffff"),
        ("#1d4ed8", "#ffffff"),
        ("#ffffff", "#1d4ed8"),
        ("#5b6272", "#f3f4f6"),
        ("#4b5262", "#ffffff"),
        ("#7c2d12", "#fff7ed"),
        ("#ffffff", "#c2410c"),
        ("#9a3412", "#ffffff"),
        ("#e6e8ee", "#191c23"),
        ("#8ab4ff", "#191c23"),
        ("#0b1220", "#8ab4ff"),
        ("#9aa1b1", "#0f1115"),
        ("#fdba74", "#2a1c12"),
        ("#1c0f05", "#fb923c"),
        ("#fdba74", "#191c23"),
    ],
)
def test_colours_of_the_layouts_have_enough_contrast(ink: str, paper: str) -> None:
    everything = html_of("plain") + html_of("offer") + html_of("announcement")
    assert ink in everything
    assert paper in everything

    light, dark = sorted((_luminance(ink), _luminance(paper)), reverse=True)

    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, success criterion 1.4.3, level AA
