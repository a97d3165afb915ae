"""The small campaigns a simulation lives through, each with the edits that may be made to it, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from scheduler.contacts_csv import ContactRow
from scheduler.project import LoadedCampaign, Project

STARTS = (
    datetime(2027, 3, 26, 9, tzinfo=ZoneInfo("Europe/Paris")),  # two days before an hour is left out
    datetime(2027, 10, 29, 9, tzinfo=ZoneInfo("Europe/Paris")),  # two days before an hour comes twice
    datetime(2027, 6, 1, 20, 30, tzinfo=ZoneInfo("Europe/Paris")),
)
QUIET = (time(21), time(8))
PEOPLE = ("lea", "karim", "nina", "tom", "zoe")
ZONES = {
    "lea": "Europe/Paris",
    "karim": "America/New_York",
    "nina": "Asia/Kathmandu",
    "tom": "",
    "zoe": "Pacific/Auckland",
}
UNDECIDED = "tom"  # never agreed to marketing

_HEAD = """\
campaign: {id}
language: en
country: FR
timezone: {zone}
{fallback}courtesy: {courtesy}
senders:
  email: The Shop <hello@shop.example>
  sms: SHOP
  postal_address: 12 rue des Lilas, 75011 Paris
  unsubscribe: mailto:stop@shop.example
accounts: {{facebook: shop, webhook: crm}}
events: {{cart_abandoned: [cart], refund: [cart]}}
{offers}stages:
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reader of the file knows of a touch, for the invariants; nothing here is asked of the product."""

    channel: str
    marketing: bool = True
    on: str | None = None
    until: str | None = None
    keyed: bool = False  # again: each cart
    repeats: int = 1
    approval: bool = False
    personal: bool = True
    after: tuple[str, ...] = ()  # a step: the messages of the same run that must have ended before it begins
    instead_of: str | None = None  # a step: the event that had to stay away for it
    is_last: bool = False  # a step: nothing of the run comes after it
    hangs_on: str | None = None  # the post it is a comment on, which has to be there before it


@dataclass(frozen=True, slots=True)
class Shape:
    """A campaign: its touches as lines by id, what is known of them, and its courtesy."""

    name: str
    lines: Mapping[str, str]
    touches: Mapping[str, Facts]
    per_contact_zone: bool = False
    quiet: bool = False
    caps: tuple[tuple[int, int], ...] = ()  # times, days
    offers: str = ""
    when: str = "{day1} at {at}"
    removable: tuple[str, ...] = ()
    events: tuple[str, ...] = ("purchase",)

    def text(self, start: datetime, edit: Edit) -> str:
        """Write the file as it is with an edit made to it."""
        courtesy = ", ".join(
            (
                "quiet_hours: 21:00-08:00" if self.quiet else "quiet_hours: none",
                f"caps: [{', '.join(f'{times} per {_unit(days)}' for times, days in self.caps)}]"
                if self.caps
                else "caps: none",
            )
        )
        days = {f"day{number}": (start + timedelta(days=number)).strftime("%-d %B").lower() for number in range(1, 6)}
        values = {**days, "at": "15:00" if edit.retimed else "10:00", "words": f"words {edit.words}"}
        values["today"] = start.strftime("%-d %B").lower()
        head = _HEAD.format(
            id=f"sim-{self.name}",
            zone="contact" if self.per_contact_zone else "Europe/Paris",
            fallback="fallback_timezone: Europe/Paris\n" if self.per_contact_zone else "",
            courtesy="{" + courtesy + "}",
            offers=self.offers.format(**values) if self.offers else "",
        )
        body = f"  - stage: one\n    kind: conversion\n    when: {self.when.format(**values)}\n    touches:\n"
        for name, line in self.lines.items():
            if name == edit.without:
                continue
            moved = f", moved: {name}" if edit.renamed else ""
            steps = {step: edit.id(step) + (f", moved: {step}" if edit.renamed else "") for step in _steps_of(self)}
            steps["other"] = edit.id("last")
            body += "      - {id: " + edit.id(name) + moved + ", " + line.format(**values, **steps) + "}\n"
        return head + body


@dataclass(frozen=True, slots=True)
class Edit:
    """A version of a file: which wording, whether moved to another hour or renamed, which touch is taken out."""

    words: int = 1
    retimed: bool = False
    without: str = ""
    renamed: bool = False

    def id(self, touch: str) -> str:
        """Return what a touch is called in this version."""
        return f"{touch}-b" if self.renamed else touch


def _steps_of(shape: Shape) -> tuple[str, ...]:
    return tuple(name for name, facts in shape.touches.items() if facts.after)


def _unit(days: int) -> str:
    return {1: "day", 7: "week"}[days]


_SMS = 'channel: sms, text: "{{{{ contact.first_name }}}}, {words}"'
_MAIL = 'channel: email, subject: "On", text: "{words}"'
_THANKS = 'channel: sms, purpose: transactional, on: purchase, when: 5 minutes later, text: "{words}"'

SHAPES: tuple[Shape, ...] = (
    Shape(
        "zones",
        {"hello": _SMS, "again": _SMS + ', when: "{day2} at 11:00"'},
        {"hello": Facts("sms"), "again": Facts("sms")},
        per_contact_zone=True,
        quiet=True,
        removable=("again",),
    ),
    Shape(
        "spread",
        {"wave": _SMS + ", pick: spread", "post": 'channel: facebook, text: "{words}", first_comment: "below {words}"'},
        {
            "wave": Facts("sms"),
            "post": Facts("facebook", marketing=False, personal=False),
            "post.comment": Facts("facebook", marketing=False, personal=False, hangs_on="post"),
        },
        when="{day1} to {day2}",
        quiet=True,
        caps=((1, 1),),
        removable=("post",),
    ),
    Shape(
        "daily",
        {
            "tip": _SMS + ', repeat: "every day, 3 times", at: "{at}"',
            "twin": _SMS + ', when: "{day1} at {at}"',  # at the moment of the first tip: the cap lets one of them go
        },
        {"tip": Facts("sms", repeats=3), "twin": Facts("sms")},
        when="{day1}",
        caps=((1, 1), (3, 7)),
        removable=("twin",),
    ),
    Shape(
        "cart",
        {
            "cart": _SMS + ", on: cart_abandoned, when: 2 hours later, until: purchase, again: each cart",
            "thanks": _THANKS,
        },
        {
            "cart": Facts("sms", on="cart_abandoned", until="purchase", keyed=True),
            "thanks": Facts("sms", marketing=False, on="purchase"),
        },
        when="as soon as possible",
        quiet=True,
        caps=((1, 1),),
        removable=("cart",),
        events=("cart_abandoned", "cart_abandoned", "purchase"),
    ),
    Shape(
        "nudge",
        {
            "nudge": _SMS + ', on: purchase, when: 3 hours later, repeat: "every 1 day, 3 times", until: refund',
            "hook": 'channel: webhook, on: purchase, when: 1 minute later, text: "{words}"',
        },
        {
            "nudge": Facts("sms", on="purchase", until="refund", repeats=3),
            "hook": Facts("webhook", marketing=False, on="purchase", personal=False),
        },
        when="as soon as possible",
        removable=("hook",),
        events=("purchase", "purchase", "refund"),
    ),
    Shape(
        "steps",
        {
            "cart": _SMS
            + ", on: cart_abandoned, when: 2 hours later, until: purchase, again: each cart,"
            + " wait_for: {{event: refund, within: 1 day, else: {other}}}, steps: ["
            + "{{id: {why}, when: 1 hour later, channel: sms, text: {words}}},"
            + " {{id: {more}, when: 3 hours later, channel: sms, text: {words}}},"
            + " {{id: {last}, when: 1 hour later, channel: sms, text: {words}}}]",
            "thanks": _THANKS,
        },
        {
            "cart": Facts("sms", on="cart_abandoned", until="purchase", keyed=True),
            "why": Facts("sms", on="cart_abandoned", until="purchase", keyed=True, after=("cart",)),
            "more": Facts(
                "sms", on="cart_abandoned", until="purchase", keyed=True, after=("cart", "why"), is_last=True
            ),
            "last": Facts(
                "sms",
                on="cart_abandoned",
                until="purchase",
                keyed=True,
                after=("cart",),
                instead_of="refund",
                is_last=True,
            ),
            "thanks": Facts("sms", marketing=False, on="purchase"),
        },
        when="as soon as possible",
        removable=("thanks",),
        events=("cart_abandoned", "refund", "cart_abandoned", "purchase"),
    ),
    Shape(
        "launch",
        {
            "launch": _SMS
            + ", until: purchase, wait_for: {{event: refund, within: 1 day, else: {other}}}, steps: ["
            + "{{id: {why}, when: 1 hour later, channel: sms, text: {words}}},"
            + " {{id: {more}, when: 3 hours later, channel: sms, text: {words}}},"
            + " {{id: {last}, when: 1 hour later, channel: sms, text: {words}}}]",
            "thanks": _THANKS,
        },
        {
            "launch": Facts("sms", until="purchase"),
            "why": Facts("sms", until="purchase", after=("launch",)),
            "more": Facts("sms", until="purchase", after=("launch", "why"), is_last=True),
            "last": Facts("sms", until="purchase", after=("launch",), instead_of="refund", is_last=True),
            "thanks": Facts("sms", marketing=False, on="purchase"),
        },
        removable=("thanks",),
        events=("refund", "purchase", "refund"),
    ),
    Shape(
        "approval",
        {
            "offer": _SMS + ", approval: required",
            "call": 'channel: call, when: "{day1} at 09:00", text: "Call the printer, {words}"',
        },
        {"offer": Facts("sms", approval=True), "call": Facts("call", marketing=False, personal=False)},
        caps=((1, 1),),
        removable=("call",),
    ),
    Shape(
        "offer",
        {
            "deal": _MAIL + ', offer: TEN, max_late: 3 hours, when: "{today} at 21:30"',
            "last": _SMS + ", offer: TEN, max_late: 1 hour, on_late: ask",
        },
        {"deal": Facts("email"), "last": Facts("sms")},
        offers="offers: {{TEN: {{terms: ten percent off, from: one, until: {day2}}}}}\n",
        removable=("last",),
    ),
    Shape(
        "hooks",
        {
            "crm": 'channel: webhook, text: "{words}"',
            "mail": _MAIL + ', when: "{day1} at 10:05"',
            "thanks": _THANKS,
        },
        {
            "crm": Facts("webhook", marketing=False, personal=False),
            "mail": Facts("email"),
            "thanks": Facts("sms", marketing=False, on="purchase"),
        },
        caps=((1, 1),),
        removable=("crm",),
    ),
)
_FOLDER = TemporaryDirectory(prefix="simulated-")
BY_NAME = {shape.name: shape for shape in SHAPES}


@cache
def load(name: str, start: datetime, edit: Edit) -> LoadedCampaign:
    """Load a version of a shape as the command line does; kept, since it never changes."""
    folder = Path(_FOLDER.name)
    path = folder / f"{name}.yaml"
    path.write_text(BY_NAME[name].text(start, edit), encoding="utf-8")
    return Project(folder).load(path)


def person(name: str) -> ContactRow:
    """Return one of the people as an import brings them."""
    number = PEOPLE.index(name)
    return ContactRow(
        line=number + 1,
        ref=name,
        email=f"{name}@example.org",
        phone=f"+3361234567{number}",
        first_name=name.capitalize(),
        timezone=ZONES[name],
        consent=() if name == UNDECIDED else ("marketing",),
    )


def zone_of(name: str) -> str:
    """Return the zone a person lives in, as the campaigns here read it."""
    return ZONES[name] or "Europe/Paris"
