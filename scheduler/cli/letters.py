"""The mails of a campaign as some of its readers would get them, for the rules about mails to look at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from campaigns.definition import Purpose
from campaigns.lint.letter import Letter
from campaigns.lint.written import Written

if TYPE_CHECKING:
    from campaigns.definition import Touch
    from scheduler.channels.base import Message
    from scheduler.cli.attempts import Attempt
    from scheduler.cli.readers import Known
    from scheduler.cli.review import Review


def letters(review: Review, tried: Iterable[Attempt]) -> tuple[Letter, ...]:
    """Return every mail that could be written."""
    from campaigns import rendering

    written = rendering.written(review.loaded.campaign, review.loaded.templates)
    return tuple(
        _letter(review, one.touch, known, made, tuple(Written(*lines) for lines in written[one.touch.id]))
        for one in tried
        if one.touch.channel[0] == "email"
        for known, made in one.made
    )


def _letter(review: Review, touch: Touch, known: Known, made: Message, lines: tuple[Written, ...]) -> Letter:
    campaign, facts = review.loaded.campaign, known.reader.facts or {}
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
        private=tuple(str(facts[name]) for name in ("email", "phone")),
        written=lines,
    )
