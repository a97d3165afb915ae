"""The mails of a campaign as some of its readers would get them, for the rules about mails to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from campaigns.definition import Purpose
from campaigns.errors import RenderError
from campaigns.finding import Finding, Level
from campaigns.lint.letter import Letter
from campaigns.lint.written import Written
from scheduler.cli import message
from scheduler.cli.message import Reader
from scheduler.cli.readers import Known
from scheduler.cli.review import Review

if TYPE_CHECKING:
    from campaigns.definition import Stage, Touch
    from campaigns.rendering import Renderer


def letters(review: Review, readers: Sequence[Known]) -> tuple[tuple[Letter, ...], tuple[Finding, ...]]:
    """Return every mail for each of `readers`.

    A mail that can be rendered for none of them is a note, with the reason of the last attempt.
    """
    from campaigns import rendering

    campaign = review.loaded.campaign
    written = rendering.written(campaign, review.loaded.templates)
    renderer = rendering.Renderer(campaign, review.loaded.templates)
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
