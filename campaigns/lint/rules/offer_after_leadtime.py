"""An offer ends while what is ordered with it can still be there for the occasion."""

from collections.abc import Iterator
from datetime import datetime, time

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.timing import resolver, zones


def check(view: View) -> Iterator[Trouble]:
    """Yield every offer that runs past the occasion minus the lead time."""
    campaign, timeline = view.campaign, view.timeline
    if campaign.lead_time is None or timeline.occasion_on is None:
        return
    noon = zones.instant(timeline.occasion_on, time(12), timeline.timezone)
    last = resolver.add_span(noon, campaign.lead_time, timeline.timezone, sign=-1, country=campaign.country)
    for offer in timeline.offers:
        if offer.ends_at is not None and offer.ends_at.date() > last.date() and _concerns(offer.starts_at, noon):
            yield Trouble(
                f"{offer.code} ends {_day(offer.ends_at)}, but what is ordered after {_day(last)} comes too late:"
                f" {campaign.lead_time} before {_day(zones.local(noon, timeline.timezone))}",
                campaign.place("offers", offer.code, "until"),
                f"let it end by {_day(last)}",
            )


def _concerns(starts_at: datetime | None, occasion: datetime) -> bool:
    """Whether the offer is made before the occasion; one that starts later is about something else."""
    return starts_at is None or starts_at <= occasion


def _day(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b}"


RULE = Rule("offer-after-leadtime", Level.WARNING, "an offer ends before it is too late to deliver", check)
