"""`campaign plan`: who would get what and when, and why then; reads, and sends and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import click

from scheduler.cli import budgets, exits, plan_document, plan_rows, plan_screen, plan_standing, plan_tokens, saved_plan
from scheduler.cli.files import write_bytes, write_text
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_day
from scheduler.cli.plan_rows import Selection
from scheduler.cli.review import Review, chosen, load_all, review

_FILE = click.Path(dir_okay=False, path_type=Path)
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "plan",
    cls=CampaignCommand,
    examples=(
        ("campaign plan valentines.yaml", "the whole campaign, seen from today"),
        ("campaign plan --contacts clients.csv", "and how many people each touch reaches"),
        ("campaign plan --now 2027-01-20", "seen from another day"),
        ("campaign plan --diff", "what an edit changes for people"),
        ("campaign plan --ics plan.ics", "for your calendar"),
    ),
)
@click.argument("files", nargs=-1, metavar="[FILE...]", help="Campaign files; without one, all of the project.")
@click.option("--contacts", type=_EXISTING, metavar="CSV", help="Count the people of this file.")
@click.option("--diff", "show_diff", is_flag=True, help="Say of each change what it means for people.")
@click.option("--all", "every", is_flag=True, help="Every date of repeats, and what does not change.")
@click.option("--touch", "touches", metavar="ID", multiple=True, help="Only this touch; may be repeated.")
@click.option("--from", "first", metavar="DATE", callback=read_day, help="Only from this day on.")
@click.option("--to", "last", metavar="DATE", callback=read_day, help="Only up to this day.")
@click.option("-o", "--output", type=_FILE, metavar="PLAN.json", help="Save the plan, to apply exactly this one.")
@click.option("--ics", type=_FILE, metavar="FILE", help="Write the dates as a calendar file.")
@click.option("--detailed-exitcode", is_flag=True, help="End with 2 when there are changes, 0 when there are none.")
@common
def command(
    session: Session,
    *,
    files: tuple[str, ...],
    contacts: Path | None,
    show_diff: bool,
    every: bool,
    touches: tuple[str, ...],
    first: date | None,
    last: date | None,
    output: Path | None,
    ics: Path | None,
    detailed_exitcode: bool,
) -> int:
    """Show who would get what and when, and why then. Nothing is sent and nothing is changed."""
    choices = chosen(session, files)
    if len(choices) > 1:
        load_all(session, choices)  # so that the mistakes of all files are told together
    reviews = [review(session, choice, contacts=contacts) for choice in choices]
    selection = plan_rows.select([one.timeline for one in reviews], touches, first, last, every=every)
    if session.json:
        ends = plan_tokens.ends(session)
        documents = [plan_document.document(one, selection, ends) for one in reviews]
        session.screen.json(documents[0] if len(documents) == 1 else documents)
    elif session.plain:
        for one in reviews:
            plan_screen.plain(session.screen, one, selection)
    else:
        _show(session, reviews, selection, show_diff=show_diff)
    if ics is not None:
        from scheduler.cli.calendar_file import calendar

        write_bytes(ics, calendar(reviews))
        session.screen.say(f"{ics} written: open it with your calendar")
    if output is not None:
        write_text(output, saved_plan.write(reviews))
        session.screen.say(f"{output} written: campaign apply {output} applies exactly this plan")
    if any(one.failed for one in reviews):
        return exits.FAILED
    changed = any(one.is_cancelled or not one.is_unchanged for one in reviews)
    return exits.CHANGES if detailed_exitcode and changed else exits.DONE


def _show(session: Session, reviews: Sequence[Review], selection: Selection, *, show_diff: bool) -> None:
    screen, ends = session.screen, plan_tokens.ends(session)
    for number, one in enumerate(reviews):
        if number:
            screen.line()
        if one.is_unchanged and not (selection.every or selection.is_narrowed):
            plan_screen.notable(screen, one)
            plan_tokens.show(screen, one, ends)
            plan_standing.show(screen, one)
            screen.line(plan_standing.unchanged(one))
            continue
        if show_diff:
            plan_screen.changes(screen, one, selection)
            plan_screen.notable(screen, one)
        else:
            plan_screen.show(screen, one, selection)
        plan_tokens.show(screen, one, ends)
        plan_standing.show(screen, one)
        screen.line(plan_screen.sentence(one))
        if (said := budgets.sentence(one, None)) is not None:
            screen.line(said)
        screen.steps(plan_screen.steps(one))
