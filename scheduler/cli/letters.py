"""The mails of a campaign as some of its readers would get them, for the rules about mails to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.definition import Purpose
from campaigns.errors import RenderError
from campaigns.finding import Finding, Level
from campaigns.lint.letter import Letter, Written
from scheduler.cli import message
from scheduler.cli.message import Reader
from scheduler.cli.review import Review

if TYPE_CHECKING:
    from campaigns.definition import Stage, Touch
    from campaigns.rendering import Renderer

_LONGEST = 3  # people of a contacts file: those about whom most is known


def letters(review: Review, contacts: Path | None = None) -> tuple[tuple[Letter, ...], tuple[Finding, ...]]:
    """Return every mail for every persona and for the people of the file about whom most is known.

    A mail that can be rendered for none of them is a note, with the reason of the last attempt.
    """
    from campaigns import rendering

    campaign = review.loaded.campaign
    written = rendering.written(campaign, review.loaded.templates)
    renderer = rendering.Renderer(campaign, review.loaded.templates)
    readers = list(_readers(review, contacts))
    made: list[Letter] = []
    notes: list[Finding] = []
    for stage, touch in campaign.touches():
        if touch.channel[0] != "email" or not (touch.template or touch.text or touch.html):
            continue
        lines = tuple(Written(*one) for one in written[touch.id])
        found: list[Letter] = []
        refused: RenderError | None = None
        for who, reader in readers:
            try:
                found.append(_letter(review, stage, touch, who, reader, renderer, lines))
            except RenderError as error:
                refused = error
        if refused is not None and not found:
            place = refused.place or campaign.place(*campaign.touch_path(touch.id))
            remedy = "give a persona the event it needs: `events: [{name: ..., at: day 3, ...}]`" if touch.on else ""
            text = f"{touch.id} could not be looked at as a mail: {refused.message}"
            notes.append(Finding("mail-not-read", Level.NOTE, text, place, remedy or refused.remedy))
        made += found
    return tuple(made), tuple(notes)


def _readers(review: Review, contacts: Path | None) -> Iterator[tuple[str, Reader]]:
    """Yield readers with words for each; everybody has a mailbox and a phone, which must not come out in a link."""
    personas = review.loaded.campaign.personas
    for name in personas:
        yield name, _reachable(message.persona(review, name).facts or {}, name)
    if contacts is not None:
        from scheduler import contacts_csv

        people = contacts_csv.read(contacts, country=review.loaded.campaign.country).people
        longest = sorted(people, key=lambda one: -sum(len(str(value)) for value in one.as_facts().values()))
        for person in longest[:_LONGEST]:
            yield person.who, _reachable(person.as_facts(), None)
    elif not personas:
        yield "a reader nobody knows", _reachable({}, None)


def _reachable(facts: Mapping[str, object], persona: str | None) -> Reader:
    own = {"email": f"{persona or 'reader'}@persona.example", "phone": "+15555550123"}
    return Reader({**own, **{name: value for name, value in facts.items() if value}}, persona)


def _letter(
    review: Review,
    stage: Stage,
    touch: Touch,
    who: str,
    reader: Reader,
    renderer: Renderer,
    lines: tuple[Written, ...],
) -> Letter:
    campaign = review.loaded.campaign
    event = message.event_facts(review, touch, reader, {})
    at = message.goes_at(review, review.timeline.touch(touch.id)) or review.now
    made = message.compose(review, stage, touch, reader, event=event, at=at, renderer=renderer)
    facts = reader.facts or {}
    return Letter(
        touch=touch.id,
        reader=who,
        place=campaign.place(*campaign.touch_path(touch.id)),
        subject=made.content.subject,
        preheader=made.content.preheader,
        text=made.content.text,
        html=made.content.html,
        language=campaign.language,
        is_marketing=touch.purpose is Purpose.MARKETING,
        unsubscribe=made.unsubscribe or "",
        address=campaign.senders.postal_address or "",
        private=tuple(str(facts[name]) for name in ("email", "phone")),
        written=lines,
    )
