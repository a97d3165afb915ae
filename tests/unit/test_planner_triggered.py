"""Event touches: when they are due for one person, in their zone, and how often they come again."""

from datetime import datetime

import pytest

from campaigns import loader, planner
from campaigns.definition import OnLate
from campaigns.timing.model import Span, Unit

SHOP = """\
campaign: shop
language: en
country: FR
timezone: Europe/Paris
events: {grooming: [dog]}
offers:
  SALE: {terms: -10 %, until: 1 february 2027}
stages:
  - stage: a
    kind: loyalty
    enter_on: purchase
    touches:
      - {id: thanks, channel: email, purpose: transactional, on: purchase, when: 5 minutes later, subject: Thanks, text: Hi}
      - {id: at-once, channel: email, purpose: transactional, on: purchase, subject: Thanks, text: Hi}
      - {id: cart, channel: email, on: cart_abandoned, when: 1 day later, until: purchase, subject: Cart, text: Hi}
      - {id: soon, channel: email, on: cart_abandoned, when: 2 hours later, subject: Cart, text: Hi, offer: SALE}
      - {id: range, channel: email, on: purchase, when: 3 to 5 days later, subject: Hi, text: Hi}
      - {id: clock, channel: email, on: delivered, when: 14 days later, at: "18:00", subject: Hi, text: Hi}
      - {id: months, channel: sms, on: purchase, when: 11 months later, text: Hi}
      - {id: surprise, channel: email, on: purchase, when: between purchase and delivered, subject: Hi, text: Hi}
      - {id: call, channel: call, on: bad_experience, when: next business day, text: Call}
      - {id: again, channel: sms, on: grooming, when: 6 weeks later, repeat: "every 14 days, 3 times", until: grooming, text: Hi}
"""
NOW = datetime.fromisoformat("2026-11-20T09:12:00+01:00")


def at(text):
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def shop():
    campaign = loader.load(SHOP, "shop.yaml")
    return campaign, planner.plan(campaign, now=NOW)


def after(shop, touch_id, event_at, zone="Europe/Paris", expected=None):
    campaign, timeline = shop
    touch = next(touch for _, touch in campaign.touches() if touch.id == touch_id)
    return planner.due_after_event(
        campaign,
        touch,
        event_at=at(event_at),
        zone=zone,
        expected=at(expected) if expected else None,
        reference=timeline.reference,
        timeline=timeline,
    )


@pytest.mark.parametrize(
    ("touch", "event_at", "due_at"),
    [
        ("thanks", "2026-12-01T23:58:00+01:00", "2026-12-02T00:03:00+01:00"),
        ("at-once", "2026-12-01T23:58:00+01:00", "2026-12-01T23:58:00+01:00"),
        ("cart", "2026-12-01T15:20:00+01:00", "2026-12-02T15:20:00+01:00"),
        ("cart", "2026-12-01T23:20:00+01:00", "2026-12-03T08:00:00+01:00"),
        ("cart", "2027-03-27T15:20:00+01:00", "2027-03-28T15:20:00+02:00"),
        ("soon", "2026-12-01T20:30:00+01:00", "2026-12-02T08:00:00+01:00"),
        ("soon", "2026-12-01T12:30:00+01:00", "2026-12-01T14:30:00+01:00"),
        ("range", "2026-12-01T15:20:00+01:00", "2026-12-04T10:00:00+01:00"),
        ("clock", "2026-12-01T15:20:00+01:00", "2026-12-15T18:00:00+01:00"),
        ("months", "2026-12-31T15:20:00+01:00", "2027-11-30T15:20:00+01:00"),
        ("call", "2026-12-04T15:20:00+01:00", "2026-12-07T10:00:00+01:00"),
        ("call", "2026-12-24T15:20:00+01:00", "2026-12-28T10:00:00+01:00"),
    ],
)
def test_an_event_touch_is_due_after_its_event(shop, touch, event_at, due_at):
    assert after(shop, touch, event_at).due_at == at(due_at)


def test_it_keeps_the_quiet_hours_of_the_person(shop):
    tokyo = after(shop, "soon", "2026-12-01T12:00:00+01:00", zone="Asia/Tokyo")

    assert tokyo.due_at == at("2026-12-02T08:00:00+09:00")


def test_between_two_events_it_is_due_halfway_else_after_a_day(shop):
    known = after(shop, "surprise", "2026-12-01T10:00:00+01:00", expected="2026-12-05T10:00:00+01:00")
    unknown = after(shop, "surprise", "2026-12-01T10:00:00+01:00")

    assert known.due_at == at("2026-12-03T10:00:00+01:00")
    assert unknown.due_at == at("2026-12-02T10:00:00+01:00")
    assert unknown.window.latest is None


def test_it_expires_by_its_purpose_after_its_moment_or_window(shop):
    assert after(shop, "thanks", "2026-12-01T10:00:00+01:00").expires_at == at("2026-12-04T10:05:00+01:00")
    assert after(shop, "cart", "2026-12-01T10:00:00+01:00").expires_at == at("2026-12-03T10:00:00+01:00")
    assert after(shop, "range", "2026-12-01T10:00:00+01:00").expires_at == at("2026-12-07T23:59:59+01:00")


def test_it_never_goes_after_the_end_of_its_offer(shop):
    assert after(shop, "soon", "2027-02-01T12:00:00+01:00").expires_at == at("2027-02-01T23:59:59+01:00")


def test_a_repetition_counts_from_the_first_message(shop):
    campaign, _ = shop
    touch = next(touch for _, touch in campaign.touches() if touch.id == "again")
    first = at("2026-12-01T10:30:00+01:00")

    found = [planner.repeat_due(campaign, touch, first, number, "Europe/Paris") for number in (1, 2, 3, 4)]

    assert found == [first, at("2026-12-15T10:30:00+01:00"), at("2026-12-29T10:30:00+01:00"), None]


def test_a_touch_without_a_repetition_comes_once(shop):
    campaign, _ = shop
    touch = next(touch for _, touch in campaign.touches() if touch.id == "cart")

    assert planner.repeat_due(campaign, touch, NOW, 2, "Europe/Paris") is None


@pytest.mark.parametrize(
    ("touch", "delay"),
    [
        ("thanks", "+5 min"),
        ("at-once", ""),
        ("cart", "+1 d"),
        ("soon", "+2 h"),
        ("range", "+3-5 d"),
        ("months", "+11 months"),
        ("surprise", "between"),
        ("again", "+6 weeks"),
    ],
)
def test_the_delay_is_told_in_short(shop, touch, delay):
    assert shop[1].touch(touch).delay == delay


def test_late_messages_follow_their_purpose(shop):
    campaign, _ = shop
    touches = {touch.id: (stage, touch) for stage, touch in campaign.touches()}

    def late(name):
        stage, touch = touches[name]
        return planner.max_late(campaign, stage, touch), planner.on_late(touch)

    assert late("thanks") == (Span(72, Unit.HOUR), OnLate.ASK)
    assert late("cart") == (Span(24, Unit.HOUR), OnLate.SKIP)
    assert late("call") == (Span(72, Unit.HOUR), OnLate.SKIP)
