"""Explaining one message: every rule with its value, and a verdict that what happens then bears out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.shop import DAY, HEAD, Schedule, moment, person, write

from scheduler.errors import SchedulerError
from scheduler.operations import applying, explaining, happenings, people
from scheduler.operations.explaining import Explanation
from scheduler.store import meta
from scheduler.store.database import Store
from scheduler.store.meta import Hold

START = moment("2027-01-20T12:00:00+01:00")
SALE = """
courtesy: {caps: [1 per day]}
stages:
  - stage: sale
    kind: conversion
    when: 1 february
    touches:
      - {id: tip, channel: email, at: "10:00", subject: Tip, text: tip, priority: 10}
      - {id: offer, channel: email, at: "15:00", subject: Offer, text: offer, audience: city = 'Lyon' and not purchased('ring')}
      - {id: letter, channel: email, when: 5 february, approval: required, subject: Letter, text: letter}
      - {id: thanks, channel: email, purpose: transactional, on: purchase, when: 1 hour later, subject: Thanks, text: thanks}
      - {id: post, channel: instagram, text: post}
"""


def shop(store: Store, folder: Path, text: str = SALE) -> Schedule:
    schedule = Schedule.on(store, START)
    schedule.know(
        person("lea@example.org", city="Lyon", first_name="Léa"),
        person("zoe@example.org", city="Paris", timezone="America/New_York"),
        person("sam@example.org", consent=()),
    )
    schedule.apply(write(folder, text))
    return schedule


def explained(schedule: Schedule, who: str, touch: str, *, show: bool = False) -> Explanation:
    now = schedule.clock.now()
    catalog = schedule.catalog
    return explaining.explain(schedule.store, catalog, who, touch, now=now, show_contacts=show)  # type: ignore[arg-type]


def value(found: Explanation, rule: str) -> tuple[str, bool | None]:
    """Return what is said of a rule, and whether it lets the message go."""
    (line,) = [line for line in found.lines if line.rule == rule]
    return line.value, line.passes


def test_a_message_that_is_to_come_is_promised_for_its_moment(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    found = explained(schedule, "zoe@example.org", "shop/tip")

    assert (found.verdict.state, found.verdict.reason) == ("planned", "waits for the next allowed hour")
    assert found.verdict.expected_at == moment("2027-02-01T14:00:00+01:00")
    assert value(found, "moment")[0] == "Mon 1 Feb 2027 04:00 America/New_York: 1 february"
    assert [line.rule for line in found.lines if line.passes is False] == ["hours"]


def test_a_zone_that_stands_in_for_an_unknown_one_is_told(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    found = explained(schedule, "lea@example.org", "offer")

    said = "Mon 1 Feb 2027 15:00 Europe/Paris (it stands in: their own zone is unknown): 1 february"
    assert value(found, "moment") == (said, None)


def test_what_is_not_in_the_audience_is_told_by_the_fact(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    found = explained(schedule, "zoe@example.org", "offer")

    assert (found.verdict.state, found.verdict.reason) == ("suppressed", "audience")
    said = "city = 'Lyon' (no; city is Paris) and not (purchased('ring')) (yes; no purchase): audience"
    assert value(found, "audience") == (said.replace("purchased('ring')", "purchase('ring')"), False)


def test_caps_name_what_was_counted_and_what_is_still_to_come_before_it(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    before = explained(schedule, "lea@example.org", "offer")
    tip = explained(schedule, "lea@example.org", "tip")
    schedule.live_until(moment("2027-02-01T16:00:00+01:00"))
    after = explained(schedule, "lea@example.org", "tip")

    assert before.verdict.expected_at == moment("2027-02-01T15:00:00+01:00")
    assert value(tip, "priority") == (
        "10; higher: shop/offer (50) Mon 1 Feb 2027 15:00: waits: shop/offer goes first (priority 50)",
        False,
    )
    assert (tip.verdict.state, tip.verdict.next_at) == ("planned", moment("2027-02-01T15:01:00+01:00"))
    assert tip.verdict.expected_at is None
    assert (after.verdict.state, after.verdict.reason, after.verdict.over) == ("suppressed", "cap: 1 per day", True)


def test_consent_and_opt_out_are_told_with_their_values(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    people.unsubscribe(store, "lea@example.org", now=START, by="test")

    silent, stopped = explained(schedule, "sam@example.org", "tip"), explained(schedule, "lea@example.org", "tip")

    assert value(silent, "consent") == ("none was ever given: no consent", False)
    assert silent.verdict.reason == "no consent"
    assert value(stopped, "suppression") == ("unsubscribed", False)
    assert stopped.verdict.reason == "unsubscribed"


def test_an_approval_a_hold_and_a_budget_are_told(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    applying.authorise(store, "shop", budget=0, now=START)
    broke = explained(schedule, "lea@example.org", "offer")
    with store.begin() as conn:
        meta.set_hold(conn, Hold("the clock jumped", START, {}))
    letter = explained(schedule, "lea@example.org", "letter")

    assert (broke.verdict.state, broke.verdict.reason) == ("held", "the budget of 0 messages is used up")
    assert value(broke, "budget") == ("0 of 0 messages left", False)
    assert value(letter, "approval") == ("required, not given for these words: waits for approval", False)
    assert (letter.verdict.state, letter.verdict.reason) == ("planned", "everything is on hold: the clock jumped")


def test_what_answers_an_event_says_what_it_waits_for_and_then_what_began_it(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)

    before = explained(schedule, "lea@example.org", "thanks")
    schedule.happens("lea@example.org", "purchase", key="p-1")
    planned = explained(schedule, "lea@example.org", "thanks")
    schedule.live_until(START + DAY)
    after = explained(schedule, "lea@example.org", "thanks")

    assert before.verdict.reason == "waits for purchase: none so far"
    assert value(planned, "run") == ("p-1: started by purchase Wed 20 Jan 2027 12:00, open", None)
    assert planned.verdict.expected_at == moment("2027-01-20T13:00:00+01:00")
    assert (after.verdict.state, after.verdict.at) == ("sent", moment("2027-01-20T13:00:00+01:00"))


def test_a_nudge_says_from_which_orders_it_was_computed(store: Store, tmp_path: Path) -> None:
    text = """
stages:
  - stage: again
    kind: loyalty
    touches:
      - {id: nudge, channel: email, on: purchase, when: 5 days before the expected order, subject: Again, text: x}
"""
    schedule = shop(store, tmp_path, text)
    for number in range(4, 0, -1):
        at = START - number * timedelta(days=30)
        happenings.record_history(
            store, who="lea@example.org", name="purchase", at=at, key=f"o-{number}", facts={}, now=START
        )
    schedule.happens("lea@example.org", "purchase", key="p-1")

    found = explained(schedule, "lea@example.org", "nudge")

    said = "next purchase expected 2027-02-19, late from 2027-02-19: 4 own gaps of typically 30 days"
    assert value(found, "why then") == (said, None)
    assert found.verdict.expected_at == moment("2027-02-14T12:00:00+01:00")


def test_facts_that_say_who_somebody_is_are_masked(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path, SALE.replace("city = 'Lyon' and", "first_name is known and"))

    masked = explained(schedule, "lea@example.org", "offer")
    shown = explained(schedule, "lea@example.org", "offer", show=True)

    assert "first_name is known (yes; first_name is hidden)" in value(masked, "audience")[0]
    assert "first_name is known (yes; first_name is Léa)" in value(shown, "audience")[0]


def test_unknown_people_and_touches_and_posts_are_refused_with_a_remedy(store: Store, tmp_path: Path) -> None:
    schedule = shop(store, tmp_path)
    schedule.apply(write(tmp_path, SALE, name="two.yaml", head=HEAD.replace("campaign: shop", "campaign: two")))

    with pytest.raises(SchedulerError, match=r"nobody is known as 'eve@example\.org'"):
        explained(schedule, "eve@example.org", "shop/tip")
    with pytest.raises(SchedulerError, match=r"no touch 'shop/tipp' is on the schedule - did you mean 'shop/tip'\?"):
        explained(schedule, "lea@example.org", "shop/tipp")
    with pytest.raises(SchedulerError, match="several campaigns have a touch 'tip' - write one of shop/tip, two/tip"):
        explained(schedule, "lea@example.org", "tip")
    with pytest.raises(SchedulerError, match="shop/post goes to nobody in particular"):
        explained(schedule, "lea@example.org", "shop/post")


def test_rate_account_and_words_that_must_not_be_repeated_are_told(store: Store, tmp_path: Path) -> None:
    text = "rate: {email: 600 per hour}\n" + SALE.lstrip()
    schedule = shop(store, tmp_path, text)
    before = explained(schedule, "lea@example.org", "letter")
    schedule.live_until(moment("2027-02-01T16:00:00+01:00"))

    found = explained(schedule, "lea@example.org", "letter")

    assert value(before, "same words") == ("nothing else of the last 7 days to repeat", None)
    assert value(found, "same words") == ("not those of the last 7 days: shop/offer Mon 1 Feb 2027 15:00", None)
    assert value(found, "rate") == ("600 per hour by email", None)
    assert value(found, "account") == ("email: The Shop <hello@shop.example>", None)
