"""`campaign pause`, `resume`, `cancel` and `approve`: steering what is on the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from scheduler.cli import confirm, database, exits, telling
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common, read_moment
from scheduler.cli.wording import count
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.operations.steering import Target
    from scheduler.store.database import Store

_NAMES = click.argument("names", nargs=-1, metavar="[NAME|TOUCH...]", help="Campaigns, or touches as campaign/touch.")
_ALL = click.option("--all", "everything", is_flag=True, help="Every campaign on the schedule.")
_YES = click.option("--yes", is_flag=True, help="With --all: do not ask.")


def _targets(store: Store, names: Sequence[str], everything: bool) -> tuple[Target, ...]:
    from scheduler.catalog import Catalog
    from scheduler.operations import steering

    if everything and names:
        raise click.UsageError("--all stands alone: give names or --all")
    if not everything and not names:
        raise click.UsageError("name a campaign or a touch, or say --all")
    chosen = steering.everything(store) if everything else steering.targets(store, Catalog(), names)
    if not chosen:
        raise SchedulerError("nothing is on the schedule", remedy="put a campaign there: campaign apply")
    return chosen


def _say(session: Session, document: dict[str, object], words: str) -> None:
    if session.json:
        session.screen.json(document)
    else:
        session.screen.line(words)


def _list(chosen: Sequence[Target]) -> str:
    return ", ".join(str(target) for target in chosen)


@click.command(
    "pause",
    cls=CampaignCommand,
    examples=(
        ("campaign pause valentines", "nothing of it goes until it is resumed"),
        ("campaign pause offer-email --until 2027-01-25", "one touch, until then"),
    ),
)
@_NAMES
@_ALL
@_YES
@click.option("--until", metavar="DATE", help="Resume by itself then.")
@database.option
@common
def pause(
    session: Session, *, names: tuple[str, ...], everything: bool, yes: bool, until: str | None, url: str | None
) -> int:
    """Stop sending; what becomes late meanwhile follows its `on_late` when it is resumed."""
    from scheduler.operations import steering

    with database.opened(session, url) as store:
        chosen = _targets(store, names, everything)
        zone = telling.zone_of(store)
        end = read_moment(until, zone) if until else None
        if end is not None and end <= session.now(zone):
            raise click.BadParameter(f"{until!r} has passed already", param_hint="--until")
        if everything:
            confirm.yes(session, f"Pause {count(len(chosen), 'campaign')}: {_list(chosen)}?", given=yes)
        changed = steering.pause(store, chosen, until=end, now=session.now(zone), who=database.who())
    until_words = f" until {telling.told(end, zone, year=True)}" if end else ""
    words = f"Paused {_list(chosen)}{until_words}." if changed else f"{_list(chosen)}: paused already."
    document = {"paused": [str(target) for target in chosen], "changed": changed, "until": end}
    _say(session, document, words)
    if not session.json and changed and not end:
        session.screen.steps([(f"campaign resume {'--all' if everything else ' '.join(names)}", "let it go on")])
    return exits.DONE


@click.command(
    "resume",
    cls=CampaignCommand,
    examples=(
        ("campaign resume valentines", "let it go on"),
        ("campaign resume --all", "everything that is paused"),
        ("campaign resume --plan", "on HOLD: what would go late, before anything goes"),
        ("campaign resume --late skip", "on HOLD: go on, and leave out what is late"),
    ),
)
@_NAMES
@_ALL
@click.option("--plan", "plan_only", is_flag=True, help="On HOLD: show what lifting it means, change nothing.")
@click.option(
    "--late",
    type=click.Choice(["send", "skip"]),
    help="On HOLD: send what is late, or leave it out (default: as each touch's on_late says).",
)
@click.option("--yes", is_flag=True, help="On HOLD: do not ask.")
@database.option
@common
def resume(
    session: Session,
    *,
    names: tuple[str, ...],
    everything: bool,
    plan_only: bool,
    late: str | None,
    yes: bool,
    url: str | None,
) -> int:
    """Let what was paused go on; without a name, lift the HOLD that keeps everything from being sent."""
    from scheduler.operations import holding, steering

    with database.opened(session, url) as store:
        if not names and not everything and (plan_only or late or holding.held(store) is not None):
            from scheduler.cli import hold_screen

            return hold_screen.resume(session, store, plan_only=plan_only, late=late, yes=yes)
        if plan_only or late:
            raise click.UsageError("--plan and --late are about the HOLD, which is about everything: leave out names")
        chosen = _targets(store, names, everything)
        changed = steering.resume(store, chosen, now=telling.now(session, store), who=database.who())
        held = holding.held(store)
    words = f"Resumed {_list(chosen)}." if changed else f"{_list(chosen)}: not paused."
    _say(session, {"resumed": [str(target) for target in chosen], "changed": changed}, words)
    if held is not None:
        session.screen.warn(f"nothing is sent yet: the HOLD stands (campaign resume --plan): {held.reason}")
    return exits.DONE


@click.command(
    "cancel",
    cls=CampaignCommand,
    examples=(
        ("campaign cancel valentines", "nothing more of it is ever sent; asks for its name"),
        ("campaign cancel valentines/offer-email --confirm valentines/offer-email", "one touch, without asking"),
    ),
)
@_NAMES
@click.option(
    "--confirm", "confirmed", metavar="NAME", multiple=True, help="Do not ask: the name of what is cancelled."
)
@database.option
@common
def cancel(session: Session, *, names: tuple[str, ...], confirmed: tuple[str, ...], url: str | None) -> int:
    """End a campaign or a touch for this edition; what was sent stays in the history."""
    from scheduler.catalog import Catalog
    from scheduler.operations import steering

    with database.opened(session, url) as store:
        chosen = _targets(store, names, everything=False)
        for target in chosen:
            confirm.name(session, _what_ends(store, target), str(target), given=confirmed)
        cancelled = steering.cancel(store, Catalog(), chosen, now=telling.now(session, store), who=database.who())
    words = f"Cancelled {_list(chosen)}: {count(cancelled, 'planned message')} will not be sent."
    _say(session, {"cancelled": [str(target) for target in chosen], "messages": cancelled}, words)
    return exits.DONE


def _what_ends(store: Store, target: Target) -> str:
    """Return in a sentence what will not happen any more."""
    from scheduler.operations import steering

    dates, messages = steering.coming_dates(store, (target,)), steering.waiting_messages(store, (target,))
    parts = [count(dates, "date")] if dates else []
    parts += [count(messages, "planned message")] if messages else []
    if not parts:
        return f"Nothing of {target} will start any more."
    return f"{target} has {' and '.join(parts)} to come; nothing of that will go."


@click.command(
    "approve",
    cls=CampaignCommand,
    examples=(
        ("campaign approve valentines/offer-email", "with exactly the content it has now"),
        ("campaign approve offer-email --reject --note 'wrong price'", "its messages are cancelled"),
    ),
)
@click.argument("names", nargs=-1, required=True, metavar="TOUCH...", help="Touches, as campaign/touch.")
@click.option("--reject", is_flag=True, help="Refuse it: its messages are cancelled.")
@click.option("--not-sent", is_flag=True, help="After a restore: what may have been sent already was not; let it go.")
@click.option("--note", default="", metavar="TEXT", help="Kept with the decision.")
@database.option
@common
def approve(
    session: Session, *, names: tuple[str, ...], reject: bool, not_sent: bool, note: str, url: str | None
) -> int:
    """Approve a touch with exactly the content it has now; an edit asks again."""
    from scheduler.catalog import Catalog
    from scheduler.operations import steering

    if reject and not_sent:
        raise click.UsageError("--reject and --not-sent are two answers: choose one")
    catalog = Catalog()
    with database.opened(session, url) as store:
        chosen = steering.targets(store, catalog, names)
        who = database.who()
        back = [target for target in chosen if not reject and steering.is_off(store, target)]
        note = note or f"{'rejected' if reject else 'approved'} by {who}"
        moved = steering.approve(
            store,
            catalog,
            chosen,
            now=telling.now(session, store),
            who=who,
            note=note,
            reject=reject,
            not_sent=not_sent,
        )
        asks = [target for target in chosen if steering.asks_for_approval(store, catalog, target)]
    if reject:
        words = f"Rejected {_list(chosen)}: {count(moved, 'message')} will not be sent."
    elif back:
        words = (
            f"Approved {_list(chosen)}: what was cancelled is back on the schedule with its dates to come;"
            " messages that were cancelled stay so."
        )
    elif moved:
        words = f"Approved {_list(chosen)}: {count(moved, 'held message')} let go."
    elif asks:
        words = f"Approved {_list(chosen)} with the content it has now; an edit asks again."
    else:
        words = f"{_list(chosen)} needs no approval, and nothing of it is held."
    verb = "rejected" if reject else "approved"
    _say(session, {verb: [str(target) for target in chosen], "messages": moved}, words)
    return exits.DONE
