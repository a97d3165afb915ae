"""Touches that count from an order that is still to come: one person's moment, and how the plan says it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns import loader, planner
from campaigns.errors import UnresolvedError

PARIS = ZoneInfo("Europe/Paris")
ORDERED = datetime(2027, 5, 3, 10, tzinfo=PARIS)
SHOP = """\
campaign: shop
language: en
timezone: Europe/Paris
stages:
  - stage: a
    kind: loyalty
    enter_on: purchase
    touches:
      - id: nudge
        channel: email
        on: {on}
        when: {when}
        subject: Hi
        text: Hi
"""


def shop(when, on="purchase"):
    campaign = loader.load(SHOP.format(when=when, on=on), "shop.yaml")
    return campaign, campaign.stages[0].touches[0], planner.plan(campaign, now=ORDERED)


def due(when, *, expected, late, on="purchase"):
    campaign, touch, timeline = shop(when, on)
    found = planner.due_after_event(
        campaign,
        touch,
        event_at=ORDERED,
        zone="Europe/Paris",
        awaited=planner.Awaited(expected, late),
        reference=ORDERED,
        timeline=timeline,
    )
    return found.due_at.strftime("%d %b %H:%M")


@pytest.mark.parametrize(
    ("when", "day"),
    [
        ("5 days before the expected order", "28 May 10:00"),
        ("the expected order", "02 Jun 10:00"),
        ("the overdue order", "20 Jun 10:00"),
        ("1 day after the overdue order", "21 Jun 10:00"),
        ("40 days before the expected order", "18 May 10:00"),  # before the order itself: halfway
        ("50 days before the overdue order", "27 May 10:00"),
        ("the event", "03 May 10:00"),
    ],
)
def test_a_nudge_counts_from_the_order_that_is_expected(when, day):
    if when == "the event":
        when = "as soon as possible"

    assert (
        due(when, expected=datetime(2027, 6, 2, 10, tzinfo=PARIS), late=datetime(2027, 6, 20, 10, tzinfo=PARIS)) == day
    )


def test_halfway_keeps_quiet_hours():
    early = datetime(2027, 5, 6, 0, tzinfo=PARIS)  # halfway is 4 May, 17:00; a day later still it would be at night

    assert due("5 days before the expected order", expected=early, late=early) == "04 May 17:00"
    night = datetime(2027, 5, 4, 20, tzinfo=PARIS)  # halfway is 4 May, 03:00
    assert due("5 days before the expected order", expected=night, late=night) == "04 May 08:00"


def test_an_order_that_should_have_come_already_is_not_halfway_to_anything():
    past = datetime(2027, 4, 30, 10, tzinfo=PARIS)

    assert due("the expected order", on="delivered", expected=past, late=past) == "30 Apr 10:00"


def test_without_a_forecast_it_has_no_moment():
    campaign, touch, timeline = shop("5 days before the expected order")

    with pytest.raises(UnresolvedError, match="whose moment is not expected yet"):
        planner.due_after_event(
            campaign, touch, event_at=ORDERED, zone="Europe/Paris", reference=ORDERED, timeline=timeline
        )


@pytest.mark.parametrize(
    ("when", "event"),
    [
        ("5 days before the expected order", "purchase"),
        ("the overdue order", "purchase"),
        ("2 days after purchase", None),
        ("between purchase and delivered", None),
        ("as soon as possible", None),
    ],
)
def test_a_touch_says_which_event_it_awaits(when, event):
    assert planner.awaited_event(shop(when)[1]) == event


def test_the_plan_has_no_finding_and_says_it_in_the_words_of_the_file():
    campaign, _, timeline = shop("5 days before the expected order")

    assert planner.unbuilt(campaign) == ()
    assert timeline.findings == ()
    assert timeline.touch("nudge").delay == "5 days before the expected order"


def test_the_plan_says_the_structure_in_english():
    _, _, timeline = shop("{days: 5, before: {event: purchase, expected: true}}")

    assert timeline.touch("nudge").delay == "5 days before the expected purchase"
