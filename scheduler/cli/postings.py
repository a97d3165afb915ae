"""The posts, SMS and WhatsApp messages of a campaign as they would go, for the limits of the networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from campaigns.limits import LIMITS
from campaigns.lint.posting import Posting
from campaigns.lint.written import Written
from scheduler.cli.attempts import Attempt, Taken, taken

if TYPE_CHECKING:
    from campaigns.definition import Touch
    from campaigns.rendering import Lines, Renderer
    from scheduler.channels.base import Message
    from scheduler.cli.readers import Known
    from scheduler.cli.review import Review

MEASURED = frozenset(limit.channel for limit in LIMITS)


def postings(review: Review, renderer: Renderer, tried: Iterable[Attempt]) -> tuple[Posting, ...]:
    """Return every message on a channel with limits: posts once, personal ones for each reader who has one."""
    from campaigns import rendering

    measured = [one for one in tried if is_measured(one.touch)]
    if not measured:
        return ()
    written, facts = rendering.written(review.loaded.campaign, review.loaded.templates), taken(renderer)
    return tuple(
        posting
        for one in measured
        for known, made in one.made
        for posting in _postings(review, one, known, made, written[one.touch.id], facts)
    )


def is_measured(touch: Touch) -> bool:
    """Whether a network has limits for what this touch says."""
    return any(channel in MEASURED for channel in touch.channel) and bool(touch.template or touch.text or touch.media)


def _postings(
    review: Review, one: Attempt, known: Known, made: Message, written: Iterable[Lines], facts: Taken
) -> Iterator[Posting]:
    campaign, touch = review.loaded.campaign, one.touch
    path = campaign.touch_path(touch.id)
    for channel in touch.channel:
        if channel in MEASURED:
            yield Posting(
                touch=touch.id,
                channel=channel,
                place=campaign.place(*path),
                text=made.content.text,
                reader=known.who,
                media=made.content.media,
                media_places=tuple(campaign.place(*path, "media", number) for number in range(len(made.content.media))),
                written=tuple(Written(*part) for part in written),
                form="comment" if touch.is_comment else touch.post_as or "post",
                way_out=made.unsubscribe or "",
                gaps=facts.gaps(review, one, known, made),
                worded=facts.worded(one, made),
            )
