"""From a claim to its message: facts of person and event, offer, content, and the key fixed at the first attempt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from campaigns import rendering
from campaigns.definition import Stage, Touch
from campaigns.timing import zones
from scheduler import runs
from scheduler.catalog import InForce
from scheduler.channels.base import Message, Recipient
from scheduler.store import events, ledger, people, plans
from scheduler.store.database import Connection
from scheduler.store.ledger import Claim


def compose(
    conn: Connection,
    campaign: InForce,
    claim: Claim,
    stage: Stage,
    touch: Touch,
    *,
    key: str,
    opt_out: str | None,
    now: datetime,
) -> Message:
    """Render the message of a claim as of `now`; its key and Date are those of the first attempt where there was one.

    `key` is the idempotency key of a first attempt, `opt_out` the unsubscribe address where the file names none.
    Raises: RenderError naming template and line, and nothing is half made.
    """
    definition = campaign.campaign
    contact: dict[str, object] | None = None
    recipient = None
    zone = definition.zone
    if claim.contact is not None:
        zone = campaign.contact_zone(people.timezone(conn, claim.contact))
        contact = people.facts(conn, claim.contact, today=zones.local(now, zone).date())
        recipient = _recipient(claim.contact, contact)
    event: dict[str, object] | None = None
    if claim.run is not None and (run := plans.run(conn, claim.run)) is not None:
        happened = events.get(conn, run.event)
        event = {**happened.facts, "name": happened.name, "at": happened.at}
    sent = plans.first_sent(conn, claim.campaign, claim.edition)
    unsubscribe = campaign.unsubscribe(opt_out) if runs.is_marketing(touch) else None
    facts = rendering.facts(
        definition,
        stage,
        touch,
        contact=contact,
        event=event,
        offer=campaign.offer(touch.offer, touch, sent, now) if touch.offer is not None else None,
        now=now,
        zone=zone,
        unsubscribe=unsubscribe,
        edition=campaign.edition,
        occasion_on=campaign.timeline(sent).occasion_on,
    )
    first = ledger.first_attempt(conn, claim.id)
    return Message(
        delivery_id=claim.id,
        key=first.key if first is not None else key,
        campaign=claim.campaign,
        edition=claim.edition,
        touch=claim.touch,
        stage=claim.stage,
        channel=claim.channel,
        purpose=touch.purpose.value,
        occurrence=claim.occurrence,
        created_at=first.created_at if first is not None else now,
        due_at=claim.due_at,
        content=campaign.renderer.render(touch, facts),
        recipient=recipient,
        account=definition.accounts.get(claim.channel),
        sender=definition.senders.sms if claim.channel == "sms" else definition.senders.email,
        reply_to=definition.senders.reply_to,
        unsubscribe=unsubscribe,
        facts={"contact": contact, "event": event, "campaign": {"id": claim.campaign, "edition": claim.edition}},
    )


def _recipient(contact: int, facts: Mapping[str, object]) -> Recipient:
    name = " ".join(str(facts.get(part) or "") for part in ("first_name", "last_name")).strip()
    email, phone = facts.get("email"), facts.get("phone")
    return Recipient(contact, name, str(email) if email else None, str(phone) if phone else None)
