"""What rendering in a process of its own costs: the reference mail inline and through the pool, and where time goes.

Run it with `uv run python tests/benchmarks/render_pool.py`; it prints medians and limits, and ends with 1 when a limit
is broken. The mail: a subject, 2.8 KB of HTML with layout, macro, loop and links, and 1.4 KB of text.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from time import clock_gettime, perf_counter, process_time

from campaigns.definition import Campaign, Stage, Touch
from campaigns.loader import restore
from campaigns.rendering import Content, Renderer, facts
from scheduler.rendering import wire
from scheduler.rendering.base import Job
from scheduler.rendering.inline import InlineRenderer
from scheduler.rendering.pool import PoolRenderer

MAILS = 400
ROUNDS = 25
TOGETHER = 200  # messages that the worker claims at a time

LAYOUT = """<!doctype html>
<html lang="fr"><head><title>{{ mail.subject }}</title>
<style>h1 { font-size: 22px } .b { color: #b3123f } td { padding: 4px }</style></head>
<body><table>{{ mail.body }}</table>{{ mail.footer }}</body></html>
"""
HTML = """{% macro row(item, place) %}<tr><td>{{ place }}</td>
<td><a class="b" href="https://shop.example/p/{{ item.id }}?who={{ contact.id }}">{{ item.name }}</a></td>
<td>{{ item.price }}</td></tr>
{% endmacro %}
<tr><td colspan="3"><h1>Bonjour {{ contact.first_name }}</h1>
<p>Votre commande est partie, et voici ce qui pourrait vous plaire ensuite, choisi pour vous par notre atelier.</p>
</td></tr>
{% for item in event.items %}{{ row(item, loop.index) }}{% endfor %}
<tr><td colspan="3"><p>Merci, {{ contact.first_name }}, et a bientot dans notre boutique de {{ contact.city }}. Nous
sommes ouverts du mardi au samedi, de dix heures a dix-neuf heures, et chaque jour en decembre.</p>
<p><a href="https://shop.example/hours">Horaires</a> - <a href="https://shop.example/contact">Contact</a></p></td></tr>
"""
TEXT = """Bonjour {{ contact.first_name }},

Votre commande est partie, et voici ce qui pourrait vous plaire ensuite, choisi pour vous par notre atelier.

{% for item in event.items %}{{ loop.index }}. {{ item.name }}, pour {{ item.price }}
   https://shop.example/p/{{ item.id }}?who={{ contact.id }}
{% endfor %}

Chaque bague est faite a la main, et garantie deux ans. Si la taille ne va pas, renvoyez-la sous trente jours :
l'echange ne coute rien, et le remboursement arrive en trois jours.

Merci, {{ contact.first_name }}, et a bientot dans notre boutique de {{ contact.city }}. Nous sommes ouverts du mardi
au samedi, de dix heures a dix-neuf heures, et chaque jour en decembre.

Horaires : https://shop.example/hours
Contact  : https://shop.example/contact
"""
WRITTEN = {
    "campaign": "reference",
    "language": "fr",
    "country": "FR",
    "timezone": "Europe/Paris",
    "senders": {
        "email": "Boutique <bonjour@shop.example>",
        "postal_address": "12 rue des Lilas, 75011 Paris",
        "unsubscribe": "mailto:stop@shop.example",
    },
    "stages": [
        {
            "stage": "after",
            "kind": "loyalty",
            "touches": [
                {
                    "id": "mail",
                    "channel": "email",
                    "subject": "{{ contact.first_name }}, une idee pour vous",
                    "template": "mail.html",
                    "layout": "own",
                }
            ],
        }
    ],
}
TEMPLATES = {"layouts/own.html": LAYOUT, "mail.html": HTML, "mail.txt": TEXT}


class Reference:
    """The campaign of the reference mail, as the catalogue would hand it out."""

    id, edition, revision = "reference", "2027", 1

    def __init__(self) -> None:
        self.campaign: Campaign = restore(WRITTEN)
        self.definition = self.campaign.model_dump(mode="json", by_alias=True)
        self.templates = TEMPLATES
        self.renderer = Renderer(self.campaign, TEMPLATES)

    def find(self, touch_id: str) -> tuple[Stage, Touch] | None:
        return next((found for found in self.campaign.touches() if found[1].id == touch_id), None)

    def warm(self) -> None:
        self.renderer.prepare()

    def job(self, person: int) -> Job:
        """Return the mail of one person: her own name, eight products of her own."""
        ((stage, touch),) = self.campaign.touches()
        items = [
            {"id": 31 * person + number, "name": f"Bague Aurore {person % 97}-{number}", "price": f"{19 + number},50 €"}
            for number in range(8)
        ]
        given = facts(
            self.campaign,
            stage,
            touch,
            contact={"id": person, "first_name": f"Lea{person}", "last_name": "Martin", "city": "Paris"},
            event={"id": person, "at": datetime(2027, 1, 20, 8, 30, tzinfo=UTC), "items": items},
            offer=None,
            now=datetime(2027, 1, 21, 8, 30, tzinfo=UTC),
            zone="Europe/Paris",
            unsubscribe="mailto:stop@shop.example",
            edition="2027",
            occasion_on=date(2027, 2, 14),
        )
        return Job(self, "mail", given)


async def rate(renderer: InlineRenderer | PoolRenderer, jobs: list[Job]) -> tuple[float, float, float]:
    """Return (messages a second, microseconds of processor time a message here, and in the renderer's process)."""
    pids = renderer.pids if isinstance(renderer, PoolRenderer) else ()
    began, here, there = perf_counter(), process_time(), sum(map(used_by, pids))
    for start in range(0, len(jobs), TOGETHER):
        answers = await renderer.render(jobs[start : start + TOGETHER])
        assert all(isinstance(answer, Content) for answer in answers)
    took = perf_counter() - began
    each = 1e6 / len(jobs)
    return len(jobs) / took, (process_time() - here) * each, (sum(map(used_by, pids)) - there) * each


def used_by(pid: int) -> float:
    """Return the seconds of processor time of another process: Linux' clock of its number."""
    return clock_gettime((~pid << 3) | 2)


def each(jobs: list[Job], work: Callable[[Job], object]) -> float:
    """Return the microseconds of processor time that `work` takes for a job."""
    began = process_time()
    for job in jobs:
        work(job)
    return (process_time() - began) / len(jobs) * 1e6


async def started(jobs: list[Job]) -> float:
    """Return the seconds to the first answer of a new pool."""
    pool, began = PoolRenderer(), perf_counter()
    await pool.render(jobs[:1])
    seconds = perf_counter() - began
    await pool.close()
    return seconds


async def measure() -> int:
    """Print the figures; return 1 when a limit is broken."""
    reference = Reference()
    jobs = [reference.job(person) for person in range(MAILS)]
    inline, pool = InlineRenderer(), PoolRenderer()
    (first,) = await inline.render(jobs[:1])
    assert isinstance(first, Content)
    print(f"the mail: {len(first.html or '')} characters of HTML, {len(first.text)} of text")
    start = statistics.median([await started(jobs) for _ in range(5)])
    await pool.render(jobs[:1])
    rounds = [(await rate(inline, jobs), await rate(pool, jobs)) for _ in range(ROUNDS)]
    await pool.close()
    speed, single = (statistics.median(here[which] for here, _ in rounds) for which in (0, 1))
    pooled, daemon, child = (statistics.median(there[which] for _, there in rounds) for which in (0, 1, 2))
    faster = statistics.median(there[0] / here[0] for here, there in rounds)
    dearer = statistics.median(there[2] / here[1] for here, there in rounds)
    text = wire.job("mail", jobs[0].facts)
    line = wire.frame(f"[{wire.written(first)}]")
    inbox = wire.Inbox(wire.MAX_ANSWERS)
    print(f"inline             {speed:8,.0f} mails/s, {single:6,.0f} us of processor time a mail")
    print(f"pool, one process  {pooled:8,.0f} mails/s, {faster:.2f} of inline")
    print(f"  its process      {child:8,.0f} us of processor time a mail, {dearer:.2f} of inline (limit 1.15)")
    print(f"    answer to JSON {each(jobs, lambda _: wire.written(first)):8,.0f} us")
    print(f"    facts from JSON{each(jobs, lambda _: json.loads(text)):8,.0f} us")
    print(f"  the daemon       {daemon:8,.0f} us a mail")
    print(f"    facts to JSON  {each(jobs, lambda job: wire.job(job.touch, job.facts)):8,.0f} us")
    print(f"    answer from it {each(jobs, lambda _: [wire.read(v[0]) for v in inbox.take(line)]):8,.0f} us")
    print(f"first answer       {start * 1e3:8,.0f} ms, with the start of the process")
    return 0 if dearer <= 1.15 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(measure()))
