"""Tasks on the screen: the list of them, and one whole with what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scheduler.cli import telling
from scheduler.cli.options import Session
from scheduler.cli.output import Cell, Span
from scheduler.cli.wording import count

if TYPE_CHECKING:
    from scheduler.operations.task_media import TaskFile
    from scheduler.operations.tasks import Brief, TaskLine

_STYLES = {"overdue": "error", "too late": "warning", "done": "good"}


def listed(session: Session, rows: Sequence[TaskLine], zones: Mapping[str, str]) -> None:
    """Write the tasks, the longest due first, each with its words."""
    screen = session.screen
    if session.json:
        screen.json({"tasks": [_document(row, zones.get(row.campaign)) for row in rows]})
        return
    if session.plain:
        screen.rows(
            [
                row.id,
                telling.local(row.due_at, zones.get(row.campaign)).isoformat(),
                row.state.value,
                row.way,
                row.who,
                row.text,
            ]
            for row in rows
        )
        return
    for row in rows:
        zone = zones.get(row.campaign)
        screen.line(
            Span(f"{row.id:>4}  ", "strong"),
            f"{telling.told(row.due_at, zone, align=True)}  {row.way:<8}  {row.who}".rstrip(),
            Span(f"  {row.campaign}/{row.touch}", "faint"),
            *_state(row, zone),
        )
        for line in row.text.strip().splitlines():
            screen.paragraph("      ", line, indent=6)
        for kept in (row.link, f"note: {row.note}" if row.note else ""):
            if kept:
                screen.paragraph("      ", Span(kept, "faint"), indent=6)
    screen.line(open_tasks(rows))
    first = next((row for row in rows if row.done_at is None), None)
    if first is not None:
        show = [(f"campaign tasks show {first.id}", "all that it needs")] if first.by_hand else []
        screen.steps([*show, (f"campaign tasks done {first.id}", "tick it off")])


def open_tasks(rows: Sequence[TaskLine]) -> str:
    """Return how many are open, and how many of these nobody did in time."""
    undone = [row for row in rows if row.done_at is None]
    late = sum(row.state.value == "overdue" for row in undone)
    return count(len(undone), "open task") + (f", {late} overdue" if late else "")


def shown(session: Session, found: Brief, files: Sequence[TaskFile], zone: str | None) -> None:
    """Write one task whole: what, where and when, its files, and at the end its words as they are to be posted."""
    screen, task = session.screen, found.task
    if session.json:
        screen.json(_whole(found, files, zone))
        return
    screen.line(
        Span(f"Task {task.id}", "title"), f"  {task.way}", Span(f"  {task.campaign}/{task.touch}", "faint"),
        *_state(task, zone),
    )  # fmt: skip
    rows = [
        ("due", telling.told(task.due_at, zone)),
        ("by", telling.told(task.late_at, zone) + _until(task, zone)),
        ("account", found.account if found.account != task.channel else ""),
        ("as", f"a {found.post_as}" if found.post_as else ""),
        ("who", task.who),
        ("mail", found.email if task.channel == "email" else ""),
        ("subject", found.subject),
        ("below", " ".join(part for part in (found.below, found.below_link) if part)),
        *(("link", link) for link in found.links),
        ("seen at", task.link),
        ("note", task.note),
    ]
    cells: list[list[Cell]] = [[Span(f"  {name}", "faint"), value] for name, value in rows if value]
    screen.columns(cells)
    for file in files:
        screen.line(Span("  file     ", "faint"), file.path)
        for said in (file.alt, f"a copy, {file.why}" if file.why else ""):
            if said:
                screen.paragraph("           ", Span(said, "faint"), indent=11)
    if task.text.strip():
        screen.line("")
        screen.text(task.text)
    for later in found.follows:
        screen.line("")
        screen.line(Span(f"Below it, task {later.id}", "faint"), f"  {later.touch}", *_state(later, zone))
        screen.text(later.text)
    if task.done_at is None:
        link = " --link URL" if task.by_hand else ""
        copy: list[tuple[str, str]] = []
        if task.by_hand and task.text.strip():
            copy = [(f"campaign tasks show {task.id} --text", "the words alone, to copy")]
        elif task.by_hand and files:
            copy = [(f"campaign tasks show {task.id} --media", "the files alone")]
        screen.steps([*copy, (f"campaign tasks done {task.id}{link}", "tick it off")])


def _state(row: TaskLine, zone: str | None) -> list[Span]:
    if row.done_at is not None:
        return [Span(f"  done {telling.told(row.done_at, zone)}", "good")]
    return [] if row.state.value == "open" else [Span(f"  {row.state.value}", _STYLES[row.state.value])]


def _until(task: TaskLine, zone: str | None) -> str:
    return "" if task.ends_at is None else f"; too late after {telling.told(task.ends_at, zone)}"


def _document(row: TaskLine, zone: str | None) -> dict[str, object]:
    moments = {name: getattr(row, name) for name in ("due_at", "late_at", "ends_at", "done_at")}
    return {
        **row.document(),
        **{name: at and telling.local(at, zone) for name, at in moments.items()},
    }


def _whole(found: Brief, files: Sequence[TaskFile], zone: str | None) -> dict[str, object]:
    return {
        **_document(found.task, zone),
        "subject": found.subject,
        "account": found.account,
        "post_as": found.post_as,
        "email": found.email,
        "phone": found.phone,
        "media": [{"file": file.path, "alt": file.alt, "copied": file.why or None} for file in files],
        "links": list(found.links),
        "below": found.below,
        "below_link": found.below_link,
        "follows": [_document(one, zone) for one in found.follows],
    }
