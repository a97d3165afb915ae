"""`campaign preview TOUCH`: one message as a person would read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from campaigns.timing import zones
from scheduler.cli import exits, preview_screen, targets
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.review import Review, review
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from campaigns.timeline import PlannedTouch
    from scheduler.channels.base import Message
    from scheduler.cli.message import Reader

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


def _complete_touch(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    session = Session(folder=ctx.params.get("folder"))
    return [CompletionItem(name, help=what) for name, what in targets.touch_ids(session) if name.startswith(incomplete)]


def _pairs(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"cannot read {text!r}, expected NAME=VALUE such as product=ring")
        pairs[name] = value
    return pairs


@click.command(
    "preview",
    cls=CampaignCommand,
    examples=(
        ("campaign preview offer-email --persona lea", "read it as Léa would"),
        ("campaign preview valentines/offer-email --open", "in the browser"),
        ("campaign preview cart-reminder --key product=ring", "with a fact of the event that starts it"),
    ),
)
@click.argument(
    "touch", shell_complete=_complete_touch, help="offer-email, or valentines/offer-email; a file: all of it."
)
@click.option("--contact", "who", metavar="WHO", help="Read it as this person: mailbox, phone or customer number.")
@click.option("--persona", metavar="NAME", help="Read it as this persona (default: the first of the file).")
@click.option("--contacts", type=_EXISTING, metavar="CSV", help="Look for the person in this file.")
@click.option("--key", "keys", metavar="K=V", multiple=True, callback=_pairs, help="A fact of its event.")
@click.option("--as", "form", type=click.Choice(("text", "html", "raw")), help="Print one part, or the whole mail.")
@click.option(
    "--open/--no-open",
    "opened",
    default=None,
    help="Write it as a page, and show that in the browser or only its path.",
)
@common
def command(
    session: Session,
    *,
    touch: str,
    who: str | None,
    persona: str | None,
    contacts: Path | None,
    keys: dict[str, str],
    form: str | None,
    opened: bool | None,
) -> int:
    """Show one message as a person would read it; a whole campaign as a dry run. Nothing is sent."""
    from scheduler.cli import message

    if who and persona:
        raise click.UsageError("--contact and --persona are two readers: choose one")
    target = targets.find(session, touch)
    if target.touch is None:
        from scheduler.cli import rehearsal_screen

        return rehearsal_screen.run(
            session,
            (target.choice.argument,),
            contacts=contacts,
            events=None,
            start=None,
            until=None,
            seed=0,
            outbox=None,
        )
    seen = review(session, target.choice)
    stage, found = next((stage, one) for stage, one in seen.loaded.campaign.touches() if one.id == target.touch)
    planned = seen.timeline.touch(found.id)
    if who:
        reader = message.contact(session, seen, who, contacts)
    elif persona:
        reader = message.persona(seen, persona)
    else:
        reader = message.first_persona(seen) if found.is_personal else message.Reader(None)
    goes_at = message.goes_at(seen, planned)
    event = message.event_facts(seen, found, reader, keys)
    made = message.compose(seen, stage, found, reader, event=event, at=goes_at or seen.now)
    if opened is not None:
        _open(session, made, shown=opened)
    elif form is not None:
        session.screen.text(_part(made, form))
    elif session.json:
        session.screen.json(_document(seen, made, reader, planned))
    elif session.plain:
        session.screen.text(_part(made, "text"))
    else:
        preview_screen.show(session.screen, seen, found, made, reader)
    return exits.DONE


def _part(made: Message, form: str) -> str:
    """Return the message in one form: its text, its HTML, or the whole mail as it would travel."""
    if form == "text":
        return made.content.text
    if form == "html":
        if made.content.html is None:
            raise SchedulerError(f"{made.touch} has no HTML part", remedy="--as text shows what there is")
        return made.content.html
    if made.channel != "email":
        raise SchedulerError(f"{made.touch} is no mail but {made.channel}", remedy="--as text shows what goes out")
    from scheduler.channels.email import mime

    return mime.build(made).data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def _document(seen: Review, made: Message, reader: Reader, planned: PlannedTouch) -> dict[str, object]:
    content = made.content
    return {
        "at": zones.local(made.due_at, seen.loaded.campaign.zone) if planned.trigger is None else None,
        "campaign": made.campaign,
        "touch": made.touch,
        "stage": made.stage,
        "channel": made.channel,
        "contact": (made.recipient.email or made.recipient.phone) if made.recipient else None,
        "persona": reader.persona,
        "subject": content.subject or None,
        "preheader": content.preheader or None,
        "text": content.text,
        "html": content.html,
        "media": [{"file": file, "alt": alt} for file, alt in content.media],
        "hash": content.hash,
    }


def _open(session: Session, made: Message, *, shown: bool) -> None:
    """Write the message as a page that only this user can read, and show it at a terminal; else say where it is."""
    from scheduler.cli import preview_page

    path = preview_page.write(made.touch, preview_page.page(made, _headers(made)))
    if session.json:
        session.screen.json({"page": str(path)})
    elif not (shown and session.screen.width is not None and preview_page.open_in_browser(path)):
        session.screen.text(str(path))
    else:
        session.screen.say(f"{path} opened; delete it when you have read it")


def _headers(made: Message) -> list[tuple[str, str]]:
    """Return what stands above a message: the headers of a mail as they travel, decoded; else where it goes."""
    if made.channel != "email":
        to = made.recipient.phone if made.recipient else made.account
        media = [("Media", f"{file} ({alt})" if alt else file) for file, alt in made.content.media]
        form = [("As", f"a {made.post_as}")] if made.post_as else []
        return [("Channel", made.channel), *([("To", to)] if to else []), *form, *media]
    import email.policy
    from email.parser import BytesHeaderParser

    from scheduler.channels.email import mime

    head = BytesHeaderParser(policy=email.policy.default).parsebytes(mime.build(made).data)
    return [(name, str(value)) for name, value in head.items() if name not in ("MIME-Version", "Content-Type")]
