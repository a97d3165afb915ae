"""The ring shop's Valentine's Day: months, weekdays, holidays, the edition, and the sum against the occasion."""

from datetime import UTC, date, datetime

import pytest

from campaigns import loader, planner
from campaigns.finding import Level

RING_SHOP = """\
campaign: valentines
title: Saint-Valentin
language: fr
country: FR
timezone: Europe/Paris
occasion: saint-valentin
starts: 1er décembre
ends: saint-valentin
decision_time: 30 days
lead_time: 10 days
senders:
  email: BikSouv & Pro <bonjour@biksouv.example>
  postal_address: 12 rue des Lilas, 75011 Paris
  unsubscribe: mailto:stop@biksouv.example
courtesy:
  send_hours: 09:30-19:00
  weekdays: mon-fri
  holidays: avoid
offers:
  AMOUR30:
    terms: -30 %
    from: conversion
    until: 10 jours avant la saint-valentin
stages:
  - stage: sensibilisation
    kind: awareness
    when: début janvier
    touches:
      - {id: ring-teaser, channel: instagram, text: Des bagues}
  - stage: considération
    kind: consideration
    when: à la mi-janvier
    touches:
      - {id: testimonials, channel: instagram, text: Ils ont dit oui}
  - stage: conversion
    kind: conversion
    when: fin janvier
    pick: earliest
    touches:
      - {id: offer-email, channel: email, subject: -30 %, text: Bonjour, offer: AMOUR30, at: "09:30"}
      - {id: cart-reminder, channel: email, on: cart_abandoned, when: 1 jour plus tard, until: purchase, subject: Panier, text: Bonjour}
"""


def at(text):
    return datetime.fromisoformat(text)


def due(timeline, touch):
    return [one.due_at for one in timeline.touch(touch).occurrences]


@pytest.fixture(scope="module")
def campaign():
    return loader.load(RING_SHOP, "valentines.yaml")


@pytest.fixture(scope="module")
def timeline(campaign):
    return planner.plan(campaign, now=datetime(2026, 11, 20, 8, 0, tzinfo=UTC))


def test_each_post_goes_in_its_third_of_january(timeline):
    assert due(timeline, "ring-teaser") == [at("2027-01-04T10:00:00+01:00")]
    assert due(timeline, "testimonials") == [at("2027-01-15T10:00:00+01:00")]
    assert due(timeline, "offer-email") == [at("2027-01-21T09:30:00+01:00")]
    assert [stage.window.earliest.date() for stage in timeline.stages] == [
        date(2027, 1, 1),
        date(2027, 1, 11),
        date(2027, 1, 21),
    ]
    assert [stage.window.latest for stage in timeline.stages] == [
        at("2027-01-10T23:59:59+01:00"),
        at("2027-01-20T23:59:59+01:00"),
        at("2027-01-31T23:59:59+01:00"),
    ]


def test_the_reason_says_whose_words_and_what_moved_the_day(timeline):
    assert timeline.touch("ring-teaser").reason.startswith("début janvier; ")
    assert "1 Jan" in timeline.touch("ring-teaser").reason
    assert timeline.touch("testimonials").reason == "à la mi-janvier"
    assert timeline.touch("offer-email").reason == "fin janvier; earliest · AMOUR30"
    assert (
        timeline.touch("cart-reminder").reason
        == "not 21:00–08:00; only 09:30–19:00; Mon-Fri; no holidays; until purchase"
    )


def test_an_event_touch_has_its_trigger_and_no_moment(timeline):
    touch = timeline.touch("cart-reminder")

    assert (touch.trigger, touch.delay, touch.occurrences) == ("cart_abandoned", "+1 d", ())


def test_the_sum_is_told_against_the_occasion(timeline):
    assert timeline.feasibility.says == "4 Jan + 30 d + 10 d = 13 Feb, one day before the 14th"
    assert timeline.feasibility.spare_days == 1
    assert timeline.occasion_on == date(2027, 2, 14)


def test_the_offer_runs_from_its_stage_to_the_end_of_its_last_day(timeline):
    offer = timeline.offer("AMOUR30")

    assert offer.starts_at == at("2027-01-21T09:30:00+01:00")
    assert offer.ends_at == at("2027-02-04T23:59:59+01:00")
    assert offer.says == "Thu 21 Jan 09:30 to Thu 4 Feb"


def test_a_mail_expires_a_day_after_its_window_unless_its_offer_ends_before(timeline):
    [occurrence] = timeline.touch("offer-email").occurrences

    assert occurrence.key == "once"
    assert occurrence.expires_at == at("2027-02-01T23:59:59+01:00")


def test_nothing_is_wrong_with_it(timeline):
    assert timeline.findings == ()


@pytest.mark.parametrize(
    ("now", "edition"),
    [
        ("2026-02-13T12:00:00+00:00", "2026"),
        ("2026-02-14T12:00:00+00:00", "2026"),
        ("2026-02-15T12:00:00+00:00", "2027"),
        ("2026-11-20T12:00:00+00:00", "2027"),
        ("2027-01-10T12:00:00+00:00", "2027"),
        ("2027-02-14T22:00:00+00:00", "2027"),
        ("2027-02-14T23:30:00+00:00", "2028"),
        ("2029-07-01T12:00:00+00:00", "2030"),
    ],
)
def test_the_edition_is_the_year_of_the_next_occasion(campaign, now, edition):
    assert planner.edition(campaign, at(now)) == edition


def test_planned_in_another_year_it_means_the_january_before_the_next_occasion(campaign):
    timeline = planner.plan(campaign, now=datetime(2029, 7, 1, 8, 0, tzinfo=UTC))

    assert due(timeline, "ring-teaser") == [at("2030-01-02T10:00:00+01:00")]
    assert due(timeline, "testimonials") == [at("2030-01-15T10:00:00+01:00")]
    assert due(timeline, "offer-email") == [at("2030-01-21T09:30:00+01:00")]
    assert timeline.findings == ()


def test_planned_in_the_middle_what_is_over_expires_and_nothing_moves_to_next_year(campaign):
    timeline = planner.plan(campaign, now=at("2027-01-16T12:00:00+01:00"))

    [teaser] = timeline.touch("ring-teaser").occurrences
    [testimonials] = timeline.touch("testimonials").occurrences
    assert (teaser.state, teaser.due_at) == ("expired", at("2027-01-04T10:00:00+01:00"))
    assert (testimonials.state, testimonials.due_at) == ("planned", at("2027-01-18T09:30:00+01:00"))
    assert [(finding.code, finding.level) for finding in timeline.findings] == [("expired", Level.WARNING)]
    assert "10 Jan 2027" in timeline.findings[0].message


def test_the_present_takes_no_part_in_the_hash(campaign, timeline):
    later = planner.plan(campaign, now=at("2026-12-20T12:00:00+01:00"))
    middle = planner.plan(campaign, now=at("2027-01-16T12:00:00+01:00"))

    assert later.hash == timeline.hash == middle.hash


def test_the_content_takes_part_in_the_hash(timeline):
    edited = loader.load(RING_SHOP.replace("Des bagues", "Des colliers"), "valentines.yaml")
    moved = loader.load(RING_SHOP.replace("fin janvier", "début février"), "valentines.yaml")
    now = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

    hashes = {timeline.hash, planner.plan(edited, now=now).hash, planner.plan(moved, now=now).hash}

    assert len(hashes) == 3


def test_templates_take_part_in_the_hash():
    text = RING_SHOP.replace("text: Des bagues", "template: posts/rings.md")
    campaign = loader.load(text, "valentines.yaml")
    now = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    first = {"posts/rings.md": '{% include "posts/sign.md" %}', "posts/sign.md": "BikSouv", "other.md": "a"}

    plans = [
        planner.plan(campaign, now=now, templates=templates)
        for templates in (first, first | {"posts/sign.md": "Bik"}, first | {"other.md": "b"})
    ]

    assert plans[0].hash != plans[1].hash
    assert plans[0].hash == plans[2].hash
    assert plans[0].touch("ring-teaser").content_hash != plans[1].touch("ring-teaser").content_hash


def test_the_same_plan_twice_is_equal(campaign, timeline):
    assert planner.plan(campaign, now=datetime(2026, 11, 20, 8, 0, tzinfo=UTC)) == timeline


def test_a_first_touch_too_late_for_the_occasion_has_negative_spare_days():
    campaign = loader.load(RING_SHOP.replace("decision_time: 30 days", "decision_time: 5 weeks"), "valentines.yaml")

    line = planner.plan(campaign, now=datetime(2026, 11, 20, tzinfo=UTC)).feasibility

    assert (line.spare_days, line.says) == (-4, "4 Jan + 5 wk + 10 d = 18 Feb, four days after the 14th")


def test_an_edition_is_over_with_the_last_of_its_calendar(campaign):
    after = loader.load(
        RING_SHOP
        + """\
  - stage: fidélisation
    kind: loyalty
    when: 3 semaines après la saint-valentin
    touches:
      - {id: thanks-all, channel: instagram, text: Merci}
""",
        "valentines.yaml",
    )
    now = datetime(2026, 11, 20, tzinfo=UTC)

    assert planner.over_at(campaign, now) == at("2027-02-14T23:59:59+01:00")
    assert planner.over_at(after, now) == at("2027-03-08T23:59:59+01:00")
