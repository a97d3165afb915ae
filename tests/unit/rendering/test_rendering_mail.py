"""Mails: both parts, layout, footer exactly once, nothing by halves."""

from __future__ import annotations

import re

import pytest
from rendering_world import STOP, body_of, mail, render

from campaigns.errors import RenderError

OFFER = """---
subject: "{{ contact.first_name }}, -30 % jusqu'au {{ offer.until | date }}"
preheader: La livraison est offerte
layout: offer
---
# Bonjour {{ contact.first_name }}

Livraison **offerte** jusqu'au {{ offer.until | date }}.

[Choisir ma bague](https://biksouv.example/bagues?code={{ offer.code }})
"""


def test_markdown_template_becomes_subject_preheader_text_and_html() -> None:
    content = render(mail(subject=None, template="emails/offer.md", offer="AMOUR30"), {"emails/offer.md": OFFER})

    assert content.subject == "Léa, -30 % jusqu'au 7 février"
    assert content.preheader == "La livraison est offerte"
    assert content.text == (
        "Bonjour Léa\n"
        "\n"
        "Livraison offerte jusqu'au 7 février.\n"
        "\n"
        "Choisir ma bague <https://biksouv.example/bagues?code=AMOUR30>\n"
        "\n"
        "Votre code\u00a0: AMOUR30\n"
        "-30 % et livraison offerte\n"
        "Valable jusqu'au 7 février\n"
        "\n"
        "————————\n"
        "Vous recevez ce message parce que vous avez accepté de recevoir nos nouvelles.\n"
        "BikSouv & Pro · 12 rue des Lilas, 75011 Paris\n"
        "Se désinscrire <mailto:stop@biksouv.example>\n"
    )
    assert content.html is not None
    assert '<html lang="fr" dir="ltr"' in content.html
    assert "Livraison <strong>offerte</strong> jusqu'au 7 février." in content.html.replace("&#x27;", "'")
    assert 'href="https://biksouv.example/bagues?code=AMOUR30"' in content.html


def test_touch_has_precedence_over_the_head_of_its_template() -> None:
    touch = mail(subject="À moi", preheader="d'abord", template="a.md")

    content = render(touch, {"a.md": "---\nsubject: non\npreheader: non\n---\nSalut"})

    assert (content.subject, content.preheader) == ("À moi", "d'abord")


def test_same_touch_and_facts_give_the_same_bytes() -> None:
    touch = mail(template="emails/offer.md", offer="AMOUR30")

    first = render(touch, {"emails/offer.md": OFFER})
    second = render(touch, {"emails/offer.md": OFFER})

    assert first == second
    assert first.hash == second.hash
    assert len(first.hash) == 64


def test_the_same_words_with_another_link_out_of_them_have_the_same_hash() -> None:
    files = {"emails/offer.md": OFFER + "\n[Stop]({{ links.unsubscribe }})\n"}
    touch = mail(template="emails/offer.md", offer="AMOUR30")
    first = render(touch, files, unsubscribe="https://news.shop.example/u/abc?a=1&b=2")
    second = render(touch, files, unsubscribe="https://news.shop.example/u/xyz?a=1&b=2")
    other = render(touch, {"emails/offer.md": OFFER}, unsubscribe="https://news.shop.example/u/abc?a=1&b=2")

    assert first.text != second.text
    assert first.html != second.html
    assert first.hash == second.hash
    assert first.hash != other.hash


@pytest.mark.parametrize(
    ("language", "unsubscribe"),
    [
        ("fr", "Se désinscrire"),
        ("en", "Unsubscribe"),
        ("ro", "Dezabonare"),
        ("ru", "Отписаться"),
        ("es", "Darse de baja"),
        ("de", "Abmelden"),
    ],
)
def test_footer_stands_once_in_both_parts_in_the_campaigns_language(language: str, unsubscribe: str) -> None:
    content = render(mail(template="a.md"), {"a.md": "Salut"}, language=language)

    assert content.html is not None
    assert content.text.count(unsubscribe) == 1
    assert content.html.count(f">{unsubscribe}</a>") == 1
    assert content.text.count("12 rue des Lilas") == 1
    assert content.html.count("12 rue des Lilas") == 1
    assert f'<html lang="{language}"' in content.html


def test_whole_html_document_keeps_its_look_and_gets_the_footer_before_its_end() -> None:
    page = "<!doctype html><html><head><title>x</title></head><body><p>Salut {{ contact.first_name }}</p></body></html>"

    content = render(mail(template="a.html"), {"a.html": page})

    assert content.html is not None
    assert content.html.count("Se désinscrire") == 1
    assert content.html.rstrip().endswith("</body></html>")
    assert body_of(content) == "Salut Léa"


def test_html_fragment_is_put_into_the_layout() -> None:
    content = render(mail(html="<p>Salut {{ contact.first_name }}</p>"))

    assert content.html is not None
    assert content.html.startswith("<!DOCTYPE html>")
    assert ">Salut Léa</p>" in content.html
    assert body_of(content) == "Salut Léa"


def test_template_that_extends_a_bundled_layout_fills_its_body() -> None:
    page = '{% extends "layouts/announcement.html" %}{% block body %}<h1>Ouvert</h1>{% endblock %}'

    content = render(mail(template="a.html"), {"a.html": page})

    assert content.html is not None
    assert ">Ouvert</h1>" in content.html
    assert content.html.count("Se désinscrire") == 1
    assert body_of(content) == "Ouvert"


def test_layout_that_drops_the_footer_gets_it_all_the_same() -> None:
    page = '{% extends "layouts/plain.html" %}{% block body %}x{% endblock %}{% block footer %}{% endblock %}'

    content = render(mail(template="a.html"), {"a.html": page})

    assert content.html is not None
    assert content.html.count("Se désinscrire") == 1


def test_project_may_have_a_layout_of_its_own() -> None:
    templates = {"a.md": "Salut", "layouts/mine.html": "<html><body><main>{{ mail.body }}</main></body></html>"}

    content = render(mail(template="a.md", layout="mine"), templates)

    assert content.html is not None
    assert "<main><p>Salut</p>\n</main>" in content.html
    assert content.html.count("Se désinscrire") == 1


def test_words_of_a_layout_of_ones_own_are_read_aloud() -> None:
    card = '{% extends "layouts/base.html" %}{% block content %}{{ super() }}<p>Code: <b>MAI</b></p>{% endblock %}'
    templates = {"a.md": "Salut", "layouts/card.html": card}

    alone = render(mail(template="a.md", layout="card", preheader="Vite"), templates)
    beside = render(mail(template="a.md", layout="card"), {**templates, "layouts/card.txt": "{{ mail.text }} !"})

    assert body_of(alone) == "Salut\n\nCode: MAI"
    assert body_of(beside) == "Salut !"


FOOTED = """<html><body><h1>Salut {{ contact.first_name }}</h1>
<p>{{ mail.brand }}, %s</p><p><a href="{{ %s }}">Stop</a></p></body></html>"""


@pytest.mark.parametrize(
    ("address", "way_out"),
    [
        ("{{ mail.address }}", "mail.unsubscribe"),
        ("{{ campaign.postal_address }}", "links.unsubscribe"),
        ("12 rue des Lilas, 75011 Paris", "mail.unsubscribe"),
    ],
)
def test_page_with_a_footer_of_its_own_gets_none_in_either_part(address: str, way_out: str) -> None:
    content = render(mail(template="a.html"), {"a.html": FOOTED % (address, way_out)})

    assert content.html is not None
    assert content.html.count("12 rue des Lilas") == content.html.count(STOP) == 1
    assert "Se désinscrire" not in content.html
    assert (
        content.text
        == "Salut Léa\n\nBikSouv & Pro, 12 rue des Lilas, 75011 Paris\n\nStop <mailto:stop@biksouv.example>\n"
    )


def test_page_that_lacks_a_half_of_the_footer_for_this_reader_gets_the_whole_one() -> None:
    some = "{% if contact.age > 30 %}{{ mail.address }}{% endif %}"
    page = {"a.html": FOOTED % (some, "mail.unsubscribe")}

    young, old = (render(mail(template="a.html"), page, contact={"age": age}) for age in (29, 31))

    for content, times in ((young, 1), (old, 0)):
        assert content.html is not None
        assert content.html.count("Se désinscrire") == content.text.count("Se désinscrire") == times
        assert content.html.count("12 rue des Lilas") == content.text.count("12 rue des Lilas") == 1


def test_layout_and_text_with_a_footer_of_their_own_get_none() -> None:
    own = FOOTED.replace("Salut {{ contact.first_name }}", "{{ mail.body }}") % (
        "{{ mail.address }}",
        "mail.unsubscribe",
    )
    said = "Salut\n{{ mail.address }}\nStop: {{ mail.unsubscribe }}"

    page = render(mail(template="a.md", layout="mine"), {"a.md": "Salut", "layouts/mine.html": own})
    text = render(mail(template="a.txt"), {"a.txt": said})

    assert page.html is not None
    assert page.html.count(STOP) == page.text.count(STOP) == 1
    assert text.text == "Salut\n12 rue des Lilas, 75011 Paris\nStop: mailto:stop@biksouv.example\n"


def test_page_puts_the_footer_where_it_wants_it() -> None:
    page = "<html><body><div>{{ mail.footer }}</div><p>Salut</p></body></html>"

    content = render(mail(template="a.html"), {"a.html": page})

    assert content.html is not None
    assert content.html.count("Se désinscrire") == 1
    assert content.html.index("Se désinscrire") < content.html.index("Salut")


@pytest.mark.parametrize(
    "page",
    [
        "<!doctype html><html><head><title>x</title></head><body class='a>b'>{}<p>Salut</p></body></html>",
        "<html><head></head><!--[if mso]><body class='mso'><![endif]--><!--[if !mso]><!--><body><!--<![endif]-->{}Salut",
        "<!doctype html><html lang='fr'><head><title>x</title></head>{}<p>Salut</p>",
        "<!doctype html>{}<p>Salut</p>",
    ],
)
def test_whole_page_hides_its_preheader_before_its_words(page: str) -> None:
    hidden = '<body(?: class="a>b")?>\\s*(?:<!--[^>]*-->)?<div class="preheader" style="display: none;[^>]*>Vite, Léa'
    touch = mail(template="a.html", preheader="Vite, {{ contact.first_name }}")

    added = render(touch, {"a.html": page.replace("{}", "")})
    own = render(touch, {"a.html": page.replace("{}", "<i hidden>{{ mail.preheader }}</i>")})
    without = render(mail(template="a.html"), {"a.html": page.replace("{}", "")})

    assert added.html is not None
    assert own.html is not None
    assert without.html is not None
    assert re.search(hidden, added.html), added.html
    assert added.html.count("Vite, Léa") == own.html.count("Vite, Léa") == 1
    assert 'class="preheader"' not in own.html + without.html
    assert body_of(added) == body_of(own) == "Salut"


def test_text_beside_the_html_template_is_the_text_part() -> None:
    content = render(mail(template="a.html"), {"a.html": "<p>Salut</p>", "a.txt": "Salut, {{ contact.first_name }} !"})

    assert body_of(content) == "Salut, Léa !"


def test_inline_text_is_the_text_part_beside_inline_html() -> None:
    content = render(mail(text="En clair", html="<p>En couleurs</p>"))

    assert body_of(content) == "En clair"
    assert content.html is not None
    assert "En couleurs" in content.html


def test_text_in_the_campaign_file_gets_an_html_part_that_says_the_same() -> None:
    content = render(
        mail(text="Bonjour {{ contact.first_name }}\nÀ <bientôt> *ici*\n\nhttps://biksouv.example/a?b=1&c=2.")
    )

    assert content.html is not None
    assert "Bonjour Léa<br>\nÀ &lt;bientôt&gt; *ici*</p>" in content.html
    assert '<a href="https://biksouv.example/a?b=1&amp;c=2"' in content.html
    assert content.html.count(STOP) == 1
    assert body_of(content) == "Bonjour Léa\nÀ <bientôt> *ici*\n\nhttps://biksouv.example/a?b=1&c=2."
    assert content.text.count(STOP) == 1


def test_a_text_template_makes_a_mail_of_one_part() -> None:
    content = render(mail(template="a.txt"), {"a.txt": "Bonjour {{ contact.first_name }}"})

    assert content.html is None
    assert body_of(content) == "Bonjour Léa"


def test_subject_is_one_line_whatever_the_values_hold() -> None:
    touch = mail(subject="Bonjour {{ contact.first_name }},\n  à {{ contact.city }}", text="x")

    content = render(touch, contact={"first_name": "Léa\r\nBcc: all@example.org", "city": "Paris\u2028!"})

    assert content.subject == "Bonjour Léa Bcc: all@example.org, à Paris !"


@pytest.mark.parametrize(
    ("touch", "message"),
    [
        (mail(subject="{{ contact.city }}", text="x"), "the subject of 'offer-email' is empty"),
        (mail(subject=None, text="x"), "the subject of 'offer-email' is empty"),
        (mail(text="{{ contact.city }}"), "the message is empty"),
        (mail(html="<p>{{ contact.city }}</p>"), "the message is empty"),
        (mail(), "the touch 'offer-email' says nothing"),
    ],
)
def test_empty_message_is_an_error(touch: dict[str, object], message: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(touch)

    assert caught.value.message == message


def test_marketing_mail_without_unsubscribe_link_is_refused() -> None:
    with pytest.raises(RenderError, match="the marketing mail 'offer-email' has no unsubscribe link"):
        render(mail(text="x"), unsubscribe=None)


def test_marketing_mail_without_postal_address_is_refused() -> None:
    with pytest.raises(RenderError, match="the marketing mail 'offer-email' has no postal address"):
        render(mail(text="x"), senders={"email": "bonjour@biksouv.example", "unsubscribe": STOP})


def test_unsubscribe_link_leads_to_a_mailbox_or_the_web_only() -> None:
    with pytest.raises(RenderError, match="cannot link to 'javascript:alert"):
        render(mail(text="x"), unsubscribe="javascript:alert(1)")


def test_transactional_mail_names_the_sender_and_nothing_to_unsubscribe_from() -> None:
    content = render(mail(text="Merci !", purpose="transactional"), unsubscribe=None)

    assert content.text == "Merci !\n\n————————\nBikSouv & Pro · 12 rue des Lilas, 75011 Paris\n"


def test_transactional_mail_needs_no_postal_address() -> None:
    touch = mail(text="Merci !", purpose="transactional")

    content = render(touch, unsubscribe=None, senders={"email": "bonjour@biksouv.example"})

    assert content.text == "Merci !\n"


def test_styles_are_inlined_and_nothing_is_loaded_from_elsewhere() -> None:
    page = (
        "<html><head><link rel='stylesheet' href='https://cdn.example/x.css'><style>p { color: #123456 }"
        " @media (prefers-color-scheme: dark) { p { color: #fff !important } }</style></head>"
        "<body><p class='{{ 'a' if contact.age > 18 else 'b' }}'>x</p></body></html>"
    )

    content = render(mail(template="a.html"), {"a.html": page})

    assert content.html is not None
    assert '<p class="a" style="color: #123456;">x</p>' in content.html
    assert "prefers-color-scheme: dark" in content.html
    assert "cdn.example" not in content.html


def test_rules_that_cannot_be_inlined_stay_in_the_head() -> None:
    page = (
        "<html><head><style>.btn, .btn:hover { color: red } .btn:hover { color: blue !important }"
        " [data-ogsc] .logo { color: green }</style><style data-css-inline='keep'>u + .b { color: gray }</style></head>"
        "<body><a class='btn' href='https://x.example'>x</a></body></html>"
    )

    content = render(mail(template="a.html"), {"a.html": page})

    assert content.html is not None
    head = content.html.partition("</head>")[0]
    assert ".btn:hover { color: blue !important; }" in head
    assert "[data-ogsc] .logo { color: green; }" in head
    assert "u + .b { color: gray; }" in head
    assert ".btn:hover { color: red; }" in head
    assert ".btn { color: red; }" not in head
    assert '<a class="btn" href="https://x.example" style="color: red;">' in content.html


def test_bundled_layouts_carry_no_rules_that_are_not_used() -> None:
    content = render(mail(template="a.md"), {"a.md": "Salut"})

    assert content.html is not None
    assert ".product-name { margin" not in content.html


def test_character_set_stands_within_the_first_bytes() -> None:
    content = render(mail(template="a.md"), {"a.md": "Salut"})

    assert content.html is not None
    assert content.html.index('<meta charset="utf-8">') < 200


def test_class_made_by_the_template_is_seen_by_the_styles() -> None:
    page = (
        "<html><head><style>.vip { color: gold }</style></head><body><p class='{{ contact.kind }}'>x</p></body></html>"
    )

    content = render(mail(template="a.html"), {"a.html": page}, contact={"kind": "vip"})

    assert content.html is not None
    assert '<p class="vip" style="color: gold;">x</p>' in content.html


def test_media_are_carried_over() -> None:
    content = render(mail(text="x", media=[{"file": "media/ring.jpg", "alt": "Bague en or"}]))

    assert content.media == (("media/ring.jpg", "Bague en or"),)


def test_one_renderer_gives_each_reader_their_own_message() -> None:
    template = {"a.md": "# {{ contact.first_name }}\n\n{% if contact.age > 30 %}Vous{% else %}Toi{% endif %}"}

    lea = render(mail(template="a.md"), template, contact={"first_name": "Léa", "age": 29})
    max_ = render(mail(template="a.md"), template, contact={"first_name": "Max", "age": 60})

    assert body_of(lea) == "Léa\n\nToi"
    assert body_of(max_) == "Max\n\nVous"


def test_hash_changes_with_every_part() -> None:
    contents = [
        render(mail(text="x")),
        render(mail(text="y")),
        render(mail(text="x", subject="autre")),
        render(mail(text="x", preheader="autre")),
        render(mail(text="x", html="<p>autre</p>")),
        render(mail(text="x", media=["a.jpg"])),
    ]

    assert len({content.hash for content in contents}) == 6


def test_message_longer_than_one_mebibyte_is_refused() -> None:
    with pytest.raises(RenderError, match="longer than 1 MiB"):
        render(mail(text="{% for n in range(1000) %}" + "é" * 600 + "{% endfor %}"))


def test_html_has_no_mark_left_and_no_private_characters() -> None:
    content = render(mail(template="emails/offer.md", offer="AMOUR30"), {"emails/offer.md": OFFER})

    assert content.html is not None
    assert not re.search("[\ue000-\uf8ff]", content.html + content.text + content.subject)
