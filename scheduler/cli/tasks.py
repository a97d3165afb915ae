"""`campaign tasks`: what people of the shop have to do, and ticking it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import count
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.operations.watching import TaskLine
    from scheduler.store.database import Store


@click.command(
    "tasks",
    cls=CampaignCommand,
    examples=(
        ("campaign tasks", "what has to be done"),
        ("campaign tasks done 3 --note 'will come on Friday'", "tick it off"),
    ),
)
@click.argument("action", type=click.Choice(["list", "done"]), default="list", help="list (default) or done.")
@click.argument("ids", nargs=-1, type=int, metavar="[ID...]", help="Which ones are done.")
@click.option("--note", default="", metavar="TEXT", help="Kept with the task.")
@click.option("--all", "everything", is_flag=True, help="Those already done too.")
@database.option
@common
def command(
    session: Session, *, action: str, ids: tuple[int, ...], note: str, everything: bool, url: str | None
) -> int:
    """List what people of the shop have to do, or tick it off."""
    from scheduler.operations import watching

    if action == "done" and not ids:
        raise click.UsageError("say which: campaign tasks done ID")
    if action == "list" and ids:
        raise click.UsageError(f"to tick it off: campaign tasks done {ids[0]}")
    with database.opened(session, url) as store:
        if action == "done":
            _finish(session, store, ids, note)
        else:
            _list(session, watching.tasks(store, everything=everything), watching.zones(store))
    return exits.DONE


def _finish(session: Session, store: Store, ids: tuple[int, ...], note: str) -> None:
    """Tick tasks off, all of them or none."""
    from scheduler.operations import watching

    known = {row.id: row for row in watching.tasks(store, everything=True)}
    for task in ids:
        if task not in known or known[task].done_at is not None:
            what = "is done already" if task in known else "is not there"
            raise SchedulerError(f"task {task} {what}", remedy="see what is open: campaign tasks")
    for task in ids:
        watching.finish_task(store, task, now=telling.now(session, store), note=note, who=database.who())
    if session.json:
        session.screen.json({"done": list(ids)})
    else:
        session.screen.line(f"Done: {', '.join(map(str, ids))}. {_open(watching.tasks(store))}.")


def _list(session: Session, rows: list[TaskLine], zones: dict[str, str]) -> None:
    screen = session.screen
    if session.json:
        screen.json({"tasks": [_document(row, zones.get(row.campaign)) for row in rows]})
        return
    if session.plain:
        screen.rows(
            [
                row.id,
                telling.local(row.due_at, zones.get(row.campaign)).isoformat(),
                "done" if row.done_at else "open",
                row.channel,
                row.who,
                row.text,
            ]
            for row in rows
        )
        return
    for row in rows:
        zone = zones.get(row.campaign)
        done = f"  done {telling.told(row.done_at, zone)}" if row.done_at else ""
        screen.line(
            Span(f"{row.id:>4}  ", "strong"),
            f"{telling.told(row.due_at, zone, align=True)}  {row.channel:<8}  {row.who}".rstrip(),
            Span(f"  {row.campaign}/{row.touch}", "faint"),
            Span(done, "good"),
        )
        for line in row.text.strip().splitlines():
            screen.paragraph("      ", line, indent=6)
        if row.note:
            screen.paragraph("      ", Span(f"note: {row.note}", "faint"), indent=6)
    screen.line(_open(rows))
    first = next((row for row in rows if row.done_at is None), None)
    if first is not None:
        screen.steps([(f"campaign tasks done {first.id}", "tick it off")])


def _open(rows: list[TaskLine]) -> str:
    return count(sum(row.done_at is None for row in rows), "open task")


def _document(row: TaskLine, zone: str | None) -> dict[str, object]:
    return {
        **row.document(),
        "due_at": telling.local(row.due_at, zone),
        "done_at": row.done_at and telling.local(row.done_at, zone),
    }
