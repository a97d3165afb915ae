"""`campaign pause`, `resume`, `cancel` and `approve`: steering what is on the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from scheduler.cli import confirm, database, exits
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_moment
from scheduler.cli.wording import count, moment
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.operations.steering import Target
    from scheduler.store.database import Store

_NAMES = click.argument("names", nargs=-1, metavar="[NAME|TOUCH...]", help="Campaigns, or touches as campaign/touch.")
_ALL = click.option("--all", "everything", is_flag=True, help="Every campaign on the schedule.")


def _targets(store: Store, names: Sequence[str], everything: bool) -> tuple[Target, ...]:
    from scheduler.catalog import Catalog
    from scheduler.operations import steering

    if everything and names:
        raise click.UsageError("--all stands alone: give names or --all")
    if everything:
        return steering.everything(store)
    if not names:
        raise click.UsageError("name a campaign or a touch, or say --all")
    return steering.targets(store, Catalog(), names)


def _say(session: Session, verb: str, chosen: Sequence[Target], extra: dict[str, object], words: str) -> None:
    if session.json:
        session.screen.json({verb: [str(target) for target in chosen], **extra})
    else:
        session.screen.line(words)


@click.command(
    "pause",
    cls=CampaignCommand,
    examples=(
        ("campaign pause valentines", "nothing of it goes until it is resumed"),
        ("campaign pause offer-email --until 2027-01-25", ""),
    ),
)
@_NAMES
@_ALL
@click.option("--until", metavar="DATE", help="Resume by itself then.")
@database.option
@common
def pause(session: Session, names: tuple[str, ...], everything: bool, until: str | None, url: str | None) -> int:
    """Stop sending; what becomes late meanwhile follows its `on_late` when it is resumed."""
    from scheduler.operations import steering

    with database.opened(session, url) as store:
        chosen = _targets(store, names, everything)
        if everything:
            confirm.yes(session, f"Pause {count(len(chosen), 'campaign')}?", given=False)
        end = read_moment(until) if until else None
        changed = steering.pause(store, chosen, until=end, now=session.now(), who=database.who())
    until_words = f" until {moment(end.astimezone(), year=True)}" if end else ""
    _say(session, "paused", chosen, {"changed": changed}, f"Paused {_list(chosen)}{until_words}.")
    return exits.DONE


@click.command("resume", cls=CampaignCommand, examples=(("campaign resume valentines", "let it go on"),))
@_NAMES
@_ALL
@database.option
@common
def resume(session: Session, names: tuple[str, ...], everything: bool, url: str | None) -> int:
    """Let what was paused go on."""
    from scheduler.operations import steering

    with database.opened(session, url) as store:
        chosen = _targets(store, names, everything)
        changed = steering.resume(store, chosen, now=session.now(), who=database.who())
    if not changed:
        _say(session, "resumed", (), {"changed": 0}, f"{_list(chosen)} was not paused.")
    else:
        _say(session, "resumed", chosen, {"changed": changed}, f"Resumed {_list(chosen)}.")
    return exits.DONE


@click.command(
    "cancel",
    cls=CampaignCommand,
    examples=(("campaign cancel valentines --confirm valentines", "nothing more of it is ever sent"),),
)
@_NAMES
@click.option("--confirm", "confirmed", metavar="NAME", help="Do not ask: the name of what is cancelled.")
@database.option
@common
def cancel(session: Session, names: tuple[str, ...], confirmed: str | None, url: str | None) -> int:
    """End a campaign or a touch for this edition; what was sent stays in the history."""
    from scheduler.operations import steering

    with database.opened(session, url) as store:
        chosen = _targets(store, names, everything=False)
        if len(chosen) > 1:
            raise click.UsageError("cancel one at a time: the name has to be typed")
        waiting = steering.waiting_messages(store, chosen)
        question = f"{count(waiting, 'planned message')} of {chosen[0]} would never be sent."
        confirm.name(session, question, str(chosen[0]), given=confirmed)
        cancelled = steering.cancel(store, chosen, now=session.now(), who=database.who())
    words = f"Cancelled {_list(chosen)}: {count(cancelled, 'planned message')} will not be sent."
    _say(session, "cancelled", chosen, {"messages": cancelled}, words)
    return exits.DONE


@click.command(
    "approve",
    cls=CampaignCommand,
    examples=(
        ("campaign approve valentines/offer-email", "with exactly the content it has now"),
        ("campaign approve offer-email --reject --note 'wrong price'", ""),
    ),
)
@click.argument("names", nargs=-1, required=True, metavar="TOUCH...", help="Touches, as campaign/touch.")
@click.option("--reject", is_flag=True, help="Refuse it: its messages are cancelled.")
@click.option("--note", default="", metavar="TEXT", help="Kept with the decision.")
@database.option
@common
def approve(session: Session, names: tuple[str, ...], reject: bool, note: str, url: str | None) -> int:
    """Approve a touch with exactly the content it has now; an edit asks again."""
    from scheduler.catalog import Catalog
    from scheduler.operations import steering

    with database.opened(session, url) as store:
        catalog = Catalog()
        chosen = steering.targets(store, catalog, names)
        moved = steering.approve(
            store, catalog, chosen, now=session.now(), who=database.who(), note=note or f"approved by {database.who()}", reject=reject
        )
    if reject:
        words = f"Rejected {_list(chosen)}: {count(moved, 'message')} will not be sent."
    else:
        words = f"Approved {_list(chosen)}: {count(moved, 'held message')} let go."
    _say(session, "rejected" if reject else "approved", chosen, {"messages": moved}, words)
    return exits.DONE





def _list(chosen: Sequence[Target]) -> str:
    if not chosen:
        raise SchedulerError("nothing is on the schedule", remedy="put a campaign there: campaign apply")
    return ", ".join(str(target) for target in chosen)
