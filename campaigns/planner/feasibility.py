"""Whether a customer who hears of it first can still decide, order and have it in time for the occasion."""

from __future__ import annotations

from datetime import date, datetime

from campaigns.definition import Campaign
from campaigns.timeline import Feasibility
from campaigns.timing import resolver, zones
from campaigns.timing.model import Span, Unit

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SHORT = {
    Unit.MINUTE: "min",
    Unit.HOUR: "h",
    Unit.DAY: "d",
    Unit.BUSINESS_DAY: "business d",
    Unit.WEEK: "wk",
    Unit.MONTH: "mo",
    Unit.YEAR: "y",
}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def feasibility(campaign: Campaign, first_at: datetime | None, occasion_on: date | None) -> Feasibility | None:
    """Add decision and lead time to the first touch and compare with the occasion; None when one of them is unknown.

    `spare_days` is the occasion minus the day everything is ready: 0 is just in time, negative too late.
    """
    spans = [span for span in (campaign.decision_time, campaign.lead_time) if span is not None]
    if first_at is None or occasion_on is None or not spans:
        return None
    ready = first_at
    for span in spans:
        ready = resolver.add_span(ready, span, campaign.zone, country=campaign.country)
    first_on = zones.local(first_at, campaign.zone).date()
    ready_on = zones.local(ready, campaign.zone).date()
    spare = (occasion_on - ready_on).days
    total = " + ".join([day(first_on), *(short(span) for span in spans)])
    return Feasibility(
        first_on, ready_on, occasion_on, spare, f"{total} = {day(ready_on)}, {_against(ready_on, occasion_on, spare)}"
    )


def day(on: date) -> str:
    """Write a day as `4 Jan`."""
    return f"{on.day} {_MONTHS[on.month - 1]}"


def short(span: Span) -> str:
    """Write a length of time as `30 d`."""
    return f"{span.amount} {_SHORT[span.unit]}"


def _against(ready_on: date, occasion_on: date, spare: int) -> str:
    same_month = (ready_on.year, ready_on.month) == (occasion_on.year, occasion_on.month)
    goal = f"the {ordinal(occasion_on.day)}" if same_month else day(occasion_on)
    if spare == 0:
        return f"on {goal} itself"
    count = abs(spare)
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    return f"{number} day{'' if count == 1 else 's'} {'before' if spare > 0 else 'after'} {goal}"


def ordinal(number: int) -> str:
    """Write 14 as `14th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
