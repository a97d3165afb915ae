"""The map must not gather dust: the day of its review is kept."""

from collections.abc import Iterator

from campaigns.errors import CampaignError
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.timing import resolver
from campaigns.timing.model import Moments


def check(view: View) -> Iterator[Trouble]:
    """Yield the review whose day has passed since the campaign was first applied."""
    campaign, timeline = view.campaign, view.timeline
    if campaign.review_by is None:
        return
    moments = Moments(
        now=timeline.reference,
        zone=timeline.timezone,
        country=campaign.country,
        start=timeline.reference,
        occasions=campaign.occasions,
    )
    try:
        window = resolver.resolve(campaign.review_by, moments)
        day = window.latest or window.target
    except CampaignError as error:
        yield Trouble(f"`review_by:` {error.message}", campaign.place("review_by"), error.remedy)
        return
    if day < timeline.now:
        yield Trouble(
            f"the campaign was to be reviewed by {day.day} {day:%b %Y}",
            campaign.place("review_by"),
            "walk its journeys again, then set the next day",
        )


RULE = Rule("review-due", Level.WARNING, "the campaign is reviewed when it was to be", check)
