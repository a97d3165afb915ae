"""`campaign tasks`: what people of the shop have to do, and ticking it off."""

from __future__ import annotations

import click

from scheduler.cli import database, exits
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.wording import count, moment
from scheduler.errors import SchedulerError


@click.command(
    "tasks",
    cls=CampaignCommand,
    examples=(("campaign tasks", "what has to be done"), ("campaign tasks done 3 --note 'will come on Friday'", "")),
)
@click.argument("action", type=click.Choice(["list", "done"]), default="list", help="list (default) or done.")
@click.argument("ids", nargs=-1, type=int, metavar="[ID...]", help="Which ones are done.")
@click.option("--note", default="", metavar="TEXT", help="Kept with the task.")
@click.option("--all", "everything", is_flag=True, help="Those already done too.")
@database.option
@common
def command(
    session: Session, action: str, ids: tuple[int, ...], note: str, everything: bool, url: str | None
) -> int:
    """List what people of the shop have to do, or tick it off."""
    from scheduler.operations import watching

    with database.opened(session, url) as store:
        if action == "done":
            if not ids:
                raise click.UsageError("say which: campaign tasks done ID")
            for task_id in ids:
                if not watching.finish_task(store, task_id, now=session.now(), note=note, who=database.who()):
                    raise SchedulerError(f"no open task {task_id}", remedy="see them: campaign tasks")
            session.screen.line(f"Done: {', '.join(map(str, ids))}")
            return exits.DONE
        rows = watching.tasks(store, everything=everything)
    screen = session.screen
    if session.json:
        screen.json({"tasks": [row.document() for row in rows]})
        return exits.DONE
    if session.plain:
        screen.rows([[row.id, row.due_at.isoformat(), row.channel, row.who, row.text] for row in rows])
        return exits.DONE
    for row in rows:
        done = "done" if row.done_at else ""
        screen.line(
            Span(f"{row.id:>4}  ", "strong"),
            f"{moment(row.due_at.astimezone(), align=True)}  {row.channel:<8}  {row.who}",
            Span(f"  {row.campaign}/{row.touch} {done}", "faint"),
        )
        for line in row.text.strip().splitlines():
            screen.line("      ", line)
    open_tasks = sum(row.done_at is None for row in rows)
    screen.line(f"{count(open_tasks, 'open task')}")
    if open_tasks:
        screen.steps([(f"campaign tasks done {rows[0].id}", "tick it off")])
    return exits.DONE



