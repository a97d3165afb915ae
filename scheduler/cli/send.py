"""`campaign send TOUCH --to ADDRESS --test`: one marked test message, to somebody of the shop."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from campaigns.definition import PERSONAL
from scheduler.cli import database, exits, targets
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.review import review
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.channels.base import Channel, Message, Receipt

MARK = "[TEST]"


@click.command(
    "send",
    cls=CampaignCommand,
    examples=(("campaign send offer-email --to you@example.org --test", "see it in your own inbox"),),
)
@click.argument("touch", help="offer-email, or valentines/offer-email.")
@click.option("--to", "address", required=True, metavar="ADDRESS", help="Where to: your own address.")
@click.option("--test", is_flag=True, help="Say that this is a test; nothing else is ever sent by hand.")
@click.option("--contact", "who", metavar="WHO", help="Rendered for this person.")
@click.option("--persona", metavar="NAME", help="Rendered for this persona (default: the first of the file).")
@common
def command(session: Session, touch: str, address: str, test: bool, who: str | None, persona: str | None) -> int:
    """Send one marked test message. The schedule and the history know nothing of it."""
    from scheduler.bootstrap import live_channels
    from scheduler.cli import message

    if not test:
        raise click.UsageError("a message by hand is always a test: add --test")
    target = targets.find(session, touch)
    if target.touch is None:
        raise click.UsageError(f"{touch} is a whole campaign: name one of its touches")
    seen = review(session, target.choice)
    stage, found = next((stage, one) for stage, one in seen.loaded.campaign.touches() if one.id == target.touch)
    if found.channel[0] not in PERSONAL:
        raise SchedulerError(
            f"{found.id!r} goes by {found.channel[0]} to nobody's address", remedy=f"see it: campaign preview {touch}"
        )
    reader = message.contact(session, seen, who, None) if who else message.first_persona(seen)
    if persona:
        reader = message.persona(seen, persona)
    event = message.event_facts(seen, found, reader, {})
    at = message.goes_at(seen, seen.timeline.touch(found.id)) or seen.now
    made = _marked(message.compose(seen, stage, found, reader, event=event, at=at), address, session)
    channel = live_channels(database.settings(session), outbox=None).get(made.channel)
    if channel is None:
        raise SchedulerError(
            f"{made.channel} has no account here", remedy="set it up (for mail: CAMPAIGN_SMTP_URL), or use preview"
        )
    receipt = asyncio.run(_send(channel, made))
    if session.json:
        session.screen.json({"sent": made.touch, "to": address, "provider_id": receipt.provider_id})
    else:
        session.screen.line(Span("sent  ", "good"), f"{made.touch} to {address}, marked {MARK}")
    return exits.DONE


def _marked(made: Message, address: str, session: Session) -> Message:
    """Return the message for the address given, marked as a test where a reader looks first."""
    from scheduler.channels.base import Recipient

    content = made.content
    if made.channel == "email":
        if "@" not in address:
            raise click.BadParameter(f"{address!r} is not an e-mail address", param_hint="--to")
        content = replace(content, subject=f"{MARK} {content.subject}")
        recipient = Recipient(0, "", address, None)
    else:
        content = replace(content, text=f"{MARK} {content.text}")
        recipient = Recipient(0, "", None, address)
    now = session.now()
    return replace(
        made, key=f"test-{made.touch}-{now:%Y%m%d%H%M%S%f}", created_at=now, recipient=recipient, content=content
    )


async def _send(channel: Channel, made: Message) -> Receipt:
    async def mark() -> None:
        """There is no ledger to write to: the message is a test."""

    try:
        return await channel.send(made, mark)
    finally:
        await channel.close()
