"""`campaign event`: tell what a person did, one event on the command line or many as NDJSON on stdin."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from campaigns.errors import CampaignError, Place
from scheduler.cli import database, exits, findings, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_moment
from scheduler.cli.output import Span
from scheduler.errors import ConflictError, SchedulerError, StorageError

if TYPE_CHECKING:
    from scheduler.catalog import Catalog
    from scheduler.events_file import EventLine
    from scheduler.operations.happenings import EventResult
    from scheduler.store.database import Store


@click.command(
    "event",
    cls=CampaignCommand,
    examples=(
        ("campaign event lea@example.org purchase --value 240", "Léa bought something"),
        ("campaign event lea@example.org cart_abandoned --key cart=17", "one run for each cart"),
        ("shop-export | campaign event --file -", "NDJSON, one event a line, a verdict for each"),
    ),
)
@click.argument("who", required=False, help="E-mail address, phone or customer number; - reads NDJSON from stdin.")
@click.argument("name", required=False, help="What happened, e.g. purchase.")
@click.option(
    "--file",
    "file",
    type=click.Path(allow_dash=True, dir_okay=False),
    metavar="NDJSON",
    help="Many events, one JSON object a line; - reads stdin, and so does - for WHO.",
)
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
    file: str | None,
    at: str | None,
    key: str | None,
    pairs: tuple[str, ...],
    value: str | None,
    url: str | None,
) -> int:
    """Tell what a person did; touches that wait for it are planned, goals stop theirs."""
    from scheduler.catalog import Catalog
    from scheduler.events_file import EventLine

    if file is None and (who == "-" or (who is None and not sys.stdin.isatty())):
        file, who = "-", None
    if file is not None:
        if who or name or at or key or pairs or value:
            where = "on stdin" if file == "-" else "in a file"
            raise click.UsageError(f"with NDJSON {where} everything stands in its lines")
        with database.opened(session, url) as store, _lines(file) as lines:
            return _stream(session, store, Catalog(), lines, "stdin" if file == "-" else file)
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


@contextmanager
def _lines(file: str) -> Iterator[BinaryIO]:
    """Open the lines to be read; stdin stays open."""
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as lines:
            yield lines
    except OSError as error:
        raise SchedulerError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from None


def _stream(session: Session, store: Store, catalog: Catalog, lines: Iterable[bytes], source: str) -> int:
    """Record lines as they come, each in a transaction; a line that is refused does not stop the others.

    Ends with 1 when any was refused; the same lines again do no harm where they carry an `id`.
    """
    from scheduler import events_file

    zone = telling.zone_of(store) or "UTC"
    refused = 0
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            event = events_file.read_line(number, _decoded(raw, source, number), source=source, zone=zone)
            result = _record(session, store, catalog, event)
        except StorageError:
            raise  # no line is to blame, and none after it would fare better
        except CampaignError as error:
            refused += 1
            _refuse(session, error, source, number)
        else:
            _show(session, event, result, line=number)
    return exits.FAILED if refused else exits.DONE


def _decoded(raw: bytes, source: str, line: int) -> str:
    try:
        return raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError:
        raise SchedulerError("the line is not UTF-8", place=Place(source, line)) from None


def _record(session: Session, store: Store, catalog: Catalog, event: EventLine) -> EventResult:
    from scheduler.clock import SystemClock
    from scheduler.operations import happenings

    # A pipe may stay open for days: each event is of the moment it arrives.
    now = telling.now(session, store) if session.now_text is not None else SystemClock().now()
    return happenings.record_event(
        store,
        catalog,
        who=event.who,
        name=event.name,
        at=event.at,
        key=event.key,
        facts=event.facts,
        now=now,
    )


def _refuse(session: Session, error: CampaignError, source: str, line: int) -> None:
    if session.json:
        nothing = {"accepted": False, "duplicate": False, "started": [], "cancelled": []}
        conflict = isinstance(error, ConflictError)
        session.screen.record({**nothing, "conflict": conflict, **findings.error_json(error), "line": line})
        return
    place = "" if error.place else f"{source}:{line}: "
    session.screen.warn(Span("error: ", "error"), f"{place}{error}")


def _show(session: Session, event: EventLine, result: EventResult, *, line: int | None = None) -> None:
    screen = session.screen
    if session.json:
        screen.record(result.document() if line is None else {**result.document(), "line": line})
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
