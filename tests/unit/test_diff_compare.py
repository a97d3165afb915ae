"""What a new plan does to people: dates, wording, cancellations, and what was sent and stays."""

import json
from dataclasses import replace
from datetime import datetime

import pytest

from campaigns import diff, loader, planner
from campaigns.diff import Action, AppliedPlan

SHOP = """\
campaign: valentines
language: en
country: FR
timezone: Europe/Paris
occasion: valentine's day
stages:
  - stage: awareness
    kind: awareness
    when: 4 january
    touches:
      - {id: ring-teaser, channel: instagram, text: Rings}
  - stage: consideration
    kind: consideration
    when: mid january
    touches:
      - {id: testimonials, channel: instagram, text: They said yes}
  - stage: conversion
    kind: conversion
    when: late january
    pick: earliest
    touches:
      - {id: offer-email, channel: email, subject: Offer, template: emails/offer.md}
      - {id: cart-reminder, channel: email, on: cart_abandoned, when: 1 day later, subject: Cart, text: Cart}
      - {id: weekly, channel: facebook, text: Week, when: "every monday until 14 february"}
"""
TEMPLATES = {"emails/offer.md": "Hello\n-30 % sur toutes les bagues\n"}
FIRST = datetime.fromisoformat("2026-11-20T09:12:00+01:00")
LATER = datetime.fromisoformat("2027-01-12T09:00:00+01:00")
TEASER_WENT = datetime.fromisoformat("2027-01-04T10:00:00+01:00")


def applied(**history):
    campaign = loader.load(SHOP, "valentines.yaml")
    timeline = planner.plan(campaign, now=FIRST, templates=TEMPLATES)
    stored = json.loads(json.dumps(diff.snapshot(timeline, campaign)))
    history.setdefault("sent", {"ring-teaser": 1})
    history.setdefault("sent_at", {"ring-teaser": TEASER_WENT})
    history.setdefault("open_messages", {"offer-email": 121, "cart-reminder": 9, "testimonials": 1})
    return AppliedPlan.from_snapshot(stored, revision=3, templates=TEMPLATES, **history)


def compare(text, plan, *, templates=TEMPLATES, sent=None, now=LATER):
    campaign = loader.load(text, "valentines.yaml")
    sent = {"ring-teaser": TEASER_WENT} if sent is None else sent
    timeline = planner.plan(campaign, now=now, reference=FIRST, templates=templates, sent=sent)
    return diff.compare(timeline, campaign, plan, templates=templates)


def test_everything_is_new_before_the_first_apply():
    changes = compare(SHOP, None, now=FIRST, sent={})

    assert changes.counts() == {"add": 5, "change": 0, "cancel": 0, "ignored": 0, "messages": 0}
    assert changes.sentence() == "5 to add, 0 to change, 0 to cancel"


def test_nothing_changed_is_no_change():
    changes = compare(SHOP, applied())

    assert changes.changes == ()
    assert not changes.takes_effect
    assert changes.sentence() == "0 to add, 0 to change, 0 to cancel"


def test_a_moved_date_shows_both_words_and_both_days():
    [change] = compare(SHOP.replace("when: mid january", "when: 19 january"), applied())

    assert (change.touch, change.action) == ("testimonials", Action.CHANGE)
    assert change.consequence == "moves a date, 1 message not yet sent"
    assert change.details == ("Fri 15 Jan 10:00 → Tue 19 Jan 10:00", "when: mid january → 19 january")


def test_wording_only_counts_the_messages_not_yet_sent():
    templates = {"emails/offer.md": "Hello\n-30 % et livraison offerte\n"}

    [change] = compare(SHOP, applied(), templates=templates)

    assert (change.touch, change.messages) == ("offer-email", 121)
    assert change.consequence == "wording only, 121 messages not yet sent"
    assert change.details == (
        "emails/offer.md",
        "-  -30 % sur toutes les bagues",
        "+  -30 % et livraison offerte",
    )


def test_a_removed_touch_cancels_its_messages():
    lines = [line for line in SHOP.splitlines(keepends=True) if "cart-reminder" not in line]

    changes = compare("".join(lines), applied())

    [change] = changes
    assert (change.action, change.consequence) == (Action.CANCEL, "cancels 9 scheduled messages")
    assert changes.counts()["messages"] == 9
    assert changes.sentence() == "0 to add, 0 to change, 1 to cancel (9 messages)"
    assert changes.reaches_scheduled


def test_what_was_sent_cannot_be_changed():
    changes = compare(SHOP.replace("text: Rings", "text: Necklaces"), applied())

    [change] = changes
    assert change.action is Action.IGNORED
    assert change.consequence == "already sent Mon 4 Jan 10:00; your change has no effect"
    assert change.details == ("text: Rings → Necklaces",)
    assert change.went
    assert not changes.takes_effect


def test_removing_what_was_sent_has_no_effect():
    text = SHOP.replace("    touches:\n      - {id: ring-teaser, channel: instagram, text: Rings}\n", "")

    [change] = compare(text, applied())

    assert (change.action, change.consequence) == (
        Action.IGNORED,
        "already sent Mon 4 Jan 10:00; removing it has no effect",
    )


def test_removing_a_repetition_cancels_its_dates_to_come():
    lines = [line for line in SHOP.splitlines(keepends=True) if "weekly" not in line]

    [change] = compare("".join(lines), applied(sent={"weekly": 2}))

    assert (change.action, change.consequence) == (Action.CANCEL, "cancels 3 dates")
    assert change.details[0] == "- Mon 25 Jan 10:00"


def test_a_date_that_follows_a_real_one_is_no_change_of_the_file():
    text = SHOP.replace("when: mid january", "when: 11 days later")
    campaign = loader.load(text, "valentines.yaml")
    first = planner.plan(campaign, now=FIRST, templates=TEMPLATES)
    plan = AppliedPlan.from_snapshot(diff.snapshot(first, campaign), sent={"ring-teaser": 1})
    late = datetime.fromisoformat("2027-01-06T10:00:00+01:00")

    now = planner.plan(campaign, now=LATER, reference=FIRST, templates=TEMPLATES, sent={"ring-teaser": late})

    assert now.touch("testimonials").occurrences[0].due_at != first.touch("testimonials").occurrences[0].due_at
    assert diff.compare(now, campaign, plan).changes == ()


def test_new_zone_data_that_moves_a_date_is_told():
    campaign = loader.load(SHOP, "valentines.yaml")
    timeline = planner.plan(campaign, now=FIRST, templates=TEMPLATES)
    stored = diff.snapshot(timeline, campaign)
    stored["tzdata"] = "2020a"
    stored["touches"]["testimonials"]["moments"]["once"]["due"] = "2027-01-15T10:00:00+02:00"
    plan = AppliedPlan.from_snapshot(stored)

    [change] = diff.compare(timeline, campaign, plan)

    assert change.touch == "testimonials"
    assert change.consequence == f"moves a date: new time zone data (2020a → {timeline.tzdata})"


def test_a_shorter_repetition_cancels_only_dates_to_come():
    text = SHOP.replace("until 14 february", "until 31 january")

    [change] = compare(text, applied())

    assert change.touch == "weekly"
    assert change.consequence == "cancels 2 dates"
    assert change.details[:2] == ("- Mon 1 Feb 10:00", "- Mon 8 Feb 10:00")


def test_another_audience_is_told():
    text = SHOP.replace("subject: Offer,", "subject: Offer, audience: \"city = 'Paris'\",")

    [change] = compare(text, applied())

    assert change.consequence == "changes who gets it, 121 messages not yet sent"
    assert change.details == ("audience: – → city = 'Paris'",)


def test_a_changed_delay_and_a_changed_trigger_are_told():
    [delay] = compare(SHOP.replace("when: 1 day later", "when: 2 days later"), applied())
    [trigger] = compare(SHOP.replace("on: cart_abandoned", "on: signup"), applied())

    assert delay.consequence == "changes how long after its event it goes, 9 messages not yet sent and all that follow"
    assert trigger.consequence.startswith("changes what starts it")


def test_other_settings_are_told():
    [change] = compare(SHOP.replace("subject: Offer,", "subject: Offer, approval: required,"), applied())

    assert change.consequence == "changes its rules, 121 messages not yet sent"
    assert change.details == ("approval: – → required",)


def test_dates_and_wording_together_are_told_together():
    text = SHOP.replace("when: mid january", "when: 19 january").replace("They said yes", "She said yes")

    [change] = compare(text, applied())

    assert change.consequence == "moves a date, new wording, 1 message not yet sent"


def test_a_new_touch_whose_time_is_over_says_so():
    text = SHOP.replace(
        "text: Rings}\n", "text: Rings}\n      - {id: late-comer, channel: instagram, text: Late, max_late: 1 hour}\n"
    )

    [change] = compare(text, applied())

    assert (change.action, change.consequence) == (Action.ADD, "its time is over; it will not be sent")


def test_a_touch_that_came_and_went_without_a_message_is_over():
    plan = applied(sent={}, sent_at={}, open_messages={})

    [change] = compare(SHOP.replace("text: Rings", "text: Necklaces"), plan, sent={})

    assert (change.action, change.consequence) == (Action.IGNORED, "its time is over; your change has no effect")


@pytest.mark.parametrize("order", [1, -1])
def test_changes_come_in_the_order_of_the_file(order):
    text = SHOP.replace("They said yes", "She said yes").replace("subject: Offer", "subject: New offer")
    names = ["testimonials", "offer-email"]
    plan = applied()
    plan = replace(plan, touches=dict(list(plan.touches.items())[::order]))

    assert [change.touch for change in compare(text, plan)] == names


def test_a_snapshot_is_plain_data():
    campaign = loader.load(SHOP, "valentines.yaml")
    timeline = planner.plan(campaign, now=FIRST, templates=TEMPLATES)

    stored = diff.snapshot(timeline, campaign)

    assert json.loads(json.dumps(stored)) == stored
    assert stored["touches"]["testimonials"]["moments"]["once"]["due"] == "2027-01-15T10:00:00+01:00"
