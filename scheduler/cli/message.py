"""One message of a campaign as one reader would get it: what `preview` shows and a test message is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.definition import Persona, Purpose, Stage, Touch
from campaigns.timeline import PlannedTouch
from campaigns.timing import zones
from scheduler.channels.base import Message, Recipient
from scheduler.cli import database
from scheduler.cli.options import Session
from scheduler.cli.review import Review
from scheduler.errors import SchedulerError
from scheduler.tokens import EXAMPLE_CONFIRM, EXAMPLE_PREFERENCES, EXAMPLE_STOP

if TYPE_CHECKING:
    from campaigns.rendering import Renderer


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a message is rendered: the facts of a contact or a persona; `persona` names it, else None."""

    facts: Mapping[str, object] | None
    persona: str | None = None

    @property
    def name(self) -> str:
        """The person's name, as far as it is known."""
        facts = self.facts or {}
        parts = (str(facts.get(part) or "") for part in ("first_name", "last_name"))
        return " ".join(part for part in parts if part)


def persona(review: Review, name: str) -> Reader:
    """Return the persona of this name as a reader.

    Raises: SchedulerError with a near name when the campaign has none such.
    """
    from campaigns import rendering
    from campaigns.errors import suggestion

    personas = review.loaded.campaign.personas
    if name not in personas:
        remedy = suggestion(name, personas) or (
            f"it has {', '.join(personas)}" if personas else "describe one in the file"
        )
        raise SchedulerError(f"no persona {name!r} in {review.choice.path}", remedy=remedy)
    return Reader(rendering.persona_contact(personas[name]), name)


def contact(session: Session, review: Review, who: str, contacts: Path | None) -> Reader:
    """Return the person called `who` (mailbox, phone number or customer number) from the file, else the database.

    Raises: SchedulerError when nobody is called so.
    """
    if contacts is not None:
        from scheduler import contacts_csv

        people = contacts_csv.read(contacts, country=review.loaded.campaign.country).people
        for person in people:
            if who.lower() in {person.email, person.ref and person.ref.lower()} or who == person.phone:
                return Reader(person.as_facts())
        raise SchedulerError(
            f"nobody in {contacts} is called {who!r}", remedy="give a mailbox, phone or customer number"
        )
    url = database.existing(session)
    if url is None:
        raise SchedulerError(
            f"nobody is known here, {who!r} neither", remedy="name a file (--contacts FILE.csv) or a --persona"
        )
    from scheduler.operations import people as stored_people
    from scheduler.store import people as rows

    with database.reading(url) as store, store.read() as conn:
        today = zones.local(review.now, review.loaded.campaign.zone).date()
        return Reader(rows.facts(conn, stored_people.find(conn, who), today=today))


def first_persona(review: Review) -> Reader:
    """Return the campaign's first persona, or a reader nobody knows anything of."""
    name = next(iter(review.loaded.campaign.personas), None)
    return persona(review, name) if name is not None else Reader(None)


def event_facts(review: Review, touch: Touch, reader: Reader, given: Mapping[str, str]) -> dict[str, object] | None:
    """Return the event that would start a touch: the persona's own of this name, overlaid with what was given."""
    from scheduler.contacts_csv import fact

    if touch.on is None and not given:
        return None
    known: dict[str, object] = {"name": touch.on, "at": review.now}
    described: Persona | None = review.loaded.campaign.personas.get(reader.persona or "")
    for event in described.events if described else ():
        if event.get("name") == touch.on:
            known.update({name: value for name, value in event.items() if name not in ("name", "at")})
            break
    return {**known, **{name: fact(value) for name, value in given.items()}}


def compose(
    review: Review,
    stage: Stage,
    touch: Touch,
    reader: Reader,
    *,
    event: Mapping[str, object] | None,
    at: datetime,
    renderer: Renderer | None = None,
) -> Message:
    """Render a touch for a reader at the moment it would go; by `renderer`, where several are of the same campaign.

    Raises: RenderError naming template and line.
    """
    from campaigns import rendering

    campaign, timeline = review.loaded.campaign, review.timeline
    marketing = touch.purpose is Purpose.MARKETING
    way_out = campaign.senders.unsubscribe or (EXAMPLE_STOP if review.public_url is not None else None)
    unsubscribe = way_out if marketing and not (touch.is_post or touch.is_task) else None
    facts = rendering.facts(
        campaign,
        stage,
        touch,
        contact=reader.facts,
        event=event,
        offer=timeline.offer(touch.offer) if touch.offer else None,
        now=at,
        zone=_zone(review, reader),
        unsubscribe=unsubscribe,
        confirm=EXAMPLE_CONFIRM if touch.confirms else None,
        preferences=EXAMPLE_PREFERENCES if review.public_url is not None else None,
        edition=timeline.edition,
        occasion_on=timeline.occasion_on,
    )
    content = (renderer or rendering.Renderer(campaign, review.loaded.templates)).render(touch, facts)
    return Message(
        delivery_id=0,
        key=f"preview-{touch.id}",
        campaign=campaign.id,
        edition=timeline.edition,
        touch=touch.id,
        stage=stage.id,
        channel=touch.channel[0],
        purpose=touch.purpose.value,
        occurrence="preview",
        created_at=at,
        due_at=at,
        content=content,
        recipient=_recipient(reader) if touch.is_personal else None,
        account=campaign.accounts.get(touch.channel[0]),
        sender=campaign.senders.sms if touch.channel[0] == "sms" else campaign.senders.email,
        reply_to=campaign.senders.reply_to,
        unsubscribe=unsubscribe,
        post_as=touch.post_as or "",
        facts=facts,
    )


def goes_at(review: Review, planned: PlannedTouch) -> datetime | None:
    """Return the next moment of a touch, else its last one; None when it waits for an event."""
    moments = [moment.due_at for moment in planned.occurrences]
    coming = [moment for moment in moments if moment >= review.now]
    return min(coming) if coming else max(moments, default=None)


def _zone(review: Review, reader: Reader) -> str:
    campaign = review.loaded.campaign
    own = str((reader.facts or {}).get("timezone") or "")
    return own if campaign.timezone == "contact" and own else campaign.zone


def _recipient(reader: Reader) -> Recipient | None:
    if reader.facts is None:
        return None
    email, phone = (str(reader.facts.get(name) or "") for name in ("email", "phone"))
    if reader.persona and not email:
        email = f"{reader.persona}@persona.example"
    return Recipient(0, reader.name, email or None, phone or None)
