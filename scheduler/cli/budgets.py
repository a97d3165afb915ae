"""How many messages an apply authorises, read from its option and told beside what the plan itself comes to."""

from __future__ import annotations

from dataclasses import dataclass

import click

from scheduler.cli.plan_rows import recipients
from scheduler.cli.review import Review
from scheduler.cli.wording import count, thousands


@dataclass(frozen=True, slots=True)
class Limit:
    """What `--budget` says: so many messages of an edition in all, None for as many as the plan needs."""

    messages: int | None


def read(_: click.Context, __: click.Parameter, text: str | None) -> Limit | None:
    """Read `--budget 500` or `--budget none`; None when it was not given. Raises: click.BadParameter."""
    if text is None:
        return None
    if text.strip().lower() == "none":
        return Limit(None)
    digits = text.replace(" ", "").replace("_", "")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise click.BadParameter(f"cannot read {text!r} as a number of messages, expected e.g. 500, or none")
    return Limit(int(digits))


def bound(review: Review) -> tuple[int, bool]:
    """Return how many messages are still to come by the calendar, at most, and whether events start more."""
    coming = 0
    for touch in review.timeline.touches:
        moments = sum(moment.state == "planned" and moment.due_at >= review.now for moment in touch.occurrences)
        people = recipients(review, touch)
        coming += moments * (1 if people is None else people)
    return coming, any(touch.trigger is not None for touch in review.timeline.touches)


def sentence(review: Review, limit: Limit | None) -> str | None:
    """Return what the budget allows beside what the plan comes to; None where nothing limits and nothing is asked."""
    present = review.budget
    if limit is None:
        if present is None:
            return None
        return f"Budget: {thousands(present.used)} of {count(present.authorised, 'message')} used; {_comes_to(review)}."
    if limit.messages is None:
        return f"Authorises as many messages as the plan needs; {_comes_to(review)}."
    begun = f" ({thousands(present.used)} of them used)" if present is not None and present.used else ""
    return f"Authorises up to {count(limit.messages, 'message')} in all{begun}; {_comes_to(review)}."


def _comes_to(review: Review) -> str:
    messages, events = bound(review)
    return f"the plan comes to {thousands(messages)} at most" + (", and what events start" if events else "")
