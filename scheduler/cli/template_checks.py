"""What `campaign doctor` says of WhatsApp's templates: whether each message of the project is one that is approved."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from campaigns.errors import CampaignError
from scheduler.channels.platforms import registry
from scheduler.cli import database, review
from scheduler.cli.check import Check
from scheduler.cli.options import Session
from scheduler.cli.wording import count
from scheduler.errors import DeliveryError

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Touch
    from campaigns.lint.posting import Posting
    from scheduler.channels.platforms.whatsapp_templates import Template

_CHANNEL = "whatsapp"
_SECONDS = 10.0
_GAP = re.compile(r"{{.*?}}", re.DOTALL)


def templates(session: Session) -> Iterator[Check]:
    """Hold every WhatsApp message against the templates of its account, as its readers get it; nothing is sent."""
    accounts = database.settings(session).accounts
    if _CHANNEL not in registry.reached(accounts):
        return
    for path in session.project.campaign_files():
        shown = str(review.shown(path))
        try:
            seen = review.review(session, review.Choice(path))
        except CampaignError:
            continue  # said by `files`
        postings = [one for one in seen.postings if one.channel == _CHANNEL]
        if not postings:
            continue
        campaign = seen.loaded.campaign
        try:
            known = asyncio.run(_known(session, campaign.accounts.get(_CHANNEL)))
        except DeliveryError as error:
            yield Check("template", "!", f"{shown}: {error.message}", error.remedy)
            continue
        yield from _held(shown, campaign, postings, known)


async def _known(session: Session, named: str | None) -> tuple[Template, ...]:
    """Return the templates of an account that a text can be. Raises: DeliveryError."""
    from scheduler import bootstrap
    from scheduler.channels.platforms.whatsapp import WhatsAppChannel
    from scheduler.clock import SystemClock

    settings = database.settings(session)
    keeper = bootstrap.token_keeper(settings)
    channel = WhatsAppChannel(settings.accounts, SystemClock(), keeper=keeper, seconds=_SECONDS)
    try:
        return await channel.access_to(named).known(timedelta())
    finally:
        await channel.close()


def _held(file: str, campaign: Campaign, postings: Iterable[Posting], known: Sequence[Template]) -> Iterator[Check]:
    touches = {touch.id: touch for _stage, touch in campaign.touches()}
    told: dict[str, Check | None] = {}
    for posting in postings:
        if told.get(posting.touch) is None:
            told[posting.touch] = _checked(file, campaign, touches[posting.touch], posting, known)
    yield from (check for check in told.values() if check is not None)
    good = sum(check is None for check in told.values())
    if good:
        yield Check("template", "✓", f"{file}: {count(good, 'message')} to WhatsApp by approved templates")


def _checked(file: str, campaign: Campaign, touch: Touch, posting: Posting, known: Sequence[Template]) -> Check | None:
    """Return what is wrong with one message; None where it is an approved template in the campaign's language."""
    from scheduler.channels.platforms.whatsapp_templates import APPROVED, matching, nearest

    name = f"{file}: {posting.name}"
    found = matching(known, posting.text, touch.purpose.value)
    if found is None:
        near = nearest(known, posting.text)
        own = len(_GAP.findall(touch.text or ""))
        remedy = "write one in the WhatsApp Manager, or the text word for word as one was approved"
        if near is not None:
            gaps = len(set(near.gaps))
            differ = f", with {count(gaps, 'gap')} for the {own} here" if touch.text and gaps != own else ""
            remedy = f"the nearest is {near}{differ}: write it word for word as it was approved"
        return Check("template", "✗", f"{name} is none of the {count(len(known), 'template')} of the account", remedy)
    template = found.template
    if template.status != APPROVED:
        status = re.sub(r"[^A-Z_]", "", template.status)[:30].lower().replace("_", " ") or "not approved"
        remedy = "see why in the WhatsApp Manager, and write one that is approved: until then it does not go"
        return Check("template", "✗", f"{name} goes as {template}, which is {status} at WhatsApp", remedy)
    if template.language.partition("_")[0] != campaign.language.partition("-")[0]:
        said = f"{name} goes as {template}, and the campaign is in {campaign.language}"
        return Check("template", "!", said, "say in the WhatsApp Manager which language its words are in")
    return None
