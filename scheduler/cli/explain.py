"""`campaign explain`: when one message to one person will go or went, or exactly why not; every rule with its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Cell, Span

if TYPE_CHECKING:
    from datetime import datetime

    from scheduler.operations.explaining import Explanation
    from scheduler.operations.reasoning import Line

_MARKS = {True: Span("✓", "good"), False: Span("✗", "error"), None: Span("·", "faint")}
_PLAIN = {True: "yes", False: "no", None: ""}


@click.command(
    "explain",
    cls=CampaignCommand,
    examples=(
        ("campaign explain lea@example.org offer-email", "will it reach her, and when"),
        ("campaign explain '#17' valentines/offer-email --json", "for a program"),
    ),
)
@click.argument("who", help="E-mail address, phone, customer number or #number.")
@click.argument("touch", help="A touch, or campaign/touch.")
@click.option("--show-contacts", is_flag=True, help="Addresses, names and numbers in full.")
@database.option
@common
def command(session: Session, *, who: str, touch: str, show_contacts: bool, url: str | None) -> int:
    """Explain when a message will go or went, or exactly why not. Nothing is sent and nothing is changed."""
    from scheduler.catalog import Catalog
    from scheduler.operations import explaining

    with database.opened(session, url) as store:
        now = telling.now(session, store)
        found = explaining.explain(store, Catalog(), who, touch, now=now, show_contacts=show_contacts)
    screen = session.screen
    if session.json:
        screen.json(_document(found, show=show_contacts))
    elif session.plain:
        screen.rows([("verdict", "yes" if found.verdict.goes else "no", sentence(found, now))])
        screen.rows((line.rule, _PLAIN[line.passes], line.value) for line in found.lines)
    else:
        _show(session, found, now, show=show_contacts)
    return exits.DONE


def sentence(found: Explanation, now: datetime) -> str:
    """Return the verdict in one sentence."""
    verdict, zone = found.verdict, found.zone
    if verdict.over:
        at = telling.told(verdict.at or now, zone, year=True)
        why = f": {verdict.reason}" if verdict.reason else ""
        if verdict.goes:
            return f"sent {at}{why}"
        return f"{verdict.state} {at}{why}"
    expected = verdict.expected_at
    if verdict.goes and expected is not None:
        if expected <= now:
            return "goes now, as soon as a daemon looks"
        return f"will go {telling.told(expected, zone, year=True)}, if nothing changes until then"
    if verdict.state == "planned":
        if expected is not None:
            return f"{verdict.reason}; will go {telling.told(expected, zone, year=True)}, if nothing changes until then"
        return f"will not go while this holds: {verdict.reason}"
    still = "as things stand, it " if verdict.at is not None and verdict.at > now else ""
    return f"{still}will not go: {verdict.reason} ({verdict.state})"


def _show(session: Session, found: Explanation, now: datetime, *, show: bool) -> None:
    screen = session.screen
    who = telling.masked(found.address, show=show)
    title = f"{found.campaign}/{found.touch} by {found.channel} to {who}"
    screen.paragraph(Span(title, "title"), indent=2)
    screen.line()
    width = max((len(line.rule) for line in found.lines), default=0)
    for line in found.lines:
        _line(session, line, width)
    if found.others:
        screen.line()
        screen.line(Span("others of this touch", "faint"))
        rows: list[list[Cell]] = [
            ["  ", telling.told(one.at, found.zone, year=True, align=True), one.state, one.occurrence, one.reason]
            for one in found.others
        ]
        screen.columns(rows)
    screen.line()
    style = "good" if found.verdict.goes else "warning"
    screen.paragraph(Span(sentence(found, now), style), indent=2)


def _line(session: Session, line: Line, width: int) -> None:
    mark = _MARKS[line.passes]
    session.screen.paragraph(mark, " ", Span(line.rule.ljust(width), "faint"), "  ", line.value, indent=width + 4)


def _document(found: Explanation, *, show: bool) -> dict[str, object]:
    verdict = found.verdict

    def local(at: datetime | None) -> datetime | None:
        return None if at is None else telling.local(at, found.zone)

    return {
        "contact": found.contact,
        "who": telling.masked(found.address, show=show),
        "campaign": found.campaign,
        "edition": found.edition,
        "touch": found.touch,
        "channel": found.channel,
        "occurrence": found.occurrence,
        "timezone": found.zone,
        "verdict": {
            "state": verdict.state,
            "goes": verdict.goes,
            "over": verdict.over,
            "at": local(verdict.at),
            "reason": verdict.reason,
            "next_at": local(verdict.next_at),
            "expected_at": local(verdict.expected_at),
        },
        "rules": [{"rule": line.rule, "value": line.value, "passes": line.passes} for line in found.lines],
        "others": [
            {"occurrence": one.occurrence, "state": one.state, "at": local(one.at), "reason": one.reason}
            for one in found.others
        ],
    }
