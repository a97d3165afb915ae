"""`campaign apply`: put campaigns on the schedule, after showing what that means for people."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from campaigns.diff import Action
from campaigns.finding import Level
from scheduler.cli import budgets, confirm, database, exits, findings, plan_screen, plan_standing, refusal, saved_plan
from scheduler.cli import review as reviews
from scheduler.cli.budgets import Limit
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.plan_rows import Selection
from scheduler.cli.review import Choice, Review, chosen
from scheduler.cli.saved_plan import SavedPlan
from scheduler.cli.wording import count

if TYPE_CHECKING:
    from scheduler.operations.applying import Applied
    from scheduler.operations.watching import InForce
    from scheduler.store.database import Store


@dataclass(frozen=True, slots=True)
class Seen:
    """A campaign as it was looked at, and what of it is in force (None: nothing yet)."""

    review: Review
    before: InForce | None

    @property
    def changes_nothing(self) -> bool:
        """Whether applying it would put in force what is in force already."""
        timeline, before = self.review.timeline, self.before
        return (
            before is not None
            and self.review.is_unchanged
            and (before.edition, before.plan_hash) == (timeline.edition, timeline.hash)
            and not self.review.is_cancelled
        )


@click.command(
    "apply",
    cls=CampaignCommand,
    examples=(
        ("campaign apply valentines.yaml", "look at the changes, then say yes"),
        ("campaign apply valentines.yaml --confirm valentines", "a change of what is scheduled"),
        ("campaign apply plan.json --yes", "exactly the plan that was saved with plan -o"),
        ("campaign apply valentines.yaml --budget 500", "no more than 500 messages in all"),
    ),
)
@click.argument("files", nargs=-1, metavar="[FILE...|PLAN.json]", help="Campaign files, or a saved plan.")
@click.option("--yes", is_flag=True, help="Do not ask before adding.")
@click.option(
    "--confirm",
    "names",
    metavar="NAME",
    multiple=True,
    help="Do not ask before changing or cancelling what is scheduled, or putting back what was cancelled: the name.",
)
@click.option(
    "--budget",
    metavar="N",
    callback=budgets.read,
    help="Send no more than N messages of this edition in all; none lifts the limit.",
)
@database.option
@common
def command(
    session: Session,
    *,
    files: tuple[str, ...],
    yes: bool,
    names: tuple[str, ...],
    budget: Limit | None,
    url: str | None,
) -> int:
    """Put campaigns on the schedule. Nothing is sent by this: that is `campaign run`."""
    from scheduler.store.database import Store

    with closing(Store(database.address(session, url))) as store:
        there = database.is_there(store)
        asked = _chosen(session, files)
        if budget is not None and len(asked) > 1:
            raise click.UsageError("--budget is for one campaign: name its file")
        reviews.load_all(
            session, [choice for choice, _ in asked]
        )  # so that the mistakes of all files are told together
        seen = [_look(session, store if there else None, choice, saved) for choice, saved in asked]
        refusal.refuse(one.review for one in seen)
        if there and not all(one.changes_nothing for one in seen):
            _refuse_in_doubt(store)
        if not session.json:
            show(session, seen, budget)
        for one in seen:
            ask(session, one, yes=yes, names=names, budget=budget)
        if not there:
            store.migrate()
        done = [put_in_force(store, one, first=number == 0, budget=budget) for number, one in enumerate(seen)]
        tell(session, store, seen, done)
        if budget is not None:
            _authorise(session, store, seen[0], done[0], budget)
    return exits.DONE


def _chosen(session: Session, names: tuple[str, ...]) -> list[tuple[Choice, SavedPlan | None]]:
    found: list[tuple[Choice, SavedPlan | None]] = []
    for name in names:
        if saved_plan.is_saved_plan(Path(name)):
            found += [(Choice(plan.file), plan) for plan in saved_plan.read(Path(name))]
        else:
            found += [(choice, None) for choice in chosen(session, (name,))]
    return found or [(choice, None) for choice in chosen(session, ())]


def _look(session: Session, store: Store | None, choice: Choice, saved: SavedPlan | None) -> Seen:
    """Look at a campaign, against the database where there is one; a saved plan must still say what it said."""
    from scheduler.operations import watching

    if store is None:
        loaded = session.project.load(choice.path)
        now = session.now(loaded.campaign.zone)
        seen, before = (
            reviews.review_of_file(choice, loaded, now, database.channels(session), database.public_url(session)),
            None,
        )
    else:
        seen = reviews.review_in(session, store, choice)
        before = watching.in_force(store, seen.loaded.campaign.id)
    if saved is not None:
        saved_plan.refuse_stale(saved, seen)
    return Seen(seen, before)


def _refuse_in_doubt(store: Store) -> None:
    """Say before anything is asked that nothing may be moved now."""
    from scheduler.operations import holding

    with store.read() as conn:
        holding.refuse_in_doubt(conn)


def show(session: Session, seen: Sequence[Seen], budget: Limit | None) -> None:
    """Write what each campaign's apply would do, and what to know before."""
    screen = session.screen
    for number, one in enumerate(seen):
        review = one.review
        if number:
            screen.line()
        if one.changes_nothing:
            plan_standing.show(screen, review)
            screen.line(plan_standing.unchanged(review))
            _tell_budget(session, review, budget)
            continue
        plan_screen.changes(screen, review, Selection())
        findings.brief(screen, [finding for finding in review.findings if finding.level is Level.WARNING])
        _warn_of_accounts(session, review)
        plan_standing.show(screen, review)
        screen.line(plan_screen.sentence(review))
        _tell_budget(session, review, budget)


def _tell_budget(session: Session, review: Review, budget: Limit | None) -> None:
    if (said := budgets.sentence(review, budget)) is not None:
        session.screen.line(said)


def _warn_of_accounts(session: Session, review: Review) -> None:
    """Say which channels nothing can go by here: worth a warning now, for their messages would be held."""
    from campaigns.definition import TASKS

    touches = (touch for _, touch in review.loaded.campaign.touches() if not touch.is_by_hand)
    used = {channel for touch in touches for channel in touch.channel}
    if missing := sorted(used - TASKS - {"outbox"} - database.channels(session)):
        names = ", ".join(missing)
        session.screen.line(Span("! ", "warning"), f"no account for {names}: their messages will be held")
        session.screen.line("    set one up, or see them as files: campaign run --outbox DIR")


def ask(session: Session, one: Seen, *, yes: bool, names: tuple[str, ...], budget: Limit | None) -> None:
    """Ask by the severity of the change; raises AttentionError where the answer is no or nobody can answer."""
    review = one.review
    campaign = review.loaded.campaign.id
    if one.changes_nothing:
        if budget is not None:
            confirm.yes(session, f"Authorise that of {campaign}?", given=yes or campaign in names)
        return
    if review.is_cancelled:
        confirm.name(session, f"{campaign} was cancelled by a person and goes again.", campaign, given=names)
    elif review.changes.reaches_scheduled:
        confirm.name(session, _consequence(review), campaign, given=names)
    elif review.changes.takes_effect:
        confirm.yes(session, f"Put {campaign} on the schedule?", given=yes or campaign in names)
    else:
        confirm.yes(session, f"Nothing people get changes. Apply {campaign}?", given=yes or campaign in names)


def _consequence(review: Review) -> str:
    """Return in a sentence what a person should know before typing the name."""
    changes = review.changes
    if messages := changes.counts()["messages"]:
        return f"{count(messages, 'person', 'people')} will not get a message they were due."
    cancelled, changed = len(changes.of(Action.CANCEL)), len(changes.of(Action.CHANGE))
    if cancelled:
        return f"{count(cancelled, 'touch', 'touches')} will not go any more."
    return f"{count(changed, 'touch', 'touches')} on the schedule will be different."


def put_in_force(store: Store, one: Seen, *, first: bool, budget: Limit | None) -> Applied | None:
    """Apply one campaign unless it is in force as it is; each apply is a transaction of its own."""
    from scheduler.catalog import Catalog
    from scheduler.operations import applying
    from scheduler.store.ledger import KEEP

    if one.changes_nothing:
        return None
    return applying.apply(
        store,
        one.review.loaded,
        now=one.review.now,
        catalog=Catalog(),
        # What is applied before in the same command changes the generation; the plan itself must still be the same.
        expected_generation=one.review.generation if first and one.review.generation else None,
        expected_hash=one.review.timeline.hash,
        budget=KEEP if budget is None else budget.messages,
    )


def _authorise(session: Session, store: Store, one: Seen, applied: Applied | None, budget: Limit) -> None:
    """Say what is authorised now; where nothing else changes, that is all there is to do."""
    from scheduler.operations import applying

    campaign = one.review.loaded.campaign.id
    if applied is None:
        released = applying.authorise(store, campaign, budget=budget.messages, now=one.review.now)
    else:
        released = applied.released_messages
    if not session.json:
        most = "as many messages as the plan needs" if budget.messages is None else count(budget.messages, "message")
        again = f"; {count(released, 'held message')} on the way again" if released else ""
        session.screen.line(Span("Authorised ", "strong"), f"{campaign}: {most}{again}.")


def tell(session: Session, store: Store, seen: Sequence[Seen], done: Sequence[Applied | None]) -> None:
    """Say what was applied, and that nothing is sent while no daemon runs."""
    from scheduler.operations import watching

    screen = session.screen
    if session.json:
        screen.json({"applied": [document(one, applied) for one, applied in zip(seen, done, strict=True)]})
        return
    for one, applied in zip(seen, done, strict=True):
        if applied is not None:
            name = f"{applied.campaign} {one.review.timeline.edition}".strip()
            screen.line(Span("Applied ", "strong"), f"{name}: {_sums(one, applied)}. Revision {applied.revision}.")
    if any(applied is not None for applied in done) and watching.status(store, now=session.now()).daemon is None:
        screen.line(Span("! ", "warning"), "the daemon is not running: nothing will be sent")
        screen.steps(
            [
                ("campaign run --outbox outbox", "every message as a file, nothing is sent"),
                ("campaign run", "the daemon: it sends"),
            ]
        )


def _sums(one: Seen, applied: Applied) -> str:
    """Return what was done, e.g. `2 changed, 1 cancelled (9 messages)`."""
    counts = applied.counts
    parts = ["back on the schedule"] if one.review.is_cancelled else []
    parts += [f"{counts[name]} {word}" for name, word in (("add", "added"), ("change", "changed")) if counts[name]]
    if counts["cancel"] or applied.cancelled_messages:
        parts.append(f"{counts['cancel']} cancelled ({count(applied.cancelled_messages, 'message')})")
    if counts["ignored"]:
        parts.append(f"{counts['ignored']} ignored")
    return ", ".join(parts) or "nothing people get changed"


def document(one: Seen, applied: Applied | None) -> dict[str, object]:
    """Return what was done with one campaign, as JSON has it."""
    timeline = one.review.timeline
    revision = applied.revision if applied is not None else one.review.revision
    return {
        "campaign": timeline.campaign,
        "edition": timeline.edition,
        "revision": revision,
        "changes": dict(applied.counts) if applied is not None else one.review.changes.counts(),
        "cancelled": applied.cancelled_messages if applied is not None else 0,
        "applied": applied is not None,
    }
