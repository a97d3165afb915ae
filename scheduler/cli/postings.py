"""The posts, SMS and WhatsApp messages of a campaign as they would go, for the limits of the networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from campaigns.errors import Place, RenderError
from campaigns.finding import Finding, Level
from campaigns.limits import LIMITS
from campaigns.lint.posting import Posting
from campaigns.lint.written import Written
from scheduler.cli import message

if TYPE_CHECKING:
    from campaigns.definition import Stage, Touch
    from campaigns.rendering import Renderer
    from scheduler.cli.readers import Known
    from scheduler.cli.review import Review

MEASURED = frozenset(limit.channel for limit in LIMITS)


def postings(
    review: Review, renderer: Renderer, readers: Sequence[Known]
) -> tuple[tuple[Posting, ...], tuple[Finding, ...]]:
    """Return every message on a channel with limits: posts once, personal ones for each of `readers`.

    One that can be rendered for nobody is a note with the reason, where nothing else says so.
    """
    from campaigns import rendering

    campaign = review.loaded.campaign
    if not any(_is_measured(touch) for _, touch in campaign.touches()):
        return (), ()
    written = rendering.written(campaign, review.loaded.templates)
    made: list[Posting] = []
    notes: list[Finding] = []
    for stage, touch in campaign.touches():
        if not _is_measured(touch):
            continue
        lines = tuple(Written(*one) for one in written[touch.id])
        try:
            made += _made(review, stage, touch, renderer, lines, readers)
        except RenderError as error:
            place = error.place or _place(review, touch)
            remedy = "give a persona the event it needs: `events: [{name: ..., at: day 3, ...}]`" if touch.on else ""
            text = f"{touch.id} is not measured: {error.message}"
            notes.append(Finding("not-measured", Level.NOTE, text, place, remedy or error.remedy))
    return tuple(made), tuple(notes)


def _is_measured(touch: Touch) -> bool:
    return any(channel in MEASURED for channel in touch.channel) and bool(touch.template or touch.text or touch.media)


def _made(
    review: Review,
    stage: Stage,
    touch: Touch,
    renderer: Renderer,
    lines: tuple[Written, ...],
    readers: Sequence[Known],
) -> list[Posting]:
    """Return the messages of a touch. Raises: RenderError of the last reader where none could be made."""
    nobody = (("", message.Reader(None)),)
    found: list[Posting] = []
    refused: RenderError | None = None
    for who, reader in readers if touch.is_personal else nobody:
        event = message.event_facts(review, touch, reader, {})
        at = message.goes_at(review, review.timeline.touch(touch.id)) or review.now
        try:
            made = message.compose(review, stage, touch, reader, event=event, at=at, renderer=renderer)
        except RenderError as error:
            refused = error
            continue
        path = review.loaded.campaign.touch_path(touch.id)
        found += [
            Posting(
                touch=touch.id,
                channel=channel,
                place=_place(review, touch),
                text=made.content.text,
                reader=who,
                media=made.content.media,
                media_places=tuple(
                    review.loaded.campaign.place(*path, "media", number) for number in range(len(made.content.media))
                ),
                written=lines,
                form="comment" if touch.is_comment else touch.post_as or "post",
                way_out=made.unsubscribe or "",
            )
            for channel in touch.channel
            if channel in MEASURED
        ]
    if refused is not None and not found:
        raise refused
    return found


def _place(review: Review, touch: Touch) -> Place:
    campaign = review.loaded.campaign
    return campaign.place(*campaign.touch_path(touch.id))
