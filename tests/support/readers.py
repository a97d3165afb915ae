"""Readers of measured mails, and the programs that read before them: what stands in a mail, and how it is followed."""

from __future__ import annotations

import re
from pathlib import Path

from scheduler.store.database import Store
from scheduler.tokens import Keyring, SignedLinks
from support.doors import PUBLIC, SECRET, Client
from support.shop import Schedule, moment, person, write

START = moment("2027-01-04T09:00:00+01:00")
KEYS = Keyring(SECRET)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BODY = """\
Dear {{ contact.first_name }},

[Rings](https://shop.example/rings?a=1&b=2#top), [chains](https://www.shop.example/chains),
[stones](https://other.example/stones), [yours](https://shop.example/me?who={{ contact.email }}).
"""
MAILING = """
tracking: on
stages:
  - stage: conversion
    kind: conversion
    when: as soon as possible
    touches:
      - {id: offer, channel: email, on: cart_abandoned, when: 1 hour later, subject: Rings, template: emails/rings.md}
      - {id: thanks, channel: email, purpose: transactional, on: clicked, when: 0 minutes later, subject: Hi, text: "x"}
"""


def shop(store: Store, folder: Path, *, text: str = MAILING, body: str = BODY, utm: tuple[str, ...] = ()) -> Schedule:
    """Put a measured mailing in force; Léa and Max agree to be measured, Ana does not."""
    made = Schedule.on(store, START, links=SignedLinks(KEYS, PUBLIC), utm_domains=utm)
    made.know(
        person("lea@example.org", consent=("marketing", "measurement"), first_name="Léa"),
        person("max@example.org", consent=("marketing", "measurement"), first_name="Max"),
        person("ana@example.org", first_name="Ana"),
    )
    made.apply(write(folder, text, **{"emails/rings.md": body}))
    return made


def html_of(schedule: Schedule, who: str = "lea@example.org") -> str:
    """Send somebody the mail, and return what they read; the clock stands when it went."""
    schedule.happens(who, "cart_abandoned")
    hour = schedule.clock.now().replace(minute=0, second=0, microsecond=0)
    schedule.live_until(hour.replace(hour=hour.hour + 1))
    html = schedule.sent()[-1].content.html
    assert html is not None
    return html


def hrefs(html: str) -> list[str]:
    """Return every link of a mail, in order."""
    return re.findall(r'href="([^"]+)"', html)


def clicks(html: str) -> list[str]:
    """Return the links that a reader sees and that pass by the doors, in order."""
    return [href for href in hrefs(html) if "/c/" in href][:-1]


def trap(html: str) -> str:
    """Return the link that no reader sees."""
    return hrefs(html)[-1]


def picture(html: str) -> str:
    """Return the address of the picture."""
    return re.findall(r'src="([^"]+\.gif)"', html)[-1]


def scan(client: Client, html: str) -> list[int]:
    """Do what a security gateway does: fetch every link and picture of a mail; return the statuses."""
    return [
        client.get(address, User_Agent=FIREFOX).status
        for address in [*hrefs(html), picture(html)]
        if address.startswith(PUBLIC)
    ]
