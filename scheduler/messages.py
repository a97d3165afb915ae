"""From a case to its message: facts of person and event, offer, and the key fixed at the first attempt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from campaigns import rendering
from campaigns.rendering import Content
from scheduler.channels.base import Message, Recipient
from scheduler.circumstances import Case, Circumstances
from scheduler.rendering.tracked import Letter
from scheduler.store.people import MEASUREMENT
from scheduler.tokens import Links, Token

# How long the link of a sign-up's mail holds: a week, and the three days after which the mail is not sent any more.
CONFIRM_WITHIN = timedelta(days=10)


def facts(here: Circumstances, case: Case, *, links: Links) -> dict[str, object]:
    """Return everything the touch's template may see, as plain data."""
    definition = case.campaign.campaign
    return rendering.facts(
        definition,
        case.stage,
        case.touch,
        contact=contact_facts(here, case),
        event=event_facts(here, case),
        offer=here.offer(case),
        now=here.now,
        zone=here.zone(case),
        unsubscribe=unsubscribe(case, links),
        confirm=confirm(here, case, links),
        preferences=_preferences(case, links),
        edition=case.claim.edition,
        occasion_on=here.timeline(case).occasion_on,
        common=here.common_facts(case),
    )


def contact_facts(here: Circumstances, case: Case) -> dict[str, object] | None:
    """Return the facts of the person; None for a message to nobody."""
    if case.claim.contact is None:
        return None
    return here.standing(case).facts(here.today(here.zone(case)))


def event_facts(here: Circumstances, case: Case) -> dict[str, object] | None:
    """Return the event that started the run; None where there is none."""
    run = here.runs.get(case.claim.run) if case.claim.run is not None else None
    if run is None:
        return None
    happened = here.events[run.event]
    return {**happened.facts, "name": happened.name, "at": happened.at}


def unsubscribe(case: Case, links: Links) -> str | None:
    """Return the opt-out address of a marketing message: the person's own link, else the file's; None for all others.

    The same at every attempt, as the message is.
    """
    claim = case.claim
    if not claim.marketing or claim.contact is None:
        return None
    return links.unsubscribe(Token(claim.contact, claim.id), case.campaign.campaign.senders.unsubscribe)


def unsubscribe_mail(case: Case, way_out: str | None) -> str | None:
    """Return the file's own address for opt-outs by mail where the way out is a link; None where there is no second."""
    own = case.campaign.campaign.senders.unsubscribe
    linked = way_out is not None and way_out.startswith("https:")
    return own if linked and own is not None and own.startswith("mailto:") else None


def confirm(here: Circumstances, case: Case, links: Links) -> str | None:
    """Return where the person confirms the sign-up that this message answers; None for all other messages."""
    claim = case.claim
    run = here.runs.get(claim.run) if claim.run is not None else None
    if run is None or claim.contact is None or not case.touch.confirms:
        return None
    return links.confirm(Token(claim.contact, claim.id), until=here.events[run.event].received_at + CONFIRM_WITHIN)


def _preferences(case: Case, links: Links) -> str | None:
    """Return where the person chooses what they get; None where no template of the campaign asks for it."""
    claim = case.claim
    if claim.contact is None or not case.campaign.has_preferences:
        return None
    return links.preferences(Token(claim.contact, claim.id))


def letter(here: Circumstances, case: Case, content: Content) -> Letter | None:
    """Return a mail as it is to be measured; None where the campaign does not ask for it, or the person did not agree.

    Only who agreed to `measurement` is measured: silence is no consent to being watched.
    """
    definition, claim = case.campaign.campaign, case.claim
    if definition.tracking != "on" or claim.channel != "email" or claim.contact is None or content.html is None:
        return None
    standing = here.standing(case)
    if not standing.consents.get(MEASUREMENT):
        return None
    words = (standing.address(name) for name in ("email", "phone", "ref"))
    way_out = definition.senders.unsubscribe
    own = frozenset() if way_out is None else frozenset({way_out})
    return Letter(claim.campaign, claim.touch, claim.id, content, tuple(filter(None, words)), own)


def compose(here: Circumstances, case: Case, content: Content, *, key: str, links: Links) -> Message:
    """Put a message together; its key and Date are those of the first attempt, `key` and now where there was none."""
    claim, definition = case.claim, case.campaign.campaign
    first = here.first_attempts.get(claim.id)
    contact = contact_facts(here, case)
    way_out = unsubscribe(case, links)
    recipient = _recipient(claim.contact, contact) if claim.contact is not None and contact is not None else None
    return Message(
        delivery_id=claim.id,
        key=first.key if first is not None else key,
        campaign=claim.campaign,
        edition=claim.edition,
        touch=claim.touch,
        stage=claim.stage,
        channel=claim.channel,
        purpose=case.touch.purpose.value,
        occurrence=claim.occurrence,
        created_at=first.created_at if first is not None else here.now,
        due_at=claim.due_at,
        content=content,
        recipient=recipient,
        account=definition.accounts.get(claim.channel),
        sender=definition.senders.sms if claim.channel == "sms" else definition.senders.email,
        reply_to=definition.senders.reply_to,
        unsubscribe=way_out,
        unsubscribe_mail=unsubscribe_mail(case, way_out),
        return_path=_return_path(case, recipient, links),
        media_url=definition.media_url,
        expires_at=claim.expires_at,
        facts={
            "contact": contact,
            "event": event_facts(here, case),
            "campaign": {"id": claim.campaign, "edition": claim.edition},
        },
    )


def _return_path(case: Case, recipient: Recipient | None, links: Links) -> str | None:
    """Return where what comes back of a mail goes, known by its stamp as this very mail; None for all others."""
    if case.claim.channel != "email" or recipient is None or not recipient.email:
        return None
    return links.return_path(case.claim.id, recipient.email)


def _recipient(contact: int, facts: Mapping[str, object]) -> Recipient:
    name = " ".join(str(facts.get(part) or "") for part in ("first_name", "last_name")).strip()
    email, phone = facts.get("email"), facts.get("phone")
    return Recipient(contact, name, str(email) if email else None, str(phone) if phone else None)
