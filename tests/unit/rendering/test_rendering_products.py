"""What a mail is about, drawn per person: products of the event or the contact, orders, and a shop's own look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from rendering_world import LEA, NOW, STOP, body_of, campaign, mail, render

from campaigns.lint.page import read_page
from campaigns.rendering import Content, Renderer, facts

ORDER = {
    "name": "purchase",
    "order": "L-2041",
    "total": 310,
    "items": [
        {"name": "La bague <Aurore>", "image": "https://x.example/a.png", "price": 240, "url": "https://x.example/a"},
        {"name": "Un écrin", "price": 35, "quantity": 2},
        "Une carte",
    ],
}
CART = {
    "name": "cart_abandoned",
    "label": "La bague Aurore",
    "image": "https://x.example/a.png",
    "image_alt": "Bague en or",
    "price": "240 €",
    "url": "https://x.example/a",
}


def written(layout: str, event: Mapping[str, object] | None, body: str = "Bonjour.\n", **more: object) -> Content:
    templates = {"a.md": body, **{name: str(text) for name, text in more.items() if "/" in name}}
    contact = {**LEA, "products": more["products"]} if "products" in more else LEA
    touch = mail(template="a.md", layout=layout, **({"on": event["name"]} if event else {}))
    return render(touch, templates, event=event, contact=contact)


def spaced(text: str) -> str:
    """Return a text with common spaces in place of those that money is written with."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_products_of_the_event_stand_above_the_words_with_their_pictures() -> None:
    page = read_page(written("product", ORDER).html or "")

    said = "La bague <Aurore> 240,00 € Un écrin × 2 35,00 € Une carte Bonjour."
    assert spaced(page.letter) == f"BikSouv & Pro {said}"
    assert [(one.source, one.alt) for one in page.pictures] == [("https://x.example/a.png", "La bague <Aurore>")]


def test_text_part_names_the_products_behind_the_words() -> None:
    assert spaced(body_of(written("product", ORDER))) == (
        "Bonjour.\n\n- La bague <Aurore>, 240,00 € <https://x.example/a>\n- Un écrin × 2, 35,00 €\n- Une carte"
    )


def test_one_product_is_described_by_plain_facts_of_the_event() -> None:
    content = written("product", CART)
    page = read_page(content.html or "")

    assert [(one.source, one.alt) for one in page.pictures] == [("https://x.example/a.png", "Bague en or")]
    assert body_of(content) == "Bonjour.\n\n- La bague Aurore, 240 € <https://x.example/a>"


def test_products_of_the_contact_take_the_place_of_an_event() -> None:
    content = written("product", None, products=["La bague Aurore", "Un écrin"])

    assert body_of(content) == "Bonjour.\n\n- La bague Aurore\n- Un écrin"
    assert "Un écrin" in read_page(content.html or "").letter


@pytest.mark.parametrize("layout", ["product", "review", "receipt"])
@pytest.mark.parametrize("event", [None, {"name": "purchase"}, {"name": "purchase", "items": []}])
def test_layout_for_products_is_a_plain_letter_without_any(layout: str, event: dict[str, object] | None) -> None:
    content = written(layout, event)

    assert body_of(content).strip() == "Bonjour."
    assert read_page(content.html or "").pictures == []


def test_receipt_shows_number_lines_and_total() -> None:
    content = written("receipt", ORDER)
    text = spaced(body_of(content))

    assert text == (
        "Bonjour.\n\nCommande L-2041\n\n"
        "- La bague <Aurore>, 240,00 € <https://x.example/a>\n- Un écrin × 2, 35,00 €\n- Une carte\n\nTotal : 310,00 €"
    )
    assert "Commande L-2041" in read_page(content.html or "").letter


def test_product_of_which_little_is_known_is_named_all_the_same() -> None:
    items = [{"name": "La bague", "price": 20, "image": None, "url": None}, {"name": "Une carte", "price": None}]
    several = written("receipt", {"name": "purchase", "items": items})
    one = written("receipt", {"name": "purchase", "items": items[0]})

    assert spaced(body_of(several)) == "Bonjour.\n\n- La bague, 20,00 €\n- Une carte"
    assert spaced(body_of(one)) == "Bonjour.\n\n- La bague, 20,00 €"
    assert "Bonjour. La bague 20,00 € Une carte" in spaced(read_page(several.html or "").letter)


def test_products_stand_where_a_markdown_body_puts_them() -> None:
    body = 'Bonjour.\n\n{% include "layouts/products.html" %}\n\nÀ **bientôt**.\n'

    page = read_page(written("plain", ORDER, body).html or "")

    assert page.letter.index("Bonjour.") < page.letter.index("Une carte") < page.letter.index("bientôt")
    assert len(page.pictures) == 1


def test_hostile_product_stays_words_and_its_link_must_be_one() -> None:
    items = [{"name": "<script>x</script>", "image": 'https://x.example/"><b>', "price": "<i>1</i>"}]

    html = written("product", {"name": "purchase", "items": items}).html or ""

    assert "<script>x" not in html
    assert "<i>1" not in html
    assert '"><b>' not in html


@pytest.mark.parametrize("layout", ["product", "review", "receipt"])
def test_layout_for_products_is_folded_and_says_the_same(layout: str) -> None:
    told: list[str] = []
    made = campaign(mail(template="a.md", layout=layout, on="purchase"))
    ((stage, touch),) = made.touches()
    renderer = Renderer(made, {"a.md": "Bonjour.\n"}, folds_after=1, told=lambda _, why: told.append(why))
    given = facts(
        made,
        stage,
        touch,
        contact=LEA,
        event=ORDER,
        offer=None,
        now=NOW,
        zone="Europe/Paris",
        unsubscribe=STOP,
        edition="2027",
        occasion_on=date(2027, 2, 14),
    )

    contents = {renderer.render(touch, given) for _ in range(5)}

    assert told == []
    assert contents == {written(layout, ORDER)}


def test_shop_gives_its_layouts_colours_and_a_logo_of_its_own() -> None:
    look = ".button { background-color: #6d28d9; border-color: #6d28d9; }"
    logo = '<img src="https://x.example/logo.png" alt="BikSouv" width="140">'
    more = {"layouts/look.css": look, "layouts/brand.html": logo}

    html = written("offer", None, "[Choisir](https://x.example)\n", **more).html or ""

    assert "background-color: #6d28d9" in html.partition('class="button"')[2].partition(">")[0]
    assert [one.alt for one in read_page(html).pictures] == ["BikSouv"]
