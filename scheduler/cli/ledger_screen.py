"""What `campaign doctor --ledger` shows: each law of the ledger, kept or broken, and by which deliveries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli import database, exits, telling
from scheduler.cli.options import Session
from scheduler.cli.output import Span
from scheduler.cli.wording import count

if TYPE_CHECKING:
    from scheduler.operations.ledger_check import Checked, LedgerReport
    from scheduler.store.database import Store

_INDENT = 7


def check(session: Session, url: str | None) -> int:
    """Check the ledger of the database and show what was found; code 1 when a law is broken."""
    from scheduler.bootstrap import CONNECTIONS
    from scheduler.catalog import Catalog
    from scheduler.operations import ledger_check

    with database.opened(session, url) as store:
        newest, attempts = _mark(session, store)
        report = ledger_check.check(
            store,
            Catalog(),
            now=telling.now(session, store),
            connections=max(CONNECTIONS, database.settings(session).smtp_connections),
            newest_attempt=newest,
            attempts=attempts,
        )
    _show(session, report)
    return exits.DONE if report.is_sound else exits.FAILED


def _mark(session: Session, store: Store) -> tuple[int, int]:
    """Return the newest attempt and how many there were by the mark outside the database; 0 without one."""
    from scheduler.guard import state
    from scheduler.guard.marks import MarkFile
    from scheduler.store import meta

    with store.read() as conn:
        name = meta.name(conn)
    if name is None:
        return 0, 0
    folder: Path = state.folder(state.root(database.settings(session)), name)
    mark = MarkFile(folder / state.MARK).read()
    return (mark.newest, mark.attempts) if mark is not None else (0, 0)


def _show(session: Session, report: LedgerReport) -> None:
    screen = session.screen
    if session.json:
        counts = {state.value: number for state, number in report.counts.items()}
        laws = [one.document() for one in report.checked]
        screen.json({"sound": report.is_sound, "messages": counts, "invariants": laws})
        return
    if session.plain:
        for one in report.checked:
            sign = "✗" if one.violations else "✓"
            screen.rows([[sign, one.name, one.sentence, ""]] if not one.violations else _plain(one))
        return
    for one in report.checked:
        sign, style = ("✗", "error") if one.violations else ("✓", "good")
        screen.paragraph(Span(f"{sign} ", style), f"{one.name:<4} ", one.sentence, indent=_INDENT)
        for found in one.violations:
            screen.paragraph(" " * _INDENT, str(found), indent=_INDENT + 2)
        if one.more:
            screen.paragraph(" " * _INDENT, f"and more than these {len(one.violations)}", indent=_INDENT)
    screen.line()
    screen.line(_summed(report))
    if not report.is_sound:
        screen.steps([("campaign db backup FILE", "keep it as it is, before anything is mended")])


def _plain(one: Checked) -> list[list[str]]:
    return [["✗", one.name, one.sentence, str(found)] for found in one.violations]


def _summed(report: LedgerReport) -> str:
    """Return how many messages there are, and in which states."""
    total = sum(report.counts.values())
    parts = [f"{state} {number}" for state, number in report.counts.items() if number]
    return count(total, "message") + (f": {', '.join(parts)}" if parts else "")
