"""`campaign send TOUCH --to ADDRESS --test`: one marked test message, to somebody of the shop."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from campaigns.definition import PERSONAL
from campaigns.errors import RenderError
from scheduler.cli import database, exits, targets
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.review import review
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.channels.base import Channel, Message, Receipt, Recipient

MARK = "[TEST]"


@click.command(
    "send",
    cls=CampaignCommand,
    examples=(
        ("campaign send offer-email --to you@example.org --test", "see it in your own inbox"),
        ("campaign send offer-email --to you@example.org --test --persona lea", "as Léa would get it"),
    ),
)
@click.argument("touch", help="offer-email, or valentines/offer-email.")
@click.option("--to", "address", required=True, metavar="ADDRESS", help="Where to: your own address.")
@click.option("--test", is_flag=True, help="Say that this is a test; nothing else is ever sent by hand.")
@click.option("--contact", "who", metavar="WHO", help="Rendered for this person.")
@click.option("--persona", metavar="NAME", help="Rendered for this persona (default: the first of the file).")
@common
def command(session: Session, *, touch: str, address: str, test: bool, who: str | None, persona: str | None) -> int:
    """Send one marked test message. The schedule and the history know nothing of it; the audit trail does."""
    from scheduler.bootstrap import live_channels

    if not test:
        raise click.UsageError("a message by hand is always a test: add --test")
    if who and persona:
        raise click.UsageError("--contact and --persona are two readers: choose one")
    made = _compose(session, touch, address, who, persona)
    channel = live_channels(database.settings(session), outbox=None).get(made.channel)
    if channel is None:
        raise SchedulerError(
            f"{made.channel} has no account here",
            remedy=f"set it up (for mail: CAMPAIGN_SMTP_URL), or read it: campaign preview {touch}",
        )
    receipt = asyncio.run(_send(channel, made))
    _note(session, made)
    if session.json:
        session.screen.json({"sent": made.touch, "to": address, "provider_id": receipt.provider_id or None})
    else:
        session.screen.line(Span("sent  ", "good"), f"{made.campaign}/{made.touch} to {address}, marked {MARK}")
    return exits.DONE


def _note(session: Session, made: Message) -> None:
    """Leave a line in the audit trail where there is a database; the message has gone in any case."""
    from scheduler.operations import auditing

    there = database.existing(session)
    if there is None:
        return
    touch = f"{made.campaign}/{made.touch}"
    try:
        with database.reading(there) as store:
            auditing.note(store, who=database.who(), action="send test", subject=touch, now=session.now())
    except SchedulerError as error:
        session.screen.warn(f"it was sent, but the audit trail does not have it: {error.message}")


def _compose(session: Session, touch: str, address: str, who: str | None, persona: str | None) -> Message:
    """Render the touch as `preview` does and mark it for the address given."""
    from scheduler.cli import message

    target = targets.find(session, touch)
    if target.touch is None:
        raise click.UsageError(f"{touch} is a whole campaign: name one of its touches")
    seen = review(session, target.choice)
    stage, found = next((stage, one) for stage, one in seen.loaded.campaign.touches() if one.id == target.touch)
    if found.channel[0] not in PERSONAL:
        raise SchedulerError(
            f"{found.id!r} goes by {found.channel[0]}, to no address", remedy=f"read it: campaign preview {touch}"
        )
    recipient = _recipient(found.channel[0], address)
    if who:
        reader = message.contact(session, seen, who, None)
    else:
        reader = message.persona(seen, persona) if persona else message.first_persona(seen)
    event = message.event_facts(seen, found, reader, {})
    at = message.goes_at(seen, seen.timeline.touch(found.id)) or seen.now
    try:
        made = message.compose(seen, stage, found, reader, event=event, at=at)
    except RenderError as error:
        if reader.facts is not None:
            raise
        raise SchedulerError(
            error.message, place=error.place, remedy="it needs a reader: --contact WHO, or a persona in the file"
        ) from None
    return _marked(made, recipient)


def _recipient(channel: str, address: str) -> Recipient:
    """Return the person of the shop it goes to.

    Raises: click.BadParameter when the address is none of the channel's kind.
    """
    from scheduler import contacts_csv
    from scheduler.channels.base import Recipient

    kind = "email" if channel == "email" else "phone"
    try:
        row = contacts_csv.from_facts({kind: address})
    except SchedulerError as error:
        raise click.BadParameter(error.message, param_hint="--to") from None
    return Recipient(0, "", row.email, row.phone)


def _marked(made: Message, recipient: Recipient) -> Message:
    """Return the message for that person, marked as a test where a reader looks first."""
    from scheduler.clock import SystemClock

    content = made.content
    if made.channel == "email":
        content = replace(content, subject=f"{MARK} {content.subject}")
    else:
        content = replace(content, text=f"{MARK} {content.text}")
    now = SystemClock().now()  # the moment it really goes, whatever day it is looked at from
    return replace(
        made, key=f"test-{made.touch}-{now:%Y%m%d%H%M%S%f}", created_at=now, recipient=recipient, content=content
    )


async def _send(channel: Channel, made: Message) -> Receipt:
    async def mark(handle: str = "") -> None:
        """There is no ledger to write to: the message is a test."""

    try:
        return await channel.send(made, mark)
    finally:
        await channel.close()
