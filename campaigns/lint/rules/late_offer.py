"""A touch quotes its offer while people still have time to use it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

_SHORT = timedelta(hours=24)


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch that goes in the last 24 hours of an offer that runs longer than that."""
    campaign, timeline = view.campaign, view.timeline
    for touch in timeline.touches:
        written = next(one for _stage, one in campaign.touches() if one.id == touch.id)
        offer = timeline.offer(written.offer) if written.offer is not None else None
        if offer is None or offer.ends_at is None:
            continue
        if offer.starts_at is not None and _between(offer.starts_at, offer.ends_at) <= 2 * _SHORT:
            continue
        for one in touch.occurrences:
            if one.state == "planned" and timedelta(0) <= _between(one.due_at, offer.ends_at) < _SHORT:
                hours = int(_between(one.due_at, offer.ends_at).total_seconds() // 3600)
                yield Trouble(
                    f"{touch.id} quotes {offer.code} when only {hours} h of it are left",
                    campaign.place(*campaign.touch_path(touch.id)),
                    "let the touch go earlier, or the offer run longer",
                )
                break


def _between(first: datetime, last: datetime) -> timedelta:
    """Return the real time between two moments: local times of one zone would subtract as clocks show them."""
    return last.astimezone(UTC) - first.astimezone(UTC)


RULE = Rule("late-offer", Level.WARNING, "an offer is quoted while there is time to use it", check)
