"""`campaign when PHRASE`: what a phrase means, from which moment, and the same thing written structurally."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import click

from campaigns.errors import UnresolvedError
from campaigns.timing.meanings import Production
from campaigns.timing.model import Window
from scheduler.cli import wording
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_moment
from scheduler.cli.output import Screen, Span

LANGUAGES = ("en", "fr", "ro", "ru", "es", "de")
SHOWN_OCCURRENCES = 6


@dataclass(frozen=True, slots=True)
class Meant:
    """What a phrase means: its window and structure, the same in English, the rule that says so, and what to mind."""

    window: Window
    form: Mapping[str, object]
    english: str
    why: Production
    notes: tuple[str, ...]


@click.command(
    "when",
    cls=CampaignCommand,
    examples=(
        ("campaign when 'early january'", "which days, and which one is taken"),
        ("campaign when 'de trois à cinq jours plus tard' --lang fr --previous 2027-01-04", ""),
        ("campaign when '2 days after delivered' --event delivered=2027-02-01T15:00", ""),
    ),
)
@click.argument("phrase", help="The phrase, as it would stand after `when:`.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the phrase.")
@click.option("--country", metavar="CC", help="Country of the occasions and holidays, e.g. FR.")
@click.option("--tz", metavar="ZONE", default="UTC", show_default=True, help="Time zone, e.g. Europe/Paris.")
@click.option("--start", metavar="T", help="Start of the campaign.")
@click.option("--previous", metavar="T", help="What 'later' counts from: the previous stage.")
@click.option("--event", "events", metavar="[NAME=]T", multiple=True, help="Moment of an event; may be repeated.")
@common
def command(
    session: Session,
    *,
    phrase: str,
    lang: str,
    country: str | None,
    tz: str,
    start: str | None,
    previous: str | None,
    events: tuple[str, ...],
) -> None:
    """Say what a phrase means, and why."""
    from campaigns import when
    from campaigns.definition.vocabulary import EVENTS
    from campaigns.timing import meanings, phrases, structure, zones
    from campaigns.timing.wording import describe

    zones.zone(tz)
    country = country.upper() if country else None
    moments = dict(_event(text, tz) for text in events)
    now = session.now(tz)
    try:
        window = when(
            phrase,
            lang=lang,
            now=now,
            tz=tz,
            country=country,
            start=read_moment(start, tz) if start else None,
            previous=read_moment(previous, tz) if previous else None,
            events=moments,
        )
    except UnresolvedError as error:
        error.remedy = error.remedy or "give it: --previous 2027-01-04, --start or --event NAME=2027-01-04T15:00"
        raise
    names = EVENTS | moments.keys()
    timing = phrases.parse(phrase, language=lang, country=country, events=names, occasions=frozenset())
    form = structure.write(timing)
    meant = Meant(
        window,
        form,
        english=describe(timing) or "",
        why=meanings.production(timing),
        notes=phrases.notes(timing),
    )
    if session.json:
        session.screen.json(_document(phrase, meant))
    elif session.plain:
        session.screen.rows([_row(window)])
    else:
        _show(session.screen, phrase, meant, zone=tz, now=now.astimezone(zones.zone(tz)))


def _event(text: str, zone: str) -> tuple[str, datetime]:
    """Read `delivered=2027-02-01T15:00`, or a moment alone, which is the lone event."""
    name, equals, moment = text.partition("=")
    if not equals:
        return "event", read_moment(text, zone)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise click.BadParameter(f"cannot read {name!r} as the name of an event", param_hint="--event")
    return name, read_moment(moment, zone)


def _document(phrase: str, meant: Meant) -> dict[str, object]:
    window = meant.window
    document: dict[str, object] = {
        "phrase": phrase,
        "earliest": window.earliest,
        "latest": window.latest,
        "target": window.target,
    }
    if window.occurrences:
        document["occurrences"] = list(window.occurrences)
    why = {
        "english": meant.english or None,
        "meaning": meant.why.meaning,
        "source": meant.why.source,
        "moved": window.moved or None,
        "notes": list(meant.notes),
    }
    return {
        **document,
        "says": window.says,
        "why": why,
        "timing": meant.form,
    }


def _row(window: Window) -> list[object]:
    ends = (window.earliest, window.latest, window.target)
    return [*(moment.isoformat() if moment else None for moment in ends), window.says]


def _show(
    screen: Screen,
    phrase: str,
    meant: Meant,
    *,
    zone: str,
    now: datetime,
) -> None:
    window = meant.window
    screen.line(Span(phrase, "title"))
    rows = [
        ("from", wording.moment(window.earliest, year=True, align=True)),
        ("to", wording.moment(window.latest, year=True, align=True) if window.latest else "open"),
        ("goes", wording.moment(window.target, year=True, align=True)),
    ]
    for number, moment in enumerate(window.occurrences[:SHOWN_OCCURRENCES]):
        rows.append(("repeats" if number == 0 else "", wording.moment(moment, year=True, align=True)))
    rows.append(("zone", f"{zone}, seen from {wording.moment(now, year=True)}"))
    if window.says:
        rows.append(("that is", window.says))
    if window.moved:
        rows.append(("moved", window.moved))
    if meant.english and meant.english.casefold() != phrase.casefold():
        rows.append(("in English", meant.english))
    rows.append(("why", f"{meant.why.meaning} ({meant.why.source})"))
    rows.extend(("note", note) for note in meant.notes)
    structure = {name: value for name, value in meant.form.items() if name not in ("phrase", "language")}
    rows.append(("or write", f"when: {flow(structure)}"))
    screen.columns([("", Span(name, "faint"), value) for name, value in rows])


def flow(value: object) -> str:
    """Write a structure as YAML on one line, with quotes only where they are needed."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and not re.fullmatch(r"[^\W\d][\w /.-]*", value):
        return "'" + value.replace("'", "''") + "'"
    return str(value)
