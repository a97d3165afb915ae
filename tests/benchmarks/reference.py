"""The reference mail: a nudge to buy again with products, past orders, tracked links and foreign letters.

About 10 KB of HTML before its styles are inlined and 13 KB after, 1.7 KB of text: a layout, a macro, 8 products, 5
orders with their lines, six filters, nine links of one's own, names with accents and with markup in them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from campaigns.definition import Campaign, Stage, Touch
from campaigns.loader import restore
from campaigns.rendering import Renderer, common_facts, facts
from scheduler.rendering.base import Job

SUBJECT = "{{ contact.first_name | title }}, il est temps de refaire le plein"
LAYOUT = """<!doctype html>
<html lang="{{ mail.language }}"><head><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ mail.subject }}</title>
<style>
body { margin: 0; background-color: #f3f4f6; } table { border-collapse: collapse; }
.sheet { width: 600px; font-family: Georgia, serif; font-size: 16px; line-height: 1.5; color: #1f2430; }
h1 { font-size: 26px; color: #14171f; margin: 0 0 16px 0; } h2 { font-size: 19px; margin: 24px 0 8px 0; }
p { margin: 0 0 14px 0; } td { padding: 6px; vertical-align: top; } .price { color: #b3123f; font-weight: 700; }
.name { color: #1d4ed8; text-decoration: none; } .button { padding: 10px 20px; background-color: #b3123f; color: #fff; }
.small { font-size: 13px; color: #5b6272; } .footer { font-size: 12px; color: #5b6272; } .footer a { color: #5b6272; }
@media (max-width: 480px) { .sheet { width: 100% !important; } }
@media (prefers-color-scheme: dark) { body { background-color: #0f1115 !important; } }
</style></head>
<body>{% if mail.preheader %}<div style="display: none">{{ mail.preheader }}</div>{% endif %}
<table class="sheet" role="presentation"><tr><td><p class="small">{{ mail.brand }}</p></td></tr>
<tr><td>{{ mail.body }}</td></tr><tr><td>{{ mail.footer }}</td></tr></table></body></html>
"""
HTML = """{% macro product(item, place) %}
<tr><td class="small">{{ place }}</td>
<td><a href="{{ item.link }}"><img src="https://cdn.shop.example/p/{{ item.id }}.jpg" width="72" height="72"
 alt="{{ item.name }}"></a></td>
<td><a class="name" href="{{ item.link }}">{{ item.name }}</a><br><span class="small">{{ item.note | truncate(60) }}</span></td>
<td class="price">{{ item.price | money('EUR') }}</td></tr>
{% endmacro %}
<h1>Bonjour {{ contact.first_name | title }}</h1>
<p>Votre dernière commande date du {{ contact.last_on | date('long') }}. À votre rythme, le flacon touche à sa fin :
voici ce que vous aviez choisi, et ce qui va bien avec, préparé par notre atelier de {{ contact.city | default('Lyon', true) }}.</p>
{% if offer.code is defined %}<p>Avec le code <strong>{{ offer.code }}</strong> : {{ offer.terms }}.</p>{% endif %}
<h2>À refaire</h2>
<table role="presentation" width="100%">
{% for item in contact.products %}{{ product(item, loop.index) }}{% endfor %}
</table>
<p><a class="button" href="{{ contact.basket }}">Remplir mon panier</a></p>
<h2>Vos commandes</h2>
<table role="presentation" width="100%">
{% for order in contact.orders %}
<tr><td>{{ order.on | date('medium') }}</td><td>{{ order.number }}</td>
<td>{% for line in order.lines %}{{ line.count }} × {{ line.name }}{% if not loop.last %}, {% endif %}{% endfor %}</td>
<td class="price">{{ order.total | money('EUR') }}</td></tr>
{% endfor %}
</table>
{% if contact.points > 100 %}<p>Il vous reste {{ contact.points | number }} points, soit un cadeau à choisir en boutique.</p>
{% else %}<p>Vous avez {{ contact.points | number }} points : encore un effort avant le cadeau.</p>{% endif %}
<p>Chaque flacon est rempli à la main et garanti deux ans. Si le parfum ne va pas, renvoyez-le sous trente jours :
l'échange ne coûte rien, et le remboursement arrive en trois jours. Une question ? Répondez à ce message, nous lisons
tout, et quelqu'un de l'atelier vous répond dans la journée, samedi compris.</p>
<p class="small">Nous sommes ouverts du mardi au samedi, de dix heures à dix-neuf heures, et chaque jour en décembre.
<a href="https://shop.example/horaires">Horaires</a> · <a href="https://shop.example/contact">Contact</a></p>
"""
TEXT = """Bonjour {{ contact.first_name | title }},

Votre dernière commande date du {{ contact.last_on | date('long') }}. Voici ce que vous aviez choisi :

{% for item in contact.products %}{{ loop.index }}. {{ item.name }}, {{ item.price | money('EUR') }}
   {{ item.link }}
{% endfor %}

Remplir mon panier : {{ contact.basket }}

Vos commandes
{% for order in contact.orders %}- {{ order.on | date('medium') }}, {{ order.number }} : {{ order.total | money('EUR') }}
{% endfor %}

Chaque flacon est rempli à la main et garanti deux ans. Si le parfum ne va pas, renvoyez-le sous trente jours.
Horaires : https://shop.example/horaires
"""
WRITTEN = {
    "campaign": "refill",
    "language": "fr",
    "country": "FR",
    "timezone": "Europe/Paris",
    "senders": {
        "email": "Atelier des Lilas <bonjour@shop.example>",
        "postal_address": "12 rue des Lilas, 75011 Paris",
        "unsubscribe": "mailto:stop@shop.example",
    },
    "stages": [
        {
            "stage": "again",
            "kind": "loyalty",
            "touches": [
                {"id": "refill", "channel": "email", "subject": SUBJECT, "template": "refill.html", "layout": "own"}
            ],
        }
    ],
}
TEMPLATES = {"layouts/own.html": LAYOUT, "refill.html": HTML, "refill.txt": TEXT}
NAMES = ("léa", "Zoë", "<script>alert(1)</script>", "Ștefania", "O'Brien", "анна")
GOODS = ("Savon d'Alep", "Huile d'argan bio", "Crème <nuit> & jour", "Eau de Néroli", "Baume à lèvres", "Sérum éclat")


def known(person: int) -> dict[str, object]:
    """Return the facts of one person: a name, eight products and five orders of her own."""
    return {
        "first_name": NAMES[person % len(NAMES)],
        "last_name": f"Martin{person}",
        "city": ("Paris", "Lyon", "")[person % 3],
        "points": 37 * person % 400,
        "last_on": f"2026-{person % 12 + 1:02}-11",
        "basket": f"https://go.shop.example/c/{person:027}",
        "products": [
            {
                "id": person * 8 + number,
                "name": f"{GOODS[(person + number) % len(GOODS)]} {number}",
                "note": "Pour la peau sèche, matin et soir, sans parfum ajouté ni alcool dénaturé",
                "price": 19.5 + (person + number) % 40,
                "link": f"https://go.shop.example/c/{person:012}Ab{number:013}",
            }
            for number in range(8)
        ],
        "orders": [
            {
                "on": f"2026-{number * 2:02}-{person % 28 + 1:02}",
                "number": f"F-{person}-{number}",
                "total": 30.25 * number + person % 50,
                "lines": [
                    {"count": 1 + number % 2, "name": GOODS[(person + line) % len(GOODS)]}
                    for line in range(1 + number % 2)
                ],
            }
            for number in range(1, 6)
        ],
    }


class Reference:
    """The campaign of the reference mail, as the catalogue would hand it out."""

    id, edition, revision = "refill", "2027", 1

    def __init__(self, **options: int) -> None:
        self.campaign: Campaign = restore(WRITTEN)
        self.definition = self.campaign.model_dump(mode="json", by_alias=True)
        self.templates = TEMPLATES
        self.renderer = Renderer(self.campaign, TEMPLATES, **options)  # type: ignore[arg-type]
        self._common = common_facts(self.campaign, "2027", date(2027, 2, 14))

    def find(self, touch_id: str) -> tuple[Stage, Touch] | None:
        return next((found for found in self.campaign.touches() if found[1].id == touch_id), None)

    def warm(self) -> None:
        self.renderer.prepare()

    def job(self, person: int) -> Job:
        """Return the mail of one person."""
        ((stage, touch),) = self.campaign.touches()
        given = facts(
            self.campaign,
            stage,
            touch,
            contact={"id": person, "email": f"p{person}@example.org", **known(person)},
            event=None,
            offer=None,
            now=datetime(2027, 1, 21, 8, 30, tzinfo=UTC),
            zone="Europe/Paris",
            unsubscribe=f"https://go.shop.example/u/{person:027}",
            edition="2027",
            occasion_on=date(2027, 2, 14),
            common=self._common,
        )
        return Job(self, "refill", given)
