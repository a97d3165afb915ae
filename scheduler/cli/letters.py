"""The mails of a campaign as some of its readers would get them, for the rules about mails to look at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from campaigns.definition import Purpose
from campaigns.lint.letter import Letter
from campaigns.lint.written import Written
from scheduler.cli.attempts import Attempt, Taken, taken

if TYPE_CHECKING:
    from campaigns.rendering import Lines, Renderer
    from scheduler.channels.base import Message
    from scheduler.cli.readers import Known
    from scheduler.cli.review import Review


def letters(review: Review, renderer: Renderer, tried: Iterable[Attempt]) -> tuple[Letter, ...]:
    """Return every mail that could be written."""
    from campaigns import rendering

    written, facts = rendering.written(review.loaded.campaign, review.loaded.templates), taken(renderer)
    return tuple(
        _letter(review, one, known, made, written[one.touch.id], facts)
        for one in tried
        if one.touch.channel[0] == "email"
        for known, made in one.made
    )


def _letter(
    review: Review, one: Attempt, known: Known, made: Message, written: Iterable[Lines], facts: Taken
) -> Letter:
    campaign, touch, own = review.loaded.campaign, one.touch, known.reader.facts or {}
    return Letter(
        touch=touch.id,
        reader=known.who,
        place=campaign.place(*campaign.touch_path(touch.id)),
        subject=made.content.subject,
        preheader=made.content.preheader,
        text=made.content.text,
        html=made.content.html,
        language=campaign.language,
        is_marketing=touch.purpose is Purpose.MARKETING,
        unsubscribe=made.unsubscribe or "",
        address=campaign.senders.postal_address or "",
        private=tuple(str(own[name]) for name in ("email", "phone")),
        written=tuple(Written(*part) for part in written),
        gaps=facts.gaps(review, one, known, made),
        worded=facts.worded(one, made),
    )
