"""A touch quotes its offer while people still have time to use it."""

from collections.abc import Iterator
from datetime import timedelta

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
        if offer.starts_at is not None and offer.ends_at - offer.starts_at <= 2 * _SHORT:
            continue
        for one in touch.occurrences:
            if one.state == "planned" and timedelta(0) <= offer.ends_at - one.due_at < _SHORT:
                hours = int((offer.ends_at - one.due_at).total_seconds() // 3600)
                yield Trouble(
                    f"{touch.id} quotes {offer.code} when only {hours} h of it are left",
                    campaign.place(*campaign.touch_path(touch.id)),
                    "let the touch go earlier, or the offer run longer",
                )
                break


RULE = Rule("late-offer", Level.WARNING, "an offer is quoted while there is time to use it", check)
