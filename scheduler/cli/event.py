"""`campaign event`: tell what a person did, one event on the command line or many as NDJSON on stdin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from campaigns.errors import CampaignError, Place
from scheduler.cli import database, exits, findings, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_moment
from scheduler.cli.output import Span
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.catalog import Catalog
    from scheduler.events_file import EventLine
    from scheduler.operations.people import EventResult
    from scheduler.store.database import Store


@click.command(
    "event",
    cls=CampaignCommand,
    examples=(
        ("campaign event lea@example.org purchase --value 240", "Léa bought something"),
        ("campaign event lea@example.org cart_abandoned --key cart=17", "one run for each cart"),
        ("shop-export | campaign event -", "NDJSON, one event a line"),
    ),
)
@click.argument("who", required=False, help="E-mail address, phone or customer number; - reads NDJSON from stdin.")
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
    *,
    who: str | None,
    name: str | None,
    at: str | None,
    key: str | None,
    pairs: tuple[str, ...],
    value: str | None,
    url: str | None,
) -> int:
    """Tell what a person did; touches that wait for it are planned, goals stop theirs."""
    from scheduler.catalog import Catalog
    from scheduler.events_file import EventLine

    piped = who is None and not sys.stdin.isatty()
    if who == "-" or piped:
        if name or at or key or pairs or value:
            raise click.UsageError("with NDJSON on stdin everything stands in its lines")
        with database.opened(session, url) as store:
            return _stream(session, store, Catalog())
    if who is None or name is None:
        raise click.UsageError("say who did what, e.g. campaign event lea@example.org purchase")
    facts = dict(_pair(pair) for pair in pairs)
    if value is not None:
        facts["value"] = _number(value)
    with database.opened(session, url) as store:
        moment = read_moment(at, telling.zone_of(store)) if at else None
        event = EventLine(line=0, who=who, name=name, at=moment, key=key, facts=facts)
        _show(session, event, _record(session, store, Catalog(), event))
    return exits.DONE


def _stream(session: Session, store: Store, catalog: Catalog) -> int:
    """Record the lines of stdin as they come, each in a transaction; a line that is refused does not stop the others.

    Ends with 1 when any was refused; the same lines again do no harm where they carry an `id`.
    """
    from scheduler import events_file

    zone = telling.zone_of(store) or "UTC"
    refused = 0
    for number, raw in enumerate(sys.stdin.buffer, 1):
        if not raw.strip():
            continue
        try:
            event = events_file.read_line(number, _decoded(raw, number), source="stdin", zone=zone)
            result = _record(session, store, catalog, event)
        except CampaignError as error:
            refused += 1
            _refuse(session, error, number)
        else:
            _show(session, event, result)
    return exits.FAILED if refused else exits.DONE


def _decoded(raw: bytes, line: int) -> str:
    try:
        return raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError:
        raise SchedulerError("the line is not UTF-8", place=Place("stdin", line)) from None


def _record(session: Session, store: Store, catalog: Catalog, event: EventLine) -> EventResult:
    from scheduler.clock import SystemClock
    from scheduler.operations import people

    # A pipe may stay open for days: each event is of the moment it arrives.
    now = telling.now(session, store) if session.now_text is not None else SystemClock().now()
    return people.record_event(
        store,
        catalog,
        who=event.who,
        name=event.name,
        at=event.at,
        key=event.key,
        facts=event.facts,
        now=now,
    )


def _refuse(session: Session, error: CampaignError, line: int) -> None:
    if session.json:
        nothing = {"accepted": False, "duplicate": False, "started": [], "cancelled": []}
        session.screen.record({**nothing, **findings.error_json(error), "line": line})
        return
    place = "" if error.place else f"stdin:{line}: "
    session.screen.warn(Span("error: ", "error"), f"{place}{error}")


def _show(session: Session, event: EventLine, result: EventResult) -> None:
    screen = session.screen
    if session.json:
        screen.record(
            {
                "accepted": result.accepted,
                "duplicate": result.duplicate,
                "started": list(result.started),
                "cancelled": list(result.cancelled),
            }
        )
        return
    if session.plain:
        word = "duplicate" if result.duplicate else "accepted"
        screen.rows([[event.who, event.name, word, ",".join(result.started), ",".join(result.cancelled)]])
        return
    if result.duplicate:
        screen.line(f"{event.name} of {event.who}: known already, nothing changed")
        return
    screen.line(f"{event.name} of {event.who}: accepted")
    for touch in result.started:
        screen.line("  starts   ", Span(touch, "add"))
    for touch in result.cancelled:
        screen.line("  cancels  ", Span(touch, "cancel"))


def _pair(text: str) -> tuple[str, object]:
    from scheduler.contacts_csv import fact

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.BadParameter(f"cannot read {text!r}, expected NAME=VALUE such as cart=17", param_hint="--key")
    return name, fact(value)


def _number(text: str) -> object:
    from scheduler.contacts_csv import fact

    number = fact(text)
    if isinstance(number, (bool, str, tuple)):
        raise click.BadParameter(f"cannot read {text!r} as an amount, expected e.g. 240 or 89.90", param_hint="--value")
    return number
