"""`campaign event`: tell what a person did, one event on the command line or many as NDJSON on stdin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_moment

if TYPE_CHECKING:
    from scheduler.operations.people import EventResult


@click.command(
    "event",
    cls=CampaignCommand,
    examples=(
        ("campaign event lea@example.org purchase --value 240", "Léa bought something"),
        ("campaign event lea@example.org cart_abandoned --key cart=17", "one run for each cart"),
        ("shop-export | campaign event -", "one JSON object a line"),
    ),
)
@click.argument("who", help="E-mail address, phone number or customer number; - reads NDJSON from stdin.")
@click.argument("name", required=False, help="What happened, e.g. purchase.")
@click.option("--at", metavar="WHEN", help="When it happened (default: now).")
@click.option("--id", "key", metavar="KEY", help="Your id of the event: the same id again has no second effect.")
@click.option(
    "--key", "pairs", metavar="K=V", multiple=True, help="A fact of the event, e.g. cart=17; may be repeated."
)
@click.option("--value", metavar="AMOUNT", help="What it was worth; the fact `value`.")
@database.option
@common
def command(
    session: Session,
    who: str,
    name: str | None,
    at: str | None,
    key: str | None,
    pairs: tuple[str, ...],
    value: str | None,
    url: str | None,
) -> int:
    """Tell what a person did; touches that wait for it are planned, goals stop theirs."""
    if who == "-":
        return _stream(session, url)
    if name is None:
        raise click.UsageError("say what happened, e.g. campaign event lea@example.org purchase")
    facts = dict(_pair(pair) for pair in pairs)
    if value is not None:
        facts["value"] = _number(value)
    now = session.now()
    result = _record(session, url, who, name, read_moment(at) if at else now, key, facts)
    _show(session, who, name, result)
    return exits.DONE


def _stream(session: Session, url: str | None) -> int:
    from scheduler import events_file

    lines = events_file.read(sys.stdin, source="stdin", zone="UTC")
    now = session.now()
    for line in lines:
        result = _record(session, url, line.who, line.name, line.at or now, line.key, dict(line.facts))
        _show(session, line.who, line.name, result)
    return exits.DONE


def _record(
    session: Session, url: str | None, who: str, name: str, at: object, key: str | None, facts: dict[str, object]
) -> EventResult:
    from datetime import datetime

    from scheduler.catalog import Catalog
    from scheduler.operations import people

    assert isinstance(at, datetime)
    with database.opened(session, url) as store:
        return people.record_event(store, Catalog(), who=who, name=name, at=at, key=key, facts=facts, now=session.now())


def _show(session: Session, who: str, name: str, result: EventResult) -> None:
    screen = session.screen
    document = {
        "accepted": result.accepted,
        "duplicate": result.duplicate,
        "started": list(result.started),
        "cancelled": list(result.cancelled),
    }
    if session.json:
        screen.record(document)
        return
    if session.plain:
        screen.rows([[who, name, "duplicate" if result.duplicate else "accepted", *result.started]])
        return
    if result.duplicate:
        screen.line(f"{name} of {who}: known already, nothing changed")
        return
    screen.line(f"{name} of {who}: accepted")
    for touch in result.started:
        screen.line("  starts   ", touch)
    for touch in result.cancelled:
        screen.line("  cancels  ", touch)


def _pair(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.BadParameter(f"cannot read {text!r}, expected NAME=VALUE such as cart=17", param_hint="--key")
    return name, value


def _number(text: str) -> object:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        raise click.BadParameter(f"cannot read {text!r} as an amount", param_hint="--value") from None
