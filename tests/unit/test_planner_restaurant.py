"""The restaurant's launch: as soon as possible, days later, and an offer of 48 hours that follows what really happened."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns import loader, planner
from campaigns.timing import zones

RESTAURANT = """\
campaign: restaurant-launch
language: fr
country: FR
timezone: Europe/Paris
offers:
  LIVRAISON48:
    terms: livraison offerte
    from: conversion
    until: dans les prochaines 48 heures
stages:
  - stage: sensibilisation
    kind: awareness
    when: dès que possible
    touches:
      - {id: online-orders, channel: facebook, text: Commandez en ligne}
  - stage: considération
    kind: consideration
    when: de trois à cinq jours plus tard
    touches:
      - {id: a-la-carte, channel: facebook, text: Nos plats}
  - stage: conversion
    kind: conversion
    when: après trois à cinq jours supplémentaires
    touches:
      - {id: flash-sale, channel: facebook, text: 48 heures, offer: LIVRAISON48}
"""


def at(text):
    return datetime.fromisoformat(text)


def due(timeline):
    return {touch.id: touch.occurrences[0].due_at for touch in timeline.touches}


@pytest.fixture(scope="module")
def campaign():
    return loader.load(RESTAURANT, "restaurant-launch.yaml")


def test_it_goes_at_once_then_three_to_five_days_later_each(campaign):
    now = at("2026-11-20T09:12:00+01:00")

    timeline = planner.plan(campaign, now=now)

    assert due(timeline) == {
        "online-orders": at("2026-11-20T09:12:00+01:00"),
        "a-la-carte": at("2026-11-23T10:00:00+01:00"),
        "flash-sale": at("2026-11-26T10:00:00+01:00"),
    }
    second = timeline.stages[1].window
    assert (second.earliest, second.latest) == (at("2026-11-23T00:00:00+01:00"), at("2026-11-25T23:59:59+01:00"))
    assert timeline.edition == "2026"


def test_the_offer_closes_48_hours_after_its_planned_post(campaign):
    timeline = planner.plan(campaign, now=at("2026-11-20T09:12:00+01:00"))

    offer = timeline.offer("LIVRAISON48")

    assert (offer.starts_at, offer.ends_at) == (at("2026-11-26T10:00:00+01:00"), at("2026-11-28T10:00:00+01:00"))


def test_a_touch_that_starts_its_offer_may_be_late_and_other_touches_end_with_it():
    text = (
        RESTAURANT
        + "      - {id: last-call, channel: facebook, text: Vite, when: 1 jour plus tard, offer: LIVRAISON48}\n"
    )
    timeline = planner.plan(loader.load(text, "r.yaml"), now=at("2026-11-20T09:12:00+01:00"))

    assert timeline.touch("flash-sale").occurrences[0].expires_at == at("2026-11-29T23:59:59+01:00")
    assert timeline.touch("last-call").occurrences[0].expires_at == at("2026-11-28T10:00:00+01:00")


def test_at_night_the_first_post_waits_for_the_morning(campaign):
    timeline = planner.plan(campaign, now=at("2026-11-20T22:40:00+01:00"))

    assert due(timeline)["online-orders"] == at("2026-11-21T08:00:00+01:00")
    assert due(timeline)["a-la-carte"] == at("2026-11-24T10:00:00+01:00")
    assert "21:00" in timeline.touch("online-orders").reason


def test_later_stages_count_from_the_date_on_which_the_first_touch_really_went(campaign):
    reference = at("2026-11-20T09:12:00+01:00")
    sent = {"online-orders": at("2026-11-22T15:00:00+01:00")}

    timeline = planner.plan(campaign, now=at("2026-11-22T16:00:00+01:00"), reference=reference, sent=sent)

    assert due(timeline)["a-la-carte"] == at("2026-11-25T10:00:00+01:00")
    assert due(timeline)["flash-sale"] == at("2026-11-28T10:00:00+01:00")
    assert timeline.touch("online-orders").sent_at == at("2026-11-22T15:00:00+01:00")


def test_an_offer_keeps_its_48_hours_from_the_moment_its_post_really_went(campaign):
    reference = at("2026-11-20T09:12:00+01:00")
    timeline = planner.plan(campaign, now=reference)

    offer = planner.offer_window(campaign, "LIVRAISON48", timeline, {"flash-sale": at("2026-11-27T10:30:00+01:00")})

    assert (offer.starts_at, offer.ends_at) == (at("2026-11-27T10:30:00+01:00"), at("2026-11-29T10:30:00+01:00"))


def test_without_from_an_offer_counts_from_the_touch_that_quotes_it():
    text = RESTAURANT.replace("    from: conversion\n", "")
    timeline = planner.plan(loader.load(text, "r.yaml"), now=at("2026-11-20T09:12:00+01:00"))

    assert timeline.offer("LIVRAISON48").ends_at == at("2026-11-28T10:00:00+01:00")


def test_48_hours_are_exact_over_the_change_of_the_clocks(campaign):
    timeline = planner.plan(campaign, now=at("2027-03-20T09:12:00+01:00"))

    offer = timeline.offer("LIVRAISON48")

    assert offer.starts_at == at("2027-03-26T10:00:00+01:00")
    assert offer.ends_at.astimezone(UTC) - offer.starts_at.astimezone(UTC) == timedelta(hours=48)
    assert zones.local(offer.ends_at, "Europe/Paris") == at("2027-03-28T11:00:00+02:00")


def test_the_reference_decides_the_dates_and_now_only_what_is_past(campaign):
    reference = at("2026-11-20T09:12:00+01:00")

    first = planner.plan(campaign, now=reference)
    again = planner.plan(campaign, now=at("2026-11-20T11:00:00+01:00"), reference=reference)

    assert due(again) == due(first)
    assert again.hash == first.hash


def test_an_offer_of_an_event_touch_is_each_persons_own():
    text = """\
campaign: shop
language: en
timezone: Europe/Paris
offers: {BACK: {terms: -10 %, until: 48 hours later}}
stages:
  - stage: a
    kind: conversion
    enter_on: signup
    touches:
      - {id: cart, channel: email, on: cart_abandoned, when: 1 day later, subject: Hi, text: Hi, offer: BACK}
"""
    campaign = loader.load(text, "shop.yaml")
    first = at("2026-12-01T10:00:00+01:00")
    timeline = planner.plan(campaign, now=at("2026-12-05T10:00:00+01:00"), sent={"cart": first})

    unknown = planner.offer_window(campaign, "BACK", timeline, {"cart": first})
    theirs = planner.offer_window(campaign, "BACK", timeline, going={"cart": at("2026-12-05T10:00:00+01:00")})

    assert timeline.touch("cart").sent_at == first
    assert (unknown.starts_at, unknown.ends_at) == (None, None)
    assert theirs.ends_at == at("2026-12-07T10:00:00+01:00")
