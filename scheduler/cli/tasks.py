"""`campaign tasks`: what people of the shop have to do, each with all it needs, and ticking it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scheduler.cli import database, exits, task_screen, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.operations.task_media import TaskFile
    from scheduler.operations.tasks import Brief, TaskLine
    from scheduler.store.database import Store

_SEE = "see what is open: campaign tasks"


@click.command(
    "tasks",
    cls=CampaignCommand,
    examples=(
        ("campaign tasks", "what has to be done"),
        ("campaign tasks show 3", "all that a post by hand needs"),
        ("campaign tasks show 3 --text | pbcopy", "its words alone, for the clipboard"),
        ("campaign tasks done 3 --link https://…", "tick it off"),
    ),
)
@click.argument(
    "action",
    type=click.Choice(["list", "show", "done", "reopen"]),
    default="list",
    help="list (default), show, done or reopen.",
)
@click.argument("ids", nargs=-1, type=int, metavar="[ID...]", help="Which ones are meant.")
@click.option("--text", "only_text", is_flag=True, help="Of show: the words alone, as they are to be posted.")
@click.option("--media", "only_media", is_flag=True, help="Of show: the paths of pictures and videos alone.")
@click.option("--note", default="", metavar="TEXT", help="Kept with the task.")
@click.option("--link", default="", metavar="URL", help="Of done: where it can be seen, kept with the task.")
@click.option("--all", "everything", is_flag=True, help="Those already done too.")
@database.option
@common
def command(
    session: Session,
    *,
    action: str,
    ids: tuple[int, ...],
    only_text: bool,
    only_media: bool,
    note: str,
    link: str,
    everything: bool,
    url: str | None,
) -> int:
    """List what people of the shop have to do, show all that one needs, or tick it off."""
    from scheduler.operations import tasks, watching

    _check(action, ids, link=link, only_text=only_text, only_media=only_media)
    with database.opened(session, url) as store:
        if action == "show":
            _show(session, store, ids[0], only_text=only_text, only_media=only_media)
        elif action == "done":
            _finish(session, store, ids, note, tasks.checked_link(link))
        elif action == "reopen":
            _reopen(session, store, ids)
        else:
            rows = tasks.lines(store, now=telling.now(session, store), everything=everything)
            task_screen.listed(session, rows, watching.zones(store))
    return exits.DONE


def _check(action: str, ids: tuple[int, ...], *, link: str, only_text: bool, only_media: bool) -> None:
    if action != "list" and not ids:
        raise click.UsageError(f"say which: campaign tasks {action} ID")
    if action == "list" and ids:
        raise click.UsageError(
            f"to see it whole: campaign tasks show {ids[0]}, to tick it off: campaign tasks done {ids[0]}"
        )
    if action == "show" and len(ids) > 1:
        raise click.UsageError(f"one at a time: campaign tasks show {ids[0]}")
    if (only_text or only_media) and action != "show":
        raise click.UsageError("--text and --media belong to campaign tasks show ID")
    if only_text and only_media:
        raise click.UsageError("--text or --media, not both")
    if link and (action != "done" or len(ids) > 1):
        raise click.UsageError("--link belongs to one task that is done: campaign tasks done ID --link URL")


def _show(session: Session, store: Store, task: int, *, only_text: bool, only_media: bool) -> None:
    """Show all that a task needs, or its words or files alone."""
    from scheduler.operations import tasks, watching

    found = tasks.brief(store, task, now=telling.now(session, store))
    if found is None:
        raise SchedulerError(f"task {task} is not there", remedy=_SEE)
    if only_text:
        session.screen.text(found.task.text)
        return
    files = _files(session, found)
    if only_media:
        session.screen.rows([file.path] for file in files)
        return
    task_screen.shown(session, found, files, watching.zones(store).get(found.task.campaign))


def _files(session: Session, found: Brief) -> tuple[TaskFile, ...]:
    """Return the files of a task; of one that is about no network as the campaign names them."""
    if not found.task.media:
        return ()
    from pathlib import Path

    from scheduler.operations import task_media

    project = database.settings(session).project
    copies = Path(project) / "var" / "tasks" / str(found.task.id)
    return task_media.files(found.task.media, found.task.channel, project=Path(project), copies=copies)


def _finish(session: Session, store: Store, ids: tuple[int, ...], note: str, link: str) -> None:
    """Tick tasks off, all of them or none."""
    from scheduler.operations import tasks

    now = telling.now(session, store)
    known = {row.id: row for row in tasks.lines(store, now=now, everything=True)}
    for task in ids:
        if task not in known or known[task].done_at is not None:
            what = "is done already" if task in known else "is not there"
            raise SchedulerError(f"task {task} {what}", remedy=_SEE)
    for task in ids:
        tasks.finish(store, task, now=now, note=note, link=link, who=database.who())
    if session.json:
        session.screen.json({"done": list(ids)})
    else:
        session.screen.line(f"Done: {', '.join(map(str, ids))}. {_open(store, session)}.")


def _reopen(session: Session, store: Store, ids: tuple[int, ...]) -> None:
    """Open tasks again, all of them or none."""
    from scheduler.operations import tasks

    now = telling.now(session, store)
    known: dict[int, TaskLine] = {row.id: row for row in tasks.lines(store, now=now, everything=True)}
    for task in ids:
        if task not in known or known[task].done_at is None:
            what = "is open" if task in known else "is not there"
            raise SchedulerError(f"task {task} {what}", remedy="see those that are done: campaign tasks --all")
    opened = [task for task in ids if tasks.reopen(store, task, now=now, who=database.who())]
    if gone := sorted(set(ids) - set(opened)):
        raise SchedulerError(f"task {gone[0]} is about somebody who was forgotten: it stays as it is")
    if session.json:
        session.screen.json({"reopened": opened})
    else:
        session.screen.line(f"Open again: {', '.join(map(str, opened))}. {_open(store, session)}.")


def _open(store: Store, session: Session) -> str:
    from scheduler.operations import tasks

    return task_screen.open_tasks(tasks.lines(store, now=telling.now(session, store)))
