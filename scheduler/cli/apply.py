"""`campaign apply`: put campaigns on the schedule, after showing what that means for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from campaigns.finding import Level
from scheduler.cli import confirm, database, exits, findings, plan_screen, saved_plan
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.plan_rows import Selection
from scheduler.cli.review import Choice, Review, chosen, review_in
from scheduler.cli.saved_plan import SavedPlan
from scheduler.cli.wording import count


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options said in advance: `yes` to adding, `name` to what takes away."""

    yes: bool
    name: str | None


@click.command(
    "apply",
    cls=CampaignCommand,
    examples=(
        ("campaign apply valentines.yaml", "look at the changes, then say yes"),
        ("campaign apply plan.json --yes", "exactly the plan that was saved with plan -o"),
    ),
)
@click.argument("files", nargs=-1, metavar="[FILE...|PLAN.json]", help="Campaign files, or a saved plan.")
@click.option("--yes", is_flag=True, help="Do not ask before adding.")
@click.option("--confirm", "name", metavar="NAME", help="Do not ask before cancelling: the campaign's name.")
@database.database_option
@common
def command(session: Session, files: tuple[str, ...], yes: bool, name: str | None, database: str | None) -> int:
    """Put campaigns on the schedule. Nothing is sent by this: that is `campaign run`."""
    done: list[dict[str, object]] = []
    for choice, saved in _chosen(session, files):
        result = _apply(session, choice, saved, Asked(yes, name), database)
        if result is None:
            return exits.FAILED
        done.append(result)
    if session.json:
        session.screen.json({"applied": done})
    return exits.DONE


def _chosen(session: Session, names: tuple[str, ...]) -> list[tuple[Choice, SavedPlan | None]]:
    found: list[tuple[Choice, SavedPlan | None]] = []
    for name in names:
        if saved_plan.is_saved_plan(Path(name)):
            found += [(Choice(plan.file), plan) for plan in saved_plan.read(Path(name))]
        else:
            found += [(choice, None) for choice in chosen(session, (name,))]
    return found or [(choice, None) for choice in chosen(session, ())]


def _apply(
    session: Session, choice: Choice, saved: SavedPlan | None, asked: Asked, url: str | None
) -> dict[str, object] | None:
    """Show and ask, then apply; None when the campaign has errors."""
    from scheduler.catalog import Catalog
    from scheduler.operations import applying, watching

    screen = session.screen
    with database.opened(session, url, make=True) as store:
        seen = review_in(session, store, choice)
        campaign = seen.loaded.campaign
        if saved is not None:
            saved_plan.refuse_stale(saved, seen)
        if refused := applying.refusals(campaign, seen.findings):
            findings.show(screen, refused)
            screen.warn(f"{campaign.id} was not applied: {count(len(refused), 'error')} to mend first")
            return None
        if not session.json:
            plan_screen.changes(screen, seen, Selection())
            findings.brief(screen, [finding for finding in seen.findings if finding.level is Level.WARNING])
            screen.line(plan_screen.sentence(seen))
        _ask(session, seen, asked)
        applied = applying.apply(
            store,
            seen.loaded,
            now=seen.now,
            catalog=Catalog(),
            expected_generation=seen.generation,
            expected_hash=seen.timeline.hash,
        )
        running = watching.status(store, now=session.now()).daemon is not None
    if not session.json:
        screen.line(
            Span("Applied: ", "strong"),
            f"{campaign.id} {seen.timeline.edition}, revision {applied.revision}, ",
            f"{count(applied.cancelled_messages, 'message')} cancelled. Nothing has been sent.",
        )
        if not running:
            screen.line(Span("! ", "warning"), "the daemon is not running: nothing will be sent")
            screen.steps(
                [
                    ("campaign run --outbox outbox", "every message as a file, nothing sent"),
                    ("campaign run", "the daemon: it sends"),
                ]
            )
    return {
        "campaign": applied.campaign,
        "edition": seen.timeline.edition,
        "revision": applied.revision,
        "changes": dict(applied.counts),
        "cancelled": applied.cancelled_messages,
    }


def _ask(session: Session, seen: Review, asked: Asked) -> None:
    counts = seen.changes.counts()
    campaign = seen.loaded.campaign.id
    messages = counts.get("messages", 0)
    if messages and (counts.get("cancel", 0) or counts.get("change", 0)):
        question = f"{count(messages, 'planned message')} would be cancelled or changed."
        confirm.name(session, question, campaign, given=asked.name)
    elif not seen.is_unchanged:
        confirm.yes(session, f"Put {campaign} on the schedule?", given=asked.yes or asked.name == campaign)
